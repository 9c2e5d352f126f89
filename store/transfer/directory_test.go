package transfer_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/transfer"
)

var ops = map[string]transfer.Op{
	"added": transfer.Added, "removed": transfer.Removed, "want": transfer.Want, "unwant": transfer.Unwant,
	"got": transfer.Got, "failed": transfer.Failed, "gone": transfer.NodeGone, "freed": transfer.Freed,
}

func node(name byte) spec.NodeID { return spec.NodeID{name} }

func object(name byte) spec.ObjectID { return spec.ObjectID{name} }

// TestDirectoryStories plays the stories of testdata: a line is an event, and what is to be done is printed behind it.
// Nodes are capital letters, objects small ones.
//
//	added x A, removed x A, want x A, unwant x A, got x A, failed x A, gone A, freed x
func TestDirectoryStories(t *testing.T) {
	datadriven.RunTest(t, "testdata/directory", func(t *testing.T, d *datadriven.TestData) string {
		dir := transfer.NewDirectory()
		var out strings.Builder
		for line := range strings.Lines(d.Input) {
			words := strings.Fields(line)
			fmt.Fprintf(&out, "%s\n", strings.TrimSpace(line))
			ev := transfer.Event{Op: ops[words[0]]}
			if ev.Op == 0 {
				d.Fatalf(t, "there is no event %q", words[0])
			}
			for _, w := range words[1:] {
				if w[0] <= 'Z' {
					ev.Node = node(w[0])
				} else {
					ev.ID = object(w[0])
				}
			}
			for _, a := range dir.Step(ev) {
				switch a.Do {
				case transfer.Serve:
					fmt.Fprintf(&out, "    %c: %c to %c\n", a.ID[0], a.From[0], a.To[0])
				case transfer.Lost:
					fmt.Fprintf(&out, "    %c is lost to %c\n", a.ID[0], a.To[0])
				case transfer.Drop:
					fmt.Fprintf(&out, "    drop %c at %c\n", a.ID[0], a.To[0])
				}
			}
		}
		return out.String()
	})
}

// TestBroadcastIsATree: an object for 1000 nodes takes as many rounds as a tree of that fan-out, though nodes die.
func TestBroadcastIsATree(t *testing.T) {
	for _, dying := range []bool{false, true} {
		d := transfer.NewDirectory()
		random := rand.New(rand.NewPCG(1, 1))
		number := func(n int) spec.NodeID { return spec.NodeID{byte(n), byte(n >> 8), 1} }
		d.Step(transfer.Event{Op: transfer.Added, ID: object('x'), Node: number(0)})
		streams := map[spec.NodeID]spec.NodeID{}
		var waiting []spec.NodeID // in the order of Serve
		play := func(ev transfer.Event) {
			for _, a := range d.Step(ev) {
				if a.Do != transfer.Serve {
					t.Fatalf("%+v", a)
				}
				streams[a.To] = a.From
				waiting = append(waiting, a.To)
			}
		}
		dead := map[spec.NodeID]bool{}
		const nodes = 1000
		for n := 1; n < nodes; n++ {
			play(transfer.Event{Op: transfer.Want, ID: object('x'), Node: number(n)})
		}
		rounds := 0
		for ; len(waiting) > 0; rounds++ {
			now := waiting
			waiting = nil
			load := map[spec.NodeID]int{}
			for _, n := range now {
				if load[streams[n]]++; load[streams[n]] > transfer.Fanout {
					t.Fatalf("round %d: one copy serves %d", rounds, load[streams[n]])
				}
			}
			for _, n := range now {
				switch {
				case dead[n]:
				case dying && random.IntN(20) == 0:
					dead[n] = true
					play(transfer.Event{Op: transfer.NodeGone, Node: n})
				default:
					play(transfer.Event{Op: transfer.Got, ID: object('x'), Node: n})
				}
			}
		}
		if have := len(d.Locations(object('x'))); have+len(dead) != nodes {
			t.Errorf("dying %v: %d nodes have it, %d are dead", dying, have, len(dead))
		}
		if rounds > 12 {
			t.Errorf("dying %v: it took %d rounds", dying, rounds)
		}
	}
}

func ExampleDirectory() {
	d := transfer.NewDirectory()
	d.Step(transfer.Event{Op: transfer.Added, ID: object('x'), Node: node('A')})
	for _, a := range d.Step(transfer.Event{Op: transfer.Want, ID: object('x'), Node: node('B')}) {
		fmt.Printf("%c gets it from %c\n", a.To[0], a.From[0])
	}
	// Output: B gets it from A
}
