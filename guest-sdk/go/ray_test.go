//go:build !wasip1

package ray

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// The program under test: what a guest's author writes.

type point struct {
	X, Y int
	Next Ref[point] `cbor:",omitzero"`
}

type counter struct{ n int }

func newCounter(start int) (*counter, error) {
	if start < 0 {
		return nil, errors.New("negative start")
	}
	return &counter{start}, nil
}

func (c *counter) Inc(by int) (int, error) { c.n += by; return c.n, nil }
func (c *counter) Reset() (None, error)    { c.n = 0; return None{}, nil }

func add(a, b int) (int, error)   { return a + b, nil }
func hello() (string, error)      { return "hello", nil }
func size2(b []byte) (int, error) { return len(b), nil }
func openFile(path string) (int, error) {
	return 0, fmt.Errorf("opening: %w", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist})
}
func crash(i int) (int, error) { return []int{1}[i], nil }
func outer(r Ref[int]) (int, error) {
	n, err := r.Get()
	if err != nil {
		return 0, fmt.Errorf("outer: %w", err)
	}
	return n * 10, nil
}
func lookup(id int) (string, error) { return "", fmt.Errorf("user %d: %w", id, NotFound) }
func chain(n int) (point, error) {
	p := point{X: n}
	if n > 0 {
		p.Next = remoteChain.Remote(n - 1)
	}
	return p, nil
}
func badResult() (any, error) { return make(chan int), nil }
func sumAll(refs []Ref[int]) (int, error) {
	values, err := GetAll(refs)
	total := 0
	for _, v := range values {
		total += v
	}
	return total, err
}
func bump(c Handle[*counter], by int) (int, error) { return inc.Remote(c, by).Get() }
func anything(v any) (any, error)                  { return v, nil }
func six(a, b, c, d, e, f int) (int, error)        { return a + b + c + d + e + f, nil }

var (
	remoteAdd      = Remote2(add)
	remoteHello    = Remote0(hello, CPUs(0.5), Retries(5))
	remoteSize     = Remote1(size2)
	remoteOpen     = Remote1(openFile)
	remoteCrash    = Remote1(crash)
	remoteOuter    = Remote1(outer)
	remoteLookup   = Remote1(lookup)
	remoteChain    Function1[int, point]
	remoteBad      = Remote0(badResult)
	remoteSum      = Remote1(sumAll)
	remoteBump     = Remote2(bump)
	remoteAnything = Remote1(anything)
	remoteSix      = Remote6(six)
	double         = Remote1(func(x int) (int, error) { return 2 * x, nil }).As("double")

	counters = Actor1(newCounter, MaxRestarts(1))
	inc      = Method1((*counter).Inc, Retries(2))
	reset    = Method0((*counter).Reset)
)

func init() { remoteChain = Remote1(chain) }

func want[T comparable](t *testing.T, got T, err error, wanted T) {
	t.Helper()
	if err != nil || got != wanted {
		t.Errorf("got %v, %v; want %v", got, err, wanted)
	}
}

func wantError(t *testing.T, err error, kind Kind, parts ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got error %v; want kind %v", err, kind)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestCallsReturnTheirResults(t *testing.T) {
	newWorld(t)
	n, err := remoteAdd.Remote(1, 2).Get()
	want(t, n, err, 3)
	s, err := Get(remoteHello.Remote())
	want(t, s, err, "hello")
	n, err = remoteSix.Remote(1, 2, 3, 4, 5, 6).Get()
	want(t, n, err, 21)
	n, err = double.Remote(21).Get()
	want(t, n, err, 42)
	n, err = Named[int]("go.add").Remote(4, remoteAdd.Remote(2, 3)).Get()
	want(t, n, err, 9)
}

func TestRefsAsArgumentsAreAwaited(t *testing.T) {
	newWorld(t)
	r := remoteAdd.RemoteRefs(remoteAdd.Remote(1, 2), Val(10))
	n, err := r.Get()
	want(t, n, err, 13)
}

func TestNestedRefsTravelAsRefs(t *testing.T) {
	newWorld(t)
	n, err := remoteOuter.Remote(remoteAdd.Remote(1, 1)).Get()
	want(t, n, err, 20)

	refs := []Ref[int]{remoteAdd.Remote(1, 1), remoteAdd.Remote(2, 2), remoteAdd.Remote(3, 3)}
	n, err = remoteSum.Remote(append(refs, refs[0])).Get()
	want(t, n, err, 14)

	p, err := remoteChain.Remote(3).Get()
	for depth := 3; depth > 0; depth-- {
		if err != nil || p.X != depth {
			t.Fatalf("at depth %d: %+v, %v", depth, p, err)
		}
		p, err = p.Next.Get()
	}
	if !p.Next.IsZero() {
		t.Errorf("the last point has a next: %v", p.Next)
	}
}

func TestRefsInsideAnyAreUntyped(t *testing.T) {
	newWorld(t)
	c := counters.Remote(5)
	v, err := remoteAnything.Remote(map[string]any{"r": remoteAdd.Remote(1, 2), "c": c, "list": []any{1, "x"}}).Get()
	if err != nil {
		t.Fatal(err)
	}
	m := v.(map[string]any)
	n, err := Typed[int](m["r"].(ObjectRef)).Get()
	want(t, n, err, 3)
	n, err = inc.Remote(TypedHandle[*counter](m["c"].(ActorHandle)), 1).Get()
	want(t, n, err, 6)
	if !reflect.DeepEqual(m["list"], []any{int64(1), "x"}) {
		t.Errorf("list came as %#v", m["list"])
	}
}

func TestActors(t *testing.T) {
	newWorld(t)
	c := counters.With(ActorName("c"), GetIfExists()).Remote(10)
	n, err := inc.Remote(c, 1).Get()
	want(t, n, err, 11)
	n, err = inc.RemoteRefs(c, remoteAdd.Remote(1, 1)).Get()
	want(t, n, err, 13)
	n, err = remoteBump.Remote(c, 7).Get()
	want(t, n, err, 20)

	found, err := FindActor[*counter]("c")
	if err != nil {
		t.Fatal(err)
	}
	n, err = MethodNamed[int]("Inc").Remote(found, 1).Get()
	want(t, n, err, 21)
	if _, err := reset.Remote(counters.With(GetIfExists()).With(ActorName("c")).Remote(0)).Get(); err != nil {
		t.Error(err)
	}
	n, err = inc.Remote(c, 0).Get()
	want(t, n, err, 0)

	if err := c.Kill(); err != nil {
		t.Error(err)
	}
	_, err = inc.Remote(c, 1).Get()
	wantError(t, err, ActorDied, "killed")
	_, err = FindActor[*counter]("nobody")
	wantError(t, err, NotFound, "nobody")
	_, err = inc.Remote(counters.Remote(-1), 1).Get()
	wantError(t, err, TaskError, "create go.counter", "negative start")
	a := ActorNamed("go.counter").Remote(3)
	n, err = inc.Remote(TypedHandle[*counter](a), 1).Get()
	want(t, n, err, 4)
}

func TestSubmissionErrorsComeWithTheRef(t *testing.T) {
	newWorld(t)
	r := Named[int]("missing").Remote(1)
	wantError(t, r.Err(), FunctionNotFound)
	_, err := r.Get()
	wantError(t, err, FunctionNotFound, "missing")

	_, err = remoteAdd.RemoteRefs(r, Val(1)).Get()
	wantError(t, err, FunctionNotFound, "call go.add", "missing")
	_, err = remoteOuter.Remote(r).Get()
	wantError(t, err, FunctionNotFound, "argument 1")

	_, err = remoteAdd.With(CPUs(math.NaN())).Remote(1, 2).Get()
	wantError(t, err, InvalidArgument, "call go.add", "cpus", "NaN")
	_, err = remoteAdd.With(GPUs(1.5)).Remote(1, 2).Get()
	wantError(t, err, InvalidArgument, "GPU", "1.5")
	_, err = inc.Remote(counters.With(GetIfExists()).Remote(1), 1).Get()
	wantError(t, err, InvalidArgument, "create go.counter", "get_if_exists")
	_, err = remoteAdd.With(Retries(math.MinInt)).Remote(1, 2).Get()
	wantError(t, err, InvalidArgument, "retries")

	_, err = remoteAnything.Remote(func() {}).Get()
	wantError(t, err, Unserializable, "argument 1", "func()")
	if _, err = Put(make(chan int)); err == nil {
		t.Error("a channel was put")
	}
	wantError(t, err, Unserializable, "chan int")

	var zero Function1[int, int]
	_, err = zero.Remote(1).Get()
	wantError(t, err, InvalidArgument, "zero Function")
	_, err = Ref[int]{}.Get()
	wantError(t, err, InvalidArgument, "zero value")
	_, err = inc.Remote(Handle[*counter]{}, 1).Get()
	wantError(t, err, InvalidArgument, "zero value")
}

func TestErrorsOfFunctionsKeepTheirChain(t *testing.T) {
	newWorld(t)
	_, err := remoteOpen.Remote("/x").Get()
	wantError(t, err, TaskError, "call go.openFile", "opening: open /x: file does not exist")
	var f *Fault
	if !errors.As(err, &f) || f.Type != "*fmt.wrapError" || f.Cause.Type != "*fs.PathError" || f.Cause.Cause == nil {
		t.Errorf("fault: %+v", f)
	}

	_, err = remoteLookup.Remote(7).Get()
	wantError(t, err, TaskError, "user 7")
	wantError(t, err, NotFound)

	_, err = remoteOuter.Remote(remoteCrash.Remote(5)).Get()
	wantError(t, err, TaskError, "call go.outer: outer: ", "index out of range [5]")
	if !errors.As(err, &f) || f.Type != "panic" {
		t.Errorf("the inner fault was lost: %v", err)
	}
	w := world.(*fakeWorld)
	w.stuck["go.add"] = true
	_, err = remoteOuter.Remote(Ref[int]{}).Get()
	wantError(t, err, InvalidArgument, "outer: get: the ref is a zero value")
	wantError(t, err, TaskError)
}

func TestPanicsCarryTheStackOfTheAuthorsCode(t *testing.T) {
	newWorld(t)
	_, err := remoteCrash.Remote(5).Get()
	wantError(t, err, TaskError, "index out of range")
	var f *Fault
	if !errors.As(err, &f) || f.Type != "panic" {
		t.Fatalf("%v has no fault", err)
	}
	if !strings.HasPrefix(f.Stack, "github.com/raywasm/raywasm/guest-sdk/go.crash(...)\n") {
		t.Errorf("stack:\n%s", f.Stack)
	}
	if strings.Contains(f.Stack, "invoke") || strings.Contains(f.Stack, "runtime.") {
		t.Errorf("the stack has frames of the SDK:\n%s", f.Stack)
	}
}

func TestIllArgumentsAndResultsAreNamed(t *testing.T) {
	newWorld(t)
	_, err := Named[int]("go.add").Remote(1).Get()
	wantError(t, err, InvalidArgument, "call go.add", "takes 2 arguments (int, int), got 1")
	_, err = Named[int]("go.add").Remote(1, "two").Get()
	wantError(t, err, InvalidArgument, "call go.add: argument 2", "want int, got a text of 3 bytes")
	_, err = Named[int]("go.nothing").Remote().Get()
	wantError(t, err, FunctionNotFound, "go.nothing", "go.add", "double")
	_, err = remoteBad.Remote().Get()
	wantError(t, err, Unserializable, "call go.badResult result", "chan int")
	_, err = Named[[]int]("go.hello").Remote().Get()
	wantError(t, err, InvalidResult, "want []int, got a text of 5 bytes")
}

func TestWait(t *testing.T) {
	w := newWorld(t)
	w.stuck["go.hello"] = true
	refs := []ObjectRef{remoteHello.Remote().Untyped(), remoteAdd.Remote(1, 2).Untyped(), Named[any]("missing").Remote(), double.Remote(1).Untyped()}
	ready, rest, err := Wait(refs, 2, Forever)
	if err != nil || len(ready) != 2 || len(rest) != 2 || ready[0] != refs[1] || ready[1] != refs[2] || rest[0] != refs[0] {
		t.Errorf("Wait gave %v, %v, %v", ready, rest, err)
	}
	ready, rest, err = Wait(refs, 4, time.Second)
	if err != nil || len(ready) != 3 || len(rest) != 1 || rest[0] != refs[0] {
		t.Errorf("Wait gave %v, %v, %v", ready, rest, err)
	}
	if w.waits[0] >= 0 || w.waits[1] != 1e9 {
		t.Errorf("timeouts in nanoseconds: %v", w.waits)
	}
	_, _, err = Wait(refs, 5, 0)
	wantError(t, err, InvalidArgument, "5 of 4")
	_, err = refs[0].GetWithin(time.Millisecond)
	wantError(t, err, GetTimeout)
	_, err = GetAll(refs)
	wantError(t, err, FunctionNotFound)
	if err := Cancel(refs[0], Force()); err != nil || w.cancels[0] != 3 {
		t.Errorf("cancel: %v, flags %v", err, w.cancels)
	}
	_, err = refs[0].Get()
	wantError(t, err, TaskCancelled)
	if err := Cancel(refs[3], NotRecursive()); err != nil || w.cancels[1] != 0 {
		t.Errorf("cancel: %v, flags %v", err, w.cancels)
	}
}

func TestLargeArgumentsArePut(t *testing.T) {
	w := newWorld(t)
	n, err := remoteSize.Remote(make([]byte, 200_000)).Get()
	want(t, n, err, 200_000)
	want(t, w.puts, nil, 1)
	o, err := Put(make([]byte, 10))
	if err != nil {
		t.Fatal(err)
	}
	n, err = remoteSize.RemoteRefs(o).Get()
	want(t, n, err, 10)
}

func TestHandlesAreGivenBack(t *testing.T) {
	w := newWorld(t)
	func() {
		for range 100 {
			n, err := remoteOuter.Remote(remoteAdd.Remote(1, 2)).Get()
			want(t, n, err, 30)
		}
	}()
	kept := remoteAdd.Remote(1, 2)
	deadline := time.Now().Add(10 * time.Second)
	for w.open() > 1 {
		runtime.GC()
		runtime.Gosched()
		r := remoteAdd.Remote(0, 0)
		r.Release()
		if time.Now().After(deadline) {
			t.Fatalf("%d handles are still held", w.open())
		}
	}
	n, err := kept.Get()
	want(t, n, err, 3)
	kept.Release()
	kept.Release()
	_, err = kept.Get()
	wantError(t, err, ReferenceCounting, "released")
	if got := kept.String(); got != "ray.Ref[int](released)" {
		t.Error(got)
	}
}

func TestOptionsReachTheHost(t *testing.T) {
	w := newWorld(t)
	remoteAdd.With(CPUs(2), Resource("x86", 1)).With(Name("sum"), Timeout(time.Minute), Priority(3)).Remote(1, 2)
	var o spec.TaskOptions
	if err := spec.Unmarshal(w.options["go.add"], &o); err != nil {
		t.Fatal(err)
	}
	if *o.CPUs != 2*spec.Unit || o.Custom["x86"] != spec.Unit || *o.Name != "sum" || *o.Timeout != time.Minute || *o.Priority != 3 || o.Memory != nil {
		t.Errorf("options came as %+v", o)
	}
	remoteAdd.Remote(1, 2)
	if got := w.options["go.add"]; len(got) != 0 {
		t.Errorf("a plain call carries options %x", got)
	}
}

func TestDescription(t *testing.T) {
	w := newWorld(t)
	d, err := w.describeModule(describe)
	if err != nil {
		t.Fatal(err)
	}
	if d.ABI != spec.ABIVersion || !d.Main || d.SDK != "go 0.1" {
		t.Errorf("%+v", d)
	}
	f, ok := d.Function("go.hello")
	if !ok || f.Result != "string" || *f.Options.CPUs != spec.Unit/2 || *f.Options.MaxRetries != 5 {
		t.Errorf("hello: %+v", f)
	}
	f, _ = d.Function("go.add")
	if !reflect.DeepEqual(f.Params, []string{"int", "int"}) {
		t.Errorf("add: %+v", f)
	}
	c, ok := d.Class("go.counter")
	if !ok || *c.Options.MaxRestarts != 1 || !reflect.DeepEqual(c.New.Params, []string{"int"}) {
		t.Errorf("counter: %+v", c)
	}
	m, ok := c.Method("Inc")
	if !ok || *m.Options.MaxRetries != 2 || !reflect.DeepEqual(m.Params, []string{"int"}) || m.Result != "int" {
		t.Errorf("Inc: %+v", m)
	}
	m, _ = c.Method("Reset")
	if m.Result != "" {
		t.Errorf("Reset: %+v", m)
	}
}

func TestSelfAndLogger(t *testing.T) {
	w := newWorld(t)
	s := Self()
	if s.Job != "01000000" || s.Attempt != 2 || s.Resources.CPU != spec.Unit || s.Deadline.Unix() != 1_700_000_000 {
		t.Errorf("%+v", s)
	}
	if total, err := ClusterResources(); err != nil || total.CPU != 4*spec.Unit {
		t.Errorf("the cluster has %v, %v", total, err)
	}
	if free, err := AvailableResources(); err != nil || free.CPU != spec.Unit || len(free.Custom) != 1 { // longer than the first guess
		t.Errorf("there are %v, %v", free, err)
	}
	Logger().With("task", 1).WithGroup("g").Warn("slow", "took", time.Second, "why", "no reason")
	if w.logs[0] != `warn slow task=1 g.took=1s g.why="no reason"` {
		t.Errorf("%q", w.logs)
	}
}

func TestOutsideRaywasm(t *testing.T) {
	_, err := remoteAdd.Remote(1, 2).Get()
	wantError(t, err, Unsupported, "raywasm submit DIR")
	_, err = Put(1)
	wantError(t, err, Unsupported, "raywasm submit DIR")
	if got := Self(); !reflect.DeepEqual(got, Info{}) {
		t.Errorf("%+v", got)
	}
}
