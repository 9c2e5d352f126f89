//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"context"

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
	e := &wasmtimeEngine{imports: make(map[importName]wasmbin.FuncType)}
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
	m, err := e.module(wasm)
	if err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidModule, Err: err}
	}
	return &code{engine: e, module: m, surface: s}, nil
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
	e.linker.Close()
	e.engine.Close()
	return nil
}
