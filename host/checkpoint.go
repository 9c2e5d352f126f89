package host

import (
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
)

// checkpoint is an actor between two calls, from which its next incarnation goes on: what its memory had become and the
// handles that it held. It counts what the handles refer to.
type checkpoint struct {
	state   []byte // of wasmrt.Sandbox.Checkpoint
	handles *hostcall.HandleTable
	bytes   int64 // reserved in the account of the actor's job
}

// loggedCalls is how many calls there are from one checkpoint to the next of an actor whose calls take effect exactly once
// and whose creator says nothing else: so many run again after a crash.
const loggedCalls = 100

// checkpointPolicy is what the options say, or what they need: the log of calls that take effect exactly once is in the
// node's memory, so an actor that outlives the node is kept after each.
func (a *actor) checkpointPolicy() spec.CheckpointPolicy {
	switch {
	case !said(a.opts.ExactlyOnce, false):
		return said(a.opts.Checkpoint, spec.CheckpointPolicy{})
	case a.mayOutlive():
		return spec.CheckpointPolicy{Calls: 1}
	}
	return said(a.opts.Checkpoint, spec.CheckpointPolicy{Calls: loggedCalls})
}

// clock is the time as the core of an actor is told it.
func clock() int64 { return time.Now().UnixNano() }

// save takes a checkpoint of the incarnation, in which nothing runs. Without room for it the actor's last one stays.
func (a *actor) save(life *incarnation) owner.ActorEvent {
	err := a.keep(life)
	if err != nil {
		a.node.log.Warn("no checkpoint of an actor", zap.String("actor", a.label()), zap.NamedError("reason", err))
	}
	return owner.ActorEvent{Op: owner.Saved, Err: err, Now: clock()}
}

func (a *actor) keep(life *incarnation) error {
	state, err := life.checkpointed()
	if err != nil {
		return err
	}
	c := &checkpoint{state: state, handles: life.session.HandleTable()}
	if life.turns != nil {
		a.mu.Lock()
		waits := len(life.turns.waits)
		a.mu.Unlock()
		if waits > 0 {
			return spec.Errorf("keep checkpoint", spec.Unsupported, a.label(), "it waits for refs beside its calls: let every goroutine that waits end with the call that began it")
		}
	}
	if a.lasts() {
		if err := a.keepState(c); err != nil {
			return err
		}
	}
	c.bytes = int64(len(state)) + c.handles.Bytes()
	if err := a.job.memory.Reserve(c.bytes); err != nil {
		return err
	}
	a.node.objects.retain(c.handles.Links())
	life.fresh = c
	return nil
}

// checkpointed returns the state of the incarnation's sandbox.
func (life *incarnation) checkpointed() ([]byte, error) {
	return life.sandbox.Checkpoint(wasmrt.CheckpointDelta)
}

// install puts the checkpoint that was taken, if one was, in place of the actor's last one, and the log of calls goes. It
// returns what is to be discarded, without the lock. The core is told under the same lock: it restarts the actor from the
// one or the other, with the log that belongs to it. The caller holds mu.
func (a *actor) install(life *incarnation) (old *checkpoint, log map[owner.CallID]*record) {
	c := life.fresh
	life.fresh = nil
	if c == nil || life.over { // it was stopped meanwhile, and may live again from the last one
		return c, nil
	}
	old, a.checkpoint = a.checkpoint, c
	return old, a.takeLog()
}

// discard forgets a checkpoint, nil for none.
func (a *actor) discard(c *checkpoint) {
	if c != nil {
		a.job.memory.Release(c.bytes)
		a.node.objects.release(c.handles.Links())
	}
}

// resume makes the incarnation's sandbox of the actor's checkpoint.
func (a *actor) resume(life *incarnation, cfg wasmrt.SandboxConfig) error {
	a.mu.Lock()
	c := a.checkpoint
	if c == nil || life.over {
		a.mu.Unlock()
		return errActorStopped
	}
	links := c.handles.Links()
	a.node.objects.retain(links) // before anybody can discard the checkpoint
	a.mu.Unlock()
	err := life.session.Take(c.handles)
	a.node.objects.release(links)
	if err != nil {
		return err
	}
	life.sandbox, err = a.module.wasm.Restore(life.ctx, cfg, c.state)
	return err
}
