package owner_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// madeBy names tasks and objects by letters: "a" is a task, "a.2" its second result, "a.put" what it put.
func madeBy(letter byte) spec.TaskID {
	return spec.NewTaskID(spec.DriverTaskID(spec.JobNumber(1)), uint64(letter), spec.NoActor(spec.JobNumber(1)))
}

func objectOf(name string) spec.ObjectID {
	if strings.HasSuffix(name, "put") {
		return madeBy(name[0]).Object(spec.FirstPutIndex)
	}
	return madeBy(name[0]).Object(uint32(name[2] - '0'))
}

// lettersOf returns the names of tasks and objects, shortest form.
func lettersOf[T fmt.Stringer](ids []T, of func(T) spec.TaskID, index func(T) string) string {
	var names []string
	for _, id := range ids {
		for letter := byte('a'); letter <= 'z'; letter++ {
			if madeBy(letter) == of(id) {
				names = append(names, string(letter)+index(id))
			}
		}
	}
	return strings.Join(names, " ")
}

func taskNames(ids []spec.TaskID) string {
	return lettersOf(ids, func(id spec.TaskID) spec.TaskID { return id }, func(spec.TaskID) string { return "" })
}

func objectNames(ids []spec.ObjectID) string {
	return lettersOf(ids, spec.ObjectID.Task, func(id spec.ObjectID) string {
		if id.IsPut() {
			return ".put"
		}
		return fmt.Sprint(".", id.Index())
	})
}

// TestLineageStories plays the stories of testdata: a line is an event, and what follows is printed behind.
//
//	story [limit=N]                                     a lineage of so many bytes, 1000 otherwise
//
//	made TASK [ARG ...] [retries=N] [live=N] [bytes=N]  a task has made its objects; 3 retries, 1 object, 10 bytes
//	freed TASK                                          nobody refers to one of its objects any more
//	lost OBJECT [gone: OBJECT ...]                      what has to run; those after gone are not there either
func TestLineageStories(t *testing.T) {
	datadriven.Walk(t, "testdata/lineage", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			limit := int64(1000)
			if d.HasArg("limit") {
				d.ScanArgs(t, "limit", &limit)
			}
			l := owner.NewLineage(limit)
			var trace strings.Builder
			for line := range strings.Lines(d.Input) {
				line = strings.TrimSpace(line)
				trace.WriteString(line)
				words := strings.Fields(line)
				var forgotten []spec.TaskID
				switch words[0] {
				case "made":
					m := owner.Making{Task: madeBy(words[1][0]), Live: 1, Left: 3, Bytes: 10}
					for _, word := range words[2:] {
						if _, err := fmt.Sscanf(word, "retries=%d", &m.Left); err == nil {
							continue
						}
						if _, err := fmt.Sscanf(word, "live=%d", &m.Live); err == nil {
							continue
						}
						if _, err := fmt.Sscanf(word, "bytes=%d", &m.Bytes); err == nil {
							continue
						}
						m.Args = append(m.Args, objectOf(word))
					}
					m.Max = m.Left
					forgotten = l.Keep(m, nil)
				case "freed":
					forgotten = l.Freed(madeBy(words[1][0]), nil)
				case "lost":
					gone := make(map[spec.ObjectID]bool)
					for _, word := range words[2:] {
						if word != "gone:" {
							gone[objectOf(word)] = true
						}
					}
					tasks, missing, err := l.Rebuild(objectOf(words[1]), func(id spec.ObjectID) bool { return !gone[id] })
					if err != nil {
						fmt.Fprintf(&trace, " -> %v", err.Kind)
					} else {
						fmt.Fprintf(&trace, " -> run %s to make %s", taskNames(tasks), objectNames(missing))
					}
				default:
					d.Fatalf(t, "the story says %q", line)
				}
				if len(forgotten) > 0 {
					trace.WriteString(" -> forget " + taskNames(forgotten))
				}
				trace.WriteByte('\n')
			}
			fmt.Fprintf(&trace, "%d tasks, %d bytes\n", l.Len(), l.Bytes())
			return trace.String()
		})
	})
}

// TestLineageForgetsEverythingInTheEnd keeps and frees at random: what can be made again is what is live or wanted, the
// limit holds, and when all objects are freed nothing is remembered.
func TestLineageForgetsEverythingInTheEnd(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 3))
		limit := int64(50 + r.IntN(1000))
		l := owner.NewLineage(limit)
		var live []spec.TaskID
		for i := range 200 {
			switch {
			case len(live) == 0 || r.IntN(2) == 0:
				m := owner.Making{Task: spec.NewTaskID(spec.DriverTaskID(spec.JobNumber(1)), uint64(i), spec.NoActor(spec.JobNumber(1))),
					Live: 1, Left: -1, Max: -1, Bytes: int64(1 + r.IntN(20))}
				for range r.IntN(3) {
					if len(live) > 0 {
						m.Args = append(m.Args, live[r.IntN(len(live))].Object(1))
					}
				}
				l.Keep(m, nil)
				live = append(live, m.Task)
			default:
				k := r.IntN(len(live))
				l.Freed(live[k], nil)
				live = append(live[:k], live[k+1:]...)
			}
			if l.Bytes() > limit {
				t.Fatalf("seed %d: %d bytes, the limit is %d", seed, l.Bytes(), limit)
			}
			for _, id := range live {
				_, _, err := l.Rebuild(id.Object(1), func(spec.ObjectID) bool { return true })
				if err != nil && err.Kind != spec.ReconstructionLineageEvicted {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		}
		for _, id := range live {
			l.Freed(id, nil)
		}
		if l.Len() != 0 || l.Bytes() != 0 {
			t.Fatalf("seed %d: %d tasks and %d bytes are left", seed, l.Len(), l.Bytes())
		}
	}
}
