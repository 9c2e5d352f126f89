package host

import (
	"sync"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// gate is the shell around the core that bounds how many functions of a job run at once. A task that is held back has its
// lease and keeps it; one that is cancelled meanwhile is let in later and leaves at once.
type gate struct {
	mu   sync.Mutex
	core *owner.Gate[*task]
}

func newGate() *gate {
	return &gate{core: owner.NewGate[*task](spec.MaxRunningTasks, spec.MaxNestedTasks)}
}

// enter begins a task, now or later, or ends it.
func (g *gate) enter(t *task) {
	g.mu.Lock()
	a := g.core.Enter(t)
	g.mu.Unlock()
	t.admitted(a)
}

// leave: a task that has begun is over.
func (g *gate) leave() { g.tell((*owner.Gate[*task]).Leave) }

// wait: a task that runs waits for others; resume: it goes on.
func (g *gate) wait()   { g.tell((*owner.Gate[*task]).Wait) }
func (g *gate) resume() { g.tell((*owner.Gate[*task]).Resume) }

// tell tells the core what happened, and begins whom it lets in.
func (g *gate) tell(event func(*owner.Gate[*task])) {
	g.mu.Lock()
	event(g.core)
	for {
		t, a, ok := g.core.Next()
		g.mu.Unlock()
		if !ok {
			return
		}
		t.admitted(a)
		g.mu.Lock()
	}
}

// inside returns how many run.
func (g *gate) inside() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.core.Inside()
}
