package autoscaler_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
	"github.com/raywasm/raywasm/sched/internal/story"
	"github.com/raywasm/raywasm/spec"
)

// TestScenarios plays the stories of testdata. The commands:
//
//	cluster [max_workers=N] [speed=X] [idle=D]   the configuration; a line per type: name CPU=4 GPU=1 x=2 label=k:v min=0 max=5 digest=a
//	head CPU=4                                   a head joins
//	work [for=D]                                 more work, a line per shape: CPU=1 count=8 label=k:v; it runs for D, or for ever
//	group name=g strategy=STRICT_SPREAD          a placement group, a line per bundle
//	floor                                        request_resources: replaces the one before
//	cloud [fails=T:text] [works=T] [boot=T:D] [stuck=T] [preempt=ID] [refuse=ID]
//	node id=ID [objects=N] [spilled=N] [actors=N]  what a node keeps
//	restart                                      a new autoscaler, which knows nothing
//	run for=D                                    rounds; prints every change of a state
//	status                                       as ray status prints it
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return play(t, &w, d)
		})
	})
}

func play(t *testing.T, wp **world, d *datadriven.TestData) string {
	w := *wp
	lines := func(f func(words []string)) {
		for line := range strings.Lines(d.Input) {
			if words := strings.Fields(line); len(words) > 0 {
				f(words)
			}
		}
	}
	demands := func() (all []autoscaler.Demand) {
		lines(func(words []string) { all = append(all, demand(t, words)) })
		return all
	}
	switch d.Cmd {
	case "cluster":
		c := autoscaler.Config{UpscalingSpeed: 1, IdleTimeout: 5 * time.Minute}
		c.MaxWorkers, _ = strconv.Atoi(story.Arg(d, "max_workers", "10"))
		c.UpscalingSpeed, _ = strconv.ParseFloat(story.Arg(d, "speed", "1"), 64)
		if d.HasArg("idle") {
			c.IdleTimeout = story.Span(t, story.Arg(d, "idle", "0s"))
		}
		lines(func(words []string) { c.Types = append(c.Types, nodeType(t, words, c.MaxWorkers)) })
		if err := c.Check(); err != nil {
			return err.Error()
		}
		if w == nil {
			*wp = newWorld(c, simcloud.Options{})
		} else {
			w.config = c
		}
		return ""
	case "head":
		var words []string
		for _, a := range d.CmdArgs {
			words = append(words, a.String())
		}
		w.join(autoscaler.Node{ID: "head", Type: "head", Head: true, Total: demand(t, words).Need})
	case "work":
		for _, one := range demands() {
			w.work = append(w.work, &work{Demand: one, runs: story.Span(t, story.Arg(d, "for", "0s"))})
		}
	case "drop":
		w.work, w.groups = nil, nil
	case "group":
		w.groups = append(w.groups, autoscaler.Group{Name: story.Arg(d, "name", "g"), Strategy: spec.Strategy(story.Arg(d, "strategy", "PACK")), Bundles: demands()})
	case "floor":
		w.floor = demands()
	case "cloud":
		for _, a := range d.CmdArgs {
			first, second, _ := strings.Cut(strings.Join(a.Vals, ","), ":")
			switch a.Key {
			case "fails":
				w.fails[first] = strings.ReplaceAll(second, "_", " ")
			case "works":
				delete(w.fails, first)
				delete(w.stuck, first)
			case "boot":
				w.boot[first], _ = time.ParseDuration(second)
			case "stuck":
				w.stuck[first] = true
			case "preempt":
				if !w.cloud.Preempt(autoscaler.ID(first)) {
					d.Fatalf(t, "there is no machine %s", first)
				}
			case "refuse":
				w.refuse[autoscaler.ID(first)] = true
			default:
				d.Fatalf(t, "what is %s?", a.Key)
			}
		}
	case "node":
		n := w.nodes[autoscaler.ID(story.Arg(d, "id", ""))]
		if n == nil {
			d.Fatalf(t, "there is no such node")
		}
		n.Objects, _ = strconv.Atoi(story.Arg(d, "objects", "0"))
		n.Spilled, _ = strconv.Atoi(story.Arg(d, "spilled", "0"))
		n.Actors, _ = strconv.Atoi(story.Arg(d, "actors", "0"))
	case "restart":
		w.core = autoscaler.New("again")
		w.results = nil
	case "run":
		w.trace = nil
		w.run(story.Span(t, story.Arg(d, "for", "0s")), nil)
		machines, _ := w.cloud.List(context.Background())
		byType := make(map[string]int)
		for _, m := range machines {
			byType[m.Type]++
		}
		return strings.Join(append(w.trace, fmt.Sprintf("machines: %v", byType)), "\n") + "\n"
	case "status":
		return w.core.Status().String()
	case "unmet":
		var b strings.Builder
		for _, u := range w.core.Status().Unmet {
			fmt.Fprintf(&b, "%s%s x %d: %s: %s\n", u.Group, u.Shape, u.Count, u.Why, u.Text)
		}
		return b.String()
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return ""
}

// demand reads "CPU=1 GPU=2 memory=1GiB x=3 count=8 label=k:v".
func demand(t *testing.T, words []string) autoscaler.Demand {
	t.Helper()
	d := autoscaler.Demand{Count: 1}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "count":
			d.Count, _ = strconv.Atoi(value)
		case "label":
			k, v := story.Label(value)
			d.Select = selector(k, v)
		default:
			story.Add(t, &d.Need, key, value)
		}
	}
	return d
}

func nodeType(t *testing.T, words []string, most int) autoscaler.NodeType {
	t.Helper()
	nt := autoscaler.NodeType{Name: words[0], MaxWorkers: most}
	var rest []string
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "min":
			nt.MinWorkers, _ = strconv.Atoi(value)
		case "max":
			nt.MaxWorkers, _ = strconv.Atoi(value)
		case "digest":
			nt.Digest = value
		case "label":
			k, v := story.Label(value)
			nt.Labels = labels(k, v)
		default:
			rest = append(rest, word)
		}
	}
	nt.Resources = demand(t, rest).Need
	return nt
}
