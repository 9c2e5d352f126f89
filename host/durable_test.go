package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal/faults"
)

// durableCounter finds or makes the detached counter of a node with a data directory.
func durableCounter(ctx context.Context, j *host.Job) (*host.Actor, error) {
	return j.NewActor(ctx, "Counter", spec.ActorOptions{Name: "counter", Namespace: "lasting", GetIfExists: true,
		Lifetime: spec.LifetimeDetached, Checkpoint: &spec.CheckpointPolicy{Calls: 1}}, 0)
}

// exactCounter finds or makes another, whose calls take effect exactly once.
func exactCounter(ctx context.Context, j *host.Job) (*host.Actor, error) {
	return j.NewActor(ctx, "Counter", spec.ActorOptions{Name: "exact", Namespace: "lasting", GetIfExists: true,
		Lifetime: spec.LifetimeDetached, ExactlyOnce: new(true), MaxRestarts: new(int32(-1))}, 0)
}

// openLasting opens a node on a data directory. What it leaves is its own.
func openLasting(t *testing.T, dir string) (*host.Node, *host.Job) {
	t.Helper()
	node, module := open(t, host.Config{DataDir: dir})
	j, err := node.NewJob(t.Context(), host.JobConfig{Module: module})
	if err != nil {
		t.Fatal(err)
	}
	return node, j
}

func closeNode(t *testing.T, node *host.Node) {
	t.Helper()
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADetachedActorOutlivesItsNode(t *testing.T) {
	dir := t.TempDir()
	for round := range 3 {
		node, j := openLasting(t, dir)
		var a *host.Actor
		var err error
		if round == 0 {
			a, err = durableCounter(t.Context(), j)
		} else {
			a, err = j.FindActor(t.Context(), "counter", "lasting")
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := inc(t, a, 2); got != 2*round+2 {
			t.Fatalf("round %d: the counter is %d, want %d", round, got, 2*round+2)
		}
		closeNode(t, node)
	}
	node, j := openLasting(t, dir)
	a, err := j.FindActor(t.Context(), "counter", "lasting")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	closeNode(t, node)
	_, j = openLasting(t, dir)
	if _, err := j.FindActor(t.Context(), "counter", "lasting"); !errors.Is(err, spec.NotFound) {
		t.Fatalf("a killed actor after a restart: got %v, want NotFound", err)
	}
}

func TestAnActorWithoutACheckpointIsConstructedAgain(t *testing.T) {
	dir := t.TempDir()
	node, j := openLasting(t, dir)
	a, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "plain", Namespace: "lasting", Lifetime: spec.LifetimeDetached}, 40)
	if err != nil {
		t.Fatal(err)
	}
	if got := inc(t, a, 2); got != 42 {
		t.Fatalf("the counter is %d, want 42", got)
	}
	closeNode(t, node)
	_, j = openLasting(t, dir)
	if a, err = j.FindActor(t.Context(), "plain", "lasting"); err != nil {
		t.Fatal(err)
	}
	if got := inc(t, a, 1); got != 41 {
		t.Fatalf("the counter is %d, want 41", got)
	}
}

func TestTheTableOfJobsOutlivesTheNode(t *testing.T) {
	dir := t.TempDir()
	node, j := openLasting(t, dir)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := node.NewJob(t.Context(), host.JobConfig{Module: mustLoad(t, node), Namespace: "second"}); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Open(t.Context(), host.Config{DataDir: dir}); !errors.Is(err, spec.AlreadyExists) {
		t.Fatalf("a second node in the directory: got %v, want AlreadyExists", err)
	}
	closeNode(t, node)
	node, j = openLasting(t, dir)
	records, err := node.Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, fmt.Sprint(r.ID.Number(), " ", r.Status))
	}
	if want := "1 SUCCEEDED,2 STOPPED,3 RUNNING"; strings.Join(got, ",") != want {
		t.Fatalf("the table is %q, want %q", got, want)
	}
	if r := records[1]; r.Namespace != "second" || r.Ended < r.Started || !strings.Contains(r.Error, "closed") {
		t.Fatalf("the second job: %+v", r)
	}
	if j.ID().Number() != 3 {
		t.Fatalf("the third job is number %d", j.ID().Number())
	}
}

func mustLoad(t *testing.T, node *host.Node) *host.Module {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	m, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// childDir names, in the environment, the data directory for which this binary is the child of TestKilledNodes.
const (
	childDir  = "RAYWASM_TEST_DATA_DIR"
	childWasm = "RAYWASM_TEST_WASM"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serveCounters(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveCounters has several callers add to each of two detached counters, and says on stdout what each call returned.
func serveCounters(dir string) error {
	ctx := context.Background()
	node, err := host.Open(ctx, host.Config{DataDir: dir, CacheDir: cache()})
	if err != nil {
		return err
	}
	wasm, err := os.ReadFile(os.Getenv(childWasm))
	if err != nil {
		return err
	}
	module, err := node.Load(ctx, wasm)
	if err != nil {
		return err
	}
	j, err := node.NewJob(ctx, host.JobConfig{Module: module})
	if err != nil {
		return err
	}
	failed := make(chan error)
	var mu sync.Mutex
	for name, find := range map[string]func(context.Context, *host.Job) (*host.Actor, error){"durable": durableCounter, "exact": exactCounter} {
		a, err := find(ctx, j)
		if err != nil {
			return err
		}
		for range counterCallers {
			go func() {
				for {
					sum, err := host.CallMethod[int](ctx, a, "Inc", 1)
					if err != nil {
						failed <- err
						return
					}
					mu.Lock()
					fmt.Println(name, sum)
					mu.Unlock()
				}
			}()
		}
	}
	return <-failed
}

// tally is what a counter has answered so far.
type tally struct {
	answered map[int]bool
	highest  int
	first    bool // no answer of this round has been seen
}

// count takes one answer. None comes twice, and a node begins at most with the calls ahead that were under way.
func (c *tally) count(sum int) error {
	switch most := c.highest + 2*counterCallers; {
	case c.answered[sum]:
		return fmt.Errorf("two calls were answered %d", sum)
	case c.first && sum > most:
		return fmt.Errorf("the first answer is %d, and the highest before was %d", sum, c.highest)
	}
	c.answered[sum], c.first, c.highest = true, false, max(c.highest, sum)
	return nil
}

const counterCallers = 4

// TestKilledNodes kills a node at random moments while its detached counters serve calls, again and again: 10 times, and
// 200 times with RAYWASM_LONG=1. Each restart finds every call that was answered, once: no answer comes twice, and a
// counter is at most ahead by the calls that were under way.
func TestKilledNodes(t *testing.T) {
	rounds := 10
	if os.Getenv("RAYWASM_LONG") != "" {
		rounds = 200
	}
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := dir + "/guest.wasm"
	if err := os.WriteFile(file, wasm, 0o600); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(6, 6))
	counters := map[string]*tally{"durable": {answered: make(map[int]bool)}, "exact": {answered: make(map[int]bool)}}
	for round := range rounds {
		for _, c := range counters {
			c.first = true
		}
		faults.Kill(t, 1+random.IntN(200), func(text string) {
			var name string
			var sum int
			if _, err := fmt.Sscan(text, &name, &sum); err != nil || counters[name] == nil {
				t.Fatalf("round %d: the child says %q", round, text)
			}
			if err := counters[name].count(sum); err != nil {
				t.Fatalf("round %d: the %s counter: %v", round, name, err)
			}
		}, childDir+"="+dir+"/data", childWasm+"="+file)
	}
	// No answer was lost: each is one below the counter's, and what was not answered was under way when a node was killed.
	for name, c := range counters {
		if missing := c.highest - len(c.answered); missing > rounds*counterCallers || c.highest == 0 {
			t.Errorf("the %s counter is %d, and %d calls were answered: %d are missing, in %d rounds", name, c.highest, len(c.answered), missing, rounds)
		}
	}
	node, _ := openLasting(t, dir+"/data")
	records, err := node.Jobs(t.Context())
	if err != nil || len(records) != rounds+1 || records[0].Status != host.JobFailed {
		t.Fatalf("the table has %d jobs, %v, want %d", len(records), err, rounds+1)
	}
}
