package transfer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/transfer"
)

// TestPullStories plays the stories of testdata: a line is an event, and what is to be done is printed behind it. Sizes and
// the limit are in chunks.
//
//	story limit=N
//
//	pull x SIZE get|wait|args, unpull x get|wait|args, from x A, never x, came x CHUNK, nochunk x CHUNK A,
//	differs x
func TestPullStories(t *testing.T) {
	priorities := map[string]transfer.Priority{"get": transfer.ForGet, "wait": transfer.ForWait, "args": transfer.ForArgs}
	datadriven.RunTest(t, "testdata/pull", func(t *testing.T, d *datadriven.TestData) string {
		limit := int64(0)
		d.ScanArgs(t, "limit", &limit)
		u := transfer.NewPuller(limit * transfer.ChunkBytes)
		var out strings.Builder
		for line := range strings.Lines(d.Input) {
			w := strings.Fields(line)
			fmt.Fprintf(&out, "%s\n", strings.TrimSpace(line))
			number := func(i int) int64 {
				n, err := strconv.ParseInt(w[i], 10, 64)
				if err != nil {
					d.Fatalf(t, "%s: %v", line, err)
				}
				return n
			}
			ev := transfer.PullEvent{ID: object(w[1][0])}
			switch w[0] {
			case "pull":
				ev.Op, ev.Size, ev.Priority = transfer.Pull, number(2)*transfer.ChunkBytes, priorities[w[3]]
			case "unpull":
				ev.Op, ev.Priority = transfer.Unpull, priorities[w[2]]
			case "from":
				ev.Op, ev.Node = transfer.From, node(w[2][0])
			case "never":
				ev.Op = transfer.Never
			case "differs":
				ev.Op = transfer.Differs
			case "came":
				ev.Op, ev.Chunk = transfer.Came, number(2)
			case "nochunk":
				ev.Op, ev.Chunk, ev.Node = transfer.NoChunk, number(2), node(w[3][0])
			default:
				d.Fatalf(t, "there is no event %q", w[0])
			}
			for _, a := range u.Step(ev) {
				switch a.Do {
				case transfer.Locate:
					fmt.Fprintf(&out, "    locate %c\n", a.ID[0])
				case transfer.Fetch:
					fmt.Fprintf(&out, "    fetch %c %d from %c\n", a.ID[0], a.Chunk, a.Node[0])
				case transfer.LoseSource:
					fmt.Fprintf(&out, "    %c cannot send %c\n", a.Node[0], a.ID[0])
				case transfer.Complete:
					fmt.Fprintf(&out, "    %c is complete\n", a.ID[0])
				case transfer.GiveUp:
					fmt.Fprintf(&out, "    give %c up\n", a.ID[0])
				case transfer.Fail:
					fmt.Fprintf(&out, "    %c does not come\n", a.ID[0])
				}
			}
		}
		return out.String()
	})
}

// TestEverythingThatIsWantedComes from sources that fail: each chunk once, in bounds, and
// never more than the limits on its way, but for one object alone.
func TestEverythingThatIsWantedComes(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 3))
		limit := int64(8+seed%2*200) * transfer.ChunkBytes
		u := transfer.NewPuller(limit)
		coming := 0
		sizes, here := map[spec.ObjectID]int64{}, map[spec.ObjectID]map[int64]int64{}
		active := map[spec.ObjectID]bool{}
		var todo []transfer.PullEvent
		complete := 0
		play := func(ev transfer.PullEvent) {
			for _, a := range u.Step(ev) {
				switch a.Do {
				case transfer.Locate:
					active[a.ID] = true
					todo = append(todo, transfer.PullEvent{Op: transfer.From, ID: a.ID, Node: node('A')})
				case transfer.LoseSource:
					todo = append(todo, transfer.PullEvent{Op: transfer.From, ID: a.ID, Node: node(a.Node[0] + 1)})
				case transfer.Fetch:
					if a.N < 1 || a.Off < 0 || a.Off+a.N > sizes[a.ID] || a.Off != a.Chunk*transfer.ChunkBytes || here[a.ID][a.Chunk] != 0 {
						t.Fatalf("seed %d: %+v of %d bytes", seed, a, sizes[a.ID])
					}
					if coming++; coming > transfer.ChunksComing {
						t.Fatalf("seed %d: %d chunks are on their way", seed, coming)
					}
					next := transfer.PullEvent{Op: transfer.Came, ID: a.ID, Chunk: a.Chunk}
					if random.IntN(10) == 0 {
						next.Op, next.Node = transfer.NoChunk, a.Node
					} else {
						here[a.ID][a.Chunk] = a.N
					}
					todo = append(todo, next)
				case transfer.Complete:
					sum := int64(0)
					for _, n := range here[a.ID] {
						sum += n
					}
					if sum != sizes[a.ID] {
						t.Fatalf("seed %d: complete with %d bytes of %d", seed, sum, sizes[a.ID])
					}
					delete(active, a.ID)
					complete++
				case transfer.GiveUp: // and whatever is on its way of it is too late
					delete(active, a.ID)
					clear(here[a.ID])
					todo = slices.DeleteFunc(todo, func(ev transfer.PullEvent) bool {
						if ev.ID != a.ID {
							return false
						}
						if ev.Op == transfer.Came || ev.Op == transfer.NoChunk {
							coming--
						}
						return true
					})
				}
			}
			sum := int64(0)
			for id := range active {
				sum += sizes[id]
			}
			if sum > limit && len(active) > 1 {
				t.Fatalf("seed %d: %d objects of %d bytes are on their way", seed, len(active), sum)
			}
		}
		const count = 30
		for n := range byte(count) {
			id := object(n + 1)
			sizes[id], here[id] = 1+random.Int64N(12*transfer.ChunkBytes), map[int64]int64{}
			play(transfer.PullEvent{Op: transfer.Pull, ID: id, Size: sizes[id], Priority: transfer.Priority(random.IntN(3))})
		}
		for len(todo) > 0 {
			k := random.IntN(len(todo))
			ev := todo[k]
			todo = append(todo[:k], todo[k+1:]...)
			if ev.Op == transfer.Came || ev.Op == transfer.NoChunk {
				coming--
			}
			play(ev)
		}
		if complete != count {
			t.Fatalf("seed %d: %d of %d are complete", seed, complete, count)
		}
	}
}

func ExamplePuller() {
	u := transfer.NewPuller(100 * spec.MiB)
	u.Step(transfer.PullEvent{Op: transfer.Pull, ID: object('x'), Size: 7 * spec.MiB, Priority: transfer.ForGet})
	for _, a := range u.Step(transfer.PullEvent{Op: transfer.From, ID: object('x'), Node: node('A')}) {
		fmt.Printf("%d bytes at %d from %c\n", a.N, a.Off, a.Node[0])
	}
	// Output:
	// 5242880 bytes at 0 from A
	// 2097152 bytes at 5242880 from A
}
