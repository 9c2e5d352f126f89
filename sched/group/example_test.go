package group_test

import (
	"fmt"
	"time"

	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// A group of two bundles is reserved on two nodes, in two phases.
func ExampleGroups() {
	groups := group.New(group.Options{})
	now := time.Unix(0, 0)
	for _, node := range []spec.NodeID{{1}, {2}} {
		total := resource.Vector{CPU: 4 * spec.Unit}
		groups.Step(now, group.Event{Op: group.NodeUp, Node: node, Report: group.Report{Total: total, Free: total}}, nil)
	}
	id := spec.NewGroupID(spec.DriverTaskID(spec.JobNumber(1)), 1)
	one := spec.Bundle{Resources: spec.Resources{CPU: spec.Unit}}
	events := []group.Event{{Op: group.Create, Group: id, Spec: &spec.GroupOptions{Strategy: spec.StrictSpread, Bundles: []spec.Bundle{one, one}}}}
	for len(events) > 0 {
		for _, a := range groups.Step(now, events[0], nil) {
			switch a.Do {
			case group.Changed:
				row, _ := groups.Row(id)
				fmt.Println(row.State)
			case group.Send: // these nodes agree to everything
				verb := map[group.Verb]group.ReplyVerb{group.Prepare: group.Prepared, group.Commit: group.Committed}[a.Message.Verb]
				events = append(events, group.Event{Op: group.Answered, Reply: group.Reply{Verb: verb, Node: a.Node, Group: id, Attempt: a.Message.Attempt}})
			}
		}
		events = events[1:]
	}
	// Output:
	// PENDING
	// PREPARED
	// CREATED
}
