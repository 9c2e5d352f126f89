//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"context"
	"sync/atomic"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// Open opens the engine. It is of type engine.Open.
func Open(cfg engine.Config) (engine.Engine, error) {
	const op = "open the engine wasmtime"
	if err := checkThreadStack(); err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.Unsupported, Err: err}
	}
	e := &wasmtimeEngine{imports: make(map[importName]wasmbin.FuncType), turn: make(chan struct{}, 1)}
	e.engine = wt.NewEngineWithConfig(settings())
	e.linker = wt.NewLinker(e.engine)
	for _, h := range cfg.Imports {
		if err := e.link(h); err != nil {
			_ = e.Close() // it has nothing to report
			return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "import " + h.Module + "." + h.Name, Err: err}
		}
	}
	if cfg.CacheDir != "" {
		var err error
		if e.cache, err = openCache(e.engine, cfg.CacheDir); err != nil {
			_ = e.Close()
			return nil, &spec.Error{Op: op, Kind: spec.System, ID: "cache directory " + cfg.CacheDir, Err: err}
		}
	}
	return e, nil
}

// wasmtimeEngine is an open engine.
type wasmtimeEngine struct {
	engine  *wt.Engine
	linker  *wt.Linker
	imports map[importName]wasmbin.FuncType
	cache   *cache // nil for none
	// turn is full while a module is compiled. wasmtime uses every core for one, and cannot be stopped: a compilation that
	// was given up goes on, and the next one waits for it.
	turn chan struct{}
}

type importName struct{ module, name string }

func (e *wasmtimeEngine) Name() string { return "wasmtime " + version }

// version is that of wasmtime and wasmtime-go, as go.mod has it. (A program does not always know what it was built of.)
const version = "44.0.0"

func (e *wasmtimeEngine) Compile(ctx context.Context, wasm []byte) (engine.Code, error) {
	const op = "compile"
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	s, err := e.survey(wasm)
	if err != nil {
		return nil, err
	}
	m, err := e.moduleWithin(ctx, wasm)
	switch {
	case ctx.Err() != nil && err == context.Cause(ctx):
		return nil, err
	case err != nil:
		return nil, &spec.Error{Op: op, Kind: spec.InvalidModule, Err: err}
	}
	return &code{engine: e, module: m, surface: s}, nil
}

// moduleWithin returns what module does, unless ctx ends first.
func (e *wasmtimeEngine) moduleWithin(ctx context.Context, wasm []byte) (*wt.Module, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	type outcome struct {
		module *wt.Module
		err    error
	}
	compiled := make(chan outcome, 1)
	var settled atomic.Bool // by the compilation or the end of ctx, whichever is first
	go func() {
		defer func() { <-e.turn }()
		m, err := e.module(wasm)
		if settled.CompareAndSwap(false, true) {
			compiled <- outcome{m, err}
		} else if m != nil {
			m.Close()
		}
	}()
	select {
	case <-ctx.Done():
		if settled.CompareAndSwap(false, true) {
			return nil, context.Cause(ctx)
		}
	case o := <-compiled:
		return o.module, o.err
	}
	o := <-compiled
	return o.module, o.err
}

// module returns the compiled code, from the cache if it is there. A cache that cannot be written to costs time and no
// more.
func (e *wasmtimeEngine) module(wasm []byte) (*wt.Module, error) {
	if e.cache == nil {
		return compile(e.engine, wasm)
	}
	key := e.cache.key(wasm)
	if m := e.cache.load(e.engine, key); m != nil {
		return m, nil
	}
	m, err := compile(e.engine, wasm)
	if err != nil {
		return nil, err
	}
	_ = e.cache.save(m, key)
	return m, nil
}

func compile(e *wt.Engine, wasm []byte) (*wt.Module, error) {
	m, err := wt.NewModule(e, wasm)
	if err != nil {
		return nil, owned(err)
	}
	return m, nil
}

func (e *wasmtimeEngine) Close() error {
	e.turn <- struct{}{} // nothing is compiled any more
	e.linker.Close()
	e.engine.Close()
	return nil
}
