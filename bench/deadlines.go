package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/spec"
)

// deadline is what guests that never return are given. A sleeper sleeps as long.
const deadline = 5 * time.Millisecond

// deadlines measures how soon a guest that never returns is stopped, and what guests that compute on every core do to
// the host's timers and garbage collector. Peers of the latter are a host without guests and one with unmetered guests.
// Beside each a sleeper measures what the machine itself is late.
func deadlines(ctx context.Context, l *lab) (rows []row, err error) {
	rt, err := l.open(wazero.Open)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close()) }()
	for _, g := range l.guests {
		m, err := load(ctx, rt, g, false)
		if err != nil {
			return nil, err
		}
		late, err := l.stopped(ctx, m, g.name)
		if err != nil {
			return nil, err
		}
		rows = append(rows, late...)
	}
	disturbed, err := l.disturbed(ctx, rt, l.guests[0]) // any guest will do
	return append(rows, disturbed...), err
}

// crowd is how many guests compute at once where they are many.
const crowd = 500

// stopped measures how late a guest that never returns is stopped, alone, while others compute on every core, and while many do.
func (l *lab) stopped(ctx context.Context, m *wasmrt.Module, guest string) (rows []row, err error) {
	for _, c := range []struct {
		name   string
		others int
	}{{"the only guest", 0}, {"others on every core", runtime.GOMAXPROCS(0)}, {fmt.Sprintf("%d others", crowd), crowd}} {
		group := "lateness of a deadline, " + guest + " guest"
		var late []float64
		control, err := l.beside(ctx, m, c.others, func() (err error) {
			late, err = lateness(ctx, m, l.deadlines)
			return err
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, newRow(group, "control, "+c.name, inSeconds, control), newRow(group, c.name, inSeconds, late).aimMax(2e-3))
	}
	return rows, nil
}

// beside does something while so many guests of the module compute, and a sleeper sleeps. It returns how late that one woke up.
func (l *lab) beside(ctx context.Context, busy *wasmrt.Module, guests int, do func() error) (control []float64, err error) {
	stop, err := occupy(ctx, busy, guests, l.slice)
	if err != nil {
		return nil, err
	}
	awake, err := startSleeper()
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	err = do()
	control, sleeper := awake()
	return control, errors.Join(err, sleeper, stop())
}

// lateness calls a function that never returns, with a deadline, n times.
func lateness(ctx context.Context, m *wasmrt.Module, n int) (late []float64, err error) {
	for range n {
		s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{})
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		limited, cancel := context.WithTimeout(ctx, deadline)
		_, err = s.Call(limited, "spin")
		took := time.Since(begin)
		cancel()
		if !errors.Is(err, spec.DeadlineExceeded) {
			return nil, errors.Join(fmt.Errorf("the endless call ended with: %w", err), s.Close())
		}
		if err := s.Close(); err != nil {
			return nil, err
		}
		late = append(late, (took - deadline).Seconds())
	}
	return late, nil
}

// disturbed measures the host's own timers and collections beside guests.
func (l *lab) disturbed(ctx context.Context, rt *wasmrt.Runtime, g guest) (rows []row, err error) {
	metered, err := load(ctx, rt, g, false)
	if err != nil {
		return nil, err
	}
	unmetered, err := load(ctx, rt, g, true)
	if err != nil {
		return nil, err
	}
	var timers, pauses, collections []row
	for _, c := range []struct {
		name        string
		busy        *wasmrt.Module
		timers, gcs int
	}{
		{"peer: no guests", nil, l.deadlines, l.gcs},
		{"peer: unmetered guests on every core", unmetered, min(l.deadlines, 10), 1}, // a collection waits for hundreds of calls
		{"metered guests on every core", metered, l.deadlines, l.gcs},
	} {
		var late, pause, collection []float64
		guests := runtime.GOMAXPROCS(0)
		if c.busy == nil {
			guests = 0
		}
		control, err := l.beside(ctx, c.busy, guests, func() error {
			late = timerLateness(c.timers)
			pause, collection = collect(c.gcs)
			return nil
		})
		if err != nil {
			return nil, err
		}
		const group = "lateness of a timer of 1 ms"
		timer, paused := newRow(group, c.name, inSeconds, late), newRow("pause of the garbage collector", c.name, inSeconds, pause)
		if c.busy == metered {
			timer, paused = timer.aimMax(20e-3), paused.aimMax(10e-3)
			timers = append(timers, newRow(group, "control, "+c.name, inSeconds, control))
		}
		timers, pauses = append(timers, timer), append(pauses, paused)
		collections = append(collections, newRow("runtime.GC", c.name, inSeconds, collection))
	}
	return append(append(timers, pauses...), collections...), nil
}

func timerLateness(n int) (late []float64) {
	const wait = time.Millisecond
	for range n {
		begin := time.Now()
		<-time.After(wait)
		late = append(late, (time.Since(begin) - wait).Seconds())
	}
	return late
}

// collect runs the garbage collector n times and returns for how long it stopped the process each time, the time until
// everybody had stopped included, and how long it took.
func collect(n int) (pauses, collections []float64) {
	var before, after debug.GCStats
	debug.ReadGCStats(&before)
	for range n {
		begin := time.Now()
		runtime.GC()
		collections = append(collections, time.Since(begin).Seconds())
	}
	debug.ReadGCStats(&after)
	for _, p := range after.Pause[:min(int(after.NumGC-before.NumGC), len(after.Pause))] {
		pauses = append(pauses, p.Seconds())
	}
	return pauses, collections
}

// occupy has so many guests of the module compute, in calls of about such a length, until stop is called.
func occupy(ctx context.Context, m *wasmrt.Module, guests int, length time.Duration) (stop func() error, err error) {
	if guests == 0 {
		return func() error { return nil }, nil
	}
	rounds, err := calibrateWork(ctx, m, length)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, guests)
	for range guests {
		go func() {
			ended <- func() error {
				s, err := m.NewSandbox(context.WithoutCancel(ctx), wasmrt.SandboxConfig{})
				if err != nil {
					return err
				}
				for err == nil {
					_, err = s.Call(ctx, "work", rounds)
				}
				if ctx.Err() != nil { // it was stopped
					err = nil
				}
				return errors.Join(err, s.Close())
			}()
		}()
	}
	return func() (err error) {
		cancel()
		for range guests {
			err = errors.Join(err, <-ended)
		}
		return err
	}, nil
}

// calibrateWork returns how many rounds of a guest's work take so long.
func calibrateWork(ctx context.Context, m *wasmrt.Module, length time.Duration) (rounds uint64, err error) {
	s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{})
	if err != nil {
		return 0, err
	}
	const sample = 1 << 24
	begin := time.Now()
	_, err = s.Call(ctx, "work", sample)
	took := time.Since(begin)
	return min(1<<30, 1+uint64(float64(sample)*float64(length)/float64(took))), errors.Join(err, s.Close())
}
