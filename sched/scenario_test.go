package sched_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/sched"
	"github.com/raywasm/raywasm/sched/internal/story"
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
			return story.Lines(d, newTeller(t, d).line)
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
			k, v := story.Label(arg.Vals[0])
			labels[k] = v
		default:
			story.Add(t, &total, arg.Key, arg.Vals[0])
		}
	}
	var err error
	if cfg.Labels, err = label.NewSet(labels); err != nil {
		t.Fatal(err)
	}
	cfg.Pool = resource.NewPool(resource.Of(total))
	return &teller{t: t, node: sched.NewNode(cfg), asks: make(map[sched.Lease]sched.Event)}
}

func (s *teller) line(words []string) string {
	switch words[0] {
	case "after":
		s.now += int64(story.Number(s.t, words[1]) * float64(time.Second))
		return s.step(sched.Event{Op: sched.Tick})
	case "job":
		return s.step(sched.Event{Op: sched.Weigh, Job: job(s.t, words[1]), Weight: story.Number(s.t, words[3])})
	case "namespace":
		var r spec.Resources
		for _, w := range words[4:] {
			name, n, _ := strings.Cut(w, "=")
			story.Add(s.t, &r, name, n)
		}
		return s.step(sched.Event{Op: sched.Limit, Namespace: words[1], Quota: resource.Of(r)})
	case "client":
		return s.step(sched.Event{Op: sched.Leave, Client: uint32(story.Number(s.t, words[1]))})
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
			a.Priority = int32(story.Number(s.t, v))
		case "job":
			a.Job = job(s.t, v)
		case "ns":
			a.Namespace = v
		case "by":
			ev.Deadline = int64(story.Number(s.t, v) * float64(time.Second))
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
			story.Add(s.t, &need, name, v)
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
	client, count, ok := strings.Cut(word, ".")
	if !ok {
		client, count = "1", word
	}
	return sched.NumberLease(uint32(story.Number(s.t, client)), uint64(story.Number(s.t, count)))
}

func job(t *testing.T, word string) spec.JobID { return spec.JobNumber(uint32(story.Number(t, word))) }
