package local_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/wal"
	"github.com/raywasm/raywasm/wal/faults"
)

// childDir names, in the environment, the directory for which this binary is the child of TestKill.
const childDir = "RAYWASM_TEST_CONTROL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// childWriters count, each a key of its own, until the process is killed.
const childWriters = 8

// child says on stdout "writer number" for each commit that was acknowledged.
func child(path string) error {
	dir, err := wal.OpenDir(path)
	if err != nil {
		return err
	}
	s, err := local.Open(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	failed := make(chan error)
	var mu sync.Mutex
	for w := range childWriters {
		go func() {
			key := fmt.Sprint("writer/", w)
			item, _ := s.Get(ctx, key) // there is none at first
			n, _ := strconv.Atoi(string(item.Value))
			for rev := item.Revision; ; {
				n++
				rev, err = s.Commit(ctx, control.Txn{
					If:  []control.Condition{{Key: key, Revision: rev}},
					Put: []control.Put{{Key: key, Value: strconv.AppendInt(nil, int64(n), 10)}, {Key: fmt.Sprintf("count/%d/%d", w, n%50), Value: strconv.AppendInt(nil, int64(n), 10)}},
				})
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(w, n)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// TestKill kills a process in the middle of its commits, again and again. Each time everything that it said was
// committed is there, and at most one commit more of each writer.
func TestKill(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 10
	}
	random := rand.New(rand.NewPCG(4, 2))
	path := t.TempDir()
	var acknowledged [childWriters]int
	for round := range rounds {
		faults.Kill(t, 1+random.IntN(200), func(text string) {
			var writer, number int
			if _, err := fmt.Sscan(text, &writer, &number); err != nil || writer >= childWriters {
				t.Fatalf("round %d: the child says %q", round, text)
			}
			acknowledged[writer] = number
		}, childDir+"="+path)
		dir, err := wal.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := local.Open(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for w, want := range acknowledged {
			item, _ := s.Get(t.Context(), fmt.Sprint("writer/", w)) // none, if it has not got so far
			got, _ := strconv.Atoi(string(item.Value))
			if got < want || got > want+1 {
				t.Fatalf("round %d: writer %d has committed %d times, and %d were acknowledged", round, w, got, want)
			}
			acknowledged[w] = got
			if got == 0 {
				continue
			}
			if half, err := s.Get(t.Context(), fmt.Sprintf("count/%d/%d", w, got%50)); err != nil || string(half.Value) != string(item.Value) {
				t.Fatalf("round %d: half of a commit is there: %q beside %q, %v", round, half.Value, item.Value, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
