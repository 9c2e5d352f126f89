package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/wazero"
)

// actors measures what a live idle actor takes of the machine's memory and how soon one answers: of sandboxes alone, and
// in a job.
func actors(ctx context.Context, l *lab) (rows []row, err error) {
	if _, err := resident(); err != nil {
		l.note("  left out: %v", err)
		return nil, nil
	}
	for _, g := range l.guests {
		n, target := l.actors, 20e3
		if g.name == goGuest {
			n, target = l.goActors, 250e3
		}
		group := fmt.Sprintf("memory of a live idle actor, %s guest", g.name)
		plain, err := l.plainActors(ctx, g, min(n, 100))
		if err != nil {
			return nil, err
		}
		awake, _, err := l.sandboxActors(ctx, g, min(n, 1000), false)
		if err != nil {
			return nil, err
		}
		parked, wakeUps, err := l.sandboxActors(ctx, g, n, true)
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			newRow(group, fmt.Sprintf("peer: wazero, an instance each, %d", min(n, 100)), inBytes, []float64{plain}),
			newRow(group, fmt.Sprintf("a sandbox each, %d", min(n, 1000)), inBytes, []float64{awake}).against([]float64{plain}, []float64{awake}),
			newRow(group, fmt.Sprintf("a parked sandbox each, %d", n), inBytes, []float64{parked}).against([]float64{plain}, []float64{parked}).aim(target),
			newRow(fmt.Sprintf("an actor answers, %s guest", g.name), fmt.Sprintf("wake-up + call, of %d", n), inSeconds, wakeUps).aim(10e-6))
	}
	more, err := l.jobActors(ctx)
	return append(rows, more...), err
}

// plainActors measures what an instance of plain wazero takes that has been called once.
func (l *lab) plainActors(ctx context.Context, g guest, n int) (each float64, err error) {
	p, err := l.naive(ctx, g)
	if err != nil {
		return 0, err
	}
	before, err := resident()
	if err != nil {
		return 0, err
	}
	for range n {
		m, err := p.instance(ctx)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, m.Close(ctx)) }()
		if _, err := m.ExportedFunction("count").Call(ctx); err != nil {
			return 0, err
		}
	}
	after, err := resident()
	return (after - before) / float64(n), err
}

// sandboxActors measures what a sandbox takes that has been called once; if they are parked, also how long a call of any
// of them takes.
func (l *lab) sandboxActors(ctx context.Context, g guest, n int, park bool) (each float64, wakeUps []float64, err error) {
	rt, err := l.open(wazero.Open)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	m, err := load(ctx, rt, g, false)
	if err != nil {
		return 0, nil, err
	}
	before, err := resident()
	if err != nil {
		return 0, nil, err
	}
	live := make([]*wasmrt.Sandbox, 0, n)
	defer func() {
		for _, s := range live {
			err = errors.Join(err, s.Close())
		}
	}()
	for range n {
		s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{})
		if err != nil {
			return 0, nil, err
		}
		live = append(live, s)
		if _, err := s.Call(ctx, "count"); err != nil {
			return 0, nil, err
		}
		if park {
			s.Park()
		}
	}
	after, err := resident()
	if err != nil {
		return 0, nil, err
	}
	if park {
		wakeUps, err = wakeAny(ctx, live, l.wakeUps)
	}
	return (after - before) / float64(n), wakeUps, err
}

// wakeAny calls parked sandboxes, each chosen at random, and parks them again.
func wakeAny(ctx context.Context, live []*wasmrt.Sandbox, n int) (took []float64, err error) {
	pick := rand.New(rand.NewPCG(1, 2))
	for range n {
		s := live[pick.IntN(len(live))]
		begin := time.Now()
		if _, err := s.Call(ctx, "count"); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin).Seconds())
		s.Park()
	}
	return took, nil
}

// jobActors measures actors of a job: the driver makes them, calls each once, and then calls some of them again.
func (l *lab) jobActors(ctx context.Context) (rows []row, err error) {
	node, module, err := l.node(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	before, err := resident()
	if err != nil {
		return nil, err
	}
	var after float64
	figures, err := drive(ctx, node, module, func(f figure) error {
		if f.Name != "actors made" { // the driver waits until its line is written
			return nil
		}
		after, err = resident()
		return err
	}, "-actors", fmt.Sprint(l.goActors), "-wakeups", fmt.Sprint(l.wakeUps))
	if err != nil {
		return nil, err
	}
	each := (after - before) / float64(l.goActors)
	rows = []row{newRow("memory of a live idle actor, a job's", fmt.Sprintf("one of %d, SDK and node included", l.goActors), inBytes, []float64{each}).aim(250e3)}
	for _, f := range figures {
		rows = append(rows, newRow("an actor answers, a job's", fmt.Sprintf("%s, of %d", f.Name, l.goActors), inSeconds, []float64{f.perCall()}))
	}
	return rows, nil
}
