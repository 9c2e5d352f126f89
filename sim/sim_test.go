package sim

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

var (
	long  = flag.Bool("long", false, "run a thousand seeds instead of a hundred")
	first = flag.Uint64("first", 0, "the first seed")
)

// deep checks everything after every step.
var deep = Options{Deep: true}

// TestSeeds runs random clusters with every invariant checked after every step. A seed that fails is shrunk and shown; it is
// to be added to the graveyard with its fix.
func TestSeeds(t *testing.T) {
	seeds := uint64(100)
	if *long {
		seeds = 1000
	}
	var sum Result
	faults := map[FaultKind]int{}
	for seed := *first; seed < *first+seeds; seed++ {
		p := Generate(seed)
		r, err := Run(p, deep)
		if err != nil {
			t.Fatalf("seed %d: %v\nsmallest program that fails:\n%s", seed, err, describe(Shrink(p, deep, 300)))
		}
		sum.Steps += r.Steps
		sum.Done += r.Done
		sum.Failed += r.Failed
		sum.Attempts += r.Attempts
		for _, f := range p.Faults {
			faults[f.Kind]++
		}
	}
	if sum.Done < 1000 || sum.Failed < 100 || sum.Attempts < sum.Done+sum.Failed/2 || len(faults) != 4 {
		t.Errorf("%d done, %d failed, %d attempts, faults %v: this proves little", sum.Done, sum.Failed, sum.Attempts, faults)
	}
	t.Logf("%d steps, %d tasks done, %d failed, %d attempts", sum.Steps, sum.Done, sum.Failed, sum.Attempts)
}

// TestGraveyard runs the seeds that once failed. A line is a seed and what was wrong.
func TestGraveyard(t *testing.T) {
	f, err := os.Open("testdata/graveyard.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ran := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		number, was, _ := strings.Cut(line, " ")
		seed, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("%q begins with no seed", line)
		}
		if _, err := Run(Generate(seed), deep); err != nil {
			t.Errorf("seed %d (%s): %v", seed, was, err)
		}
		ran++
	}
	if ran == 0 {
		t.Fatal("the graveyard is empty")
	}
}

// TestEqualSeedsGiveEqualRuns compares everything that happened, twice.
func TestEqualSeedsGiveEqualRuns(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(20) {
		a, err := Run(Generate(seed), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Run(Generate(seed), Options{})
		if a.Digest != b.Digest || a.Steps != b.Steps {
			t.Errorf("seed %d: %d steps and digest %x, then %d and %x", seed, a.Steps, a.Digest, b.Steps, b.Digest)
		}
		seen[a.Digest] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d digests of 20 seeds: the digest says nothing", len(seen))
	}
}

// TestBugsAreFound makes mistakes on purpose. Each is found by some of the first seeds, and shrinks to a few things.
func TestBugsAreFound(t *testing.T) {
	for b, name := range map[bug]string{neverRepeat: "messages are sent once", leakLease: "a retried attempt keeps its lease",
		leakBundle: "a node keeps what a group gave back", doubleFinish: "the result of an attempt that was given up is taken"} {
		t.Run(name, func(t *testing.T) {
			opt := Options{Deep: true, bug: b}
			for seed := range uint64(60) {
				p := Generate(seed)
				_, err := Run(p, opt)
				if err == nil {
					continue
				}
				small := Shrink(p, opt, 400)
				before, after := size(p), size(small)
				_, again := Run(small, opt)
				if again == nil || after > before/2 {
					t.Errorf("seed %d: shrunk from %d to %d things, fails with: %v", seed, before, after, again)
				}
				if _, err := Run(small, deep); err != nil {
					t.Errorf("seed %d fails without the bug too: %v", seed, err)
				}
				t.Logf("seed %d: %v; %d of %d things are enough: %v\n%s", seed, err, after, before, again, describe(small))
				return
			}
			t.Error("60 seeds did not find it")
		})
	}
}

func size(p *Program) int {
	return len(p.Nodes) + len(p.Tasks) + len(p.Groups) + len(p.Actors) + len(p.Faults)
}

func describe(p *Program) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, net %+v\n", p.Seed, p.Net)
	for _, n := range p.Nodes {
		fmt.Fprintf(&b, "node %d: %v\n", n.ID, n.Total)
	}
	for _, x := range p.Tasks {
		fmt.Fprintf(&b, "task %d: at %v for %v, needs %v, parent %d, group %d[%d], retries %d, crash %.2f, fail %.2f\n", x.ID, x.At, x.Duration, x.Need, x.Parent, x.Group, x.Bundle, x.Retries, x.Crash, x.Fail)
	}
	for _, g := range p.Groups {
		fmt.Fprintf(&b, "group %d: %v to %v, %s of %v\n", g.ID, g.At, g.End, g.Options.Strategy, g.Options.Bundles)
	}
	for _, a := range p.Actors {
		fmt.Fprintf(&b, "actor %d: at %v, %d calls of %v every %v, restarts %d, retries %d, crash %.2f\n", a.ID, a.At, a.Calls, a.Duration, a.Every, a.Restarts, a.Retries, a.Crash)
	}
	for _, f := range p.Faults {
		fmt.Fprintf(&b, "fault %s on node %d: %v to %v\n", f.Kind, f.Node, f.At, f.End)
	}
	return b.String()
}

// TestUtilisation: tasks that fit exactly keep every CPU busy, but for the time of messages.
func TestUtilisation(t *testing.T) {
	p := Large(100, 10_000, 0, 1)
	r, err := Run(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Done != 10_000 {
		t.Fatalf("%d done, %d failed", r.Done, r.Failed)
	}
	if bound := p.Bound(); r.End.Seconds() > 1.1*bound.Seconds() {
		t.Errorf("it took %v, at least %v were needed", r.End, bound)
	}
	if used := r.Busy / r.Capacity; used < 0.85 || used > 1 {
		t.Errorf("%.0f of %.0f CPU-seconds were used", r.Busy, r.Capacity)
	}
}
