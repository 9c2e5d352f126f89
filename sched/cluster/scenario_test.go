package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/sched/cluster"
	"github.com/raywasm/raywasm/sched/internal/story"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// TestPolicyStories plays the stories of testdata. Nodes have numbers; node 0 is the local one.
//
//	story
//
//	node N [CPU=N] [GPU=N] [memory=N] [x=N] [used=N] [label=K:V] [version=N] [draining]   used: CPUs
//	node N dies
//	place [times=N] RESOURCE=N ... [spread] [on=K:V ...] [node=N] [soft] [at=N:BYTES ...] [keep]
//	spill ...                                                                            the same, from node 0
//
// place prints where many random choices go; with keep each takes what it needs.
func TestPolicyStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "story" {
				d.Fatalf(t, "there is no command %q", d.Cmd)
			}
			s := &teller{t: t, view: cluster.NewView(id(0)), rnd: rand.New(rand.NewPCG(1, 7))}
			return story.Lines(d, s.line)
		})
	})
}

type teller struct {
	t    *testing.T
	view *cluster.View
	rnd  *rand.Rand
}

func (s *teller) line(words []string) string {
	switch words[0] {
	case "node":
		return s.node(id(int(story.Number(s.t, words[1]))), words[2:])
	case "place", "spill":
		return s.place(words[0] == "spill", words[1:])
	}
	s.t.Fatalf("the story says %q", words)
	return ""
}

func (s *teller) node(node spec.NodeID, words []string) string {
	n := cluster.Node{ID: node, Version: 1}
	var total, used spec.Resources
	set := map[string]string{}
	for _, w := range words {
		name, v, _ := strings.Cut(w, "=")
		switch name {
		case "dies":
			s.view.Remove(node)
			return ""
		case "draining":
			n.Draining = true
		case "version":
			n.Version = uint64(story.Number(s.t, v))
		case "used":
			story.Add(s.t, &used, "CPU", v)
		case "label":
			k, v := story.Label(v)
			set[k] = v
		default:
			story.Add(s.t, &total, name, v)
		}
	}
	n.Labels = labels(s.t, set)
	n.Pool = resource.NewPool(resource.Of(total))
	n.Pool.Take(resource.Of(used))
	if !s.view.Update(n) {
		return "no news"
	}
	return ""
}

func (s *teller) place(spill bool, words []string) string {
	var req cluster.Request
	var need spec.Resources
	times, keep := 100, false
	for _, w := range words {
		name, v, _ := strings.Cut(w, "=")
		switch name {
		case "times":
			times = int(story.Number(s.t, v))
		case "keep":
			keep = true
		case "spread":
			req.Strategy.Spread = true
		case "soft":
			req.Strategy.Soft = true
		case "node":
			req.Strategy.Node = id(int(story.Number(s.t, v)))
		case "on":
			k, v := story.Label(v)
			req.Strategy.Select = append(req.Strategy.Select, selector(s.t, k, v))
		case "at":
			n, bytes, _ := strings.Cut(v, ":")
			req.Holds = append(req.Holds, cluster.Held{Node: id(int(story.Number(s.t, n))), Bytes: int64(story.Number(s.t, bytes))})
		default:
			story.Add(s.t, &need, name, v)
		}
	}
	req.Need = resource.Of(need)
	went := map[string]int{}
	for range times {
		c := s.view.Pick(&req, s.rnd)
		if spill {
			to, ok := s.view.Spill(&req, s.rnd)
			c = cluster.Choice{Node: to}
			if !ok {
				went["it stays"]++
				continue
			}
		}
		where := "nowhere"
		if c.Node != (spec.NodeID{}) {
			where = "node " + strconv.Itoa(int(c.Node[2]))
		}
		if c.Reason != 0 {
			where += " (" + c.Reason.String() + ")"
		}
		went[where]++
		if keep {
			s.view.Assume(c.Node, req.Need)
		}
	}
	var all []string
	for where, n := range went {
		if n == times {
			all = append(all, where)
		} else {
			all = append(all, fmt.Sprintf("%s %d times", where, n))
		}
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
