package sim

import (
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/spec"
)

// leases is the real lease core of a node, or of a bundle that is reserved on one, and who is told of a grant.
type leases struct {
	core  *sched.Node
	total spec.Resources
	last  sched.Lease
	held  map[sched.Lease]*held
	out   []sched.Action
}

// held is a lease that was asked for.
type held struct {
	need, hold spec.Resources
	granted    bool
	lent       bool
	then       func() // when it is granted
}

func newLeases(total spec.Resources) *leases {
	return &leases{core: sched.NewNode(total), total: total, held: make(map[sched.Lease]*held)}
}

// request asks for a lease; then is called when it is granted. It reports whether it could be, ever.
func (l *leases) request(need, hold spec.Resources, then func()) (sched.Lease, bool) {
	l.last++
	id := l.last
	l.held[id] = &held{need: need, hold: hold, then: then}
	l.step(sched.Event{Op: sched.Request, Lease: id, Need: need, Hold: hold})
	return id, l.held[id] != nil
}

func (l *leases) granted(id sched.Lease) bool { h := l.held[id]; return h != nil && h.granted }

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
	for _, a := range l.core.Step(ev, nil) {
		h := l.held[a.Lease]
		switch {
		case a.Verdict == sched.Refuse:
			delete(l.held, a.Lease)
		case h != nil && !h.granted:
			h.granted = true
			h.then()
		}
	}
}

// free returns what nobody holds.
func (l *leases) free() spec.Resources { return l.core.Free() }

// wrong says what of the core's accounts does not add up, if anything.
func (l *leases) wrong() string {
	free := l.core.Free()
	if free.CPU < 0 || free.GPU < 0 || free.Memory < 0 {
		return "free is negative: " + free.String()
	}
	sum := free
	for _, h := range l.held { // a sum has no order
		if h.granted {
			if !h.lent {
				sum.CPU += h.hold.CPU
			}
			sum.GPU += h.hold.GPU
			sum.Memory += h.hold.Memory
		}
	}
	// Who took its CPU back at once may have taken what was not free; then nothing is.
	if sum.CPU != l.total.CPU && (free.CPU > 0 || sum.CPU < l.total.CPU) || sum.GPU != l.total.GPU || sum.Memory != l.total.Memory {
		return "of " + l.total.String() + " " + sum.String() + " are free or held"
	}
	return ""
}
