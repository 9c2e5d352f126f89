package host_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
	"github.com/raywasm/raywasm/spec"
)

// openCluster opens a cluster and loads the guest into its first node.
func openCluster(t testing.TB, configs ...host.Config) (*clustertest.Cluster, *host.Module) {
	t.Helper()
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	for i := range configs {
		configs[i].CacheDir = cache()
	}
	c := clustertest.Open(t, configs...)
	return c, c.Load(t, wasm)
}

// here says to run on a node.
func here(n *host.Node) spec.TaskOptions {
	return spec.TaskOptions{Placement: &spec.Placement{Node: n.ID().String()}}
}

// ended closes the job and checks that nothing is left on any node that is alive.
func ended(t testing.TB, j *host.Job, nodes ...*host.Node) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	for i, n := range nodes {
		if err := n.Quiet(t.Context()); err != nil {
			t.Errorf("node %d: %v: %+v", i, err, n.Usage())
		}
	}
}

func get[T any](t testing.TB, r *host.Ref) T {
	t.Helper()
	v, err := host.Get[T](t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestATaskRunsOnAnotherNode(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module, Env: map[string]string{"HOST_TEST": "travels"}})
	ref := submit(t, j, "self", here(c.Nodes[1]))
	self := get[map[string]string](t, ref)
	if self["node"] != c.Nodes[1].ID().String() || self["job"] != j.ID().String() || self["env"] != "travels" || self["namespace"] != j.Namespace() {
		t.Errorf("the task saw %v", self)
	}
	ref.Release()
	ended(t, j, c.Nodes...)
}

// What a task writes on another node reaches its job.
func TestOutputOfAnotherNode(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	lines := make(chan host.OutputLine, 2)
	j := job(t, c.Nodes[0], host.JobConfig{Module: module, TaskOutput: func(l host.OutputLine) { lines <- l }})
	ref := submit(t, j, "say", here(c.Nodes[1]), "hello")
	for _, want := range []string{"hello", "and no more"} {
		if l := <-lines; l.Text != want || l.Name != "say" || l.Task != ref.ID().Task() || l.Stderr {
			t.Errorf("the job got %+v, want the line %q", l, want)
		}
	}
	ref.Release()
	ended(t, j, c.Nodes...)
}

func TestResultsAndArgumentsOfAnotherNode(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	const size = 12 << 20 // three chunks
	large := submit(t, j, "stamped", here(c.Nodes[1]), size, 7)
	if n := get[int](t, submit(t, j, "length", here(c.Nodes[2]), large)); n != size {
		t.Errorf("a third node read %d bytes", n)
	}
	if b := get[[]byte](t, large); len(b) != size || b[0] != 7 || b[size-1] != 7 {
		t.Errorf("the owner read %d bytes", len(b))
	}
	put, err := j.Put(t.Context(), make([]byte, size))
	if err != nil {
		t.Fatal(err)
	}
	if n := get[int](t, submit(t, j, "length", here(c.Nodes[1]), put)); n != size {
		t.Errorf("another node read %d bytes of what the driver put", n)
	}
	small, err := j.Put(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if sum := get[int](t, submit(t, j, "add", here(c.Nodes[1]), small, small)); sum != 10 {
		t.Errorf("5 + 5 = %d", sum)
	}
	if sum := get[int](t, submit(t, j, "sumRefs", here(c.Nodes[1]), []*host.Ref{small, small, small})); sum != 15 {
		t.Errorf("three refs to 5 make %d", sum)
	}
	if _, err := host.Get[int](t.Context(), submit(t, j, "fail", here(c.Nodes[1]), "error")); !errors.Is(err, spec.TaskError) || !strings.Contains(err.Error(), "code 7") {
		t.Errorf("the error of another node's task is %v", err)
	}
	ended(t, j, c.Nodes...)
}

// What a task submits is the task's node's, and refs to it travel.
func TestRefsOfAnotherNodesTasks(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	refs := get[[]*host.Ref](t, submit(t, j, "spread", here(c.Nodes[1]), 5))
	for i, r := range refs {
		if n := get[int](t, r); n != i {
			t.Errorf("ref %d is to %d", i, n)
		}
	}
	if sum := get[int](t, submit(t, j, "sumRefs", here(c.Nodes[2]), refs)); sum != 10 {
		t.Errorf("a third node found the sum %d", sum)
	}
	lent := get[*host.Ref](t, submit(t, j, "lend", here(c.Nodes[1]), 1<<20))
	if n := get[int](t, submit(t, j, "length", here(c.Nodes[2]), lent)); n != 1<<20 {
		t.Errorf("a third node read %d bytes of what the second one put", n)
	}
	if n := get[int](t, submit(t, j, "tree", spec.TaskOptions{}, 5)); n != 32 {
		t.Errorf("a tree has %d leaves", n)
	}
	ended(t, j, c.Nodes...)
}

// Tasks that wait on a full node go to others that have room.
func TestSpillback(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	var refs []*host.Ref
	for i := range 40 {
		refs = append(refs, submit(t, j, "tally", spec.TaskOptions{}, i))
	}
	for i, r := range refs {
		if n := get[int](t, r); n != i {
			t.Errorf("task %d gave %d", i, n)
		}
	}
	for i, n := range c.Nodes[1:] {
		if h := n.Usage().Hosted; h == 0 {
			t.Errorf("node %d ran none of 40 tasks", i+1)
		} else {
			t.Logf("node %d ran %d of 40 tasks", i+1, h)
		}
	}
	ended(t, j, c.Nodes...)
}

// A task goes where most bytes of its arguments are.
func TestLocality(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 2})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	large := submit(t, j, "stamped", here(c.Nodes[2]), 1<<20, 1)
	if node := get[string](t, submit(t, j, "where", spec.TaskOptions{}, large)); node != c.Nodes[2].ID().String() {
		t.Errorf("it ran on node %s, its argument is on %s", node, c.Nodes[2].ID())
	}
	if n := c.Nodes[2].Usage().Store.Objects; n != 1 {
		t.Errorf("node 2 has %d objects, the first task's result alone was expected", n)
	}
	large.Release()
	ended(t, j, c.Nodes...)
}

// What a dead node owned is lost for those who have only a ref, and says so; who has the bytes keeps them.
func TestWhatADeadNodeOwned(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	const size = 1 << 20
	read := get[*host.Ref](t, submit(t, j, "lend", here(c.Nodes[1]), size))
	unread := get[*host.Ref](t, submit(t, j, "lend", here(c.Nodes[1]), size))
	if b := get[[]byte](t, read); len(b) != size {
		t.Fatalf("it has %d bytes", len(b))
	}
	dead := c.Nodes[1].ID().String()
	c.Kill(1)
	c.Bury(t, 1)
	for len(c.Nodes[0].Members()) > 1 { // until the death is noticed
		runtime.Gosched()
	}
	if _, err := host.Get[[]byte](t.Context(), unread); !errors.Is(err, spec.OwnerDied) || !strings.Contains(err.Error(), dead) {
		t.Errorf("what nobody has read: %v", err)
	}
	if b := get[[]byte](t, read); len(b) != size {
		t.Errorf("what was read has %d bytes now", len(b))
	}
	ended(t, j, c.Nodes[0])
}

// What a dead node ran runs again, what only it had is made again, and nobody waits for ever.
func TestADeadNodeLosesNothing(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	soft := spec.TaskOptions{Placement: &spec.Placement{Node: c.Nodes[1].ID().String(), Soft: true}}
	const size = 1 << 20
	large := submit(t, j, "stamped", soft, size, 3)
	if n := get[int](t, submit(t, j, "length", soft, large)); n != size {
		t.Fatalf("it has %d bytes", n)
	}
	stuck := submit(t, j, "spin", soft, true) // runs there when the node dies
	refs := []*host.Ref{}
	for i := range 30 {
		refs = append(refs, submit(t, j, "tally", spec.TaskOptions{}, i))
	}
	c.Kill(1)
	c.Bury(t, 1)
	for i, r := range refs {
		if n := get[int](t, r); n != i {
			t.Errorf("task %d gave %d", i, n)
		}
	}
	if b := get[[]byte](t, large); len(b) != size || b[size/2] != 3 {
		t.Errorf("what the dead node had was made again as %d bytes", len(b))
	}
	if err := stuck.Cancel(t.Context(), true, true); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Get[int](t.Context(), stuck); !errors.Is(err, spec.TaskCancelled) {
		t.Errorf("the task that ran there and was cancelled then: %v", err)
	}
	ended(t, j, c.Nodes[0], c.Nodes[2])
}

// BenchmarkTaskOnAnotherNode is one task after the other on another node of the process: there and back.
func BenchmarkTaskOnAnotherNode(b *testing.B) { benchElsewhere(b, 1) }

// BenchmarkTasksOnAnotherNode has 100 on their way.
func BenchmarkTasksOnAnotherNode(b *testing.B) { benchElsewhere(b, 100) }

func benchElsewhere(b *testing.B, atOnce int) {
	c := clustertest.Open(b, host.Config{NumCPUs: 1, CacheDir: "off"}, host.Config{NumCPUs: 200, CacheDir: "off"})
	module := c.Load(b, nothing(b))
	j, err := c.Nodes[0].NewJob(b.Context(), host.JobConfig{Module: module})
	if err != nil {
		b.Fatal(err)
	}
	there := here(c.Nodes[1])
	if _, err := submitTo(b, j, there).GetValue(b.Context()); err != nil { // the module is there now
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime(b)
	var refs []*host.Ref
	for left := b.N; left > 0; left -= atOnce {
		for range min(left, atOnce) {
			refs = append(refs, submitTo(b, j, there))
		}
		for _, r := range refs {
			if _, err := r.GetValue(b.Context()); err != nil {
				b.Fatal(err)
			}
			r.Release()
		}
		refs = refs[:0]
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

func submitTo(b *testing.B, j *host.Job, opts spec.TaskOptions) *host.Ref {
	refs, err := j.Submit(b.Context(), "run", opts)
	if err != nil {
		b.Fatal(err)
	}
	return refs[0]
}

// What a node was making when it closes is made by others, however few retries there are.
func TestANodeThatClosesLosesNothing(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	once := int32(1)
	var refs []*host.Ref
	for i := range 30 {
		refs = append(refs, submit(t, j, "tally", spec.TaskOptions{MaxRetries: &once, Placement: &spec.Placement{Node: c.Nodes[1].ID().String(), Soft: true}}, i))
	}
	get[int](t, refs[0])
	if err := c.Nodes[1].Close(); err != nil {
		t.Fatal(err)
	}
	for i, r := range refs {
		if n := get[int](t, r); n != i {
			t.Errorf("task %d gave %d", i, n)
		}
	}
	ended(t, j, c.Nodes[0], c.Nodes[2])
}

// What is on another node says so.
func TestWhatIsElsewhereSaysSo(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	runs := submit(t, j, "spin", here(c.Nodes[1]), true)
	for !strings.Contains(runs.Explain(), "runs on node "+c.Nodes[1].ID().String()) { // it begins
		runtime.Gosched()
	}
	waits := submit(t, j, "add", here(c.Nodes[1]), 1, 2)
	if why := waits.Explain(); !strings.Contains(why, "is queued on node "+c.Nodes[1].ID().String()) {
		t.Errorf("what waits on another node says: %s", why)
	}
	if err := runs.Cancel(t.Context(), true, true); err != nil {
		t.Fatal(err)
	}
	if n := get[int](t, waits); n != 3 {
		t.Errorf("1 + 2 = %d", n)
	}
	ended(t, j, c.Nodes...)
}
