package host

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// leases is the shell around the scheduling core: it numbers leases and tells their holders what was decided.
type leases struct {
	next atomic.Uint64

	mu      sync.Mutex
	node    *sched.Node
	actions []sched.Action // reused

	changed func() // called when resources were granted or given back; nil: nobody wants to know

	groups *groups // who leases in bundles; nil in a bundle, and before the node has any
}

// holder is who asked for a lease. Neither method may block.
type holder interface {
	granted()
	refused(err *spec.Error)
}

// decision is what was decided, for a lease's holder.
type decision struct {
	holder  holder
	err     *spec.Error // nil: granted
	devices resource.Devices
}

func (t decision) tell() {
	if t.err != nil {
		t.holder.refused(t.err)
	} else {
		t.holder.granted()
	}
}

func leasesOf(cfg resolved, pool resource.Pool) *leases {
	return &leases{node: sched.NewNode(sched.Config{ID: cfg.id, Pool: pool, Labels: cfg.labels})}
}

func newLeases(cfg resolved) *leases {
	l := leasesOf(cfg, resource.NewPool(resource.Of(cfg.total)))
	for ns, quota := range cfg.quotas {
		l.step(sched.Event{Op: sched.Limit, Namespace: ns, Quota: resource.Of(quota)})
	}
	return l
}

// number returns a fresh lease for t, which is to be requested or released soon: the core wants no gaps. If t uses a placement
// group it is a seat there.
func (l *leases) number(t tenant) sched.Lease {
	if use, _ := t.use(); use != nil {
		return l.groups.number()
	}
	return l.fresh()
}

func (l *leases) fresh() sched.Lease { return sched.Lease(l.next.Add(1)) }

// request asks for what ask says until deadline, which is zero for none; before that it waits for what until says, unless it
// is 0. t is told once, perhaps before request returns.
func (l *leases) request(lease sched.Lease, ask *sched.Ask, deadline time.Time, until sched.Reason, t tenant) {
	ev := sched.Event{Op: sched.Request, Lease: lease, Ask: ask, Until: until, Holder: t}
	if !deadline.IsZero() {
		ev.Deadline = deadline.UnixNano()
	}
	if isSeat(lease) {
		l.groups.request(ev, t)
		return
	}
	l.step(ev)
}

// ready says that what the request waited for is there.
func (l *leases) ready(lease sched.Lease) { l.step(sched.Event{Op: sched.Ready, Lease: lease}) }

// weigh sets the weight of a job's share, in the bundles of groups too. 1 is usual.
func (l *leases) weigh(job spec.JobID, weight float64) {
	l.step(sched.Event{Op: sched.Weigh, Job: job, Weight: weight})
	l.groups.weigh(job, weight)
}

// release gives a lease back, or withdraws its request.
func (l *leases) release(lease sched.Lease) {
	l.step(sched.Event{Op: sched.Release, Lease: lease})
}

// block lends the lease's CPU to others while its holder waits, unblock takes it back.
func (l *leases) block(lease sched.Lease) { l.step(sched.Event{Op: sched.Block, Lease: lease}) }
func (l *leases) unblock(lease sched.Lease) {
	l.step(sched.Event{Op: sched.Unblock, Lease: lease})
}

// step decides and tells who asked.
func (l *leases) step(ev sched.Event) {
	if isSeat(ev.Lease) {
		l.groups.step(ev)
		return
	}
	var few [4]decision
	for _, t := range l.decide(ev, few[:0]) {
		t.tell()
	}
	if l.changed != nil {
		l.changed()
	}
}

// decide gives the core an event and appends what is to be told, which may be done under no lock.
func (l *leases) decide(ev sched.Event, tell []decision) []decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.decideLocked(ev, tell)
}

// decideLocked is decide for who holds mu.
func (l *leases) decideLocked(ev sched.Event, tell []decision) []decision {
	now := time.Now().UnixNano()
	l.actions = l.node.Step(now, ev, l.actions[:0])
	for _, a := range l.actions {
		if ev.Op == sched.Release && a.Lease == ev.Lease { // who withdraws it wants no answer
			continue
		}
		tell = append(tell, decision{a.Holder.(holder), a.Err, a.Devices})
	}
	return tell
}

// queued returns some of the requests that wait for resources, those that go first among them.
func (l *leases) queued(few []sched.Wait) []sched.Wait {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Queued(few)
}

// withdraw takes a request back that waits still; false if it does not.
func (l *leases) withdraw(lease sched.Lease) bool {
	var tell []decision
	l.mu.Lock()
	_, waits := l.node.Why(lease)
	if waits {
		tell = l.decideLocked(sched.Event{Op: sched.Release, Lease: lease}, nil)
	}
	l.mu.Unlock()
	for _, t := range tell { // it may have held others back
		t.tell()
	}
	return waits
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
	if isSeat(lease) {
		return l.groups.why(lease)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Why(lease)
}

// pool returns what there is and what of it is free.
func (l *leases) pool() resource.Pool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Pool()
}

// waiting returns how many requests wait.
func (l *leases) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.node.Waiting()
}
