// Package workers plays a library of somebody else's: its pool knows nothing of raywasm, and holds what cannot travel.
package workers

// Pool runs functions on a fixed number of goroutines.
type Pool struct {
	jobs chan func()
	size int
}

// New returns a pool of so many goroutines.
func New(size int) *Pool {
	p := &Pool{jobs: make(chan func()), size: size}
	for range size {
		go func() {
			for job := range p.jobs {
				job()
			}
		}()
	}
	return p
}

// Size is how many goroutines the pool has.
func (p *Pool) Size() int { return p.size }

// Do runs f in the pool and waits for it.
func (p *Pool) Do(f func()) {
	done := make(chan struct{})
	p.jobs <- func() { f(); close(done) }
	<-done
}

// Close ends the pool.
func (p *Pool) Close() { close(p.jobs) }
