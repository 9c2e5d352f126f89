package wasmrt

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasi"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// Config configures a runtime.
type Config struct {
	// Engine opens the engine that runs guests: wazero.Open or wasmtime.Open.
	Engine engine.Open
	// Imports are the functions that guests may import, beside WASI preview 1.
	Imports []engine.HostFunc
	// CacheDir keeps compiled code between runs. It is made if it is not there, and nobody else may write to it, since
	// what is in it is executed. "": nothing is kept.
	CacheDir string
	// Logger gets what an operator should know. nil: nothing is logged.
	Logger *zap.Logger
}

// Runtime makes sandboxes of modules. It is safe for concurrent use.
type Runtime struct {
	engine  engine.Engine
	allowed map[importName]wasmbin.FuncType
	log     *zap.Logger
	pools   *pools
}

// New opens a runtime. Errors: spec.InvalidArgument for a cache directory that others may write to, spec.System.
func New(cfg Config) (*Runtime, error) {
	const op = "open the runtime"
	if cfg.Engine == nil {
		return nil, spec.Errorf(op, spec.InvalidArgument, "Engine", "none is given")
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	imports := append(wasi.Funcs(), cfg.Imports...)
	r := &Runtime{allowed: allowedImports(imports), log: cfg.Logger}
	ecfg := engine.Config{Imports: append(imports, tickFunc)}
	if cfg.CacheDir != "" {
		dir, err := privateDir(filepath.Join(cfg.CacheDir, "code"))
		if err != nil {
			return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "cache directory " + cfg.CacheDir, Err: err}
		}
		if err := prune(dir, maxCacheBytes); err != nil {
			cfg.Logger.Warn("code cache not pruned", zap.String("dir", dir), zap.Error(err))
		}
		ecfg.CacheDir = dir
	}
	var err error
	if r.engine, err = cfg.Engine(ecfg); err != nil {
		return nil, err
	}
	r.pools = newPools()
	return r, nil
}

// privateDir makes a directory that only this user may write to.
func privateDir(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return "", errors.New("others may write to it, and what is in it is executed: chmod go-w " + dir)
	}
	return dir, nil
}

// Engine names the engine and its version.
func (r *Runtime) Engine() string { return r.engine.Name() }

// Close frees everything. No sandbox may be open.
func (r *Runtime) Close() error {
	r.pools.close()
	return r.engine.Close()
}

// Inspect tells what there is to know of a module without running or refusing it; Granted is false for the imports that
// Load would refuse. Errors: spec.InvalidModule, spec.LimitExceeded.
func (r *Runtime) Inspect(wasm []byte) (Info, error) {
	p, _, err := read("inspect", wasm, r.allowed, false)
	if err != nil {
		return Info{}, err
	}
	return p.info, nil
}

// LoadConfig says how a module is loaded. The zero value is for a module that nobody knows.
type LoadConfig struct {
	// Trusted modules run unmetered: faster, and without deadlines or CPU accounting while they compute. They hold up
	// the host's garbage collector, too.
	Trusted bool
	// Warm is called with a sandbox of the initialised module before its image is taken: what it leaves in memory is
	// part of the image. For a module without an image, the sandbox is one for this call. nil: nothing is called.
	Warm func(ctx context.Context, s *Sandbox) error
}

// Load admits, rewrites, compiles and initialises a module. ctx bounds the initialisation; compilation goes on to its
// end. Errors: spec.InvalidModule, spec.UnknownImport, spec.LimitExceeded for bytes that are not acceptable; what the
// initialisation or Warm failed with.
func (r *Runtime) Load(ctx context.Context, wasm []byte, cfg LoadConfig) (*Module, error) {
	p, err := admit(wasm, r.allowed, cfg.Trusted)
	if err != nil {
		return nil, err
	}
	code, err := r.engine.Compile(ctx, p.code)
	if err != nil {
		return nil, &spec.Error{Op: "compile", Kind: spec.KindOf(err), ID: "module " + p.digest.Short(), Err: err}
	}
	m := &Module{runtime: r, program: p, code: code}
	if err := m.initialise(ctx, cfg.Warm); err != nil {
		m.close()
		return nil, err
	}
	r.pools.add(m)
	return m, nil
}
