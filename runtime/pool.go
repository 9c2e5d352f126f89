package wasmrt

import (
	"slices"
	"sync"
	"time"
)

// How many instances wait for their next sandbox, and for how long. An idle Go guest holds some 200 KiB of tables and
// the pages that it changed; making a new one costs 150 microseconds.
const (
	maxIdle = 256
	// An instance that has been idle for idleRounds of the janitor's rounds is freed at the next: after one to one and a half minutes.
	idleRounds = 2
	roundTime  = 30 * time.Second
)

// maxRooms is how many rooms wait for a new instance. Each may hold maxDirtyPages of memory.
const maxRooms = 64

// pools keeps the scrubbed instances of all modules of a runtime. While there is room any module may keep as many as it
// likes; when there is none, a module with more than its fair share makes room for one with less.
type pools struct {
	mu      sync.Mutex
	modules []*Module
	idle    int
	rooms   []*room // that no instance is in, the one left longest ago first
	closed  bool
	janitor *time.Timer // runs while anything is idle
	round   int         // the janitor's, which stands for the time: nobody reads a clock to say how old an instance is
	sweeps  sync.WaitGroup
}

// pool is what one module keeps, guarded by the mutex of pools.
type pool struct{ idle []*instance } // the longest idle first

func newPools() *pools { return &pools{} }

// add makes the module known.
func (p *pools) add(m *Module) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.modules = append(p.modules, m)
}

// take returns an idle instance of the module that may have that limit, the one used last, or nil.
func (p *pools) take(m *Module, limit uint32) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := m.pool.idle
	for k := len(idle) - 1; k >= 0; k-- {
		if i := idle[k]; i.limitTo(limit) {
			copy(idle[k:], idle[k+1:])
			idle[len(idle)-1] = nil
			m.pool.idle = idle[:len(idle)-1]
			p.idle--
			return i
		}
	}
	return nil
}

// give keeps a scrubbed instance, or destroys it or another one if there is no room.
func (p *pools) give(i *instance) {
	p.mu.Lock()
	i.idleSince = p.round
	out := i
	if !p.closed {
		out = p.surplus(i.module)
	}
	if out != i {
		i.module.pool.idle = append(i.module.pool.idle, i)
		p.idle++
		p.watch()
	}
	p.mu.Unlock()
	if out != nil {
		out.destroy()
	}
}

// surplus says which instance has to go for one more of m to be kept; nil if none has to.
func (p *pools) surplus(m *Module) *instance {
	if p.idle < maxIdle {
		return nil
	}
	largest := m
	for _, other := range p.modules {
		if len(other.pool.idle) > len(largest.pool.idle) {
			largest = other
		}
	}
	return p.oldest(largest)
}

// oldest takes the module's longest idle instance out.
func (p *pools) oldest(m *Module) *instance {
	i := m.pool.idle[0]
	m.pool.idle[0] = nil
	m.pool.idle = m.pool.idle[1:]
	p.idle--
	return i
}

// watch sees to it that sweep comes.
func (p *pools) watch() {
	if p.janitor == nil && !p.closed {
		p.sweeps.Add(1)
		p.janitor = time.AfterFunc(roundTime, p.sweep)
	}
}

// sweep destroys what has been idle for long, and comes again as long as anything is.
func (p *pools) sweep() {
	defer p.sweeps.Done()
	var old []*instance
	p.mu.Lock()
	p.round++
	n := 0
	for n < len(p.rooms) && p.round-p.rooms[n].idleSince > idleRounds {
		n++
	}
	unused := slices.Clone(p.rooms[:n])
	p.rooms = slices.Delete(p.rooms, 0, n)
	for _, m := range p.modules {
		for len(m.pool.idle) > 0 && p.round-m.pool.idle[0].idleSince > idleRounds {
			old = append(old, p.oldest(m))
		}
	}
	p.janitor = nil
	if p.idle > 0 || len(p.rooms) > 0 {
		p.watch()
	}
	p.mu.Unlock()
	for _, r := range unused {
		r.free()
	}
	for _, i := range old {
		i.destroy()
	}
}

// room returns a room for a memory of at most limit bytes that begins as img, nil for zeros, and is at least so long: one
// that an instance has left, if there is one, for mapping a new one costs more than making the rest of an instance.
func (p *pools) room(img *image, limit, atLeast uint64) *room {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := len(p.rooms) - 1; k >= 0; k-- {
		if r := p.rooms[k]; r.suits(img, limit, atLeast) {
			p.rooms = slices.Delete(p.rooms, k, k+1)
			r.let(limit, atLeast)
			return r
		}
	}
	return newRoom(img, limit, atLeast)
}

// leave keeps the room of an instance that has been freed, made fresh, or frees it or the one left longest ago.
func (p *pools) leave(r *room, fresh bool) {
	out := r
	if r.letsAgain() && (fresh || r.reset(r.bytes(), false)) {
		p.mu.Lock()
		r.idleSince = p.round
		if !p.closed {
			out = nil
			p.rooms = append(p.rooms, r)
			if len(p.rooms) > maxRooms {
				out = p.rooms[0]
				p.rooms = slices.Delete(p.rooms, 0, 1)
			}
			p.watch()
		}
		p.mu.Unlock()
	}
	if out != nil {
		out.free()
	}
}

// close destroys everything idle, and then the modules.
func (p *pools) close() {
	p.mu.Lock()
	p.closed = true
	modules, rooms := p.modules, p.rooms
	p.modules, p.rooms = nil, nil
	if p.janitor != nil && p.janitor.Stop() {
		p.sweeps.Done()
	}
	p.janitor = nil
	p.mu.Unlock()
	p.sweeps.Wait()
	for _, r := range rooms {
		r.free()
	}
	for _, m := range modules {
		for _, i := range m.pool.idle {
			i.destroy()
		}
		m.pool.idle = nil
		m.close()
	}
}
