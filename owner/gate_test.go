package owner_test

import (
	"math/rand/v2"
	"testing"

	"github.com/raywasm/raywasm/owner"
)

func TestTheGateHoldsBackAndLetsNestedWaitsThrough(t *testing.T) {
	g := owner.NewGate[string](2, 3)
	for _, want := range []struct {
		token string
		a     owner.Admission
	}{{"a", owner.Admitted}, {"b", owner.Admitted}, {"c", owner.HeldBack}, {"d", owner.HeldBack}, {"e", owner.HeldBack}} {
		if a := g.Enter(want.token); a != want.a {
			t.Fatalf("%s: %v, want %v", want.token, a, want.a)
		}
	}
	next := func(want string, a owner.Admission) {
		t.Helper()
		got, is, ok := g.Next()
		if got != want || ok != (want != "") || ok && is != a {
			t.Fatalf("next is %q, %v; want %q, %v", got, is, want, a)
		}
	}
	g.Wait()
	next("", 0) // b still runs
	g.Wait()
	next("c", owner.Admitted) // all wait, perhaps for c
	next("", 0)
	g.Wait()
	next("d", owner.TooDeep)
	next("e", owner.TooDeep)
	next("", 0)
	g.Resume()
	g.Leave()
	g.Resume()
	if a := g.Enter("f"); a != owner.HeldBack {
		t.Fatalf("with two inside: %v", a)
	}
	g.Leave()
	next("f", owner.Admitted)
}

// TestTheGateNeverDeadlocks runs random trees of functions that wait for their children: all end, and never more than the
// limit run that do not wait.
func TestTheGateNeverDeadlocks(t *testing.T) {
	const limit, most = 4, 1000
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		type fn struct {
			parent  *fn
			pending int // children that have not ended
			waits   bool
		}
		g := owner.NewGate[*fn](limit, most)
		var running []*fn
		made, ended := 0, 0
		admitted := func(f *fn, a owner.Admission) {
			switch a {
			case owner.Admitted:
				running = append(running, f)
			case owner.TooDeep:
				t.Fatalf("seed %d: %d functions are too deep", seed, made)
			}
		}
		call := func(parent *fn) {
			made++
			f := &fn{parent: parent}
			admitted(f, g.Enter(f))
		}
		drain := func() {
			for f, a, ok := g.Next(); ok; f, a, ok = g.Next() {
				admitted(f, a)
			}
		}
		for range 8 {
			call(nil)
		}
		for ended < made {
			busy := running[:0:0]
			for _, f := range running {
				if !f.waits {
					busy = append(busy, f)
				}
			}
			if len(busy) == 0 {
				t.Fatalf("seed %d: %d of %d ended, nothing runs", seed, ended, made)
			}
			f := busy[r.IntN(len(busy))]
			if made < 200 && r.IntN(3) == 0 {
				f.pending = 1 + r.IntN(3)
				for range f.pending {
					call(f)
				}
				f.waits = true
				g.Wait()
				drain()
				continue
			}
			for i := range running {
				if running[i] == f {
					running = append(running[:i], running[i+1:]...)
					break
				}
			}
			ended++
			g.Leave()
			if p := f.parent; p != nil {
				if p.pending--; p.pending == 0 {
					p.waits = false
					g.Resume()
				}
			}
			drain()
		}
		if g.Inside() != 0 {
			t.Fatalf("seed %d: %d are inside", seed, g.Inside())
		}
	}
}
