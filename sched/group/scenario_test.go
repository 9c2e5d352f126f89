package group_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/internal/story"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// TestScenarios plays the stories of testdata. The commands:
//
//	cluster [grows]                        a new cluster; grows: with an autoscaler
//	node a CPU=4 GPU=1 label=zone:x        a node joins, or comes back anew
//	create g [strategy=S] [job=1] [name=n] [namespace=ns] [detached] [actor=x]   a line per bundle: CPU=1 GPU=0.5 label=zone:x
//	wait g [for=D]                         somebody waits for it
//	remove g [job=1]
//	job-ended 1, actor-ended x
//	kill a                                 the node dies
//	down a, up a                           the cluster holds it for dead, though it lives; and finds out
//	busy a CPU=3, idle a                   tasks outside of groups
//	net [cut=a] [heal=a] [hold] [deliver] [backwards] [twice] [one=N]   what happens to messages
//	unmet g text                           the autoscaler gives up
//	run for=D
//	rows                                   listings
//	use g bundle=0 CPU=1 [actor]           could it ever run there?
//
// Each prints what happened.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return play(t, &w, d) })
	})
}

func play(t *testing.T, wp **world, d *datadriven.TestData) string {
	if d.Cmd == "cluster" {
		*wp = newWorld(group.Options{Grows: d.HasArg("grows")})
		return ""
	}
	w := *wp
	w.trace = nil
	first := ""
	var words []string
	for i, a := range d.CmdArgs {
		if i == 0 && len(a.Vals) == 0 {
			first = a.Key
			continue
		}
		words = append(words, a.String())
	}
	job, _ := strconv.Atoi(story.Arg(d, "job", "1"))
	id := groupID(byte(job), first)
	switch d.Cmd {
	case "node":
		need, labels := parse(t, words)
		set, err := label.NewSet(labels)
		if err != nil {
			t.Fatal(err)
		}
		w.addNode(first, need, set)
	case "create":
		o := spec.GroupOptions{Name: story.Arg(d, "name", ""), Namespace: story.Arg(d, "namespace", "ns"), Strategy: spec.Strategy(story.Arg(d, "strategy", ""))}
		if d.HasArg("detached") {
			o.Lifetime = spec.LifetimeDetached
		}
		for line := range strings.Lines(d.Input) {
			need, labels := parse(t, strings.Fields(line))
			o.Bundles = append(o.Bundles, spec.Bundle{Resources: need, Select: labels})
		}
		ev := group.Event{Op: group.Create, Group: id, Spec: &o, Waiter: 1000}
		copy(ev.Actor[:], story.Arg(d, "actor", ""))
		w.names[id] = first
		w.step(ev)
	case "wait":
		until := time.Time{}
		if d.HasArg("for") {
			until = w.now.Add(story.Span(t, story.Arg(d, "for", "0s")))
		}
		w.wait(id, until)
	case "remove":
		w.step(group.Event{Op: group.Remove, Group: id, Waiter: 1000})
	case "job-ended":
		n, _ := strconv.Atoi(first)
		w.step(group.Event{Op: group.JobEnded, Job: spec.JobNumber(uint32(n))})
	case "actor-ended":
		var actor spec.ActorID
		copy(actor[:], first)
		w.step(group.Event{Op: group.ActorEnded, Actor: actor})
	case "kill":
		w.kill(w.node(first))
	case "down":
		w.step(group.Event{Op: group.NodeDown, Node: nodeID(first)})
	case "up":
		w.step(group.Event{Op: group.NodeUp, Node: nodeID(first), Report: w.node(first).holder.Report()})
	case "busy":
		need, _ := parse(t, words)
		m := w.node(first)
		on, ok := m.Reserve(0, 0, resource.Of(need))
		if !ok {
			d.Fatalf(t, "%s has no room for %v", first, need)
		}
		m.tasks = append(m.tasks, task{resource.Of(need), on})
		w.step(group.Event{Op: group.NodeReport, Node: m.id, Report: m.holder.Report()})
	case "idle":
		m := w.node(first)
		for _, k := range m.tasks {
			m.pool.Give(k.need, k.on)
		}
		m.tasks = nil
		w.step(group.Event{Op: group.NodeReport, Node: m.id, Report: m.holder.Report()})
	case "net":
		for _, a := range d.CmdArgs {
			switch a.Key {
			case "cut":
				w.cut[nodeID(a.Vals[0])] = true
			case "heal":
				delete(w.cut, nodeID(a.Vals[0]))
			case "hold":
				w.holding = true
			case "backwards":
				for n := len(w.sent); n > 0; n = min(n-1, len(w.sent)) {
					w.deliverOne(n - 1)
				}
			case "twice":
				w.sent = append(w.sent, w.sent...)
			case "one":
				n, _ := strconv.Atoi(a.Vals[0])
				for range n {
					w.deliverOne(0)
				}
			case "deliver":
				w.holding = false
				w.deliver()
			}
		}
	case "unmet":
		w.step(group.Event{Op: group.Unmet, Group: id, Text: "no node type has so much"})
	case "run":
		w.run(story.Span(t, story.Arg(d, "for", "0s")))
	case "rows":
		var b strings.Builder
		for _, r := range w.core.Rows(20) {
			fmt.Fprintf(&b, "%s %s %s%s", w.names[r.ID], r.Strategy, r.State, w.where(r))
			if r.Why != "" {
				fmt.Fprintf(&b, " (%s: %s)", r.Why, r.Text)
			}
			b.WriteString("\n")
		}
		return w.readable(b.String())
	case "use":
		need, _ := parse(t, words)
		bundle, _ := strconv.Atoi(story.Arg(d, "bundle", "-1"))
		if err := w.core.Check(group.Use{Group: id, Bundle: bundle}, resource.Of(need), d.HasArg("actor")); err != nil {
			return w.readable(err.Error()) + "\n"
		}
		return "it can run there\n"
	case "find":
		if id, ok := w.core.Find(story.Arg(d, "namespace", "ns"), first); ok {
			return w.names[id] + "\n"
		}
		return "none\n"
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	return w.readable(strings.Join(append(w.trace, ""), "\n"))
}

// readable puts names in place of ids.
func (w *world) readable(text string) string {
	for _, name := range w.order {
		text = strings.ReplaceAll(text, nodeID(name).String(), "node "+name)
	}
	for id, name := range w.names {
		text = strings.ReplaceAll(text, id.String(), "<"+name+">")
	}
	return text
}

// parse reads "CPU=1 GPU=0.5 memory=1GiB x=3 label=k:v"; words of commands are passed over.
func parse(t *testing.T, words []string) (r spec.Resources, labels map[string]string) {
	t.Helper()
	labels = make(map[string]string)
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "strategy", "job", "name", "namespace", "actor", "bundle", "for", "detached":
		case "label":
			k, v := story.Label(value)
			labels[k] = v
		default:
			story.Add(t, &r, key, value)
		}
	}
	return r, labels
}
