package host

import (
	"runtime"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// Occupy lets n functions into the job's gate, which wait for others or do not, once those inside have left, and returns
// what lets them out.
func (j *Job) Occupy(n int, waiting bool) (vacate func()) {
	for j.gate.inside() > 0 { // whose results are there already
		runtime.Gosched()
	}
	for range n {
		j.gate.mu.Lock()
		if j.gate.core.Enter(nil) != owner.Admitted {
			panic("the gate is full")
		}
		if waiting {
			j.gate.core.Wait()
		}
		j.gate.mu.Unlock()
	}
	return func() {
		for range n {
			if waiting {
				j.gate.resume()
			}
			j.gate.leave()
		}
	}
}

// Lose loses the bytes of objects, as if the memory they lay in were gone. What is small is never lost.
func (n *Node) Lose(refs ...*Ref) {
	ids := make([]spec.ObjectID, len(refs))
	for i, r := range refs {
		ids[i] = r.id
	}
	n.objects.lose(ids, 0, "its only copy was in the memory of node "+n.id.String())
}
