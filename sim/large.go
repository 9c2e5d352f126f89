package sim

import (
	"math/rand/v2"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Large is a workload of many tasks on many equal nodes of 4 CPUs, of which some die and come back: tasks of one CPU, a
// few of two and of half a one, that take 1 to 20 seconds, all submitted at once.
func Large(nodes, tasks, deaths int, seed uint64) *Program {
	r := rand.New(rand.NewPCG(seed, 4))
	p := &Program{Seed: seed, Net: Net{Delay: 500 * time.Microsecond, Jitter: time.Millisecond}}
	for i := range nodes {
		p.Nodes = append(p.Nodes, Node{ID: i + 1, Type: "node", Total: spec.Resources{CPU: 4 * spec.Unit, Memory: 16 << 30}})
	}
	for i := range tasks {
		cpu := spec.Unit
		switch r.IntN(10) {
		case 0:
			cpu = 2 * spec.Unit
		case 1:
			cpu = spec.Unit / 2
		}
		p.Tasks = append(p.Tasks, Task{ID: i + 1, Need: spec.Resources{CPU: cpu}, Duration: time.Second + time.Duration(r.Int64N(int64(19*time.Second))), Retries: -1, Bundle: -1})
	}
	span := p.Bound()
	for range deaths {
		at := time.Duration(r.Int64N(int64(span)))
		p.Faults = append(p.Faults, Fault{Kind: Dead, Node: 1 + r.IntN(nodes), At: at, End: at + 10*time.Second + time.Duration(r.Int64N(int64(20*time.Second)))})
	}
	return p
}

// Bound is a time that no schedule can beat: all CPU time over all CPUs, as if no node ever died and nothing took time to
// arrive, and no less than the longest task.
func (p *Program) Bound() time.Duration {
	var work, longest time.Duration
	var cpus float64
	for _, t := range p.Tasks {
		work += time.Duration(float64(t.Duration) * t.Need.CPU.Float())
		longest = max(longest, t.At+t.Duration)
	}
	for _, n := range p.Nodes {
		cpus += n.Total.CPU.Float()
	}
	if cpus == 0 {
		return longest
	}
	return max(longest, time.Duration(float64(work)/cpus))
}
