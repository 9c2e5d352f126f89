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
		if a := g.Enter(want.token, true); a != want.a {
			t.Fatalf("%s: %v, want %v", want.token, a, want.a)
		}
	}
	next := func(want string, a owner.Admission) {
		t.Helper()
		got, is, ok := g.Next(true)
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
	if a := g.Enter("f", true); a != owner.HeldBack {
		t.Fatalf("with two inside: %v", a)
	}
	g.Leave()
	next("f", owner.Admitted)
}

func TestTheGateHoldsBackForWhomThereIsNoRoom(t *testing.T) {
	g := owner.NewGate[string](8, 9)
	for _, want := range []struct {
		token string
		room  bool
		a     owner.Admission
	}{{"a", true, owner.Admitted}, {"b", false, owner.HeldBack}, {"c", false, owner.HeldBack}} {
		if a := g.Enter(want.token, want.room); a != want.a {
			t.Fatalf("%s: %v, want %v", want.token, a, want.a)
		}
	}
	if token, _, ok := g.Next(false); ok {
		t.Fatalf("%s goes on without room, while another runs", token)
	}
	if token, a, ok := g.Next(true); token != "b" || a != owner.Admitted || !ok {
		t.Fatalf("with room: %q, %v", token, a)
	}
	g.Wait()
	g.Wait()
	if token, a, ok := g.Next(false); token != "c" || a != owner.NoRoom || !ok || g.Holds() {
		t.Fatalf("all wait and there is no room: %q, %v", token, a)
	}
	if a := g.Enter("d", false); a != owner.NoRoom || g.Inside() != 2 {
		t.Fatalf("all wait and there is no room: %v, %d are inside", a, g.Inside())
	}
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
			admitted(f, g.Enter(f, true))
		}
		drain := func() {
			for f, a, ok := g.Next(true); ok; f, a, ok = g.Next(true) {
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
