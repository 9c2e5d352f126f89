package host_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// durableCounter finds or makes the detached counter of a node with a data directory.
func durableCounter(ctx context.Context, j *host.Job) (*host.Actor, error) {
	return j.NewActor(ctx, "Counter", spec.ActorOptions{Name: "counter", Namespace: "lasting", GetIfExists: true,
		Lifetime: spec.LifetimeDetached, Checkpoint: &spec.CheckpointPolicy{Calls: 1}}, 0)
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
		if err := serveCounter(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveCounter has several callers add to the detached counter, and says on stdout what each call returned.
func serveCounter(dir string) error {
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
	a, err := durableCounter(ctx, j)
	if err != nil {
		return err
	}
	failed := make(chan error)
	var mu sync.Mutex
	for range counterCallers {
		go func() {
			for {
				sum, err := host.CallMethod[int](ctx, a, "Inc", 1)
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				fmt.Println(sum)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

const counterCallers = 4

// TestKilledNodes kills a node at random moments while its detached counter serves calls, again and again: 10 times, and
// 200 times with RAYWASM_LONG=1. Each restart finds every call that was answered, once: no answer comes twice, and the
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
	highest := 0
	answered := make(map[int]bool)
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir+"/data", childWasm+"="+file)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		left, first := 1+random.IntN(100), true
		for lines := bufio.NewScanner(out); lines.Scan(); {
			sum, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("round %d: the child says %q", round, lines.Text())
			}
			if answered[sum] {
				t.Fatalf("round %d: two calls were answered %d", round, sum)
			}
			answered[sum] = true
			if most := highest + 2*counterCallers; first && sum > most {
				t.Fatalf("round %d: the first answer is %d, and the highest before was %d", round, sum, highest)
			}
			first = false
			highest = max(highest, sum)
			if left--; left == 0 {
				_ = cmd.Process.Kill() // what it has said by then is read to the end
			}
		}
		if err := cmd.Wait(); err == nil || left > 0 {
			t.Fatalf("round %d: the child ended by itself: %v", round, err)
		}
	}
	// No answer was lost: each is one below the counter's, and what was not answered was under way when a node was killed.
	if missing := highest - len(answered); missing > rounds*counterCallers {
		t.Fatalf("the counter is %d, and %d calls were answered: %d are missing, in %d rounds", highest, len(answered), missing, rounds)
	}
	node, _ := openLasting(t, dir+"/data")
	records, err := node.Jobs(t.Context())
	if err != nil || len(records) != rounds+1 || records[0].Status != host.JobFailed {
		t.Fatalf("the table has %d jobs, %v, want %d", len(records), err, rounds+1)
	}
}
