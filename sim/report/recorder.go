package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sim"
)

// Recorder watches a run.
type Recorder struct {
	classes map[string]*class
	tasks   map[int]time.Duration // when each that has not begun was submitted
	running map[attempt]float64   // CPUs
	changes []change

	wanted *time.Duration // when the autoscaler's status is wanted
	status *autoscaler.Status
}

type attempt struct{ task, node int }

type class struct {
	waits         []time.Duration
	count, begins int
}

// change is what happened to the cluster at a time.
type change struct {
	at                  time.Duration
	cpus, busy, waiting float64
}

// NewRecorder returns a recorder that has seen nothing.
func NewRecorder() *Recorder {
	return &Recorder{classes: make(map[string]*class), tasks: make(map[int]time.Duration), running: make(map[attempt]float64)}
}

// StatusAt lets the report have the autoscaler's status as it is at a time, or at the end if that comes first. It is said before
// Watch.
func (r *Recorder) StatusAt(at time.Duration) { r.wanted = &at }

// Watch returns the options with which a run is watched.
func (r *Recorder) Watch(opt sim.Options) sim.Options {
	opt.Observe, opt.ObserveNode = r.task, r.node
	if r.wanted != nil {
		opt.ObserveRound = r.round
	}
	return opt
}

// round keeps the last status that is not later than wanted.
func (r *Recorder) round(now time.Duration, s autoscaler.Status) {
	if now <= *r.wanted {
		r.status = &s
	}
}

func (r *Recorder) task(now time.Duration, t *sim.Task, node int, phase sim.Phase) {
	c := r.classes[t.Class]
	if c == nil {
		c = &class{}
		r.classes[t.Class] = c
	}
	key := attempt{t.ID, node}
	switch phase {
	case sim.Submitted:
		c.count++
		r.tasks[t.ID] = now
		r.changes = append(r.changes, change{at: now, waiting: 1})
	case sim.Running:
		c.begins++
		if since, first := r.tasks[t.ID]; first {
			c.waits = append(c.waits, now-since)
			delete(r.tasks, t.ID)
			r.changes = append(r.changes, change{at: now, waiting: -1})
		}
		cpu := t.Need.CPU.Float()
		r.running[key] += cpu
		r.changes = append(r.changes, change{at: now, busy: cpu})
	case sim.Blocked, sim.Ended:
		if cpu := r.running[key]; cpu > 0 {
			r.changes = append(r.changes, change{at: now, busy: -cpu})
			delete(r.running, key)
		}
	case sim.Done:
		if _, never := r.tasks[t.ID]; never {
			delete(r.tasks, t.ID)
			r.changes = append(r.changes, change{at: now, waiting: -1})
		}
	}
}

func (r *Recorder) node(now time.Duration, n *sim.Node, up bool) {
	cpus := n.Total.CPU.Float()
	if !up {
		cpus = -cpus
	}
	r.changes = append(r.changes, change{at: now, cpus: cpus})
}

// Report is what came of a run. Times are in seconds.
type Report struct {
	Seconds     float64 `json:"seconds"` // until the last task ended
	Tasks       int     `json:"tasks"`
	Failed      int     `json:"failed"`
	Attempts    int     `json:"attempts"`
	Busy        float64 `json:"cpu_seconds_used"`
	Wasted      float64 `json:"cpu_seconds_wasted"` // of those, by attempts that came to nothing
	Capacity    float64 `json:"cpu_seconds_there"`
	Utilisation float64 `json:"utilisation"` // the first over the last
	Cost        float64 `json:"cost"`
	Classes     []Class `json:"classes"`
	Types       []Type  `json:"node_types"`
	Timeline    []Point `json:"timeline"`
	// Status is the autoscaler's at the time that [Recorder.StatusAt] named. Its times begin with the year 2026.
	Status *autoscaler.Status `json:"status,omitempty"`
}

// Class is what became of the tasks of one name.
type Class struct {
	Name     string  `json:"name"`
	Count    int     `json:"count"`
	Begins   int     `json:"begins"` // of attempts, and after waits for children
	WaitP50  float64 `json:"wait_p50"`
	WaitP95  float64 `json:"wait_p95"`
	WaitMost float64 `json:"wait_max"`
}

// Type is what nodes of a type there were.
type Type struct {
	Name  string  `json:"name"`
	Nodes int     `json:"nodes"`
	Hours float64 `json:"node_hours"`
	Cost  float64 `json:"cost"`
}

// Point is the mean of a part of the time.
type Point struct {
	At      float64 `json:"at"` // its beginning
	CPUs    float64 `json:"cpus"`
	Busy    float64 `json:"busy"`
	Waiting float64 `json:"waiting"` // tasks that were submitted and have not begun
}

// points is how many parts the timeline has.
const points = 200

// Report sums a run up. Prices are of a node of a type, for an hour.
func (r *Recorder) Report(res sim.Result, prices map[string]float64) Report {
	out := Report{Seconds: res.End.Seconds(), Tasks: res.Done + res.Failed, Failed: res.Failed, Attempts: res.Attempts,
		Busy: res.Busy, Wasted: res.Wasted, Capacity: res.Capacity, Status: r.status}
	if out.Capacity > 0 {
		out.Utilisation = out.Busy / out.Capacity
	}
	for _, name := range slices.Sorted(maps.Keys(r.classes)) {
		c := r.classes[name]
		slices.Sort(c.waits)
		out.Classes = append(out.Classes, Class{name, c.count, c.begins, quantile(c.waits, 0.5), quantile(c.waits, 0.95), quantile(c.waits, 1)})
	}
	types := make(map[string]*Type)
	for _, n := range res.Nodes {
		t := types[n.Type]
		if t == nil {
			t = &Type{Name: n.Type}
			types[n.Type] = t
		}
		t.Nodes++
		t.Hours += n.Up.Hours()
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t := types[name]
		t.Cost = t.Hours * prices[name]
		out.Cost += t.Cost
		out.Types = append(out.Types, *t)
	}
	out.Timeline = timeline(r.changes, res.End)
	return out
}

func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Seconds()
}

// timeline gives each part of the time its means.
func timeline(changes []change, end time.Duration) []Point {
	if end <= 0 {
		return nil
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	out := make([]Point, points)
	var now change
	next := 0
	for i := range out {
		from, to := end*time.Duration(i)/points, end*time.Duration(i+1)/points
		out[i].At = from.Seconds()
		for at := from; at < to; {
			for next < len(changes) && changes[next].at <= at {
				c := &changes[next]
				now.cpus, now.busy, now.waiting = now.cpus+c.cpus, now.busy+c.busy, now.waiting+c.waiting
				next++
			}
			until := to
			if next < len(changes) && changes[next].at < to {
				until = changes[next].at
			}
			part := float64(until-at) / float64(to-from)
			out[i].CPUs += part * now.cpus
			out[i].Busy += part * max(0, now.busy)
			out[i].Waiting += part * now.waiting
			at = until
		}
	}
	return out
}
