package wasmrt

import (
	"sync"
	"time"
)

// How many instances wait for their next sandbox, and for how long. An idle Go guest holds some 200 KiB of tables and
// the pages that it changed; making a new one costs 150 microseconds.
const (
	maxIdle  = 256
	idleTime = time.Minute
)

// pools keeps the scrubbed instances of all modules of a runtime. While there is room any module may keep as many as it
// likes; when there is none, a module with more than its fair share makes room for one with less.
type pools struct {
	mu      sync.Mutex
	modules []*Module
	idle    int
	closed  bool
	janitor *time.Timer // runs while anything is idle
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

// take returns an idle instance of the module with that limit, the one used last, or nil.
func (p *pools) take(m *Module, limit uint32) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := m.pool.idle
	for k := len(idle) - 1; k >= 0; k-- {
		if i := idle[k]; i.limit == limit {
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
	i.idleSince = time.Now()
	p.mu.Lock()
	out := i
	if !p.closed {
		out = p.room(i.module)
	}
	if out != i {
		i.module.pool.idle = append(i.module.pool.idle, i)
		p.idle++
		if p.janitor == nil {
			p.sweeps.Add(1)
			p.janitor = time.AfterFunc(idleTime, p.sweep)
		}
	}
	p.mu.Unlock()
	if out != nil {
		out.destroy()
	}
}

// room says which instance has to go for one more of m to be kept; nil if there is room.
func (p *pools) room(m *Module) *instance {
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
	m.pool.idle = append(m.pool.idle[:0], m.pool.idle[1:]...)
	p.idle--
	return i
}

// sweep destroys what has been idle for long, and comes again as long as anything is.
func (p *pools) sweep() {
	defer p.sweeps.Done()
	var old []*instance
	p.mu.Lock()
	for _, m := range p.modules {
		for len(m.pool.idle) > 0 && time.Since(m.pool.idle[0].idleSince) >= idleTime {
			old = append(old, p.oldest(m))
		}
	}
	p.janitor = nil
	if p.idle > 0 && !p.closed {
		p.sweeps.Add(1)
		p.janitor = time.AfterFunc(idleTime/2, p.sweep)
	}
	p.mu.Unlock()
	for _, i := range old {
		i.destroy()
	}
}

// close destroys everything idle, and then the modules.
func (p *pools) close() {
	p.mu.Lock()
	p.closed = true
	modules := p.modules
	p.modules = nil
	if p.janitor != nil && p.janitor.Stop() {
		p.sweeps.Done()
	}
	p.janitor = nil
	p.mu.Unlock()
	p.sweeps.Wait()
	for _, m := range modules {
		for _, i := range m.pool.idle {
			i.destroy()
		}
		m.pool.idle = nil
		m.close()
	}
}
