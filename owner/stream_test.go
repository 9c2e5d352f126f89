package owner_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/owner"
)

// TestStreamStories plays the stories of testdata: a line is an event, and the answer is printed behind.
//
//	story [ahead=N]
//
//	yield            the task yields its next result; one that found the stream full tries it again
//	crash            the attempt is over and the next begins
//	returns, fails   the task ends
//	next, leave      the consumer takes the next, goes away
func TestStreamStories(t *testing.T) {
	answers := map[owner.Yielded]string{owner.Fresh: "fresh", owner.Known: "known", owner.Unwanted: "unwanted", owner.Full: "full"}
	datadriven.Walk(t, "testdata/stream", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			ahead := 0
			if d.HasArg("ahead") {
				d.ScanArgs(t, "ahead", &ahead)
			}
			s := owner.NewStream(ahead)
			var trace strings.Builder
			at := 0 // the attempt's next index
			for line := range strings.Lines(d.Input) {
				line = strings.TrimSpace(line)
				trace.WriteString(line)
				switch line {
				case "yield":
					y := s.Yield(at)
					fmt.Fprintf(&trace, " -> %d is %s", at, answers[y])
					if y == owner.Fresh || y == owner.Known {
						at++
					}
				case "crash":
					at = 0
				case "returns", "fails":
					if index, last := s.End(line == "fails"); last {
						fmt.Fprintf(&trace, " -> %d is the error", index)
					}
				case "next":
					switch index, ok, over := s.Next(); {
					case ok:
						fmt.Fprintf(&trace, " -> %d", index)
					case over:
						trace.WriteString(" -> the end")
					default:
						trace.WriteString(" -> wait")
					}
				case "leave":
					first, end, stop := s.Abandon()
					fmt.Fprintf(&trace, " -> drop %d of them, stop the task: %v", end-first, stop)
				default:
					d.Fatalf(t, "the story says %q", line)
				}
				trace.WriteByte('\n')
			}
			return trace.String()
		})
	})
}

// TestAStreamIsTakenOnceAndInOrder drives streams whose tasks crash at random: the consumer gets every result once, in
// order, and never are more waiting than allowed.
func TestAStreamIsTakenOnceAndInOrder(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		ahead, total := r.IntN(4), r.IntN(30)
		s := owner.NewStream(ahead)
		at, want, ended := 0, 0, false
		for over := false; !over; {
			switch r.IntN(5) {
			case 0, 1:
				if at == total && !ended {
					s.End(false)
					ended = true
				} else if !ended {
					if y := s.Yield(at); y == owner.Fresh || y == owner.Known {
						at++
					}
				}
			case 2:
				if !ended && r.IntN(5) == 0 {
					at = 0
				}
			default:
				index, ok, end := s.Next()
				if ok && index != want {
					t.Fatalf("seed %d: got %d, want %d", seed, index, want)
				}
				if ok {
					want++
				}
				over = end
			}
			if ahead > 0 && s.Produced()-want > ahead {
				t.Fatalf("seed %d: %d wait", seed, s.Produced()-want)
			}
		}
		if want != total {
			t.Fatalf("seed %d: %d of %d", seed, want, total)
		}
	}
}
