package host

import (
	"cmp"
	"container/list"
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/checkpoints"
)

// An idle actor is in one of three places, which are the further away the longer it has been idle:
//
//	with an instance     some 200 KiB of tables for a Go guest, pages, address space     the maxResidents called last
//	parked               a few pages in memory                                           while they fit
//	asleep               the same on disk                                                the rest, if there is a directory
//
// The state of one that is parked is reserved in its job's account, from its start on as it is likely to be and then as it is.
// One whose options say after what time it sleeps goes the whole way when that has passed. Its next call wakes it, in microseconds if it was parked, and with a read of the disk if it slept.

// maxResidents is how many idle actors of a node keep their sandbox's instance: a process has mappings for some ten
// thousand.
const maxResidents = 1024

// residents lists the idle incarnations, the longest idle first. An entry may be out of date: an incarnation that has got
// work or has ended meanwhile is passed over.
type residents struct {
	limit int64              // bytes of parked states
	disk  *checkpoints.Store // where those beyond sleep; nil for nowhere
	// turns has a place for each of the actors that fall asleep at the same time. What starts takes its turn there, too, so
	// that actors are not made faster than others fall asleep.
	turns chan struct{}

	mu     sync.Mutex
	idle   list.List // of *incarnation, with an instance
	parked list.List // of *incarnation, parked
	bytes  int64     // of those
	asleep int
}

// maxFallingAsleep is how many actors write their states to disk at the same time.
const maxFallingAsleep = 64

// takeTurn waits for a place among those that fall asleep, until the context ends; with a disk alone.
func (r *residents) takeTurn(ctx context.Context) {
	if r.disk == nil {
		return
	}
	select {
	case r.turns <- struct{}{}:
		<-r.turns
		return
	default:
	}
	select {
	case r.turns <- struct{}{}:
		<-r.turns
	case <-ctx.Done():
	}
}

// add notes that the incarnation is idle and returns the one that has to be parked for it, or nil.
func (r *residents) add(life *incarnation) (over *incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(life)
	life.entry = r.idle.PushBack(life)
	if r.idle.Len() <= maxResidents {
		return nil
	}
	oldest := r.idle.Remove(r.idle.Front()).(*incarnation)
	oldest.entry = nil
	return oldest
}

// park notes that the incarnation is parked and takes so many bytes, and returns those that have to sleep for it.
func (r *residents) park(life *incarnation, bytes int64) (over []*incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(life)
	if r.disk == nil || bytes == 0 {
		return nil
	}
	life.entry, life.bytes = r.parked.PushBack(life), bytes
	for r.bytes += bytes; r.bytes > r.limit; {
		oldest := r.parked.Front().Value.(*incarnation)
		r.forget(oldest)
		over = append(over, oldest)
	}
	return over
}

// remove notes that the incarnation is idle no more.
func (r *residents) remove(life *incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(life)
}

// forget takes the incarnation out of the list that it is in. The caller holds mu.
func (r *residents) forget(life *incarnation) {
	switch {
	case life.entry == nil:
	case life.bytes > 0:
		r.parked.Remove(life.entry)
		r.bytes -= life.bytes
	default:
		r.idle.Remove(life.entry)
	}
	life.entry, life.bytes = nil, 0
}

// slept counts those that sleep.
func (r *residents) slept(n int) {
	r.mu.Lock()
	r.asleep += n
	r.mu.Unlock()
}

// counts returns how many idle actors are where.
func (r *residents) counts() (awake, parked, asleep int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.idle.Len(), r.parked.Len(), r.asleep
}

// rest notes that the incarnation has nothing to do, and parks the one that has been idle longest if there are many.
func (a *actor) rest(life *incarnation) {
	over := a.node.residents.add(life)
	a.mu.Lock()
	if life.over || life.busy { // before it was in the list, so that nobody has taken it out
		a.node.residents.remove(life)
	}
	a.mu.Unlock()
	if over != nil {
		over.actor.parkAndSleep(over)
	}
	if a.opts.SleepAfter != nil {
		a.sleepLater(life, *a.opts.SleepAfter)
	}
}

// parkAndSleep parks an incarnation that is idle, and puts those to sleep for whose states there is no memory then.
func (a *actor) parkAndSleep(life *incarnation) {
	for _, longer := range a.park(life) {
		longer.actor.sleep(longer)
	}
}

// sleepLater puts the incarnation to sleep after that time, if it is idle still.
func (a *actor) sleepLater(life *incarnation, after time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case life.over || life.busy:
	case life.nap != nil:
		life.nap.Reset(after)
	default:
		life.nap = time.AfterFunc(after, func() {
			a.scope.run(func() { // unless it ends
				a.parkAndSleep(life)
				if a.node.residents.disk != nil {
					a.node.residents.remove(life)
					a.sleep(life)
				}
			})
		})
	}
}

// wakeful: the incarnation is not to fall asleep. The caller holds the actor's mu.
func (life *incarnation) wakeful() {
	if life.nap != nil {
		life.nap.Stop()
	}
}

// away does something with the sandbox of an idle incarnation. A call that comes meanwhile waits for that; if the sandbox is
// lost then, it learns of it.
func (a *actor) away(life *incarnation, do func()) {
	a.mu.Lock()
	if life.busy || life.over || life.parking != nil {
		a.mu.Unlock()
		return
	}
	done := make(chan struct{})
	life.parking = done
	a.mu.Unlock()
	do()
	a.mu.Lock()
	life.parking = nil
	lost := life.lost
	if life.busy || life.over {
		lost = nil
	}
	life.busy = life.busy || lost != nil
	a.mu.Unlock()
	close(done)
	if lost != nil {
		a.perform(a.report(life, owner.ActorEvent{Op: owner.Crashed, Err: lost}, true))
		return
	}
	a.leave(life)
}

// park parks an incarnation that is idle, and returns those that have to sleep for it: itself, if the job has no room for its
// state. Without a disk it ends then.
func (a *actor) park(life *incarnation) (over []*incarnation) {
	a.away(life, func() {
		if life.asleep {
			return
		}
		life.sandbox.Park()
		bytes := life.sandbox.ParkedBytes()
		if bytes > 0 {
			a.module.parked.Store(bytes)
		}
		full := life.reserve(cmp.Or(bytes, sandboxBytes)) // what cannot be parked keeps its instance
		over = a.node.residents.park(life, bytes)
		switch {
		case full == nil:
		case a.node.residents.disk != nil && bytes > 0:
			over = append(over, life)
		default:
			life.lose(full)
		}
	})
	return over
}

// lose closes the sandbox of an incarnation for whose state there is no room. The actor has crashed then.
func (life *incarnation) lose(why error) {
	a := life.actor
	a.node.residents.remove(life)
	_ = life.sandbox.Close() // nobody wants it
	life.lost = &spec.Error{Op: "park", Kind: spec.OutOfMemory, ID: a.label(), Err: why}
}

// reserve makes that what is reserved in the job's account for the incarnation's sandbox, while nobody calls it.
func (life *incarnation) reserve(bytes int64) error {
	if more := bytes - life.reserved; more > 0 {
		if err := (*jobMemory)(life.actor.job).Reserve(more); err != nil {
			return err
		}
	} else {
		life.actor.job.memory.Release(-more)
	}
	life.reserved = bytes
	return nil
}

// sleep puts an incarnation that is parked on disk. Where that fails it stays as it is, if there is room for it.
func (a *actor) sleep(life *incarnation) {
	a.away(life, func() {
		if err := a.putToSleep(life); err != nil {
			a.node.log.Warn("an actor does not sleep", zap.String("actor", a.label()), zap.NamedError("reason", err))
			if life.reserved < life.sandbox.ParkedBytes() {
				life.lose(err)
			}
		}
	})
}

func (a *actor) putToSleep(life *incarnation) error {
	if life.asleep || life.sandbox.ParkedBytes() == 0 { // it is, or has been called meanwhile
		return nil
	}
	state, err := life.checkpointed()
	if err != nil {
		return err
	}
	r := &a.node.residents
	r.turns <- struct{}{}
	err = r.disk.Save(context.Background(), a.id, state, 0)
	<-r.turns
	if err != nil {
		return err
	}
	_ = life.sandbox.Close() // nothing of it is left but what has been saved
	_ = life.reserve(0)      // less is never refused
	life.sandbox, life.asleep = nil, true
	a.plain.Clear()
	if life.turns == nil && !life.session.Holds() {
		life.session.Close()
		a.mu.Lock()
		life.session = nil
		if len(a.calls) == 0 {
			a.calls = nil
		}
		a.mu.Unlock()
	}
	r.slept(1)
	return nil
}

// rouse waits until nobody is parking the incarnation, which has got work, and fetches it from the disk if it slept.
func (a *actor) rouse(life *incarnation) *spec.Error {
	a.node.residents.remove(life)
	a.mu.Lock()
	life.wakeful()
	parking := life.parking
	a.mu.Unlock()
	if parking != nil {
		<-parking
		a.node.residents.remove(life)
	}
	if life.lost != nil {
		return life.lost
	}
	if !life.asleep {
		return nil
	}
	life.asleep = false
	if life.session == nil {
		life.session = hostcall.NewSession(newCaller(a.ownTask(uint64(life.number)), life.number, a.lease).functions())
	}
	saved, err := a.node.residents.disk.Load(a.id)
	if err == nil {
		cfg := a.job.sandbox(life.session, said(a.opts.Memory, 0), nil, life.out)
		life.sandbox, err = a.module.wasm.Restore(life.ctx, cfg, saved.Checkpoint)
	}
	a.forgetSleep()
	if err != nil {
		return &spec.Error{Op: "wake up", Kind: spec.ActorUnavailable, ID: a.label(), Err: err}
	}
	return nil
}

// forgetSleep removes what the disk has of an actor that sleeps no more.
func (a *actor) forgetSleep() {
	a.node.residents.slept(-1)
	if err := a.node.residents.disk.Delete(context.Background(), a.id); err != nil {
		a.node.log.Warn("the state of an actor that slept stays on disk", zap.String("actor", a.label()), zap.NamedError("reason", err))
	}
}
