package sim

import (
	"encoding/binary"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// actor is an actor as its owner sees it. Its life is owner.Actor's to decide.
type actor struct {
	a        *Actor
	core     *owner.Actor
	life     int
	starting bool  // it wants a place, or its constructor runs
	on       *view // nil: nowhere
	running  int   // the call that runs, 0 if none
	answered map[int]bool
	over     bool
	pause    time.Duration
}

func (o *home) startActor(a *Actor) {
	k := &actor{a: a, answered: make(map[int]bool)}
	var id spec.ActorID
	binary.BigEndian.PutUint32(id[:], uint32(a.ID))
	k.core = owner.NewActor(id, "Model", owner.ActorPolicy{MaxRestarts: a.Restarts})
	o.actors[a.ID] = k
	o.living++
	o.calling++
	o.w.at(a.At, func() {
		o.actorStep(k, owner.ActorEvent{Op: owner.Placed}) // begins with the search for a place
		o.calls(k, 1)
	})
}

// calls makes the calls of the driver, one after the other, and then drops its handle.
func (o *home) calls(k *actor, n int) {
	if n > k.a.Calls {
		o.calling--
		o.actorStep(k, owner.ActorEvent{Op: owner.Forget})
		return
	}
	id := owner.CallID(n)
	o.actorStep(k, owner.ActorEvent{Op: owner.Call, Call: id, Caller: 1, MaxRetries: k.a.Retries})
	o.actorStep(k, owner.ActorEvent{Op: owner.Ready, Call: id})
	o.w.after(k.a.Every, func() { o.calls(k, n+1) })
}

// actorStep gives an event to the core and does what it says.
func (o *home) actorStep(k *actor, ev owner.ActorEvent) {
	ev.Now = int64(o.w.now)
	for _, a := range k.core.Step(ev, nil) {
		switch a.Do {
		case owner.Start:
			k.life++
			k.starting = true
			life := k.life
			look := func() {
				if k.starting && k.life == life {
					o.lookForActor(k)
				}
			}
			if a.After > 0 {
				o.w.after(a.After, look)
			} else {
				look()
			}
		case owner.Run:
			k.running = int(a.Call)
			k.pause = 0
			o.repeatCall(k, k.life, k.running)
		case owner.Fail:
			o.answer(k, int(a.Call))
		case owner.Stop:
			k.running, k.starting = 0, false
			if v := k.on; v != nil {
				key := runKey{true, k.a.ID, k.life}
				o.leaveActor(k)
				o.w.ask(v.m, func() { v.m.drop(key) })
			}
		case owner.Die:
			k.over = true
			o.living--
			o.last = max(o.last, o.w.now)
			o.serveAll()
		}
	}
}

// answer gives a call its result: once.
func (o *home) answer(k *actor, call int) {
	o.w.note('a', k.a.ID, call)
	if k.answered[call] {
		o.w.fail("call %d of actor %d was answered twice", call, k.a.ID)
	}
	k.answered[call] = true
}

// lookForActor finds a place for a life, or has it wait for one.
func (o *home) lookForActor(k *actor) {
	need := resource.Of(k.a.Need)
	id, ok := o.w.opt.Policy.Pick(need, noSelector)
	if !ok {
		key := laneKey{sel: "actors"}
		l := o.laneOf[key]
		if l == nil {
			l = &lane{}
			o.laneOf[key] = l
			o.lanes = append(o.lanes, l)
		}
		l.actors = append(l.actors, k)
		return
	}
	v := o.views[id]
	v.pool.Take(need) // until the node's next report
	o.show(v)
	k.on = v
	v.actors = append(v.actors, k)
	k.pause = 0
	o.repeatStart(k, v, k.life)
}

func (o *home) serveActors() {
	l := o.laneOf[laneKey{sel: "actors"}]
	if l == nil || len(l.actors) == 0 {
		return
	}
	waiting := l.actors
	l.actors = nil
	for _, k := range waiting {
		if !k.over && k.starting && k.on == nil {
			o.lookForActor(k)
		}
	}
}

// repeatStart asks a node to start a life until it says that it has.
func (o *home) repeatStart(k *actor, v *view, life int) {
	if k.over || k.on != v || k.life != life || !k.starting {
		return
	}
	need := resource.Of(k.a.Need)
	hold := need
	hold.CPU = 0 // by which it is placed
	s := submission{key: runKey{true, k.a.ID, life}, actor: k.a, hops: maxHops, ask: &sched.Ask{Need: need, Hold: hold}}
	o.w.ask(v.m, func() { v.m.submit(s) })
	k.pause = next(k.pause)
	o.w.after(k.pause, func() { o.repeatStart(k, v, life) })
}

func (o *home) leaveActor(k *actor) {
	for i, other := range k.on.actors {
		if other == k {
			k.on.actors = append(k.on.actors[:i:i], k.on.actors[i+1:]...)
			break
		}
	}
	k.on = nil
}

// mine finds the actor whose life a node speaks of; nil if that life is over, which the node is told.
func (o *home) mine(m *machine, key runKey) *actor {
	k := o.actors[key.id]
	if k == nil || k.over || k.on == nil || k.on.m != m || k.life != key.try {
		o.w.ask(m, func() { m.drop(key) })
		return nil
	}
	return k
}

func (o *home) actorStarted(m *machine, key runKey) {
	if k := o.mine(m, key); k != nil && k.starting {
		k.starting = false
		o.actorStep(k, owner.ActorEvent{Op: owner.Started})
	}
}

// actorEnded: its sandbox crashed, or it can have no place there.
func (o *home) actorEnded(m *machine, key runKey, kind spec.Kind) {
	if k := o.mine(m, key); k != nil {
		o.actorLost(k, kind)
		o.w.ask(m, func() { m.drop(key) })
	}
}

// actorLost ends a life from below.
func (o *home) actorLost(k *actor, kind spec.Kind) {
	o.leaveActor(k)
	op := owner.Crashed
	if k.starting {
		op = owner.StartFailed
	}
	k.starting, k.running = false, 0
	o.actorStep(k, owner.ActorEvent{Op: op, Err: kind})
}

// repeatCall sends a call to the actor's node until it is answered.
func (o *home) repeatCall(k *actor, life, call int) {
	if k.over || k.on == nil || k.life != life || k.running != call {
		return
	}
	m, key := k.on.m, runKey{true, k.a.ID, life}
	o.w.ask(m, func() { m.call(key, call) })
	k.pause = next(k.pause)
	o.w.after(k.pause, func() { o.repeatCall(k, life, call) })
}

func (o *home) returned(m *machine, key runKey, call int) {
	k := o.mine(m, key)
	if k == nil || k.running != call {
		return
	}
	k.running = 0
	o.answer(k, call)
	o.actorStep(k, owner.ActorEvent{Op: owner.Returned, Call: owner.CallID(call)})
}

// started says that an actor's constructor has returned.
func (m *machine) started(r *run) {
	if r.phase == running {
		r.calls = make(map[int]bool)
		m.answer(r)
	}
}

// call runs a call of an actor, once in a life. What has returned is answered again.
func (m *machine) call(key runKey, n int) {
	r := m.runs[key]
	if r == nil || r.calls == nil {
		return
	}
	done, seen := r.calls[n]
	switch {
	case r.phase == ended:
		m.answer(r)
	case done:
		m.tell(func() { m.w.owner.returned(m, key, n) })
	case !seen:
		r.calls[n] = false
		m.after(m.slow(r.actor.Duration), func() {
			switch {
			case r.phase != running:
			case m.w.chance(r.actor.Crash, 'k', key.id<<16|n, key.try):
				m.finish(r, spec.WorkerCrashed)
			default:
				r.calls[n] = true
				m.tell(func() { m.w.owner.returned(m, key, n) })
			}
		})
	}
}
