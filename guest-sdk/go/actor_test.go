//go:build !wasip1

package ray

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
)

func TestActorOptionsReachTheHost(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		opts []ActorOption
		want spec.ActorOptions
	}{
		"every n calls, by time, when idle": {
			[]ActorOption{CheckpointEvery(10), CheckpointInterval(time.Minute), CheckpointWhenIdle()},
			spec.ActorOptions{Checkpoint: &spec.CheckpointPolicy{Calls: 10, Interval: time.Minute, Idle: true}}},
		"never after all": {
			[]ActorOption{CheckpointEvery(10), CheckpointNever()},
			spec.ActorOptions{Checkpoint: &spec.CheckpointPolicy{}}},
		"restarts": {
			[]ActorOption{MaxRestarts(-1), MaxTaskRetries(2), MaxPendingCalls(7), Detached(), ActorName("n"), Namespace("s")},
			spec.ActorOptions{MaxRestarts: new(int32(-1)), MaxTaskRetries: new(int32(2)), MaxPendingCalls: new(int32(7)),
				Lifetime: spec.LifetimeDetached, Name: "n", Namespace: "s"}},
	} {
		if err := counters.With(test.opts...).Remote(1).Err(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got spec.ActorOptions
		if err := spec.Unmarshal(w.options["go.counter"], &got); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: the host got %+v, %v", name, got, err)
		}
	}
	if err := counters.With(CheckpointEvery(-1)).Remote(1).Err(); !errors.Is(err, InvalidArgument) {
		t.Errorf("a checkpoint after -1 calls: %v", err)
	}
}

func TestActorsEndGracefully(t *testing.T) {
	w := newWorld(t)
	a := counters.Remote(1)
	_, err := exits.Remote(a).Get()
	wantError(t, err, ActorDied, "ended itself")
	if w.exits != 1 {
		t.Errorf("the host was told %d times", w.exits)
	}
	if err := a.Terminate(); err != nil {
		t.Error(err)
	}
	_, err = inc.Remote(a, 1).Get()
	wantError(t, err, ActorDied)
}

// exits is a method that ends its actor.
var exits = Method0((*counter).Exit)

func (c *counter) Exit() (None, error) {
	ExitActor()
	return None{}, nil
}
