package host_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/spec"
)

// Random programs run on a cluster. Their driver is on the first node, and in some of them another node is killed: the model
// is that of one node, but for what a death may do.

// clusterProgram is one run.
type clusterProgram struct {
	program
	c      *clustertest.Cluster
	victim int  // the node that is killed if one is
	killed bool // and the others need not know of it yet
	burial sync.WaitGroup
}

// anywhere says to run on a node, which may be busy, or does not say where.
func (p *clusterProgram) anywhere() spec.TaskOptions {
	switch p.r.IntN(5) {
	case 0:
		return spec.TaskOptions{Placement: &spec.Placement{Spread: true}}
	case 1, 2:
		n := p.c.Nodes[p.r.IntN(len(p.c.Nodes))]
		return spec.TaskOptions{Placement: &spec.Placement{Node: n.ID().String(), Soft: true}}
	}
	return spec.TaskOptions{}
}

// submit is program's, of a function.
func (p *clusterProgram) submit(function string, opts spec.TaskOptions, want outcome, length bool, of []int, args ...any) int {
	p.t.Helper()
	refs, err := p.j.Submit(p.t.Context(), function, opts, args...)
	return p.add(refs, err, want, length, true, of...)
}

// fragile is the outcome of what a death leaves too few retries.
func (p *clusterProgram) fragile() {
	for i := range p.refs {
		if w := p.refs[i].want; w.kind == spec.WorkerCrashed && !w.either {
			p.refs[i].want.kind = spec.AnyError // its last attempt may have been that of the dead node
		}
	}
}

// step does one thing at random.
func (p *clusterProgram) step() {
	ctx := p.t.Context()
	opts := p.anywhere()
	switch p.r.IntN(20) {
	default:
		p.program.step()
	case 0, 1:
		n := p.r.IntN(100)
		p.note("r%d = tally(%d)", len(p.refs), n)
		p.submit("tally", opts, outcome{n: n}, false, nil, n)
	case 2:
		depth := p.r.IntN(4)
		p.note("r%d = tree(%d)", len(p.refs), depth)
		p.submit("tree", opts, p.mortal(outcome{n: 1 << depth}), false, nil, depth)
	case 3: // refs in a value, to what another node may own
		n := p.r.IntN(5)
		p.note("r%d = sumRefs(spread(%d))", len(p.refs), n)
		lists, err := p.j.Submit(ctx, "spread", opts, n)
		if err != nil {
			p.fatalf("submit: %v", err)
		}
		var list any = lists[0]
		if p.r.IntN(2) == 0 {
			refs, err := host.Get[[]*host.Ref](ctx, lists[0])
			if err != nil {
				p.fatalf("get a list of refs: %v", err)
			}
			list = refs
		}
		p.submit("sumRefs", p.anywhere(), p.mortal(outcome{n: n * (n - 1) / 2}), false, nil, list)
		lists[0].Release()
	case 4: // refs of the driver in a value
		var list []*host.Ref
		var of []int
		want := outcome{}
		for range p.r.IntN(5) {
			if i := p.pick(false); i >= 0 {
				list, of = append(list, p.refs[i].ref), append(of, i)
				want.n += p.refs[i].want.n
				if p.refs[i].want.kind != 0 {
					want.kind = spec.AnyError
					want.either = want.either || p.refs[i].want.either
				}
			}
		}
		p.note("r%d = sumRefs(%v)", len(p.refs), of)
		i := p.submit("sumRefs", opts, want, false, of, list)
		if want.kind != 0 {
			p.refs[i].want.either = true
		}
	case 5: // an object that a task put
		n := 1 + p.r.IntN(300*spec.KiB)
		p.note("r%d = length(lend(%d))", len(p.refs), n)
		lent, err := p.j.Submit(ctx, "lend", opts, n)
		if err != nil {
			p.fatalf("submit: %v", err)
		}
		ref, err := host.Get[*host.Ref](ctx, lent[0])
		if err != nil {
			p.fatalf("get a ref: %v", err)
		}
		p.submit("length", p.anywhere(), p.mortal(outcome{n: n}), false, nil, ref)
		lent[0].Release()
		ref.Release()
	case 6, 7: // large results
		n := 100*spec.KiB + p.r.IntN(400*spec.KiB)
		p.note("r%d = stamped(%d)", len(p.refs), n)
		p.submit("stamped", opts, outcome{n: n}, true, nil, n, 1)
	case 8, 9:
		if i := p.pick(true); i >= 0 {
			p.note("r%d = length(r%d)", len(p.refs), i)
			o := p.refs[i].want
			p.submit("length", opts, o, false, []int{i}, p.refs[i].ref)
		}
	case 10: // large puts
		n := 1 + p.r.IntN(300*spec.KiB)
		p.note("r%d = put of %d bytes", len(p.refs), n)
		ref, err := p.j.Put(ctx, make([]byte, n))
		p.add([]*host.Ref{ref}, err, outcome{n: n}, true, false)
	case 11:
		timeout := time.Duration(1+p.r.IntN(30)) * time.Millisecond
		opts.Timeout = &timeout
		p.note("r%d = spinBelow until its deadline", len(p.refs))
		p.submit("spinBelow", opts, outcome{kind: spec.DeadlineExceeded}, false, nil)
	case 12:
		p.note("r%d = spinBelow, cancelled", len(p.refs))
		i := p.submit("spinBelow", opts, outcome{kind: spec.TaskCancelled}, false, nil)
		if p.r.IntN(2) == 0 { // let it begin, perhaps
			_ = p.submit("tally", opts, outcome{n: 7}, false, nil, 7)
			p.check(len(p.refs) - 1)
		}
		if err := p.refs[i].ref.Cancel(ctx, true, true); err != nil {
			p.fatalf("cancel: %v", err)
		}
	case 13:
		p.group()
	case 14: // a large result that nobody waits for
		n := 100*spec.KiB + p.r.IntN(100*spec.KiB)
		refs, err := p.j.Submit(ctx, "stamped", opts, n, 1)
		if err != nil {
			p.fatalf("submit: %v", err)
		}
		p.note("stamped(%d) is released", n)
		if p.r.IntN(2) == 0 {
			if err := refs[0].Cancel(ctx, true, true); err != nil {
				p.fatalf("cancel: %v", err)
			}
		}
		refs[0].Release()
	}
}

// group makes a placement group, runs tasks there, and removes it before or after they are done.
func (p *clusterProgram) group() {
	ctx := p.t.Context()
	bundles := 1 + p.r.IntN(2)
	early := p.r.IntN(3) == 0
	p.note("group of %d, removed early: %t", bundles, early)
	g, err := p.j.CreateGroup(ctx, single(bundles, spec.Spread))
	if err != nil {
		p.fatalf("create a group: %v", err)
	}
	if p.r.IntN(2) == 0 {
		if err := g.Wait(ctx); err != nil {
			p.fatalf("wait for a group: %v", err)
		}
	}
	var refs []*host.Ref
	for i := range p.r.IntN(5) {
		bundle := group.AnyBundle
		if p.r.IntN(2) == 0 {
			bundle = p.r.IntN(bundles)
		}
		some, err := p.j.Submit(ctx, "nest", in(g, bundle, p.r.IntN(2) == 0), i%2)
		if err != nil {
			p.fatalf("submit: %v", err)
		}
		refs = append(refs, some...)
	}
	remove := func() {
		if err := g.Remove(ctx); err != nil {
			p.fatalf("remove a group: %v", err)
		}
	}
	if early {
		remove()
	}
	for i, r := range refs {
		n, err := host.Get[int](ctx, r)
		if (err != nil || n != i%2) && !(early && (errors.Is(err, spec.TaskPlacementGroupRemoved) || errors.Is(err, spec.TaskError))) {
			p.fatalf("task %d of a group: %d, %v", i, n, err)
		}
		r.Release()
	}
	if !early {
		remove()
	}
}

// kill kills the victim. The others notice at once, or in the middle of something else.
func (p *clusterProgram) kill() {
	p.note("kill node %d", p.victim)
	p.killed = true
	p.c.Kill(p.victim)
	bury := func() { p.c.Bury(p.t, p.victim) }
	if p.r.IntN(2) == 0 {
		p.note("and bury it")
		bury()
	} else {
		soon := time.After(time.Duration(p.r.IntN(50)) * time.Millisecond)
		p.burial.Go(func() {
			<-soon
			bury()
		})
	}
	p.fragile()
}

// runOn runs a program on a cluster and checks that all of it is as the model says, and that nothing of it is left.
func runOn(t *testing.T, c *clustertest.Cluster, module *host.Module, seed uint64, steps int) {
	p := &clusterProgram{c: c, program: program{t: t, graveyard: "testdata/clusterprograms", seed: seed, r: rand.New(rand.NewPCG(seed, 8)),
		node: c.Nodes[0], j: job(t, c.Nodes[0], host.JobConfig{Module: module})}}
	p.options = p.anywhere
	at := -1
	if seed%3 == 0 {
		p.dies, p.victim, at = true, 1+p.r.IntN(len(c.Nodes)-1), p.r.IntN(steps)
	}
	for i := range steps {
		if i == at {
			p.kill()
		}
		p.step()
	}
	if p.killed {
		p.burial.Wait()
		if p.r.IntN(2) == 0 {
			p.replace()
		}
	}
	for i, k := range p.refs {
		if k.ref != nil {
			p.check(i)
		}
	}
	for _, k := range p.refs {
		if k.ref != nil {
			k.ref.Release()
		}
	}
	for _, m := range p.all {
		m.actor.Release()
	}
	if err := p.j.Close(); err != nil {
		p.fatalf("close: %v", err)
	}
	for i, n := range c.Nodes {
		if i == p.victim && p.killed {
			continue
		}
		if err := n.Quiet(t.Context()); err != nil {
			p.fatalf("node %d: %v: %+v", i, err, n.Usage())
		}
		if u := n.Usage(); u.StoreObjects != 0 || u.Waiting != 0 || u.Actors != 0 {
			p.fatalf("node %d: left: %+v", i, u)
		}
	}
	if s := p.j.Stats(); s.Submitted != s.Finished+s.Failed+s.Cancelled {
		p.fatalf("%d calls, and %d + %d + %d answers", s.Submitted, s.Finished, s.Failed, s.Cancelled)
	}
	if p.killed && len(c.Nodes) > p.victim {
		p.replace()
	}
}

// replace lets a new node take the place of the dead one.
func (p *clusterProgram) replace() {
	if !p.killed {
		return
	}
	p.c.Replace(p.t, p.victim, host.Config{NumCPUs: 2, CacheDir: cache()})
	p.killed = false
}

// TestRandomProgramsOnACluster runs the programs of the seeds that failed once, and some of today's.
func TestRandomProgramsOnACluster(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 2, Seed: 1}, host.Config{NumCPUs: 1, Seed: 2}, host.Config{NumCPUs: 2, Seed: 3})
	for _, seed := range graves(t, "testdata/clusterprograms") {
		runOn(t, c, module, seed, 40)
	}
	programs := uint64(8)
	if long := os.Getenv("RAYWASM_LONG"); long != "" {
		programs = 1000
	}
	for seed := range programs {
		runOn(t, c, module, seed, 40)
	}
}
