package host_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/spec"
)

// cpus are bundles of whole CPUs.
func cpus(each ...int64) []spec.Bundle {
	var all []spec.Bundle
	for _, n := range each {
		all = append(all, spec.Bundle{Resources: spec.Resources{CPU: spec.Quantity(n) * spec.Unit}})
	}
	return all
}

// create makes a group that has its place.
func create(t *testing.T, j *host.Job, opts spec.GroupOptions) *host.Group {
	t.Helper()
	g, err := j.CreateGroup(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

// inGroup submits a function that runs as a placement says.
func inGroup(t *testing.T, j *host.Job, p *spec.Placement, function string, args ...any) *host.Ref {
	t.Helper()
	refs, err := j.Submit(t.Context(), function, spec.TaskOptions{Placement: p}, args...)
	if err != nil {
		t.Fatal(err)
	}
	return refs[0]
}

// got is what a ref holds, which is of no use any more.
func got(t *testing.T, r *host.Ref, want int) {
	t.Helper()
	defer r.Release()
	if n, err := host.Get[int](t.Context(), r); err != nil || n != want {
		t.Errorf("got %d, %v, want %d", n, err, want)
	}
}

// failed is what a ref failed with.
func failed(t *testing.T, r *host.Ref, want error) {
	t.Helper()
	if _, err := r.GetValue(t.Context()); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// free is how many CPUs nobody has reserved, once who has answered has left.
func free(t *testing.T, node *host.Node, want int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		u := node.Usage()
		if u.Free.CPU == spec.Quantity(want)*spec.Unit {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%v CPUs are free, want %d", u.Free.CPU, want)
			return
		}
	}
}

// TestAGroupReservesAndItsTasksUseThat: while others hold the node's last CPU, a task in the group runs on the group's.
func TestAGroupReservesAndItsTasksUseThat(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 3})
	j := job(t, node, host.JobConfig{Module: module})
	g := create(t, j, spec.GroupOptions{Bundles: cpus(1, 1), Strategy: spec.StrictPack})
	free(t, node, 1)
	spins := inGroup(t, j, nil, "spin", true)
	outside := inGroup(t, j, nil, "add", 1, 2)
	got(t, inGroup(t, j, g.Placement(0, false), "add", 1, 3), 4)
	two := put(t, j, 2)
	got(t, inGroup(t, j, g.Placement(group.AnyBundle, false), "add", two, 3), 5)
	if text := outside.Explain(); !strings.Contains(text, "is queued") {
		t.Errorf("the task outside %s", text)
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	got(t, outside, 3)
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	free(t, node, 3)
	two.Release()
	spins.Release()
	clean(t, node, j)
}

// put makes an object.
func put(t *testing.T, j *host.Job, value any) *host.Ref {
	t.Helper()
	r, err := j.Put(t.Context(), value)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestBundlesAreFilledOneByOne: two tasks fill both bundles, a third waits for whichever has room first, in whichever it began, and
// one that names a bundle waits for that.
func TestBundlesAreFilledOneByOne(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2})
	j := job(t, node, host.JobConfig{Module: module})
	g := create(t, j, spec.GroupOptions{Bundles: cpus(1, 1)})
	either := g.Placement(group.AnyBundle, false)
	first, second := inGroup(t, j, either, "spin", true), inGroup(t, j, either, "spin", true)
	third, named := inGroup(t, j, either, "add", 1, 1), inGroup(t, j, g.Placement(0, false), "add", 1, 2)
	for _, r := range []*host.Ref{third, named} {
		if text := r.Explain(); !strings.Contains(text, "(resources)") {
			t.Errorf("it waits because %s", text)
		}
	}
	if n := node.Usage().Waiting; n != 2 {
		t.Errorf("%d wait, want 2", n)
	}
	if p := node.Pending(10); len(p) != 1 || p[0].Count != 2 {
		t.Errorf("pending: %+v", p)
	}
	if err := second.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	got(t, third, 2)
	if err := first.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	got(t, named, 3)
}

// TestWhatIsSubmittedIsCaptured: a task with captured children gives them its bundle's CPU while it waits; the node has no other.
func TestWhatIsSubmittedIsCaptured(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 1})
	j := job(t, node, host.JobConfig{Module: module})
	g := create(t, j, spec.GroupOptions{Bundles: cpus(1)})
	got(t, inGroup(t, j, g.Placement(0, true), "nest", 3), 3)
	astray := inGroup(t, j, g.Placement(0, true), "stray") // its child says that it wants no group
	for !strings.Contains(node.Status().Autoscaler.String(), "1+ pending tasks/actors") {
		runtime.Gosched()
	}
	if err := astray.Cancel(t.Context(), true, true); err != nil {
		t.Fatal(err)
	}
	failed(t, astray, spec.TaskCancelled)
	alone := inGroup(t, j, g.Placement(0, false), "nest", 1) // its child waits outside, for ever
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := alone.GetValue(ctx); !errors.Is(err, spec.GetTimeout) {
		t.Errorf("a child that is not captured: %v", err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	failed(t, alone, spec.TaskPlacementGroupRemoved)
}

// TestSharesAreKeptInBundles: of two jobs that want the same bundle, the one of a thousand times the weight goes first until it has
// had a thousand times as much: as long as a few short tasks take.
func TestSharesAreKeptInBundles(t *testing.T) {
	for name, bundle := range map[string]int{"a bundle by its number": 0, "any bundle": group.AnyBundle} {
		t.Run(name, func(t *testing.T) {
			node, module := open(t, host.Config{NumCPUs: 1})
			sharesAreKept(t, node, module, bundle)
			free(t, node, 1)
		})
		t.Run(name+" on another node", func(t *testing.T) {
			c, module := openCluster(t, host.Config{NumCPUs: 0.5}, host.Config{NumCPUs: 1})
			sharesAreKept(t, c.Nodes[0], module, bundle)
			free(t, c.Nodes[1], 1)
		})
	}
}

func sharesAreKept(t *testing.T, node *host.Node, module *host.Module, bundle int) {
	var mu sync.Mutex
	var order []string // whose tasks ran
	heard := func(who string) func(host.OutputLine) {
		return func(line host.OutputLine) {
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(line.Text, "deadlock") {
				order = append(order, who)
			}
		}
	}
	light := job(t, node, host.JobConfig{Module: module, Namespace: "a", TaskOutput: heard("light")})
	heavy := job(t, node, host.JobConfig{Module: module, Namespace: "a", TaskOutput: heard("heavy"), Weight: 1000})
	g := create(t, light, spec.GroupOptions{Name: "shared", Bundles: cpus(1)})
	spins := inGroup(t, light, g.Placement(bundle, false), "spin", true)
	var refs []*host.Ref
	for _, j := range []*host.Job{light, heavy} {
		for range 8 {
			once := int32(0)
			r, err := j.Submit(t.Context(), "crash", spec.TaskOptions{Placement: g.Placement(bundle, false), MaxRetries: &once}, "deadlock")
			if err != nil {
				t.Fatal(err)
			}
			refs = append(refs, r...)
		}
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	for _, r := range append(refs, spins) {
		if _, err := r.GetValue(t.Context()); err == nil {
			t.Error("it did not crash")
		}
		r.Release()
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	share := 0
	for _, who := range order[:8] {
		if who == "heavy" {
			share++
		}
	}
	if len(order) != 16 || share < 7 {
		t.Errorf("the heavy job got %d of the first 8 turns: %v", share, order)
	}
}

// TestRemovalEndsWhatRunsInAGroup: running and waiting tasks and actors, and what comes later.
func TestRemovalEndsWhatRunsInAGroup(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2})
	j := job(t, node, host.JobConfig{Module: module})
	g := create(t, j, spec.GroupOptions{Bundles: cpus(1, 1)})
	counter, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Placement: g.Placement(1, false)}, 40)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), counter, "Inc", 2); err != nil || n != 42 {
		t.Fatalf("the actor says %d, %v", n, err)
	}
	runs, waits := inGroup(t, j, g.Placement(0, false), "spin", true), inGroup(t, j, g.Placement(0, false), "add", 1, 2)
	parked := inGroup(t, j, g.Placement(group.AnyBundle, false), "add", waits, 1)
	if err := g.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*host.Ref{runs, waits, parked} {
		failed(t, r, spec.TaskPlacementGroupRemoved)
	}
	_, err = host.CallMethod[int](t.Context(), counter, "Inc", 1)
	if !errors.Is(err, spec.ActorPlacementGroupRemoved) {
		t.Errorf("the actor died of %v", err)
	}
	failed(t, inGroup(t, j, g.Placement(0, false), "add", 1, 2), spec.TaskPlacementGroupRemoved)
	late, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Placement: g.Placement(1, false)}, 40)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := host.CallMethod[int](t.Context(), late, "Inc", 1); !errors.Is(err, spec.ActorPlacementGroupRemoved) {
		t.Errorf("an actor that comes late: %v", err)
	}
	if err := g.Wait(t.Context()); !errors.Is(err, spec.TaskPlacementGroupRemoved) {
		t.Errorf("wait: %v", err)
	}
	if err := g.Remove(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	if row, ok := g.Row(); !ok || row.State != group.Removed {
		t.Errorf("%+v", row)
	}
	counter.Release()
	late.Release()
}

// TestAGroupWaitsForItsPlace: what is submitted to it waits too, and runs when it has come.
func TestAGroupWaitsForItsPlace(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2})
	j := job(t, node, host.JobConfig{Module: module})
	spins := inGroup(t, j, nil, "spin", true)
	g, err := j.CreateGroup(t.Context(), spec.GroupOptions{Bundles: cpus(1, 1)})
	if err != nil {
		t.Fatal(err)
	}
	free(t, node, 1) // all bundles or none
	ready, err := g.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waits, arguments := inGroup(t, j, g.Placement(1, false), "add", 1, 2), inGroup(t, j, g.Placement(0, false), "add", spins, 2)
	if text := waits.Explain(); !strings.Contains(text, "(group)") {
		t.Errorf("it waits because %s", text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := g.Wait(ctx); !errors.Is(err, spec.GetTimeout) || !strings.Contains(err.Error(), "PENDING") {
		t.Errorf("an impatient wait: %v", err)
	}
	if err := spins.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	if yes, err := host.Get[bool](t.Context(), ready); err != nil || !yes {
		t.Fatal(yes, err)
	}
	got(t, waits, 3)
	failed(t, arguments, spec.TaskCancelled)
}

// TestWhatCanNeverBePlaced: groups beyond the node, and tasks beyond their bundles.
func TestWhatCanNeverBePlaced(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2, Labels: map[string]string{"zone": "a"}})
	j := job(t, node, host.JobConfig{Module: module})
	huge, err := j.CreateGroup(t.Context(), spec.GroupOptions{Bundles: cpus(3)})
	if err != nil {
		t.Fatal(err)
	}
	if err := huge.Wait(t.Context()); !errors.Is(err, spec.TaskUnschedulable) {
		t.Errorf("3 CPUs on 2: %v", err)
	}
	never, err := huge.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed(t, never, spec.TaskUnschedulable)
	spread, err := j.CreateGroup(t.Context(), spec.GroupOptions{Bundles: cpus(1, 1), Strategy: spec.StrictSpread})
	if err != nil {
		t.Fatal(err)
	}
	if err := spread.Wait(t.Context()); !errors.Is(err, spec.TaskUnschedulable) {
		t.Errorf("two nodes of one: %v", err)
	}
	elsewhere := cpus(1)
	elsewhere[0].Select = map[string]string{"zone": "!a"}
	b, err := j.CreateGroup(t.Context(), spec.GroupOptions{Bundles: elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Wait(t.Context()); !errors.Is(err, spec.TaskUnschedulable) || !strings.Contains(err.Error(), "zone") {
		t.Errorf("a bundle for another zone: %v", err)
	}
	here := cpus(1)
	here[0].Select = map[string]string{"zone": "in(a,b)"}
	g := create(t, j, spec.GroupOptions{Bundles: here})
	two := spec.Quantity(2 * spec.Unit)
	refs, err := j.Submit(t.Context(), "add", spec.TaskOptions{CPUs: &two, Placement: g.Placement(0, false)}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	failed(t, refs[0], spec.TaskUnschedulable)
	failed(t, inGroup(t, j, g.Placement(7, false), "add", 1, 2), spec.InvalidArgument)
	nobody := spec.NewGroupID(spec.DriverTaskID(j.ID()), 99).String()
	failed(t, inGroup(t, j, &spec.Placement{Group: nobody}, "add", 1, 2), spec.NotFound)
	for _, bad := range []spec.GroupOptions{{}, {Bundles: cpus(0)}, {Bundles: cpus(1), Strategy: "SOMEHOW"}} {
		if _, err := j.CreateGroup(t.Context(), bad); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestJobsEndTheirGroups but for detached ones, which others find by their name.
func TestJobsEndTheirGroups(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 3})
	j, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Namespace: "a"})
	if err != nil {
		t.Fatal(err)
	}
	create(t, j, spec.GroupOptions{Name: "mine", Bundles: cpus(1)})
	create(t, j, spec.GroupOptions{Name: "ours", Bundles: cpus(1), Lifetime: spec.LifetimeDetached})
	if _, err := j.CreateGroup(t.Context(), spec.GroupOptions{Name: "ours", Bundles: cpus(1)}); !errors.Is(err, spec.AlreadyExists) {
		t.Errorf("a name that is taken: %v", err)
	}
	free(t, node, 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	free(t, node, 2)
	if _, err := j.CreateGroup(t.Context(), spec.GroupOptions{Bundles: cpus(1)}); !errors.Is(err, spec.TaskCancelled) {
		t.Errorf("a group of a job that has ended: %v", err)
	}
	other := job(t, node, host.JobConfig{Module: module})
	if _, err := other.FindGroup(t.Context(), "mine", "a"); !errors.Is(err, spec.NotFound) {
		t.Errorf("a group of a job that has ended: %v", err)
	}
	if _, err := other.FindGroup(t.Context(), "ours", ""); !errors.Is(err, spec.NotFound) {
		t.Errorf("in another namespace: %v", err)
	}
	ours, err := other.FindGroup(t.Context(), "ours", "a")
	if err != nil {
		t.Fatal(err)
	}
	got(t, inGroup(t, other, ours.Placement(0, false), "add", 1, 2), 3)
	states := map[string]group.State{}
	for _, row := range node.Groups(10) {
		states[row.Name] = row.State
	}
	if len(states) != 2 || states["mine"] != group.Removed || states["ours"] != group.Created {
		t.Errorf("listed: %v", states)
	}
	if err := ours.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// planner makes a detached actor that reserves groups.
func planner(t *testing.T, j *host.Job) *host.Actor {
	t.Helper()
	a, err := j.NewActor(t.Context(), "Planner", spec.ActorOptions{Name: "planner", Lifetime: spec.LifetimeDetached})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// reserve lets it reserve a group, and returns the group's id.
func reserve(t *testing.T, a *host.Actor, name string) string {
	t.Helper()
	id, err := host.CallMethod[string](t.Context(), a, "Reserve", name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestDetachedActorsKeepTheirGroups beyond the job that made the actor, and end them with themselves.
func TestDetachedActorsKeepTheirGroups(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 3})
	first, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Namespace: "a"})
	if err != nil {
		t.Fatal(err)
	}
	maker := planner(t, first)
	reserve(t, maker, "early")
	maker.Release()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	free(t, node, 2)
	j := job(t, node, host.JobConfig{Module: module, Namespace: "a"})
	a, err := j.FindActor(t.Context(), "planner", "")
	if err != nil {
		t.Fatal(err)
	}
	reserve(t, a, "late")
	free(t, node, 1)
	for _, name := range []string{"early", "late"} {
		g, err := j.FindGroup(t.Context(), name, "")
		if err != nil {
			t.Fatal(err)
		}
		got(t, inGroup(t, j, g.Placement(0, false), "add", 1, 2), 3)
	}
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	a.Release()
	free(t, node, 3)
	if _, err := j.FindGroup(t.Context(), "early", ""); !errors.Is(err, spec.NotFound) {
		t.Errorf("a group of an actor that is dead: %v", err)
	}
}

// TestDetachedActorsLiveAsLongAsTheirGroup: one in a job's group ends with the job, one in a detached group does not.
func TestDetachedActorsLiveAsLongAsTheirGroup(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 3})
	j := job(t, node, host.JobConfig{Module: module, Namespace: "a"})
	for _, lifetime := range []spec.Lifetime{spec.LifetimeJob, spec.LifetimeDetached} {
		first, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Namespace: "a"})
		if err != nil {
			t.Fatal(err)
		}
		g := create(t, first, spec.GroupOptions{Name: "hall", Bundles: cpus(1), Lifetime: lifetime})
		a, err := first.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "clerk", Lifetime: spec.LifetimeDetached, Placement: g.Placement(0, false)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := host.CallMethod[int](t.Context(), a, "Inc", 1); err != nil || n != 2 {
			t.Fatal(n, err)
		}
		mine, err := j.FindActor(t.Context(), "clerk", "")
		if err != nil {
			t.Fatal(err)
		}
		a.Release()
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if lifetime == spec.LifetimeDetached {
			if n, err := host.CallMethod[int](t.Context(), mine, "Inc", 1); err != nil || n != 3 {
				t.Errorf("after the job's end it says %d, %v", n, err)
			}
			hall, err := j.FindGroup(t.Context(), "hall", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := hall.Remove(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := host.CallMethod[int](t.Context(), mine, "Inc", 1); !errors.Is(err, spec.ActorPlacementGroupRemoved) {
			t.Errorf("%q: without its group it says %v", lifetime, err)
		}
		mine.Release()
		free(t, node, 3)
	}
}

// TestGroupsOutliveTheirNode: in a data directory there are detached groups, those of durable actors, and who lives in them.
func TestGroupsOutliveTheirNode(t *testing.T) {
	dir := t.TempDir()
	options := host.Config{NumCPUs: 4, DataDir: dir}
	node, module := open(t, options)
	j, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Namespace: "a"})
	if err != nil {
		t.Fatal(err)
	}
	create(t, j, spec.GroupOptions{Name: "mortal", Bundles: cpus(1)})
	hall := create(t, j, spec.GroupOptions{Name: "hall", Bundles: cpus(1), Lifetime: spec.LifetimeDetached})
	removed := create(t, j, spec.GroupOptions{Name: "removed", Bundles: cpus(1), Lifetime: spec.LifetimeDetached})
	if err := removed.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	office := reserve(t, planner(t, j), "office")
	clerk, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "clerk", Lifetime: spec.LifetimeDetached, Placement: hall.Placement(0, false), Checkpoint: &spec.CheckpointPolicy{Calls: 1}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), clerk, "Inc", 1); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	closeNode(t, node)

	node, module = open(t, options)
	j, err = node.NewJob(t.Context(), host.JobConfig{Module: module, Namespace: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{"hall": hall.ID().String(), "office": office} {
		if g, err := j.FindGroup(t.Context(), name, ""); err != nil || g.ID().String() != id {
			t.Errorf("%s: %v, want %s", name, err, id)
		} else if err := g.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"mortal", "removed"} {
		if _, err := j.FindGroup(t.Context(), name, ""); !errors.Is(err, spec.NotFound) {
			t.Errorf("%s is there again: %v", name, err)
		}
	}
	free(t, node, 2)
	clerk, err = j.FindActor(t.Context(), "clerk", "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := host.CallMethod[int](t.Context(), clerk, "Inc", 1); err != nil || n != 3 {
		t.Errorf("it says %d, %v", n, err)
	}
	a, err := j.FindActor(t.Context(), "planner", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	free(t, node, 3)
	closeNode(t, node)

	node, _ = open(t, options)
	names := map[string]group.State{}
	for _, row := range node.Groups(10) {
		names[row.Name] = row.State
	}
	if len(names) != 1 || names["hall"] != group.Created {
		t.Errorf("at last there are %v", names)
	}
}

// TestGuestsUseGroups: all that the SDK has for them.
func TestGuestsUseGroups(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 3})
	j := job(t, node, host.JobConfig{Module: module})
	if n, err := host.Call[int](t.Context(), j, "groupLife", "g"); err != nil || n != 221 {
		t.Errorf("got %d, %v", n, err)
	}
	free(t, node, 3)
	clean(t, node, j)
}
