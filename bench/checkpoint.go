package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
)

// dirty is how many pages the sandboxes below have changed, beside those that any call changes.
const dirty = 5

// kept measures what becomes of a sandbox between calls: checkpoints, parking, waking up, restoring.
func kept(ctx context.Context, l *lab, g guest, plain *naive, ours loadedOn) (rows []row, err error) {
	instance, err := plain.instance(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, instance.Close(ctx)) }()
	var copied []byte
	checkpoints := []variant{{name: "peer: wazero, copy of the memory", run: timed(func() error {
		view, _ := instance.Memory().Read(0, instance.Memory().Size())
		copied = append(copied[:0], view...)
		return nil
	})}}
	var parks, wakeUps, restores []variant
	for i, o := range ours {
		awake, err := used(ctx, o.module)
		if err != nil {
			return nil, err
		}
		defer awake.Close()
		sleeper, err := used(ctx, o.module)
		if err != nil {
			return nil, err
		}
		defer sleeper.Close()
		checkpoint, err := awake.Checkpoint(wasmrt.CheckpointDelta)
		if err != nil {
			return nil, err
		}
		l.note("  its checkpoint on %s has %s", o.engine, spec.FormatBytes(int64(len(checkpoint))))
		take := variant{name: "delta, " + o.engine, run: timed(func() error {
			_, err := awake.Checkpoint(wasmrt.CheckpointDelta)
			return err
		})}
		wake := variant{name: o.engine, run: wakeUp(ctx, sleeper)}
		if i == 0 {
			take.target, wake.target = 15e-6, 10e-6
		}
		checkpoints, wakeUps = append(checkpoints, take), append(wakeUps, wake)
		parks = append(parks, variant{name: o.engine, run: park(ctx, sleeper)})
		restores = append(restores, variant{name: o.engine, run: timed(func() error { return restore(ctx, o.module, checkpoint) })})
	}
	for _, c := range []struct {
		what     string
		variants []variant
	}{{"checkpoint", checkpoints}, {"park", parks}, {"wake-up + call", wakeUps}, {"restore + call", restores}} {
		more, err := l.compare(ctx, fmt.Sprintf("%s, %d dirty pages, %s guest", c.what, dirty, g.name), 1, c.variants)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// used returns a sandbox that has changed some pages.
func used(ctx context.Context, m *wasmrt.Module) (*wasmrt.Sandbox, error) {
	s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{})
	if err != nil {
		return nil, err
	}
	if _, err := s.Call(ctx, "touch", dirty); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// wakeUp parks the sandbox and calls it; the call counts.
func wakeUp(ctx context.Context, s *wasmrt.Sandbox) func(n int) (time.Duration, error) {
	return func(n int) (sum time.Duration, err error) {
		for range n {
			s.Park()
			begin := time.Now()
			if _, err := s.Call(ctx, "count"); err != nil {
				return 0, err
			}
			sum += time.Since(begin)
		}
		return sum, nil
	}
}

// park parks the sandbox and calls it; the parking counts.
func park(ctx context.Context, s *wasmrt.Sandbox) func(n int) (time.Duration, error) {
	return func(n int) (sum time.Duration, err error) {
		for range n {
			begin := time.Now()
			s.Park()
			sum += time.Since(begin)
			if _, err := s.Call(ctx, "count"); err != nil {
				return 0, err
			}
		}
		return sum, nil
	}
}

// restore makes a sandbox of a checkpoint, in which nothing has been counted yet, calls it and closes it.
func restore(ctx context.Context, m *wasmrt.Module, checkpoint []byte) error {
	s, err := m.Restore(ctx, wasmrt.SandboxConfig{}, checkpoint)
	if err != nil {
		return err
	}
	n, err := s.Call(ctx, "count")
	return errors.Join(err, s.Close(), counted(n, 1))
}
