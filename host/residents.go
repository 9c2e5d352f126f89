package host

import (
	"container/list"
	"sync"
)

// maxResidents is how many idle actors of a node keep their sandbox's instance. Each is some 200 KiB of tables for a Go
// guest, pages, and address space of which a process has mappings for some ten thousand. Beyond, those idle longest are
// parked: their state stays in memory, a few pages, and their next call wakes them in microseconds.
const maxResidents = 1024

// residents lists the idle incarnations that have an instance, the longest idle first. An entry may be out of date: an
// incarnation that has got work or has ended meanwhile is passed over.
type residents struct {
	mu   sync.Mutex
	idle list.List // of *incarnation
}

// add notes that the incarnation is idle and returns the one that has to be parked for it, or nil.
func (r *residents) add(life *incarnation) (over *incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if life.entry != nil {
		r.idle.Remove(life.entry)
	}
	life.entry = r.idle.PushBack(life)
	if r.idle.Len() <= maxResidents {
		return nil
	}
	oldest := r.idle.Remove(r.idle.Front()).(*incarnation)
	oldest.entry = nil
	return oldest
}

// remove notes that the incarnation is idle no more.
func (r *residents) remove(life *incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if life.entry != nil {
		r.idle.Remove(life.entry)
		life.entry = nil
	}
}

// rest notes that the incarnation has nothing to do, and parks the one that has been idle longest if there are many.
func (a *actor) rest(life *incarnation) {
	if over := a.node.residents.add(life); over != nil {
		over.actor.park(over)
	}
}

// park parks an incarnation that is idle. A call that comes meanwhile waits for that.
func (a *actor) park(life *incarnation) {
	a.mu.Lock()
	if life.busy || life.over || life.parking != nil {
		a.mu.Unlock()
		return
	}
	done := make(chan struct{})
	life.parking = done
	a.mu.Unlock()
	life.sandbox.Park()
	a.mu.Lock()
	life.parking = nil
	a.mu.Unlock()
	close(done)
	a.leave(life)
}

// rouse waits until nobody is parking the incarnation, which has got work.
func (a *actor) rouse(life *incarnation) {
	a.node.residents.remove(life)
	a.mu.Lock()
	parking := life.parking
	a.mu.Unlock()
	if parking != nil {
		<-parking
	}
}
