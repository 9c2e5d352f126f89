package main

import (
	"context"
	"errors"
	"fmt"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmtime"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/spec"
)

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// goal is what DESIGN.md asks of a guest of a kind, in seconds.
type goal struct{ reset, instance float64 }

var goals = map[string]goal{
	"tiny":  {1e-6, 8e-6},
	cGuest:  {1e-6, 8e-6},
	goGuest: {4e-6, 150e-6},
}

// sandboxes measures a fresh sandbox with one almost empty call, which proves that it is fresh, and what becomes of a
// sandbox between calls.
func sandboxes(ctx context.Context, l *lab) (rows []row, err error) {
	for _, g := range l.guests {
		l.note("  the %s guest, %s", g.name, spec.FormatBytes(int64(len(g.wasm))))
		more, err := sandboxesOf(ctx, l, g)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

func sandboxesOf(ctx context.Context, l *lab, g guest) (rows []row, err error) {
	plain, err := l.naive(ctx, g)
	if err != nil {
		return nil, err
	}
	ours, err := l.ours(ctx, g)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ours.close()) }()
	rows, err = fresh(ctx, l, g, plain, ours)
	if err != nil {
		return nil, err
	}
	more, err := kept(ctx, l, g, plain, ours)
	return append(rows, more...), err
}

// loaded is a guest on one of our engines.
type loaded struct {
	engine  string
	runtime *wasmrt.Runtime
	module  *wasmrt.Module
}

type loadedOn []loaded

// ours loads the guest on all of our engines that are built in. The first is the one that has targets.
func (l *lab) ours(ctx context.Context, g guest) (all loadedOn, err error) {
	for _, e := range []struct {
		name string
		open engine.Open
	}{{"wazero", wazero.Open}, {"wasmtime", wasmtime.Open}} {
		rt, err := l.open(e.open)
		if errors.Is(err, spec.Unsupported) {
			l.note("  %v", err)
			continue
		}
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all = append(all, loaded{engine: e.name, runtime: rt})
		if all[len(all)-1].module, err = load(ctx, rt, g, false); err != nil {
			return nil, errors.Join(err, all.close())
		}
	}
	return all, nil
}

func (all loadedOn) close() (err error) {
	for _, o := range all {
		err = errors.Join(err, o.runtime.Close())
	}
	return err
}

// fresh compares the ways to a fresh sandbox, one after the other and in two goroutines.
func fresh(ctx context.Context, l *lab, g guest, plain *naive, ours loadedOn) (rows []row, err error) {
	variants := []variant{{name: "peer: wazero, new instance", run: timed(func() error { return plain.fresh(ctx) })}}
	store, err := newStores(g)
	switch {
	case err == nil:
		defer store.close()
		variants = append(variants, variant{name: "peer: wasmtime, new store", run: timed(store.fresh)})
	case !errors.Is(err, spec.Unsupported):
		return nil, err
	}
	for i, o := range ours {
		reset, instance := freshVariants(ctx, o.module)
		reset.name, instance.name = "reset, "+o.engine, "new instance, "+o.engine
		if i == 0 {
			reset.target, instance.target = goals[g.name].reset, goals[g.name].instance
		}
		variants = append(variants, reset, instance)
	}
	for workers := 1; workers <= 2; workers++ {
		group := fmt.Sprintf("fresh sandbox + call, %s guest, %d at a time", g.name, workers)
		more, err := l.compare(ctx, group, workers, variants)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
		for i := range variants {
			variants[i].target = 0 // it is for one at a time
		}
	}
	return rows, nil
}

// freshVariants are our two ways to a fresh sandbox: one from the pool, and a new one.
func freshVariants(ctx context.Context, m *wasmrt.Module) (reset, instance variant) {
	once := func(spoil bool) error {
		s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{})
		if err != nil {
			return err
		}
		n, err := s.Call(ctx, "count")
		if spoil {
			if _, spoiled := s.Call(ended, "count"); spoiled == nil {
				err = errors.Join(err, errors.New("a call after its end succeeded"))
			}
		}
		return errors.Join(err, s.Close(), counted(n, 1))
	}
	reset.run = timed(func() error { return once(false) })
	// A sandbox whose call failed is never used again: the next one is a new instance, in its room.
	instance.run = timed(func() error { return once(true) })
	return reset, instance
}
