package wasmrt

import (
	"context"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// SandboxConfig says what a sandbox gets. The zero value gives it nothing but the default memory.
type SandboxConfig struct {
	// Owner is what the host functions find as engine.Guest.Owner.
	Owner any
	// MemoryBytes caps the linear memory. 0: spec.DefaultSandboxMemory.
	MemoryBytes int64
	// Args, Env, Files, Stdout and Stderr are as in package wasi; Args and Env must not change while the sandbox is open.
	Args, Env      []string
	Files          fs.FS
	Stdout, Stderr io.Writer

	frozen bool // while an image is made
}

// Sandbox is a running instance with its limits. It belongs to one goroutine at a time.
type Sandbox struct {
	instance *instance // nil while it is parked, and once it is closed
	parked   *parked   // nil while it is not
	broken   bool      // a call failed: nobody knows what state it is in
	closed   bool
}

// NewSandbox returns a sandbox as fresh as the module's image. ctx bounds the initialisation of a module without one.
// Errors: spec.OutOfMemory; what the initialisation failed with.
func (m *Module) NewSandbox(ctx context.Context, cfg SandboxConfig) (*Sandbox, error) {
	limit := m.limitPages(cfg.MemoryBytes)
	i, err := m.take(ctx, limit, 0)
	if err != nil {
		return nil, err
	}
	i.begin(cfg)
	s := &Sandbox{instance: i}
	if m.image != nil {
		if m.freshens {
			if _, err := s.Call(ctx, spec.ExportFresh); err != nil {
				_ = s.Close() // the first error is the one to tell
				return nil, err
			}
		}
		return s, nil
	}
	i.resume()
	if err := i.start(ctx); err != nil {
		s.broken = true
		err = s.failure("initialise", err)
		_ = s.Close() // the first error is the one to tell
		return nil, err
	}
	i.pause()
	return s, nil
}

// HasExport reports whether the sandbox's module has such an export, as Module.HasExport does.
func (s *Sandbox) HasExport(name string) bool { return s.module().HasExport(name) }

// SetOwner changes what the host functions find as engine.Guest.Owner.
func (s *Sandbox) SetOwner(owner any) {
	switch {
	case s.instance != nil:
		s.instance.config.Owner, s.instance.guest.Owner = owner, owner
	case s.parked != nil:
		s.parked.config.Owner = owner
	}
}

// Call calls an export with parameters as bits, and returns its first result as bits, 0 if it has none. After an error
// the sandbox can only be closed. Errors: spec.FunctionNotFound; spec.GuestTrap, spec.StackOverflow, spec.GuestExit and
// spec.OutOfMemory with a *spec.Fault; the cause of ctx, or context.DeadlineExceeded if the guest saw its deadline pass first; what
// a host function returned.
func (s *Sandbox) Call(ctx context.Context, export string, params ...uint64) (uint64, error) {
	if s.broken || s.closed {
		return 0, spec.Errorf("call "+export, spec.WorkerCrashed, s.label(), "the sandbox has ended")
	}
	if s.parked != nil {
		if err := s.unpark(ctx); err != nil {
			s.broken = true
			return 0, err
		}
	}
	i := s.instance
	f := i.function(export)
	if f == nil {
		return 0, spec.Errorf("call", spec.FunctionNotFound, strconv.Quote(export), "module %s exports no such function of numeric types", i.module.Digest().Short())
	}
	if len(params) != f.params {
		return 0, spec.Errorf("call "+export, spec.InvalidArgument, s.label(), "it has %d parameters, got %d", f.params, len(params))
	}
	if ctx.Err() != nil {
		s.broken = true
		return 0, s.failure("call "+export, context.Cause(ctx))
	}
	stack := i.stack[:max(f.params, f.results)]
	clear(stack[copy(stack, params):]) // an engine may write half of a word
	if i.refused != nil {
		i.refused.Set(0) // what an earlier call was refused it got over
	}
	i.watch.begin(i)
	i.resume()
	err := f.f.Call(ctx, stack)
	i.pause()
	i.watch.end(i)
	if !i.closeWindows() {
		err = spec.Errorf("close the guest's windows", spec.OutOfMemory, "", "the process has too many mappings")
	}
	if err != nil {
		s.broken = true
		return 0, s.failure("call "+export, err)
	}
	if f.results == 0 {
		return 0, nil
	}
	return stack[0], nil
}

// Usage is what a sandbox has used since it was made.
type Usage struct {
	// CPU is the time that the guest computed, waiting in host functions and for its turn not included. Where it computes
	// for a whole quantum without calling the host it is the processor's time (on Linux); the rest is taken by the clock, so
	// on a machine whose processors others use too that rest is more than the processor's own time.
	CPU time.Duration
	// Units are the instructions executed, as metering counts them; 0 for an unmetered module.
	Units int64
	// Memory is the size in bytes that the guest has grown its memory to.
	Memory int64
}

// Usage returns what the sandbox has used. Not to be called while it runs.
func (s *Sandbox) Usage() Usage {
	i := s.instance
	switch {
	case s.parked != nil:
		return s.parked.used
	case i == nil:
		return Usage{}
	}
	u := i.earlier
	u.CPU += i.meter.cpu
	if i.budget != nil {
		u.Units += i.meter.granted - int64(i.budget.Get())
	}
	u.Memory = int64(i.believedPages()) * wasmPage
	return u
}

// Close ends the sandbox. Whatever the guest did is gone. Closing twice is fine.
func (s *Sandbox) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	i := s.instance
	s.instance, s.parked = nil, nil
	if i == nil {
		return nil
	}
	if s.broken || !i.scrub() {
		i.destroy()
		return nil
	}
	i.module.runtime.pools.give(i)
	return nil
}

// label names the sandbox in errors.
func (s *Sandbox) label() string {
	if m := s.module(); m != nil {
		return "module " + m.Digest().Short()
	}
	return ""
}

// module returns the sandbox's module, nil once it is closed.
func (s *Sandbox) module() *Module {
	switch {
	case s.instance != nil:
		return s.instance.module
	case s.parked != nil:
		return s.parked.module
	}
	return nil
}
