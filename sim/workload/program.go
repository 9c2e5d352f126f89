package workload

import (
	"math/rand/v2"
	"time"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sim"
)

// Program makes a program of what the file says. It has no nodes: the cluster's autoscaler brings them.
func (f *File) Program() *sim.Program {
	r := rand.New(rand.NewPCG(f.Seed, 6))
	p := &sim.Program{Seed: f.Seed, Net: sim.Net{Delay: time.Duration(f.Network.Delay), Jitter: time.Duration(f.Network.Jitter)}}
	groups := make(map[string]int)
	for i := range f.Groups {
		g := &f.Groups[i]
		options, _ := g.options() // it was checked
		groups[g.Name] = i + 1
		p.Groups = append(p.Groups, sim.Group{ID: i + 1, At: time.Duration(g.At), End: time.Duration(g.Until), Options: options})
	}
	for i := range f.Tasks {
		t := &f.Tasks[i]
		needs, _ := resources(t.Needs)
		sel, _ := label.Parse(t.Selector)
		retries := int32(3)
		if t.Retries != nil {
			retries = int32(*t.Retries)
		}
		for n := range count(t.Count) {
			one := sim.Task{ID: len(p.Tasks) + 1, At: time.Duration(t.At) + time.Duration(n)*time.Duration(t.Every), Need: needs, Select: sel,
				Duration: time.Duration(t.Duration), Retries: retries, Crash: t.Crash, Fail: t.Fail, Group: groups[t.Group], Bundle: -1, Class: t.Name}
			if t.Spread > 0 {
				one.Duration += time.Duration(r.Int64N(2*int64(t.Spread)+1) - int64(t.Spread))
			}
			p.Tasks = append(p.Tasks, one)
		}
	}
	for i := range f.Actors {
		a := &f.Actors[i]
		needs, _ := resources(a.Needs)
		for range count(a.Count) {
			p.Actors = append(p.Actors, sim.Actor{ID: len(p.Actors) + 1, At: time.Duration(a.At), Need: needs, Calls: a.Calls, Every: max(time.Millisecond, time.Duration(a.Every)),
				Duration: time.Duration(a.Duration), Restarts: int32(a.Restarts), Retries: int32(a.Retries), Crash: a.Crash})
		}
	}
	return p
}
