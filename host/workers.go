package host

import (
	"sync"

	"github.com/raywasm/raywasm/host/hostcall"
)

// maxIdleWorkers is how many goroutines of a node wait for work. Their stacks have grown to what a call of a guest needs,
// some 16 KiB, and growing one anew costs several microseconds.
const maxIdleWorkers = 256

// workers are a node's goroutines for tasks and actors. There are as many as have work at once, for most of them wait for
// others; those that have none are used again, the last one first.
type workers struct {
	mu     sync.Mutex
	idle   []*worker
	closed bool
	all    sync.WaitGroup
}

// worker is one goroutine.
type worker struct {
	pool *workers
	next chan assignment // of one place: who has taken the worker from idle fills it
	// caller and session serve one task's sandbox after the other.
	caller  caller
	session hostcall.Session
	// Used by the worker alone: rest was called, and with which result.
	rested, kept bool
}

// assignment is what a worker does, within a scope.
type assignment struct {
	scope *scope
	work  work
}

// work is something to do. do may call rest as its last act but for what is left to clean up.
type work interface{ do(w *worker) }

// workFunc is a function as work.
type workFunc func()

func (f workFunc) do(*worker) { f() }

// start gives the work to an idle worker or to a new one. The scope has been entered.
func (p *workers) start(j assignment) {
	p.mu.Lock()
	if n := len(p.idle) - 1; n >= 0 {
		w := p.idle[n]
		p.idle[n] = nil
		p.idle = p.idle[:n]
		p.mu.Unlock()
		w.next <- j
		return
	}
	p.mu.Unlock()
	w := &worker{pool: p, next: make(chan assignment, 1)}
	p.all.Add(1)
	go w.run(j)
}

func (w *worker) run(j assignment) {
	defer w.pool.all.Done()
	for ok := true; ok; j, ok = <-w.next {
		w.rested = false
		j.work.do(w)
		w.rest()
		j.scope.inside.Done()
		j = assignment{}
		if !w.kept {
			return
		}
	}
}

// rest says that the worker is about to be idle: work that starts from now on may be given to it, and is done when do has
// returned. So a task that gives its lease back hands its goroutine on together with it.
func (w *worker) rest() {
	if w.rested {
		return
	}
	w.rested = true
	p := w.pool
	p.mu.Lock()
	w.kept = !p.closed && len(p.idle) < maxIdleWorkers
	if w.kept {
		p.idle = append(p.idle, w)
	}
	p.mu.Unlock()
}

// close ends the idle workers, lets those that work end, and waits for all. Nothing starts any more.
func (p *workers) close() {
	p.mu.Lock()
	p.closed = true
	for _, w := range p.idle {
		close(w.next)
	}
	p.idle = nil
	p.mu.Unlock()
	p.all.Wait()
}
