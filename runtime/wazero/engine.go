package wazero

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// features are what modules may use. Exceptions and tail calls are stable in wazero 1.12 but off by default; threads and
// whatever is younger stay off.
const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling | experimental.CoreFeaturesExtendedConst

// Open opens the engine. It is of type engine.Open.
func Open(cfg engine.Config) (engine.Engine, error) {
	return &wazeroEngine{imports: cfg.Imports, cacheDir: cfg.CacheDir}, nil
}

func valueTypes(types []wasmbin.ValType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = api.ValueType(t)
	}
	return out
}

// hostFunc adapts a host function. Its error travels through wazero as a panic, which the compiled code's caller
// recovers.
func hostFunc(f engine.HostFunc) api.GoModuleFunc {
	var narrow []int // parameters of 32 bits: wazero leaves in the high half what a register had there
	for k, t := range f.Params {
		if t == wasmbin.I32 || t == wasmbin.F32 {
			narrow = append(narrow, k)
		}
	}
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		for _, k := range narrow {
			stack[k] = uint64(uint32(stack[k]))
		}
		c, ok := ctx.(*callContext)
		if !ok { // a start function's call comes with a context around ours
			c = ctx.Value(callKey{}).(*callContext)
		}
		if err := serve(&f, c, stack); err != nil {
			panic(&hostError{err})
		}
	}
}

// serve runs a host function. If that panics, it is the host's fault and not the guest's.
func serve(f *engine.HostFunc, c *callContext, stack []uint64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = spec.Errorf("serve the guest", spec.System, f.Module+"."+f.Name, "the host function panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return f.Func(c.Context, c.guest, stack)
}

// hostError carries a host function's error past wazero.
type hostError struct{ err error }

func (e *hostError) Error() string { return e.err.Error() }

// callContext tells host functions whose call they serve. wazero passes it on as it is.
type callContext struct {
	context.Context
	guest *engine.Guest
}

type callKey struct{}

// Value is asked by wazero for settings of its own, which we have none of, and by hostFunc for the context itself.
func (c *callContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c
	}
	return nil
}

type wazeroEngine struct {
	imports  []engine.HostFunc
	cacheDir string
}

func (e *wazeroEngine) Name() string { return "wazero " + version() }

// version is wazero's, as this program was built with it.
var version = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/tetratelabs/wazero" {
				return d.Version
			}
		}
	}
	return "unknown"
})

func (e *wazeroEngine) Close() error { return nil }

// Compile makes a wazero runtime of the module's own: modules share nothing, and the file of compiled code that it reads
// is one that has been checked.
func (e *wazeroEngine) Compile(ctx context.Context, wasm []byte) (engine.Code, error) {
	if e.cacheDir == "" {
		return e.compile(ctx, wasm, nil)
	}
	k := keptFor(e.cacheDir, wasm)
	if c := e.load(ctx, k); c != nil {
		return c, nil
	}
	return e.compileAndKeep(ctx, k, wasm)
}

// compile compiles the module and links its imports, cache being nil for none.
func (e *wazeroEngine) compile(ctx context.Context, wasm []byte, cache wazero.CompilationCache) (_ engine.Code, err error) {
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithDebugInfoEnabled(false)
	if cache != nil {
		config = config.WithCompilationCache(cache)
	}
	c := &code{runtime: wazero.NewRuntimeWithConfig(ctx, config), cache: cache}
	defer func() {
		if p := recover(); p != nil { // a bug of the compiler's must not end the host
			err = spec.Errorf("compile", spec.InvalidModule, "", "the compiler failed: %v", p)
		}
		if err != nil {
			_ = c.runtime.Close(ctx) // the first error is the one to tell
		}
	}()
	// With several workers wazero looks at ctx before each function, with one it does not.
	if c.compiled, err = c.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, max(2, runtime.GOMAXPROCS(0))), wasm); err != nil {
		return nil, &spec.Error{Op: "compile", Kind: spec.InvalidModule, Err: err}
	}
	if err := e.link(ctx, c); err != nil {
		return nil, &spec.Error{Op: "link", Kind: spec.System, Err: err}
	}
	return c, nil
}

// link makes the host modules that the module imports from, with those functions that it imports.
func (e *wazeroEngine) link(ctx context.Context, c *code) error {
	wanted := make(map[[2]string]bool)
	for _, f := range c.compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		wanted[[2]string{module, name}] = true
	}
	modules := make(map[string]wazero.HostModuleBuilder)
	for _, f := range e.imports {
		if !wanted[[2]string{f.Module, f.Name}] {
			continue
		}
		if modules[f.Module] == nil {
			modules[f.Module] = c.runtime.NewHostModuleBuilder(f.Module)
		}
		modules[f.Module].NewFunctionBuilder().WithGoModuleFunction(hostFunc(f), valueTypes(f.Params), valueTypes(f.Results)).Export(f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if _, err := modules[name].Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// code is a compiled module.
type code struct {
	runtime  wazero.Runtime
	cache    wazero.CompilationCache // nil for none
	compiled wazero.CompiledModule
	tables   tables
}

func (c *code) Close() error {
	ctx := context.Background()
	err := c.runtime.Close(ctx)
	if c.cache != nil {
		err = errors.Join(err, c.cache.Close(ctx))
	}
	return err
}

// anonymous: nothing is looked up by name, no start functions but the module's own, no system. A source of entropy and
// clocks are given because wazero would make its own for every instance; nobody asks them.
var anonymous = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime()

func (c *code) Instantiate(ctx context.Context, guest *engine.Guest, memory engine.Memory) (engine.Instance, error) {
	i := &instance{ctx: callContext{ctx, guest}}
	place := &placement{memory: memory}
	guest.Bind(place.view)
	mod, functions, err := c.tables.instantiate(func() (api.Module, error) {
		return c.runtime.InstantiateModule(experimental.WithMemoryAllocator(&i.ctx, place), c.compiled, anonymous)
	})
	if err == nil && place.failed {
		_ = mod.Close(&i.ctx) // there is nothing in it
		err = spec.Errorf("instantiate", spec.OutOfMemory, "", "there is no room for a memory of %s", spec.FormatBytes(int64(place.min)))
	}
	if err != nil {
		return nil, failure(err)
	}
	i.mod, i.place, i.functions = mod, place, functions
	return i, nil
}

// placement puts wazero's memory where the runtime wants it.
type placement struct {
	memory engine.Memory
	bytes  []byte
	min    uint64
	failed bool
}

func (p *placement) view() []byte { return p.bytes }

// Allocate is wazero's request for a memory; its size comes with the first Reallocate.
func (p *placement) Allocate(_, _ uint64) experimental.LinearMemory { return p }

// Reallocate makes the memory, and later grows it. The first answer may be longer than asked for. wazero has no way to
// be told that there is no memory at all: it gets a slice that is never used.
func (p *placement) Reallocate(size uint64) []byte {
	if p.bytes == nil {
		p.min = size
		if p.bytes = p.memory.Allocate(size); p.bytes == nil {
			p.failed = true
			p.bytes = make([]byte, size)
		}
		return p.bytes
	}
	grown := p.memory.Grow(size)
	if grown != nil {
		p.bytes = grown
	}
	return grown
}

// Free: the room is the runtime's.
func (p *placement) Free() {}

// instance is a running module.
type instance struct {
	ctx       callContext
	mod       api.Module
	place     *placement
	functions []functionInstance // in its tables
}

func (i *instance) Memory() []byte { return i.place.bytes }

func (i *instance) Grow(size uint64) bool {
	have := uint64(len(i.place.bytes))
	if have == 0 || size <= have {
		return have > 0
	}
	_, ok := i.mod.Memory().Grow(uint32((size - have) / wasmPage))
	return ok
}

// wasmPage is the unit of a memory's size, in bytes.
const wasmPage = 64 << 10

func (i *instance) Close() error { return i.mod.Close(context.Background()) }

func (i *instance) Global(name string) engine.Global {
	g, ok := i.mod.ExportedGlobal(name).(api.MutableGlobal)
	if !ok {
		return nil
	}
	switch g.Type() {
	case api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF32, api.ValueTypeF64:
		return g
	}
	return nil
}

func (i *instance) Func(name string) engine.Func {
	f := i.mod.ExportedFunction(name)
	if f == nil {
		return nil
	}
	return &function{i, f}
}

// function is an exported function with the stack that wazero made for it.
type function struct {
	instance *instance
	f        api.Function
}

func (f *function) Call(ctx context.Context, stack []uint64) error {
	c := &f.instance.ctx
	outer := c.Context // of the call that this one is made from within, if any
	c.Context = ctx
	err := f.f.CallWithStack(c, stack)
	c.Context = outer
	if err != nil {
		return failure(err)
	}
	return nil
}

// failure turns wazero's error into a host function's own or a trap.
func failure(err error) error {
	if host := (*hostError)(nil); errors.As(err, &host) {
		return host.err
	}
	if known := (*spec.Error)(nil); errors.As(err, &known) {
		return known
	}
	return trap(err)
}
