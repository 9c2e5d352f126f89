package host

import "github.com/raywasm/raywasm/owner"

// Occupy lets n functions into the job's gate, which wait for others or do not, and returns what lets them out.
func (j *Job) Occupy(n int, waiting bool) (vacate func()) {
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
