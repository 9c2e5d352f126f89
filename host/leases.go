package host

import (
	"sync"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/spec"
)

// leases is the shell around the scheduling core: it numbers leases and tells their holders what was decided.
type leases struct {
	mu      sync.Mutex
	node    *sched.Node
	next    sched.Lease
	holders map[sched.Lease]holder
	actions []sched.Action // reused
}

// holder is who asked for a lease. Neither method may block.
type holder interface {
	granted()
	refused(err *spec.Error)
}

func newLeases(total spec.Resources) *leases {
	return &leases{node: sched.NewNode(total), holders: make(map[sched.Lease]holder)}
}

// number returns a fresh lease.
func (l *leases) number() sched.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next
}

// request asks for need, of which hold is kept; h is told once, perhaps before request returns.
func (l *leases) request(lease sched.Lease, need, hold spec.Resources, priority int32, h holder) {
	l.step(sched.Event{Op: sched.Request, Lease: lease, Need: need, Hold: hold, Priority: priority}, h)
}

// release gives a lease back, or withdraws its request.
func (l *leases) release(lease sched.Lease) {
	l.step(sched.Event{Op: sched.Release, Lease: lease}, nil)
}

// block lends the lease's CPU to others while its holder waits, unblock takes it back.
func (l *leases) block(lease sched.Lease) { l.step(sched.Event{Op: sched.Block, Lease: lease}, nil) }
func (l *leases) unblock(lease sched.Lease) {
	l.step(sched.Event{Op: sched.Unblock, Lease: lease}, nil)
}

func (l *leases) step(ev sched.Event, h holder) {
	type told struct {
		holder holder
		err    *spec.Error
	}
	var few [4]told
	tell := few[:0]
	l.mu.Lock()
	switch ev.Op {
	case sched.Request:
		l.holders[ev.Lease] = h
	case sched.Release:
		delete(l.holders, ev.Lease)
	}
	l.actions = l.node.Step(ev, l.actions[:0])
	for _, a := range l.actions {
		if h, ok := l.holders[a.Lease]; ok {
			tell = append(tell, told{h, a.Err})
		}
	}
	l.mu.Unlock()
	for _, t := range tell {
		if t.err != nil {
			t.holder.refused(t.err)
		} else {
			t.holder.granted()
		}
	}
}

// usage returns the node's resources and how many requests wait.
func (l *leases) usage() (total, free spec.Resources, waiting int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Total(), l.node.Free(), l.node.Waiting()
}
