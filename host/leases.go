package host

import (
	"sync"
	"time"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
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

func newLeases(cfg resolved) *leases {
	l := &leases{holders: make(map[sched.Lease]holder),
		node: sched.NewNode(sched.Config{ID: cfg.id, Pool: resource.NewPool(resource.Of(cfg.total)), Labels: cfg.labels})}
	for ns, quota := range cfg.quotas {
		l.step(sched.Event{Op: sched.Limit, Namespace: ns, Quota: resource.Of(quota)}, nil)
	}
	return l
}

// number returns a fresh lease, which is to be requested or released soon: the core wants no gaps.
func (l *leases) number() sched.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next
}

// request asks for what ask says until deadline, which is zero for none; before that it waits for what until says, unless it
// is 0. h is told once, perhaps before request returns.
func (l *leases) request(lease sched.Lease, ask sched.Ask, deadline time.Time, until sched.Reason, h holder) {
	ev := sched.Event{Op: sched.Request, Lease: lease, Ask: &ask, Until: until}
	if !deadline.IsZero() {
		ev.Deadline = deadline.UnixNano()
	}
	l.step(ev, h)
}

// ready says that what the request waited for is there.
func (l *leases) ready(lease sched.Lease) { l.step(sched.Event{Op: sched.Ready, Lease: lease}, nil) }

// weigh sets the weight of a job's share. 1 is usual.
func (l *leases) weigh(job spec.JobID, weight float64) {
	l.step(sched.Event{Op: sched.Weigh, Job: job, Weight: weight}, nil)
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
	now := time.Now().UnixNano()
	l.mu.Lock()
	switch ev.Op {
	case sched.Request:
		l.holders[ev.Lease] = h
	case sched.Release:
		delete(l.holders, ev.Lease)
	}
	l.actions = l.node.Step(now, ev, l.actions[:0])
	for _, a := range l.actions {
		if h, ok := l.holders[a.Lease]; ok {
			tell = append(tell, told{h, a.Err})
		}
		if a.Verdict == sched.Refuse {
			delete(l.holders, a.Lease)
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
	return l.node.Total().Spec(), l.node.Free().Spec(), l.node.Waiting()
}

// pending returns what waits and why, at most limit kinds of it.
func (l *leases) pending(limit int) []sched.Demand {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Pending(limit)
}

// why says why a request waits; false if it does not.
func (l *leases) why(lease sched.Lease) (sched.Wait, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Why(lease)
}
