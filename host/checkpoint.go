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

// clock is the time as the core of an actor is told it.
func clock() int64 { return time.Now().UnixNano() }

// save takes a checkpoint of the incarnation, in which nothing runs, in place of the actor's last one. Without room for
// it the last one stays.
func (a *actor) save(life *incarnation) owner.ActorEvent {
	err := a.keep(life)
	if err != nil {
		a.node.log.Warn("no checkpoint of an actor", zap.String("actor", a.label()), zap.NamedError("reason", err))
	}
	return owner.ActorEvent{Op: owner.Saved, Err: err, Now: clock()}
}

func (a *actor) keep(life *incarnation) error {
	state, err := life.sandbox.Checkpoint(wasmrt.CheckpointDelta)
	if err != nil {
		return err
	}
	c := &checkpoint{state: state, handles: life.session.HandleTable()}
	if a.durable {
		if len(c.handles.Links()) > 0 {
			return spec.Errorf("keep checkpoint", spec.Unsupported, a.label(), "it holds refs or actors between its calls, and they end with the node: release them, or do not detach it")
		}
		if err := a.saveState(state); err != nil {
			return err
		}
	}
	c.bytes = int64(len(state)) + c.handles.Bytes()
	if err := a.job.memory.Reserve(c.bytes); err != nil {
		return err
	}
	a.node.objects.retain(c.handles.Links())
	a.mu.Lock()
	if !a.ended && !life.over { // or it was stopped meanwhile, and may live again from the last one
		c, a.checkpoint = a.checkpoint, c
	}
	a.mu.Unlock()
	a.discard(c)
	return nil
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
	// The handles are counted before anybody can discard the checkpoint.
	err := life.session.Take(c.handles)
	a.mu.Unlock()
	if err != nil {
		return err
	}
	life.sandbox, err = a.module.wasm.Restore(life.ctx, cfg, c.state)
	return err
}
