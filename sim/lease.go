package sim

import (
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// leases is the real lease core of a node, or of a bundle that is reserved on one, and who is told of a grant.
type leases struct {
	w     *World
	core  *sched.Node
	count uint64
	held  map[sched.Lease]*held
}

// held is a lease that was asked for.
type held struct {
	hold    resource.Vector
	devices resource.Devices
	granted bool
	lent    bool
	then    func() // when it is granted
}

func newLeases(w *World, id spec.NodeID, pool resource.Pool) *leases {
	return &leases{w: w, core: sched.NewNode(sched.Config{ID: id, Pool: pool}), held: make(map[sched.Lease]*held)}
}

// request asks for a lease; then is called when it is granted. It reports whether it could be, ever.
func (l *leases) request(ask *sched.Ask, then func()) (sched.Lease, bool) {
	l.count++
	id := sched.NumberLease(1, l.count)
	l.held[id] = &held{hold: ask.Hold, then: then}
	l.step(sched.Event{Op: sched.Request, Lease: id, Ask: ask})
	return id, l.held[id] != nil
}

// granted returns the GPUs of a lease, and whether it is granted.
func (l *leases) granted(id sched.Lease) (resource.Devices, bool) {
	h := l.held[id]
	if h == nil || !h.granted {
		return nil, false
	}
	return h.devices, true
}

func (l *leases) release(id sched.Lease) {
	delete(l.held, id)
	l.step(sched.Event{Op: sched.Release, Lease: id})
}

func (l *leases) block(id sched.Lease, blocked bool) {
	op := sched.Unblock
	if blocked {
		op = sched.Block
	}
	l.held[id].lent = blocked
	l.step(sched.Event{Op: op, Lease: id})
}

// step gives an event to the core. What is granted may ask for more.
func (l *leases) step(ev sched.Event) {
	for _, a := range l.core.Step(epoch.UnixNano()+int64(l.w.now), ev, nil) {
		h := l.held[a.Lease]
		switch {
		case a.Verdict == sched.Refuse:
			delete(l.held, a.Lease)
		case h != nil && !h.granted:
			h.granted, h.devices = true, a.Devices
			h.then()
		}
	}
}

// wrong says what of the core's accounts does not add up, if anything.
func (l *leases) wrong() string {
	free, total := l.core.Free(), l.core.Total()
	if !(resource.Vector{}).Within(free) {
		return "free is negative: " + free.String()
	}
	cpu, rest := free.CPU, free
	for _, h := range l.held { // a sum has no order
		if h.granted {
			rest = rest.Plus(h.hold)
			if !h.lent {
				cpu += h.hold.CPU
			}
		}
	}
	rest.CPU = total.CPU
	// Who took its CPU back at once may have taken what was not free; then nothing is.
	if cpu != total.CPU && (free.CPU > 0 || cpu < total.CPU) || rest.Shape() != total.Shape() {
		return "of " + total.String() + " " + free.String() + " are free and the rest is not held"
	}
	return ""
}
