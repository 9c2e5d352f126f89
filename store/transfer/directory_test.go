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
	"added": transfer.Added, "removed": transfer.Removed, "want": transfer.Want, "failed": transfer.Failed,
	"gone": transfer.NodeGone, "freed": transfer.Freed,
}

func node(name byte) spec.NodeID { return spec.NodeID{name} }

func object(name byte) spec.ObjectID { return spec.ObjectID{name} }

// TestDirectoryStories plays the stories of testdata: a line is an event, and what is to be done is printed behind it.
// Nodes are capital letters, objects small ones.
//
//	added x A, removed x A, want x A, failed x A FROM, gone A, freed x
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
				switch {
				case w[0] > 'Z':
					ev.ID = object(w[0])
				case ev.Node == spec.NodeID{}:
					ev.Node = node(w[0])
				default:
					ev.From = node(w[0])
				}
			}
			for _, a := range dir.Step(ev) {
				switch {
				case a.Do == transfer.Serve:
					fmt.Fprintf(&out, "    %c: %c to %c\n", a.ID[0], a.From[0], a.To[0])
				case a.Do == transfer.Lost && a.To == spec.NodeID{}:
					fmt.Fprintf(&out, "    %c is lost\n", a.ID[0])
				case a.Do == transfer.Lost:
					fmt.Fprintf(&out, "    %c is lost to %c\n", a.ID[0], a.To[0])
				case a.Do == transfer.Drop:
					fmt.Fprintf(&out, "    drop %c at %c\n", a.ID[0], a.To[0])
				}
			}
		}
		return out.String()
	})
}

// TestBroadcastIsATree: an object for 300 nodes comes by a tree that is as low as one of that fan-out can be, and nobody
// serves more than that; nodes that die do not change it.
func TestBroadcastIsATree(t *testing.T) {
	for _, dying := range []bool{false, true} {
		d := transfer.NewDirectory()
		random := rand.New(rand.NewPCG(1, 1))
		number := func(n int) spec.NodeID { return spec.NodeID{byte(n), byte(n >> 8), 1} }
		d.Step(transfer.Event{Op: transfer.Added, ID: object('x'), Node: number(0)})
		source := map[spec.NodeID]spec.NodeID{}
		ask := func(ev transfer.Event) {
			for _, a := range d.Step(ev) {
				if a.Do != transfer.Serve {
					t.Fatalf("%+v", a)
				}
				source[a.To] = a.From
			}
		}
		const nodes = 300
		for n := 1; n < nodes; n++ {
			ask(transfer.Event{Op: transfer.Want, ID: object('x'), Node: number(n)})
			if dying && n%5 == 0 {
				victim := number(1 + random.IntN(n))
				d.Step(transfer.Event{Op: transfer.NodeGone, Node: victim})
				delete(source, victim)
				for m := range n {
					if source[number(m)] == victim {
						ask(transfer.Event{Op: transfer.Failed, ID: object('x'), Node: number(m), From: victim})
					}
				}
			}
		}
		serves, highest := map[spec.NodeID]int{}, 0
		for n := range source {
			serves[source[n]]++
			level := 0
			for ; n != number(0); n = source[n] {
				if level++; level > nodes {
					t.Fatalf("dying %v: nodes serve each other in a circle", dying)
				}
			}
			highest = max(highest, level)
		}
		for n, k := range serves {
			if k > transfer.Fanout {
				t.Errorf("dying %v: node %v serves %d", dying, n, k)
			}
		}
		if limit := map[bool]int{false: 8, true: 16}[dying]; highest > limit { // 2+4+...+256 are 8 levels
			t.Errorf("dying %v: the tree of %d has %d levels", dying, len(source), highest)
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
