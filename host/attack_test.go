package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/spec"
)

// Attacks: a guest of one job tries to harm the host, or the job beside it. Each must end in an error of the attacker's
// own; the other job must not notice; the host's memory must stay bounded; and afterwards nothing may be left.

// hostile builds testdata/attacks once.
var hostile = guesttest.Go("testdata/attacks")

const (
	// arenaStore is the object store's memory of the node under attack, in bytes: small, so that floods fill it.
	arenaStore = 64 * spec.MiB
	// arenaHeap bounds what the live heap grows by during an attack, in bytes: the store, as much again because records
	// are reserved by estimates, and the sandboxes that are the node's, of which 1024 idle actors and 256 in the pool cost some
	// 220 KiB each.
	arenaHeap = 2*arenaStore + 320*spec.MiB
	// arenaKeeps bounds what it may have grown by afterwards: the pool's instances.
	arenaKeeps = 80 * spec.MiB
	// short is the time after which an attack is stopped that nothing else stops.
	short = 400 * time.Millisecond
)

// arena is a node with an innocent job's module and a hostile one.
type arena struct {
	node             *host.Node
	innocent, guilty *host.Module
}

func newArena(t *testing.T, memory int64) *arena {
	node, innocent := open(t, host.Config{NumCPUs: 2, ObjectStoreMemory: memory})
	wasm, err := hostile()
	if err != nil {
		t.Fatal(err)
	}
	guilty, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return &arena{node, innocent, guilty}
}

// liveHeap returns the bytes of the heap that are in use.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// beside runs an attack while an innocent job works: what the attack does is in attack's hands, what it may not do is
// checked here.
func (a *arena) beside(t *testing.T, cfg host.JobConfig, attack func(j *host.Job)) {
	t.Helper()
	before := liveHeap()
	victim := job(t, a.node, host.JobConfig{Module: a.innocent})
	counter, err := victim.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := victim.Put(t.Context(), 40)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var works sync.WaitGroup
	stop := sync.OnceFunc(func() {
		close(over)
		works.Wait()
	})
	defer stop()
	works.Go(func() {
		const least = 3
		for i := 1; ; i++ {
			select {
			case <-over:
				if i > least {
					return
				}
			default:
			}
			if sum, err := host.Call[int](t.Context(), victim, "add", kept, i); err != nil || sum != 40+i {
				t.Errorf("the innocent job's task: %d, %v", sum, err)
				return
			}
			if n, err := host.CallMethod[int](t.Context(), counter, "Inc", 1); err != nil || n != i {
				t.Errorf("the innocent job's actor: %d, %v", n, err)
				return
			}
			if grown := liveHeap() - before; grown > arenaHeap {
				t.Errorf("the heap has grown by %s", spec.FormatBytes(grown))
				return
			}
		}
	})
	if cfg.Module == nil {
		cfg.Module = a.guilty
	}
	j := job(t, a.node, cfg)
	attack(j)
	stop()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	kept.Release()
	counter.Release()
	clean(t, a.node, victim)
	if u := a.node.Usage(); u.Actors != 0 || u.Waiting != 0 || u.StoreObjects != 0 || u.Free.CPU != u.Total.CPU {
		t.Errorf("left: %+v", u)
	}
	if grown := liveHeap() - before; grown > arenaKeeps {
		t.Errorf("the heap keeps %s", spec.FormatBytes(grown))
	}
}

// ends runs one function of the hostile guest and checks that it ends with an error of one of the kinds.
func ends(t *testing.T, j *host.Job, function string, opts spec.TaskOptions, kinds []spec.Kind, args ...any) error {
	t.Helper()
	if opts.MaxRetries == nil {
		none := int32(0)
		opts.MaxRetries = &none
	}
	refs, err := j.Submit(t.Context(), function, opts, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer refs[0].Release()
	_, err = refs[0].GetValue(t.Context())
	if !slices.ContainsFunc(kinds, func(k spec.Kind) bool { return errors.Is(err, k) }) {
		t.Errorf("%s%v ended with %v, want %v", function, args, err, kinds)
	}
	return err
}

func kinds(k ...spec.Kind) []spec.Kind { return k }

func within(d time.Duration) spec.TaskOptions { return spec.TaskOptions{Timeout: &d} }

// TestFloods: a guest makes as much of something as it can.
func TestFloods(t *testing.T) {
	a := newArena(t, arenaStore)
	memory := int64(256 * spec.MiB)
	full := kinds(spec.ObjectStoreFull, spec.DeadlineExceeded)
	for _, c := range []struct {
		function string
		args     []any
		opts     spec.TaskOptions
		kinds    []spec.Kind
		long     bool // not for -short
	}{
		{"floodLogs", nil, spec.TaskOptions{}, kinds(spec.LimitExceeded), false},
		{"floodStdout", nil, spec.TaskOptions{}, kinds(spec.TaskError), true},
		{"floodPuts", []any{100}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), false},
		{"floodPuts", []any{0}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), true},
		{"floodPuts", []any{100 * spec.KiB}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), true},
		{"floodPuts", []any{spec.MiB}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), false},
		{"floodDrafts", []any{spec.MiB}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), false},
		{"floodDrafts", []any{100}, spec.TaskOptions{}, kinds(spec.LimitExceeded), true},
		{"floodSealed", []any{spec.MiB}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), true},
		{"viewFreed", []any{spec.MiB}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), false},
		{"viewFreed", []any{spec.MiB}, spec.TaskOptions{Memory: &memory}, kinds(spec.ObjectStoreFull), true},
		{"pass", []any{0}, spec.TaskOptions{}, kinds(spec.LimitExceeded), true},
		{"pass", []any{100_000}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull, spec.LimitExceeded), true},
		{"waits", nil, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), true},
		{"returnMuch", []any{0}, spec.TaskOptions{}, kinds(spec.LimitExceeded), true},
		{"returnMuch", []any{10 * spec.MiB}, spec.TaskOptions{}, kinds(spec.ObjectStoreFull), false},
		{"floodTasks", []any{0, true}, within(2 * short), full, true},
		{"floodTasks", []any{50_000, true}, within(2 * short), full, false},
		{"floodTasks", []any{10_000, false}, within(2 * short), full, true},
		{"shapes", nil, within(short), full, true},
		{"cancels", []any{90_000}, within(2 * short), kinds(spec.DeadlineExceeded), false},
		{"floodActors", nil, within(2 * short), full, false},
		{"nest", nil, within(2 * short), kinds(spec.TaskError, spec.DeadlineExceeded), false}, // the innermost of so many errors is cut off
		{"allocate", nil, spec.TaskOptions{Memory: &memory}, kinds(spec.OutOfMemory), true},
		{"recurse", []any{0}, spec.TaskOptions{}, kinds(spec.WorkerCrashed), true},
		{"spin", nil, within(short), kinds(spec.DeadlineExceeded), false},
		{"getForever", nil, within(short), kinds(spec.DeadlineExceeded), false},
	} {
		if c.long && testing.Short() {
			continue
		}
		t.Run(fmt.Sprint(c.function, c.args), func(t *testing.T) {
			a.beside(t, host.JobConfig{}, func(j *host.Job) { ends(t, j, c.function, c.opts, c.kinds, c.args...) })
		})
	}
}

// TestManyHandlesOfFewObjects: the table of handles is memory too.
func TestManyHandlesOfFewObjects(t *testing.T) {
	a := newArena(t, arenaStore)
	a.beside(t, host.JobConfig{}, func(j *host.Job) {
		refs, err := j.Submit(t.Context(), "refs", spec.TaskOptions{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		defer refs[0].Release()
		ends(t, j, "keepLinks", spec.TaskOptions{}, kinds(spec.ObjectStoreFull), refs[0])
	})
}

// TestErrorsAreMemoryToo: an error that a guest returns can be large.
func TestErrorsAreMemoryToo(t *testing.T) {
	a := newArena(t, arenaStore/8)
	a.beside(t, host.JobConfig{}, func(j *host.Job) {
		const many = 25
		if full, err := host.Call[int](t.Context(), j, "failMuch", many); err != nil || full == 0 || full == many {
			t.Errorf("of %d large errors %d did not fit, %v", many, full, err)
		}
	})
}

// TestDriversThatAttack: a driver has no other rights than a task.
func TestDriversThatAttack(t *testing.T) {
	a := newArena(t, arenaStore)
	for _, c := range []struct{ arg, says string }{{"puts", "ObjectStoreFull"}, {"tasks", "ObjectStoreFull"}, {"stdout", "quota"}} {
		if c.arg == "stdout" && testing.Short() {
			continue
		}
		t.Run(c.arg, func(t *testing.T) {
			var errs bytes.Buffer
			a.beside(t, host.JobConfig{Args: []string{c.arg}, Stderr: &errs}, func(j *host.Job) {
				if status, err := j.Run(t.Context()); status != 1 || err != nil || c.arg != "stdout" && !strings.Contains(errs.String(), c.says) {
					t.Errorf("status %d, %v, %q", status, err, errs.String())
				}
			})
		})
	}
	t.Run("spin", func(t *testing.T) {
		a.beside(t, host.JobConfig{Args: []string{"spin"}}, func(j *host.Job) {
			ctx, cancel := context.WithTimeout(t.Context(), short)
			defer cancel()
			if _, err := j.Run(ctx); !errors.Is(err, spec.DeadlineExceeded) {
				t.Errorf("a driver that spins: %v", err)
			}
		})
	})
}

func TestAJobRunsOnlySoManyFunctions(t *testing.T) {
	a := newArena(t, 4*spec.GiB) // of which each has its share
	a.beside(t, host.JobConfig{}, func(j *host.Job) {
		vacate := j.Occupy(spec.MaxRunningTasks, false)
		refs, err := j.Submit(t.Context(), "noop", spec.TaskOptions{}, []byte{})
		if err != nil {
			t.Fatal(err)
		}
		defer refs[0].Release()
		if ready, _, err := j.Wait(t.Context(), refs, 1, time.Millisecond); err != nil || len(ready) != 0 {
			t.Errorf("one more than the limit ran: %v", err)
		}
		vacate()
		if _, err := refs[0].GetValue(t.Context()); err != nil {
			t.Errorf("below the limit: %v", err)
		}
		vacate = j.Occupy(spec.MaxNestedTasks-1, true)
		if _, err := host.Call[int](t.Context(), j, "noop", []byte{}); err != nil {
			t.Errorf("while all the others wait: %v", err)
		}
		vacate()
		vacate = j.Occupy(spec.MaxRunningTasks-1, true)
		if _, err := host.Call[int](t.Context(), j, "poll"); err != nil {
			t.Errorf("while all the others wait and one asks again and again: %v", err)
		}
		vacate()
		vacate = j.Occupy(spec.MaxNestedTasks, true)
		err = ends(t, j, "noop", spec.TaskOptions{}, kinds(spec.LimitExceeded), []byte{})
		if err != nil && !strings.Contains(err.Error(), "MaxNestedTasks") {
			t.Errorf("it does not name the limit: %v", err)
		}
		vacate()
	})
}

// TestLies: every function of the ABI is told lengths, counts and handles that are not so.
func TestLies(t *testing.T) {
	a := newArena(t, arenaStore)
	a.beside(t, host.JobConfig{}, func(j *host.Job) {
		said, err := host.Call[map[string]int64](t.Context(), j, "tellLies", "argument")
		if err != nil || len(said) < 150 {
			t.Fatalf("%d claims were made, %v", len(said), err)
		}
		lied := make(map[string]bool)
		for claim := range said {
			lied[strings.FieldsFunc(claim, func(c rune) bool { return c == ' ' || c == ',' })[0]] = true
		}
		for _, f := range hostcall.Funcs() {
			if !lied[f.Name] {
				t.Errorf("nobody lies to %s", f.Name)
			}
		}
		for claim, status := range said {
			if status >= 0 || !spec.Kind(-status).Valid() || spec.Kind(-status) == spec.System {
				t.Errorf("%s: %d", claim, status)
			}
		}
	})
}

// TestForgedHandles: no number reaches what another sandbox holds.
func TestForgedHandles(t *testing.T) {
	a := newArena(t, arenaStore)
	a.beside(t, host.JobConfig{}, func(j *host.Job) {
		object, err := j.Put(t.Context(), "the neighbour's")
		if err != nil {
			t.Fatal(err)
		}
		actor, err := j.NewActor(t.Context(), "idler", spec.ActorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		tries := 100_000
		if testing.Short() {
			tries = 5000
		}
		if hits, err := host.Call[int](t.Context(), j, "forge", tries); err != nil || hits != 0 {
			t.Errorf("%d of the forged handles did something, %v", hits, err)
		}
		if n, err := host.CallMethod[int](t.Context(), actor, "Idle"); err != nil || n != 1 {
			t.Errorf("the neighbour's actor: %d, %v", n, err)
		}
		if s, err := host.Get[string](t.Context(), object); err != nil || s != "the neighbour's" {
			t.Errorf("the neighbour's object: %q, %v", s, err)
		}
		object.Release()
		actor.Release()
	})
}

// TestLeavingInTheMiddle: what a guest held when it ended is given back, however it ended.
func TestLeavingInTheMiddle(t *testing.T) {
	a := newArena(t, arenaStore)
	for how, kind := range map[string]spec.Kind{"exit": spec.GuestExit, "trap": spec.WorkerCrashed, "error": spec.TaskError} {
		t.Run(how, func(t *testing.T) {
			a.beside(t, host.JobConfig{}, func(j *host.Job) { ends(t, j, "abandon", spec.TaskOptions{}, kinds(kind), how) })
		})
	}
}

func TestAConstructorThatSpins(t *testing.T) {
	a := newArena(t, arenaStore)
	a.beside(t, host.JobConfig{}, func(j *host.Job) {
		actor, err := j.NewActor(t.Context(), "spinner", spec.ActorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := actor.Kill(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		actor.Release()
	})
}

// TestHandmadeModules: code that no compiler makes.
func TestHandmadeModules(t *testing.T) {
	a := newArena(t, arenaStore)
	grow := slices.Concat(i32Const(1), []byte{opMemoryGrow, 0})
	growTable := slices.Concat([]byte{opRefNull, typeFunc}, i32Const(1000), []byte{opMisc, miscTableGrow, 0})
	fill := slices.Concat(i32Const(0), i32Const(0), i32Const(1<<30), []byte{opMisc, miscMemoryFill, 0})
	memory := int64(64 * spec.MiB)
	for name, c := range map[string]struct {
		module handmade
		opts   spec.TaskOptions
		kinds  []spec.Kind
	}{
		"grow the memory until it ends": {handmade{code: slices.Concat(until(grow), []byte{opUnreachable})}, spec.TaskOptions{Memory: &memory}, kinds(spec.OutOfMemory)},
		"grow the memory for ever":      {handmade{code: slices.Concat(repeat(grow, []byte{opDrop}), i32Const(0))}, within(short), kinds(spec.DeadlineExceeded)},
		"grow the table until it ends":  {handmade{code: slices.Concat(until(growTable), []byte{opUnreachable})}, spec.TaskOptions{}, kinds(spec.WorkerCrashed)},
		"fill 1 GiB for ever": {handmade{code: slices.Concat(i32Const(1<<14-1), []byte{opMemoryGrow, 0, opDrop}, repeat(fill), i32Const(0))},
			within(short), kinds(spec.DeadlineExceeded, spec.WorkerCrashed)},
		"spin":           {handmade{code: slices.Concat(repeat(), i32Const(0))}, within(short), kinds(spec.DeadlineExceeded)},
		"call itself":    {handmade{code: slices.Concat(i32Const(0), i32Const(0), []byte{opCall, fnCall})}, spec.TaskOptions{}, kinds(spec.StackOverflow)},
		"read far away":  {handmade{code: slices.Concat(i32Const(-4), []byte{opI32Load, 2}, uleb(1<<32-1))}, spec.TaskOptions{}, kinds(spec.WorkerCrashed)},
		"return nothing": {handmade{code: i32Const(0)}, spec.TaskOptions{}, kinds(spec.InvalidResult)},
		"return a lie":   {handmade{code: i32Const(-1)}, spec.TaskOptions{}, kinds(spec.InvalidResult)},
		"many locals":    {handmade{locals: 40_000, code: slices.Concat(i32Const(0), i32Const(0), []byte{opCall, fnCall})}, spec.TaskOptions{}, kinds(spec.StackOverflow)},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := a.node.Load(t.Context(), c.module.bytes(t))
			if err != nil {
				t.Fatal(err)
			}
			a.beside(t, host.JobConfig{Module: m}, func(j *host.Job) { ends(t, j, "run", c.opts, c.kinds) })
		})
	}
}

// TestModulesThatAreRefused: a module is judged before its code runs, and while it is initialised it has a deadline.
func TestModulesThatAreRefused(t *testing.T) {
	a := newArena(t, arenaStore)
	spin := repeat()
	ok := i32Const(0)
	for name, c := range map[string]struct {
		wasm func() []byte
		kind spec.Kind
		long bool
	}{
		"giant":              {func() []byte { return make([]byte, spec.MaxModuleBytes+1) }, spec.LimitExceeded, true},
		"not a module":       {func() []byte { return []byte("\x00asm\x01\x00\x00\x00\x01\xff\xff\xff\xff\x0f") }, spec.InvalidModule, false},
		"many functions":     {func() []byte { return handmade{code: ok, more: 200_001}.bytes(t) }, spec.InvalidModule, false},
		"many exports":       {func() []byte { return handmade{code: ok, exports: 100_001}.bytes(t) }, spec.InvalidModule, true},
		"deep nesting":       {func() []byte { return handmade{code: slices.Concat(nested(10_001), ok)}.bytes(t) }, spec.InvalidModule, false},
		"too many locals":    {func() []byte { return handmade{code: ok, locals: 1 << 30}.bytes(t) }, spec.InvalidModule, false},
		"a long body":        {func() []byte { return handmade{code: append(bytes.Repeat(nested(1), 2<<20), ok...)}.bytes(t) }, spec.InvalidModule, true},
		"spins in describe":  {func() []byte { return handmade{code: ok, describe: spin}.bytes(t) }, spec.DeadlineExceeded, false},
		"spins in its start": {func() []byte { return handmade{code: ok, start: spin}.bytes(t) }, spec.DeadlineExceeded, false},
		"traps in its start": {func() []byte { return handmade{code: ok, start: []byte{opUnreachable}}.bytes(t) }, spec.WorkerCrashed, false},
		"describes itself at length": {func() []byte {
			return handmade{code: ok, describe: repeat(i32Const(0), i32Const(60_000), i32Const(0), i32Const(0), []byte{opCall, fnRet}, i32Const(0), []byte{opI32Ne, opIf, typeNone, opUnreachable, opEnd})}.bytes(t)
		}, spec.WorkerCrashed, false},
	} {
		if c.long && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			a.beside(t, host.JobConfig{}, func(*host.Job) {
				ctx, wasm := t.Context(), c.wasm()
				if c.kind == spec.DeadlineExceeded {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, short)
					defer cancel()
				}
				if _, err := a.node.Load(ctx, wasm); !errors.Is(err, c.kind) {
					t.Errorf("%v, want %v", err, c.kind)
				}
			})
		})
	}
}

// secret is what lies outside the working directory.
const secret = "the secret outside"

// TestPaths: no path leads out of the working directory, and nothing in it can be changed.
func TestPaths(t *testing.T) {
	a := newArena(t, arenaStore)
	outside, dir := t.TempDir(), t.TempDir()
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hidden := filepath.Join(outside, "secret")
	write(hidden, secret)
	write(filepath.Join(dir, "inside"), "inside")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(dir, hidden)
	if err != nil {
		t.Fatal(err)
	}
	link(relative, "relative")
	link(hidden, "absolute")
	link(outside, "outdir")
	link("../"+relative, "sub/deep")
	link("loop", "loop")
	link("/dev/zero", "zero")
	link("/proc/self/environ", "environ")
	link("inside", "good")
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := []string{"relative", "absolute", "outdir/secret", "outdir", "sub/deep", "sub/../relative", "sub/../../" + filepath.Base(outside) + "/secret",
		relative, hidden, "../secret", "/../../../../../../etc/passwd", "/etc/passwd", "/proc/self/environ", "environ", "zero", "loop",
		"relative/", "absolute/", "outdir/", "outdir/secret/", "inside/", "inside/..", "fifo", "./outdir/../outdir/secret", "", "a\x00b", strings.Repeat("a/", 5000)}
	a.beside(t, host.JobConfig{WorkingDir: dir}, func(j *host.Job) {
		refs, err := j.Submit(t.Context(), "files", within(10*short), append(slices.Clone(bad), "inside", "good"))
		if err != nil {
			t.Fatal(err)
		}
		defer refs[0].Release()
		found, err := host.Get[map[string]string](t.Context(), refs[0])
		if err != nil {
			t.Fatal(err)
		}
		for path, what := range found {
			if strings.Contains(what, secret) || strings.Contains(what, "root:") || strings.Contains(what, " secret") || strings.Contains(what, "CHANGED") {
				t.Errorf("%q gave %q", path, what)
			}
		}
		for _, path := range bad {
			if what, ok := found[path]; !ok || !strings.HasPrefix(what, "error: ") {
				t.Errorf("%q gave %q", path, what)
			}
		}
		if found["inside"] != "inside" || !strings.HasPrefix(found["good"], "inside") {
			t.Errorf("what is inside reads %q and %q", found["inside"], found["good"])
		}
	})
	if b, err := os.ReadFile(hidden); err != nil || string(b) != secret {
		t.Errorf("the secret now reads %q, %v", b, err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 10 {
		t.Errorf("%d entries in the working directory, %v", len(left), err)
	}
}

// TestALinkThatIsSwapped: what is checked is what is opened, whatever happens in between.
func TestALinkThatIsSwapped(t *testing.T) {
	a := newArena(t, arenaStore)
	outside, dir := filepath.Join(t.TempDir(), "secret"), t.TempDir()
	for path, text := range map[string]string{outside: secret, filepath.Join(dir, "inside"): "inside"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	swap := func(target string) {
		next := filepath.Join(dir, "next")
		if err := errors.Join(os.Symlink(target, next), os.Rename(next, filepath.Join(dir, "path"))); err != nil {
			t.Error(err)
		}
	}
	swap("inside")
	a.beside(t, host.JobConfig{WorkingDir: dir}, func(j *host.Job) {
		refs, err := j.Submit(t.Context(), "watch", spec.TaskOptions{}, "path", 5000)
		if err != nil {
			t.Fatal(err)
		}
		defer refs[0].Release()
		for swapping := true; swapping; {
			swap(outside)
			swap("inside")
			_, pending, err := j.Wait(t.Context(), refs, 1, 0)
			swapping = err == nil && len(pending) > 0
		}
		seen, err := host.Get[[]string](t.Context(), refs[0])
		if err != nil || !slices.Contains(seen, "inside") {
			t.Errorf("it saw %q, %v", seen, err)
		}
		for _, s := range seen {
			if strings.Contains(s, secret) {
				t.Errorf("it saw %q", s)
			}
		}
	})
}

// TestTheHostsEnvironment: a guest sees what its job gives it, and nothing of the process around it.
func TestTheHostsEnvironment(t *testing.T) {
	t.Setenv("RAYWASM_TEST_SECRET", secret)
	a := newArena(t, arenaStore)
	a.beside(t, host.JobConfig{Env: map[string]string{"GIVEN": "yes"}}, func(j *host.Job) {
		all, err := host.Call[[]string](t.Context(), j, "environment")
		if err != nil || !slices.Contains(all, "GIVEN=yes") {
			t.Fatalf("%q, %v", all, err)
		}
		name, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range append(os.Environ(), name, dir, os.Args[0]) {
			if slices.Contains(all, kv) {
				t.Errorf("the guest sees %q", kv)
			}
		}
		if len(all) > 5 {
			t.Errorf("the guest sees %q", all)
		}
	})
}
