package peer_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// every is a message of each kind, with all that it can say.
func every() []peer.Message {
	task := spec.NewTaskID(spec.DriverTaskID(spec.JobNumber(7)), 1, spec.NoActor(spec.JobNumber(7)))
	object, actor := task.Object(1), spec.NewActorID(task, 1)
	node := spec.NodeID{1, 2, 3}
	value := peer.Value{Data: []byte{1}, Links: []peer.Link{peer.Link(spec.ObjectLink(object)), peer.Link(spec.ActorLink(actor))}}
	concurrency, digest := "io", spec.Digest{9}
	failed := spec.MarshalError(spec.Errorf("run", spec.TaskError, "it", "failed"))
	has := spec.Resources{CPU: 2 * spec.Unit, GPU: spec.Unit, Memory: 100, Custom: map[string]spec.Quantity{"x": 1}}
	return []peer.Message{
		{Report: &peer.Report{Version: 3, Total: has, Free: has, GPUs: []spec.Quantity{1}, Labels: map[string]string{"zone": "a"}, Draining: true}},
		{Job: &peer.Job{ID: spec.JobNumber(7), Namespace: "n", Env: []string{"A=b"}, Home: node, Weight: 2, Files: "/data", Output: true}},
		{JobEnd: &peer.JobEnd{ID: spec.JobNumber(7)}},
		{JobEnded: &peer.JobEnd{ID: spec.JobNumber(7)}},
		{JobCopy: &peer.JobEnd{ID: spec.JobNumber(7)}},
		{Run: &peer.Run{Number: 1, Job: spec.JobNumber(7), Module: peer.Module{Digest: digest, Engine: "wazero", Trusted: true}, Task: task, Parent: task, Attempt: 2,
			Name: "sum", Function: "add", Args: []peer.Arg{{Value: &value}, {Ref: &object}}, Returns: 1, Need: has, Memory: 5, Priority: -1, Left: time.Second,
			Placement: &spec.Placement{Spread: true}, Hops: 1}},
		{Run: &peer.Run{Number: 1, Job: spec.JobNumber(7), Task: spec.NewTaskID(task, 1, actor), Name: "m", Function: "m", Actor: true, Options: &spec.TaskOptions{Group: &concurrency}}},
		{Began: &peer.Began{Number: 1}},
		{Moved: &peer.Moved{Number: 1, To: node}},
		{Ran: &peer.Ran{Number: 1, Results: []peer.Result{{Value: value}, {Size: 1 << 40}}, CPU: 8}},
		{Ran: &peer.Ran{Number: 1, Err: failed}},
		{Stop: &peer.Stop{Number: 1, Err: failed, Below: true, Force: true}},
		{Count: &peer.Count{Op: owner.Carry, Link: peer.Link(spec.ActorLink(actor)), Owner: node}},
		{State: &peer.State{ID: object, Made: 1, Value: peer.Value{Links: value.Links}, Size: 1 << 20, At: []spec.NodeID{node}}},
		{Lost: &peer.Lost{ID: object, Made: 1}},
		{Drop: &peer.Drop{ID: object}},
		{Cancel: &peer.Cancel{ID: object, Force: true, Recursive: true}},
		{Ask: &peer.Ask{Number: 1, Source: &peer.Source{ID: object, Failed: node, Why: failed}}},
		{Ask: &peer.Ask{Number: 1, Chunk: &peer.Chunk{ID: object, Size: 10, Chunk: 1, Sums: true}}},
		{Ask: &peer.Ask{Number: 1, Module: &peer.Piece{Digest: digest, From: 4}}},
		{Answer: &peer.Answer{Number: 1, Size: 2, Data: []byte{1, 2}, Err: failed, Node: node, Sums: []uint32{7}}},
		{Group: &peer.Group{Verb: group.Prepare, ID: spec.NewGroupID(task, 1), Attempt: 4, Namespace: "n", Bundles: []peer.Bundle{{Index: 1, Need: has}}, Removed: true}},
		{Reply: &peer.GroupReply{Verb: group.Refused, ID: spec.NewGroupID(task, 1), Attempt: 4, On: []resource.Devices{{1, 2}},
			Report: &peer.Report{Version: 1, Total: has, Free: has, Held: []peer.Hold{{Group: spec.NewGroupID(task, 1), Attempt: 3, On: []resource.Devices{{1}}}}}}},
		{NewActor: &peer.NewActor{ID: actor, Job: spec.JobNumber(7), Parent: task, Module: peer.Module{Digest: digest}, Class: "A", Args: []peer.Arg{{Ref: &object}}, Options: spec.ActorOptions{Name: "n"}}},
		{ActorEnd: &peer.ActorEnd{ID: actor, By: task, NoRestart: true, Gracefully: true}},
		{Ask: &peer.Ask{Number: 1, Actor: &actor}},
		{Ask: &peer.Ask{Number: 1, Name: &peer.Name{Namespace: "n", Name: "a"}}},
		{Answer: &peer.Answer{Number: 1, Actor: &peer.Actor{Class: "A", Options: spec.ActorOptions{Name: "n"}}, Found: &actor}},
		{Output: &peer.Output{Job: spec.JobNumber(7), Task: task, Name: "t", Stderr: true, Text: []byte("hello")}},
		{Copied: &peer.Copied{ID: object, Gone: true}},
	}
}

func TestMessagesComeThroughAsTheyWere(t *testing.T) {
	want := every()
	got, err := peer.Decode(peer.Encode(want))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("message %d came through as\n%+v, it was\n%+v", i, got[i], want[i])
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, m := range every() {
		f.Add(peer.Encode([]peer.Message{m}))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		messages, err := peer.Decode(frame)
		if err != nil {
			return
		}
		again, err := peer.Decode(peer.Encode(messages))
		if err != nil {
			t.Fatalf("what was read once is refused: %v", err)
		}
		if len(again) != len(messages) {
			t.Fatalf("%d messages became %d", len(messages), len(again))
		}
	})
}
