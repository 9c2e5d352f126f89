package wasmrt

import (
	"context"

	"github.com/raywasm/raywasm/spec"
)

// parked is a sandbox without an instance: what it was, in a few pages, until it is called again.
type parked struct {
	module *Module
	config SandboxConfig
	used   Usage
	state  *state
}

// Park gives up the sandbox's instance until the next call, which makes it go on where it was: its state is kept beside
// the image, a few pages instead of address space, tables and all pages it ever touched. A sandbox that cannot be
// parked, for it has open files or its module no image, stays as it is. Not to be called while it runs.
func (s *Sandbox) Park() {
	i := s.instance
	if i == nil || s.broken || s.closed || i.module.image == nil || i.system.OpenFiles() > 0 || !i.closeWindows() {
		return
	}
	p := &parked{module: i.module, config: i.config, used: s.Usage(), state: i.save(false)}
	p.state.keep()
	s.instance, s.parked = nil, p
	if i.scrub() {
		i.module.runtime.pools.give(i)
	} else {
		i.destroy()
	}
}

// ParkedBytes is how much memory the state of a parked sandbox takes, 0 if it is not parked.
func (s *Sandbox) ParkedBytes() int64 {
	if s.parked == nil {
		return 0
	}
	st := s.parked.state
	return int64(st.size()) + 8*int64(len(st.globals)) + 8*int64(len(st.runs))
}

// unpark gives the sandbox an instance again.
func (s *Sandbox) unpark(ctx context.Context) error {
	p := s.parked
	i, err := p.module.take(ctx, p.module.limitPages(p.config.MemoryBytes), p.state.needs())
	if err != nil {
		return &spec.Error{Op: "wake up", Kind: spec.KindOf(err), ID: "module " + p.module.Digest().Short(), Err: err}
	}
	i.begin(p.config)
	i.earlier = p.used
	s.instance, s.parked = i, nil
	return i.load(p.state)
}
