package host

import (
	"sync"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// roomy is how many functions of a job run without a reservation for their sandboxes, which the node's pool has for the most
// part. Those beyond reserve sandboxBytes each in the job's account.
const roomy = 64

// gate is the shell around the core that bounds how many functions of a job run at once. A task that is held back has its
// lease and keeps it; one that is cancelled meanwhile is let in later and leaves at once.
type gate struct {
	memory *store.Account

	mu   sync.Mutex
	core *owner.Gate[*task]
}

func newGate(memory *store.Account) *gate {
	return &gate{memory: memory, core: owner.NewGate[*task](spec.MaxRunningTasks, spec.MaxNestedTasks)}
}

// enter begins a task, now or later, or ends it.
func (g *gate) enter(t *task) {
	g.mu.Lock()
	room, reserved := g.room()
	a := g.core.Enter(t, room)
	if reserved && a != owner.Admitted {
		g.memory.Release(sandboxBytes)
	}
	g.mu.Unlock()
	t.admitted(a)
}

// room reserves what one more takes, if it has to. The caller holds mu.
func (g *gate) room() (room, reserved bool) {
	if g.core.Inside() < roomy {
		return true, false
	}
	room = g.memory.Reserve(sandboxBytes) == nil
	return room, room
}

// leave: a task that has begun is over.
func (g *gate) leave() {
	g.tell(func(core *owner.Gate[*task]) {
		if core.Inside() > roomy {
			g.memory.Release(sandboxBytes)
		}
		core.Leave()
	})
}

// wait: a task that runs waits for others; resume: it goes on.
func (g *gate) wait()   { g.tell((*owner.Gate[*task]).Wait) }
func (g *gate) resume() { g.tell((*owner.Gate[*task]).Resume) }

// tell tells the core what happened, and begins whom it lets in.
func (g *gate) tell(event func(*owner.Gate[*task])) {
	g.mu.Lock()
	event(g.core)
	for {
		if !g.core.Holds() {
			g.mu.Unlock()
			return
		}
		room, reserved := g.room()
		t, a, ok := g.core.Next(room)
		if reserved && a != owner.Admitted {
			g.memory.Release(sandboxBytes)
		}
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
