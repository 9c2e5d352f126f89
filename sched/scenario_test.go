package sched_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// TestNodeStories plays the stories of testdata: a line is an event, and what the node does of it is printed behind.
//
//	story [RESOURCE=N ...] [label=K=V] [patient]     a node of so much
//
//	LEASE wants RESOURCE=N ... [hold=0] [prio=N] [job=N] [ns=NAME] [by=SECONDS] [until=arguments|environment|group] [on=K=V] [node=here|there] [soft]
//	LEASE ready | done | waits | goes-on             the events Ready, Release, Block, Unblock
//	LEASE ?                                          why it waits
//	after SECONDS                                    so much time passes
//	job N weighs W
//	namespace NAME may have RESOURCE=N ...           or nothing: as much as it likes
//	client N leaves
//	pending, free                                    what waits, what is free
//
// A lease is a count of client 1, or CLIENT.COUNT.
func TestNodeStories(t *testing.T) {
	datadriven.Walk(t, "testdata/node", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "story" {
				d.Fatalf(t, "there is no command %q", d.Cmd)
			}
			return newTeller(t, d).tell(strings.Split(strings.TrimSpace(d.Input), "\n"))
		})
	})
}

// teller tells a story.
type teller struct {
	t    *testing.T
	node *sched.Node
	now  int64
	asks map[sched.Lease]sched.Event // as they were requested
}

var here, there = spec.NodeID{1}, spec.NodeID{2}

func newTeller(t *testing.T, d *datadriven.TestData) *teller {
	cfg := sched.Config{ID: here}
	total, labels := spec.Resources{}, map[string]string{}
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "patient":
			cfg.Patient = true
		case "label":
			k, v, _ := strings.Cut(strings.Join(arg.Vals, ""), ":")
			labels[k] = v
		default:
			add(t, &total, arg.Key, arg.Vals[0])
		}
	}
	var err error
	if cfg.Labels, err = label.NewSet(labels); err != nil {
		t.Fatal(err)
	}
	cfg.Pool = resource.NewPool(resource.Of(total))
	return &teller{t: t, node: sched.NewNode(cfg), asks: make(map[sched.Lease]sched.Event)}
}

func add(t *testing.T, r *spec.Resources, name, amount string) {
	t.Helper()
	n, err := strconv.ParseFloat(amount, 64)
	if err != nil {
		t.Fatalf("%s=%s is no amount", name, amount)
	}
	q, err := spec.Q(n)
	if err != nil {
		t.Fatal(err)
	}
	switch name {
	case "cpu":
		r.CPU = q
	case "gpu":
		r.GPU = q
	case "memory":
		r.Memory = int64(n)
	default:
		if r.Custom == nil {
			r.Custom = make(map[string]spec.Quantity)
		}
		r.Custom[name] = q
	}
}

func (s *teller) tell(lines []string) string {
	var trace strings.Builder
	for _, line := range lines {
		trace.WriteString(line)
		if said := s.line(strings.Fields(line)); said != "" {
			trace.WriteString(" -> " + said)
		}
		trace.WriteByte('\n')
	}
	return trace.String()
}

func (s *teller) line(words []string) string {
	switch words[0] {
	case "after":
		seconds, err := strconv.ParseFloat(words[1], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		s.now += int64(seconds * float64(time.Second))
		return s.step(sched.Event{Op: sched.Tick})
	case "job":
		w, err := strconv.ParseFloat(words[3], 64)
		if err != nil {
			s.t.Fatal(err)
		}
		return s.step(sched.Event{Op: sched.Weigh, Job: spec.JobNumber(number(s.t, words[1])), Weight: w})
	case "namespace":
		var r spec.Resources
		for _, w := range words[4:] {
			name, n, _ := strings.Cut(w, "=")
			add(s.t, &r, name, n)
		}
		return s.step(sched.Event{Op: sched.Limit, Namespace: words[1], Quota: resource.Of(r)})
	case "client":
		return s.step(sched.Event{Op: sched.Leave, Client: number(s.t, words[1])})
	case "free":
		return s.node.Free().String()
	case "pending":
		var all []string
		for _, d := range s.node.Pending(100) {
			all = append(all, fmt.Sprintf("%d x %v %v", d.Count, d.Ask.Need, d.Reason))
		}
		return strings.Join(all, ", ")
	}
	l := s.lease(words[0])
	switch words[1] {
	case "wants":
		ev := s.request(l, words[2:])
		s.asks[l] = ev
		return s.step(ev)
	case "wants-again":
		return s.step(s.asks[l])
	case "?":
		w, waits := s.node.Why(l)
		if !waits {
			return "it does not wait"
		}
		return fmt.Sprintf("%v, lacks %v: %s", w.Reason, w.Lacks, w.Text)
	}
	op, ok := map[string]sched.Op{"ready": sched.Ready, "done": sched.Release, "waits": sched.Block, "goes-on": sched.Unblock}[words[1]]
	if !ok {
		s.t.Fatalf("the story says %q", words)
	}
	return s.step(sched.Event{Op: op, Lease: l})
}

// step tells the node and returns what it did.
func (s *teller) step(ev sched.Event) string {
	var did []string
	for _, a := range s.node.Step(s.now, ev, nil) {
		name := strconv.FormatUint(uint64(a.Lease&(1<<40-1)), 10)
		if c := a.Lease.Client(); c != 1 {
			name = fmt.Sprintf("%d.%s", c, name)
		}
		switch {
		case a.Verdict == sched.Refuse:
			did = append(did, fmt.Sprintf("refuse %s: %v (%v): %v", name, a.Reason, a.Err.Kind, a.Err.Err))
		case len(a.Devices) > 0:
			did = append(did, fmt.Sprintf("grant %s on GPU %v", name, a.Devices))
		default:
			did = append(did, "grant "+name)
		}
	}
	return strings.Join(did, ", ")
}

func (s *teller) request(l sched.Lease, words []string) sched.Event {
	ev := sched.Event{Op: sched.Request, Lease: l}
	a := sched.Ask{Job: spec.JobNumber(1)}
	var need spec.Resources
	free := false
	for _, w := range words {
		name, v, _ := strings.Cut(w, "=")
		switch name {
		case "hold":
			free = true
		case "prio":
			n, err := strconv.Atoi(v)
			if err != nil {
				s.t.Fatal(err)
			}
			a.Priority = int32(n)
		case "job":
			a.Job = spec.JobNumber(number(s.t, v))
		case "ns":
			a.Namespace = v
		case "by":
			seconds, err := strconv.ParseFloat(v, 64)
			if err != nil {
				s.t.Fatal(err)
			}
			ev.Deadline = int64(seconds * float64(time.Second))
		case "until":
			ev.Until = map[string]sched.Reason{"arguments": sched.ReasonArguments, "environment": sched.ReasonEnvironment, "group": sched.ReasonGroup}[v]
		case "on":
			k, v, _ := strings.Cut(v, "=")
			sel, err := label.Parse(map[string]string{k: v})
			if err != nil {
				s.t.Fatal(err)
			}
			a.Strategy.Select = append(a.Strategy.Select, sel)
		case "node":
			a.Strategy.Node = map[string]spec.NodeID{"here": here, "there": there}[v]
		case "soft":
			a.Strategy.Soft = true
		default:
			add(s.t, &need, name, v)
		}
	}
	a.Need = resource.Of(need)
	if a.Hold = a.Need; free {
		a.Hold.CPU = 0
	}
	ev.Ask = &a
	return ev
}

func (s *teller) lease(word string) sched.Lease {
	if client, count, ok := strings.Cut(word, "."); ok {
		return sched.NumberLease(number(s.t, client), uint64(number(s.t, count)))
	}
	return sched.NumberLease(1, uint64(number(s.t, word)))
}

func number(t *testing.T, word string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		t.Fatalf("%q is no number", word)
	}
	return uint32(n)
}
