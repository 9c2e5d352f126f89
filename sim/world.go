package sim

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// Options of a run.
type Options struct {
	// Policy chooses nodes for tasks. It is of one run. Default: NewFirstFit.
	Policy Policy
	// Elastic lets the cluster grow and shrink. Default: it is what the program says.
	Elastic *Elastic
	// Report is how often a node reports, DeadAfter how long it may be silent. Default: 1 s and 5 s.
	Report, DeadAfter time.Duration
	// Patience is how long after the last fault everything must have ended. Default: 1 h.
	Patience time.Duration
	// Deep checks every invariant of every node after every step, instead of those of what the step touched. It is for small
	// programs.
	Deep bool
	// Observe is called at every change of what a task does, for reports.
	Observe func(now time.Duration, task *Task, node int, phase Phase)
	// ObserveNode is called when a node comes or goes.
	ObserveNode func(now time.Duration, node *Node, up bool)
	// ObserveRound is called when the autoscaler has looked at the cluster and decided, every five seconds.
	ObserveRound func(now time.Duration, status autoscaler.Status)

	bug bug // on purpose, for the test that they are found
}

// Phase is what a task does.
type Phase string

// The phases.
const (
	Submitted Phase = "submitted"
	Running   Phase = "running"
	Blocked   Phase = "blocked"
	Ended     Phase = "ended" // an attempt, however
	Done      Phase = "done"  // the task
)

// World is one run.
type World struct {
	opt    Options
	prog   *Program
	now    time.Duration
	seq    uint64
	queue  events
	rng    *rand.Rand
	places []*place // by node's number
	byID   map[spec.NodeID]*machine
	head   *head
	owner  *home
	steps  int
	digest hash.Hash64
	faulty time.Duration // until then the network is bad
	broken error
}

// Result is what came of a run.
type Result struct {
	Steps    int
	End      time.Duration // when the last task ended
	Digest   uint64        // of everything that happened
	Done     int           // tasks with a value
	Failed   int           // and with an error
	Attempts int
	Busy     float64 // CPU-seconds that attempts took, of which
	Wasted   float64 // those of attempts that came to nothing
	Capacity float64 // CPU-seconds that nodes were there until the end
	Waits    []time.Duration
	Nodes    []NodeUse
}

// NodeUse is how long a node was there.
type NodeUse struct {
	ID       int
	Type     string
	From, Up time.Duration
}

// event is something that happens at a time.
type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

// Run runs a program to its end and returns the first invariant that broke, if any.
func Run(p *Program, opt Options) (Result, error) {
	w := New(p, opt)
	for w.broken == nil && w.Step() {
	}
	if w.broken == nil {
		w.checkEnd()
	}
	return w.result(), w.broken
}

// New returns a world in which nothing has happened.
func New(p *Program, opt Options) *World {
	if opt.Report == 0 {
		opt.Report = time.Second
	}
	if opt.DeadAfter == 0 {
		opt.DeadAfter = 5 * time.Second
	}
	if opt.Patience == 0 {
		opt.Patience = time.Hour
	}
	w := &World{opt: opt, prog: p, rng: rand.New(rand.NewPCG(p.Seed, 2)), byID: make(map[spec.NodeID]*machine), digest: fnv.New64a(), faulty: p.quiet()}
	w.places = []*place{{w: w}} // the head's and the owner's
	w.head = newHead(w)
	w.owner = newHome(w)
	for i := range p.Nodes {
		w.addPlace(&p.Nodes[i])
	}
	for _, f := range p.Faults {
		w.fault(f)
	}
	w.head.start()
	w.owner.start()
	if opt.Elastic != nil {
		newScaler(w, opt.Elastic).start()
	}
	return w
}

// Step lets the next thing happen; false if nothing is left to happen, or all is done.
func (w *World) Step() bool {
	if len(w.queue) == 0 || w.owner.over() {
		return false
	}
	if w.queue[0].at > w.faulty+w.opt.Patience {
		return false
	}
	w.once()
	return w.broken == nil
}

// once takes the next event and checks what came of it.
func (w *World) once() {
	e := heap.Pop(&w.queue).(event)
	w.now = e.at
	w.steps++
	e.do()
	if w.opt.Deep {
		w.checkAll()
	}
}

// at lets something happen at a time.
func (w *World) at(t time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{max(t, w.now), w.seq, do})
}

func (w *World) after(d time.Duration, do func()) { w.at(w.now+d, do) }

// note takes something that happened into the digest.
func (w *World) note(what byte, a, b int) {
	var buf [25]byte
	buf[0] = what
	binary.LittleEndian.PutUint64(buf[1:], uint64(w.now))
	binary.LittleEndian.PutUint64(buf[9:], uint64(a))
	binary.LittleEndian.PutUint64(buf[17:], uint64(b))
	w.digest.Write(buf[:])
}

// fail breaks the run.
func (w *World) fail(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf("at %v, step %d: %s", w.now, w.steps, fmt.Sprintf(format, args...))
	}
}

// send carries a message between two places, 0 being the head's and the owner's. What arrives is done there.
func (w *World) send(from, to int, arrive func()) {
	net := w.prog.Net
	copies := 1
	if w.now < w.faulty {
		if p := w.places[from]; from > 0 && p.faults[Mute] > 0 {
			return
		}
		if p := w.places[to]; to > 0 && p.faults[Deaf] > 0 {
			return
		}
		if net.Loss > 0 && w.rng.Float64() < net.Loss {
			copies = 0
		} else if net.Double > 0 && w.rng.Float64() < net.Double {
			copies = 2
		}
	}
	for range copies {
		d := net.Delay
		if net.Jitter > 0 {
			d += time.Duration(w.rng.Int64N(int64(net.Jitter)))
		}
		w.after(d, arrive)
	}
}

// chance draws whether something of probability p happens to the n-th try of a thing. It depends on nothing else, so that a
// shrunk program does the same.
func (w *World) chance(p float64, kind byte, id, n int) bool {
	if p == 0 {
		return false
	}
	r := rand.New(rand.NewPCG(w.prog.Seed^uint64(kind)<<56, uint64(id)<<32|uint64(n)))
	return r.Float64() < p
}

func (w *World) result() Result {
	o := w.owner
	r := Result{Steps: w.steps, End: o.last, Digest: w.digest.Sum64(), Done: o.done, Failed: o.failed, Attempts: o.attempts, Waits: o.waits, Busy: o.busy, Wasted: o.wasted}
	for _, p := range w.places[1:] {
		if p.node != nil {
			r.Nodes = append(r.Nodes, NodeUse{ID: p.node.ID, Type: p.node.Type, From: p.from, Up: p.upTime(o.last)})
		}
		r.Capacity += p.capacity(o.last)
	}
	return r
}

// events is a heap by time, then by order of making.
type events []event

func (q events) Len() int      { return len(q) }
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(e any)   { *q = append(*q, e.(event)) }

func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return e
}

func (q events) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}
