package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// Random programs of tasks, actors, refs, generators, cancels, kills, crashes and losses run on a node, and a model says
// what each ref must hold. The model is sequential: what it cannot know, because two things race, it allows to be either.

// outcome is what the model says of a ref: a number; or an error of a kind; or, if either, the number or the kind.
type outcome struct {
	n      int
	kind   spec.Kind // 0: none
	either bool
}

// after is the outcome of a call that was given these, and would otherwise have o. Of several errors it is the first that
// is there.
func (o outcome) after(args ...outcome) outcome {
	certain := o.kind != 0 && !o.either
	for _, a := range args {
		if a.kind == 0 {
			continue
		}
		certain = certain || !a.either
		if o.kind == 0 {
			o.kind = a.kind
		} else if o.kind != a.kind {
			o.kind = spec.AnyError
		}
	}
	o.either = o.kind != 0 && !certain
	return o
}

// known is a ref and what it must hold.
type known struct {
	ref    *host.Ref
	want   outcome
	length bool  // the object is as many bytes as the number says
	task   bool  // of a function: it can be cancelled
	of     []int // what it was made of
}

// member is an actor and what the model knows of it.
type member struct {
	actor    *host.Actor
	n        int
	restarts int
	dead     bool
	pending  []int // of refs, since the last that was got
}

// program is one run.
type program struct {
	t    *testing.T
	seed uint64
	r    *rand.Rand
	node *host.Node
	j    *host.Job
	refs []known
	all  []*member
	log  []string
	// graveyard is where seeds that failed are kept.
	graveyard string
	// options says where a function runs; nil: on the node.
	options func() spec.TaskOptions
	dies    bool // a node does
}

func (p *program) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("seed %d: %s\nthe program:\n%s\nput the seed into %s", p.seed, fmt.Sprintf(format, args...), strings.Join(p.log, "\n"), p.graveyard)
}

func (p *program) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

// add notes a ref of the program.
func (p *program) add(refs []*host.Ref, err error, want outcome, length, task bool, of ...int) int {
	p.t.Helper()
	if err != nil {
		p.fatalf("submit: %v", err)
	}
	p.refs = append(p.refs, known{refs[0], want, length, task, of})
	return len(p.refs) - 1
}

// pick chooses a ref of numbers, or of lengths; -1 if there is none.
func (p *program) pick(length bool) int {
	for range 5 {
		if len(p.refs) == 0 {
			break
		}
		if i := p.r.IntN(len(p.refs)); p.refs[i].ref != nil && p.refs[i].length == length {
			return i
		}
	}
	return -1
}

// number is an argument: a ref, and which, or a plain number and -1.
func (p *program) number() (arg any, o outcome, at int) {
	if i := p.pick(false); i >= 0 && p.r.IntN(3) > 0 {
		return p.refs[i].ref, p.refs[i].want, i
	}
	n := p.r.IntN(100)
	return n, outcome{n: n}, -1
}

// check gets a ref and compares.
func (p *program) check(i int) {
	p.t.Helper()
	k := p.refs[i]
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute) // a hang says what it waits for
	defer cancel()
	var n int
	var err error
	if k.length {
		var b []byte
		b, err = host.Get[[]byte](ctx, k.ref)
		n = len(b)
	} else {
		n, err = host.Get[int](ctx, k.ref)
	}
	switch {
	case err == nil && (k.want.kind == 0 || k.want.either) && n == k.want.n:
	case err != nil && k.want.kind != 0 && errors.Is(err, k.want.kind):
	default:
		p.fatalf("r%d: %d, %v; want %+v", i, n, err, k.want)
	}
}

// step does one thing at random.
func (p *program) step() {
	ctx := p.t.Context()
	none := spec.TaskOptions{}
	if p.options != nil {
		none = p.options()
	}
	switch p.r.IntN(22) {
	case 0:
		n := p.r.IntN(100)
		p.note("r%d = put %d", len(p.refs), n)
		ref, err := p.j.Put(ctx, n)
		p.add([]*host.Ref{ref}, err, outcome{n: n}, false, false)
	case 1, 2, 3, 4:
		a, ao, at := p.number()
		b, bo, bt := p.number()
		p.note("r%d = add of r%d and r%d", len(p.refs), at, bt)
		refs, err := p.j.Submit(ctx, "add", none, a, b)
		p.add(refs, err, outcome{n: ao.n + bo.n}.after(ao, bo), false, true, at, bt)
	case 5:
		depth := p.r.IntN(6)
		p.note("r%d = nest(%d)", len(p.refs), depth)
		refs, err := p.j.Submit(ctx, "nest", none, depth)
		p.add(refs, err, outcome{n: depth}, false, true)
	case 6:
		n := p.r.IntN(6) // crashes so often; three retries are the default
		o := outcome{n: n}
		if n > 3 {
			o = outcome{kind: spec.WorkerCrashed}
		}
		p.note("r%d = attempt(%d)", len(p.refs), n)
		refs, err := p.j.Submit(ctx, "attempt", none, n)
		p.add(refs, err, o, false, true)
	case 7:
		p.note("r%d = fail", len(p.refs))
		refs, err := p.j.Submit(ctx, "fail", none, "error")
		p.add(refs, err, outcome{kind: spec.TaskError}, false, true)
	case 8: // large
		n := p.r.IntN(200 * spec.KiB)
		p.note("r%d = make(%d)", len(p.refs), n)
		refs, err := p.j.Submit(ctx, "make_", none, n)
		p.add(refs, err, outcome{n: n}, true, true)
	case 9:
		if i := p.pick(true); i >= 0 && p.refs[i].want.n < 4*spec.MiB {
			o := p.refs[i].want
			o.n *= 2
			p.note("r%d = double(r%d)", len(p.refs), i)
			refs, err := p.j.Submit(ctx, "double", none, p.refs[i].ref)
			p.add(refs, err, o, true, true, i)
		}
	case 10:
		if i := p.pick(true); i >= 0 {
			p.note("lose r%d", i)
			p.node.Lose(p.refs[i].ref)
			p.uncertain(i, spec.ObjectLost) // its retries are used up some time
		}
	case 11, 12:
		i := p.pick(p.r.IntN(2) == 0)
		if i >= 0 && p.refs[i].task {
			p.note("cancel r%d", i)
			if err := p.refs[i].ref.Cancel(ctx, p.r.IntN(2) == 0, true); err != nil {
				p.fatalf("cancel: %v", err)
			}
			p.uncertain(i, spec.TaskCancelled)
		}
	case 13:
		p.note("a%d = new Counter", len(p.all))
		restarts := int32(p.r.IntN(3))
		a, err := p.j.NewActor(ctx, "Counter", spec.ActorOptions{MaxRestarts: &restarts}, 0)
		if err != nil {
			p.fatalf("new actor: %v", err)
		}
		p.all = append(p.all, &member{actor: a, restarts: int(restarts)})
	case 14, 15, 16, 17:
		p.call()
	case 18:
		if i := p.pick(false); i >= 0 {
			p.note("get r%d", i)
			p.check(i)
		}
	case 19:
		n, take := p.r.IntN(10), p.r.IntN(12)
		ahead := int32(p.r.IntN(4))
		p.note("generator of %d, %d taken, ahead %d", n, take, ahead)
		g, err := p.j.Stream(ctx, "count", spec.TaskOptions{StreamAhead: &ahead}, n)
		if err != nil {
			p.fatalf("stream: %v", err)
		}
		for i := range take {
			ref, err := g.Next(ctx)
			if i >= n && errors.Is(err, spec.EndOfStream) {
				break
			}
			if err != nil || i >= n {
				p.fatalf("result %d of %d: %v", i, n, err)
			}
			p.refs = append(p.refs, known{ref: ref, want: outcome{n: i}})
		}
		g.Release()
	case 20:
		var some []*host.Ref
		for _, k := range p.refs {
			if k.ref != nil && p.r.IntN(3) == 0 {
				some = append(some, k.ref)
			}
		}
		count := p.r.IntN(len(some) + 1)
		p.note("wait for %d of %d", count, len(some))
		ready, _, err := p.j.Wait(ctx, some, count, spec.Forever)
		if err != nil || len(ready) < count {
			p.fatalf("wait for %d: %d, %v", count, len(ready), err)
		}
	case 21:
		if i := p.pick(p.r.IntN(2) == 0); i >= 0 {
			p.note("release r%d", i)
			if p.dies && p.refs[i].length && !p.refs[i].task { // what was put cannot be made again
				p.uncertain(i, spec.ObjectLost)
			}
			p.refs[i].ref.Release()
			p.refs[i].ref = nil
		}
	}
}

// uncertain: the ref may hold an error of that kind from now on, and so may what was made of it.
func (p *program) uncertain(i int, kind spec.Kind) {
	reached := map[int]bool{i: true}
	for k := i; k < len(p.refs); k++ {
		if !reached[k] && !slices.ContainsFunc(p.refs[k].of, func(of int) bool { return reached[of] }) {
			continue
		}
		reached[k] = true
		switch w := &p.refs[k].want; {
		case w.kind == 0:
			w.kind, w.either = kind, true
		case w.kind != kind:
			w.kind = spec.AnyError // one of both, and the number if it was possible before
		}
	}
}

// mortal is the outcome of what a node may have taken with it.
func (p *program) mortal(o outcome) outcome {
	if p.dies {
		o.kind, o.either = spec.AnyError, o.kind == 0 || o.either
	}
	return o
}

// call calls an actor, crashes it or kills it.
func (p *program) call() {
	if len(p.all) == 0 {
		return
	}
	ctx := p.t.Context()
	at := p.r.IntN(len(p.all))
	c := p.all[at]
	switch p.r.IntN(12) {
	case 0:
		p.note("r%d = a%d.Crash()", len(p.refs), at)
		refs, err := c.actor.Submit(ctx, "Crash", spec.TaskOptions{}, 1)
		p.add(refs, err, p.mortal(outcome{kind: spec.ActorError}), false, false)
		switch {
		case c.dead:
		case c.restarts > 0:
			c.restarts--
			c.n = 0
		default:
			c.dead = true
		}
	case 1:
		if p.r.IntN(3) == 0 {
			p.note("kill a%d", at)
			if err := c.actor.Kill(ctx, true); err != nil && !(p.dies && errors.Is(err, spec.ActorDied)) {
				p.fatalf("kill: %v", err)
			}
			c.dead = true
			for _, i := range c.pending { // they may have run before
				p.uncertain(i, spec.ActorError)
			}
		}
	default:
		by := 1 + p.r.IntN(5)
		p.note("r%d = a%d.Inc(%d)", len(p.refs), at, by)
		refs, err := c.actor.Submit(ctx, "Inc", spec.TaskOptions{}, by)
		o := outcome{kind: spec.ActorDied}
		if !c.dead {
			c.n += by
			o = outcome{n: c.n}
		}
		c.pending = append(c.pending, p.add(refs, err, p.mortal(o), false, false))
	}
}

// runProgram runs a program and checks that all of it is as the model says, and that nothing of it is left.
func runProgram(t *testing.T, node *host.Node, module *host.Module, seed uint64, steps int) {
	p := &program{t: t, graveyard: "testdata/programs", seed: seed, r: rand.New(rand.NewPCG(seed, 7)), node: node, j: job(t, node, host.JobConfig{Module: module})}
	for range steps {
		p.step()
	}
	for i, k := range p.refs {
		if k.ref != nil {
			p.check(i)
			k.ref.Release()
		}
	}
	for _, c := range p.all {
		c.actor.Release()
	}
	for u := node.Usage(); u.References != 0 || u.Actors != 0 || u.Free.CPU != u.Total.CPU; u = node.Usage() {
		runtime.Gosched() // what was cancelled is still ending; the test's own deadline bounds this
	}
	clean(t, node, p.j)
	if used := node.Usage(); used.StoreObjects != 0 || used.Waiting != 0 {
		p.fatalf("left: %+v", used)
	}
	if s := p.j.Stats(); s.Submitted != s.Finished+s.Failed+s.Cancelled {
		p.fatalf("%d calls, and %d + %d + %d answers", s.Submitted, s.Finished, s.Failed, s.Cancelled)
	}
}

// TestRandomPrograms runs the programs of the seeds that failed once, and some of today's.
func TestRandomPrograms(t *testing.T) {
	node, module := open(t, host.Config{NumCPUs: 2, Seed: 1})
	for _, seed := range graves(t, "testdata/programs") {
		runProgram(t, node, module, seed, 60)
	}
	programs, steps := uint64(30), 60
	if long := os.Getenv("RAYWASM_LONG"); long != "" {
		programs = 3000
	}
	for seed := range programs {
		runProgram(t, node, module, seed, steps)
	}
}

// graves reads the seeds that are kept in a file.
func graves(t *testing.T, file string) (seeds []uint64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if seed, err := strconv.ParseUint(word, 10, 64); err == nil {
			seeds = append(seeds, seed)
		}
	}
	return seeds
}
