package wasmrt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

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
	// CacheDir keeps compiled code and prepared modules between runs. It is made if it is not there, and nobody else may
	// write to it, since what is in it is executed. "": nothing is kept.
	CacheDir string
	// Logger gets what an operator should know. nil: nothing is logged.
	Logger *zap.Logger
}

// Runtime makes sandboxes of modules. It is safe for concurrent use.
type Runtime struct {
	engine   engine.Engine
	allowed  map[importName]wasmbin.FuncType
	log      *zap.Logger
	pools    *pools
	compiles *semaphore.Weighted // of MaxCompiling
	cache    *codeCache          // nil for none
	prepared *preparedCache      // nil for none
	turns    turns
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
	r := &Runtime{allowed: allowedImports(imports), log: cfg.Logger, compiles: semaphore.NewWeighted(MaxCompiling)}
	for n := range imports {
		imports[n] = counted(imports[n])
	}
	ecfg := engine.Config{Imports: append(imports, tickFunc)}
	if cfg.CacheDir != "" {
		dir, err := privateDir(filepath.Join(cfg.CacheDir, "code"))
		if err != nil {
			return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "cache directory " + cfg.CacheDir, Err: err}
		}
		r.cache = openCodeCache(dir, maxCacheBytes, cfg.Logger)
		ecfg.CacheDir = dir
	}
	var err error
	if r.engine, err = cfg.Engine(ecfg); err != nil {
		return nil, err
	}
	if ecfg.CacheDir != "" {
		r.prepared = newPreparedCache(ecfg.CacheDir, r.engine.Name(), ecfg.Imports, cfg.Logger)
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
	r.turns.queuing.Wait()
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

// MaxCompiling is how long all modules that are compiled at once may be together, in bytes: while it works, a compiler holds some
// ten times as much. Those that do not fit wait for their turn.
const MaxCompiling = spec.MaxModuleBytes

// MaxCompileTime is how long the compilation of one module may take. Go's go command, of 28 MB, takes 7 seconds.
const MaxCompileTime = 2 * time.Minute

// errTooLong is the cause of a compilation that was given up.
var errTooLong = fmt.Errorf("it took longer than %v", MaxCompileTime)

// LoadConfig says how a module is loaded. The zero value is for a module that nobody knows.
type LoadConfig struct {
	// Trusted modules run unmetered: faster, and without deadlines or CPU accounting while they compute. They hold up
	// the host's garbage collector, too.
	Trusted bool
	// Warm is called with a sandbox of the initialised module before its image is taken: what it leaves in memory is
	// part of the image. For a module without an image, the sandbox is one for this call. What it returns is the module's
	// Warmed. nil: nothing is called.
	Warm func(ctx context.Context, s *Sandbox) ([]byte, error)
	// WarmName says what Warm does: the same name, the same effect on the same module. Under it the image and what Warm
	// returned are kept in the cache directory, and the next Load takes them from there instead of calling Warm.
	// "": what Warm does nobody can tell, and nothing but compiled code is kept.
	WarmName string
}

// Load admits, rewrites, compiles and initialises a module, or finds in the cache directory what came of that before. ctx
// bounds compilation, which looks at it between functions, and the initialisation. Errors: spec.InvalidModule, spec.UnknownImport,
// spec.LimitExceeded for bytes that are not acceptable; what the initialisation or Warm failed with.
func (r *Runtime) Load(ctx context.Context, wasm []byte, cfg LoadConfig) (*Module, error) {
	digest := spec.DigestOf(wasm)
	key, keeps := r.prepared.key(programName(digest, !cfg.Trusted), cfg)
	if keeps {
		if p := r.prepared.load(key); p != nil {
			p.program.named(digest, !cfg.Trusted)
			return r.loadPrepared(ctx, p)
		}
	}
	p, err := admit(wasm, r.allowed, cfg.Trusted)
	if err != nil {
		return nil, err
	}
	m, err := r.compile(ctx, p)
	if err != nil {
		return nil, err
	}
	defer r.cache.add(len(p.code)) // when all is kept
	if err := m.initialise(ctx, cfg.Warm); err != nil {
		m.close()
		return nil, err
	}
	if keeps {
		if err := r.prepared.save(key, m.prepare()); err != nil {
			r.log.Warn("prepared module not kept", zap.String("module", digest.Short()), zap.Error(err))
		}
	}
	return r.opened(m), nil
}

// loadPrepared makes a module of what it became before.
func (r *Runtime) loadPrepared(ctx context.Context, p *prepared) (*Module, error) {
	m, err := r.compile(ctx, p.program)
	if err != nil {
		return nil, err
	}
	r.cache.add(len(p.program.code))
	m.warmed = bytes.Clone(p.warmed)
	if p.image != nil {
		if m.image, err = p.image.make(p.program.name); err != nil {
			m.close()
			return nil, err
		}
	}
	return r.opened(m), nil
}

// compile makes a module that has its code and nothing else yet.
func (r *Runtime) compile(ctx context.Context, p *program) (*Module, error) {
	const op = "compile"
	share := int64(min(len(p.code), MaxCompiling))
	if r.compiles.Acquire(ctx, share) != nil {
		cause := context.Cause(ctx)
		return nil, &spec.Error{Op: op, Kind: endedBy(cause), ID: p.id(), Err: cause}
	}
	defer r.compiles.Release(share)
	ctx, stop := context.WithTimeoutCause(ctx, MaxCompileTime, errTooLong)
	defer stop()
	code, err := r.engine.Compile(ctx, p.code)
	switch {
	case err != nil && context.Cause(ctx) == errTooLong:
		return nil, &spec.Error{Op: op, Kind: spec.LimitExceeded, ID: p.id(), Err: errTooLong}
	case err != nil && ctx.Err() != nil:
		cause := context.Cause(ctx)
		return nil, &spec.Error{Op: op, Kind: endedBy(cause), ID: p.id(), Err: cause}
	case err != nil:
		return nil, &spec.Error{Op: op, Kind: spec.KindOf(err), ID: p.id(), Err: err}
	}
	return &Module{runtime: r, program: p, code: code}, nil
}

// opened makes the module known, and drops what was needed to get this far.
func (r *Runtime) opened(m *Module) *Module {
	m.program.code = nil
	if m.image != nil {
		m.program.init.Data = nil
		fresh, ok := m.program.callable(spec.ExportFresh)
		m.freshens = ok && fresh.params == 0
	}
	r.pools.add(m)
	return m
}
