package host

import (
	"context"
	"fmt"
	"runtime"
	"time"

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
		if room, _ := j.gate.room(); j.gate.core.Enter(nil, room) != owner.Admitted {
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

// Remembers returns how many jobs the node has told others of, and of how many groups of other nodes it knows.
func (n *Node) Remembers() (jobs, groups int) {
	c := n.cluster
	c.mu.Lock()
	for _, p := range c.peers {
		jobs += len(p.jobs) + len(p.ends)
	}
	jobs += len(c.jobs)
	c.mu.Unlock()
	n.groups.mu.Lock()
	defer n.groups.mu.Unlock()
	return jobs, len(n.groups.homes)
}

// HoldModules makes who looks for a module wait, until free is called.
func (n *Node) HoldModules() (free func()) {
	n.mu.Lock()
	return n.mu.Unlock
}

// Quiet waits until nothing of jobs is left on a node: no object, reference, reserved byte, hosted attempt or copy of a job.
func (n *Node) Quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		n.cluster.mu.Lock()
		left := len(n.cluster.hosted) + len(n.cluster.away) + len(n.cluster.jobs) + len(n.cluster.asks) + len(n.cluster.loading)
		n.cluster.mu.Unlock()
		n.objects.mu.Lock()
		left += len(n.objects.kept) + len(n.objects.carried) + n.objects.borrows.Len()
		n.objects.mu.Unlock()
		u := n.Usage()
		if left == 0 && u.Objects == 0 && u.References == 0 && u.ObjectBytes == 0 && u.Free.CPU == u.Total.CPU {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d attempts, copies of jobs and shared references are left: %w", left, ctx.Err())
		default:
			runtime.GC() // refs that a test has dropped count until they are collected
		}
	}
}
