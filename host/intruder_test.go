package host_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// An intruder sends a node messages that are well formed and mean anything: about what is there and what is not, of others,
// with numbers that were given or not. The node goes on, and when the intruder is gone nothing of it is left.

// intruder makes messages of bytes; when they are used up, of zeros.
type intruder struct {
	self, node, other spec.NodeID
	job               *host.Job
	module            *host.Module
	b                 []byte
}

// n returns a number below limit.
func (x *intruder) n(limit int) int {
	if len(x.b) == 0 {
		return 0
	}
	n := int(x.b[0]) % limit
	x.b = x.b[1:]
	return n
}

func (x *intruder) coin() bool { return x.n(2) == 1 }

func (x *intruder) nodeID() spec.NodeID {
	return [...]spec.NodeID{x.self, x.node, x.other, {}, {0xdd}}[x.n(5)]
}

// jobID is the node's own job, or one of the intruder.
func (x *intruder) jobID() spec.JobID {
	return [...]spec.JobID{x.job.ID(), spec.JobNumber(1 << 20), spec.JobNumber(1<<20 + 1)}[x.n(3)]
}

func (x *intruder) task(job spec.JobID) spec.TaskID {
	if x.n(4) == 0 {
		return spec.DriverTaskID(job)
	}
	return spec.NewTaskID(spec.DriverTaskID(job), 10+uint64(x.n(3)), spec.NoActor(job)) // the driver has not so many: who may cancel them may do so
}

func (x *intruder) actor(job spec.JobID) spec.ActorID {
	return spec.NewActorID(spec.DriverTaskID(job), uint64(x.n(3)))
}

func (x *intruder) object() spec.ObjectID {
	return x.task(x.jobID()).Object([...]uint32{1, 2, spec.FirstPutIndex, spec.FirstPutIndex + 1}[x.n(4)])
}

func (x *intruder) link() spec.Link {
	if x.n(3) == 0 {
		return spec.ActorLink(x.actor(x.jobID()))
	}
	return spec.ObjectLink(x.object())
}

func (x *intruder) value() peer.Value {
	v := spec.Value{Data: []byte{byte(x.n(24))}}
	for range x.n(3) {
		v.Links = append(v.Links, x.link())
	}
	return peer.ValueOf(v)
}

func (x *intruder) args() (args []peer.Arg) {
	for range x.n(3) {
		if x.coin() {
			id := x.object()
			args = append(args, peer.Arg{Ref: &id})
		} else {
			v := x.value()
			args = append(args, peer.Arg{Value: &v})
		}
	}
	return args
}

func (x *intruder) resources() spec.Resources {
	return spec.Resources{CPU: spec.Quantity(x.n(3)) * spec.Unit, GPU: spec.Quantity(x.n(2)) * spec.Unit}
}

func (x *intruder) error() []byte {
	if x.coin() {
		return nil
	}
	kinds := spec.Kinds()
	return spec.MarshalError(spec.Errorf("intrude", kinds[x.n(len(kinds))], "", "it says so"))
}

func (x *intruder) moduleOf() peer.Module {
	if x.coin() {
		return peer.Module{Digest: x.module.Digest()}
	}
	return peer.Module{Digest: spec.Digest{byte(x.n(3))}, Engine: [...]string{"", "wazero", "none"}[x.n(3)]}
}

func (x *intruder) group() (spec.GroupID, group.Attempt) {
	return spec.NewGroupID(spec.DriverTaskID(x.jobID()), uint64(x.n(3))), group.Attempt(x.n(8))<<32 | group.Attempt(x.n(4))
}

func (x *intruder) devices() (on []resource.Devices) {
	for range x.n(3) {
		on = append(on, resource.Devices{uint16(x.n(3)), uint16(x.n(3))})
	}
	return on
}

func (x *intruder) report() *peer.Report {
	r := &peer.Report{Version: uint64(x.n(256)), Total: x.resources(), Free: x.resources(), Draining: x.coin()}
	for range x.n(3) {
		r.GPUs = append(r.GPUs, spec.Quantity(x.n(3)))
	}
	for range x.n(3) {
		id, attempt := x.group()
		r.Held = append(r.Held, peer.Hold{Group: id, Attempt: attempt, On: x.devices()})
	}
	return r
}

// message makes the next one, which may be refused.
func (x *intruder) message() peer.Message {
	number := uint64(x.n(16))
	switch x.n(21) {
	case 0:
		return peer.Message{Report: x.report()}
	case 1:
		if x.n(4) == 0 {
			return peer.Message{JobCopy: &peer.JobEnd{ID: x.jobID()}}
		}
		return peer.Message{Job: &peer.Job{ID: x.jobID(), Namespace: "n", Home: x.nodeID(), Weight: float64(x.n(3)), Files: [...]string{"", "/nowhere"}[x.n(2)]}}
	case 2:
		return peer.Message{JobEnd: &peer.JobEnd{ID: x.jobID()}}
	case 3:
		return peer.Message{JobEnded: &peer.JobEnd{ID: x.jobID()}}
	case 4, 5:
		job := x.jobID()
		r := &peer.Run{Number: number, Job: job, Module: x.moduleOf(), Task: x.task(job), Parent: x.task(job), Attempt: int32(x.n(3)), Name: "f",
			Function: [...]string{"add", "stamped", "none", "Inc", "spinBelow", "spread"}[x.n(6)], Args: x.args(), Returns: int32(x.n(3)), Need: x.resources(),
			Left: time.Duration(x.n(4)) * time.Millisecond, Hops: int32(x.n(6))}
		switch x.n(4) {
		case 0:
			id, _ := x.group()
			r.Placement = &spec.Placement{Group: id.String(), Capture: x.coin()}
		case 1:
			r.Task, r.Actor, r.Options = spec.NewTaskID(r.Task, 1, x.actor(job)), true, new(spec.TaskOptions)
		}
		return peer.Message{Run: r}
	case 6:
		return peer.Message{Began: &peer.Began{Number: number}}
	case 7:
		return peer.Message{Moved: &peer.Moved{Number: number, To: x.nodeID()}}
	case 8:
		r := &peer.Ran{Number: number, Err: x.error(), CPU: int64(x.n(3)) - 1}
		for range x.n(3) {
			v := x.value()
			size := int64(x.n(2)) << 20
			if size > 0 {
				v.Data = nil
			}
			r.Results = append(r.Results, peer.Result{Value: v, Size: size})
		}
		return peer.Message{Ran: r}
	case 9:
		return peer.Message{Stop: &peer.Stop{Number: number, Err: x.error(), Below: x.coin(), Force: x.coin()}}
	case 10, 11:
		return peer.Message{Count: &peer.Count{Op: owner.Carry + owner.BorrowOp(x.n(6)), Link: peer.Link(x.link()), Owner: x.nodeID()}}
	case 12:
		s := &peer.State{ID: x.object(), Made: x.n(3), Err: x.error(), Value: x.value()}
		if x.coin() {
			s.Value.Data, s.Size, s.At = nil, 1+int64(x.n(200))<<10, []spec.NodeID{x.nodeID()}
		}
		return peer.Message{State: s}
	case 13:
		return peer.Message{Lost: &peer.Lost{ID: x.object(), Made: x.n(3)}}
	case 14:
		return peer.Message{Drop: &peer.Drop{ID: x.object()}}
	case 15:
		return peer.Message{Cancel: &peer.Cancel{ID: x.object(), Force: x.coin(), Recursive: x.coin()}}
	case 16:
		a := &peer.Ask{Number: number}
		switch x.n(5) {
		case 0:
			a.Source = &peer.Source{ID: x.object(), Failed: x.nodeID(), Why: x.error()}
		case 1:
			a.Chunk = &peer.Chunk{ID: x.object(), Size: 1 + int64(x.n(256))<<20, Chunk: int64(x.n(4)), Sums: x.coin()}
		case 2:
			a.Module = &peer.Piece{Digest: x.moduleOf().Digest, From: int64(x.n(256)) << 20}
		case 3:
			id := x.actor(x.jobID())
			a.Actor = &id
		default:
			a.Name = &peer.Name{Namespace: "n", Name: [...]string{"", "a"}[x.n(2)]}
		}
		return peer.Message{Ask: a}
	case 17:
		a := &peer.Answer{Number: number, Err: x.error(), Node: x.nodeID(), Data: make([]byte, x.n(100)), Size: int64(x.n(100)), Sums: []uint32{1}}
		if x.coin() {
			id := x.actor(x.jobID())
			a.Found, a.Actor = &id, &peer.Actor{Module: x.moduleOf(), Class: "Counter"}
		}
		return peer.Message{Answer: a}
	case 18:
		id, attempt := x.group()
		m := &peer.Group{Verb: group.Prepare + group.Verb(x.n(3)), ID: id, Attempt: attempt, Removed: x.coin()}
		for range x.n(3) {
			m.Bundles = append(m.Bundles, peer.Bundle{Index: x.n(3), Need: x.resources()})
		}
		return peer.Message{Group: m}
	case 19:
		id, attempt := x.group()
		m := &peer.GroupReply{Verb: group.Prepared + group.ReplyVerb(x.n(4)), ID: id, Attempt: attempt, On: x.devices()}
		if x.coin() {
			m.Report = x.report()
		}
		return peer.Message{Reply: m}
	default:
		if x.coin() {
			return peer.Message{Copied: &peer.Copied{ID: x.object(), Gone: x.coin()}}
		}
		job := x.jobID()
		if x.coin() {
			return peer.Message{ActorEnd: &peer.ActorEnd{ID: x.actor(job), By: x.task(job), NoRestart: x.coin(), Gracefully: x.coin()}}
		}
		return peer.Message{NewActor: &peer.NewActor{ID: x.actor(job), Job: job, Parent: x.task(job), Module: x.moduleOf(),
			Class: [...]string{"Counter", "None"}[x.n(2)], Args: x.args(), Options: spec.ActorOptions{Name: [...]string{"", "a"}[x.n(2)]}}}
	}
}

// intrude sends a node what b says, and checks that the cluster is none the worse for it.
func intrude(t *testing.T, c *clustertest.Cluster, module *host.Module, b []byte) {
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	x := &intruder{self: spec.NodeID{0xee}, node: c.Nodes[0].ID(), other: c.Nodes[1].ID(), job: j, module: module, b: b}
	binary.BigEndian.PutUint64(x.self[8:], rand.Uint64())
	var puts []*host.Ref
	for _, size := range []int{1, 200 * spec.KiB} { // it may speak of these
		ref, err := j.Put(t.Context(), make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		puts = append(puts, ref)
	}
	port, gone := c.Intruder(t, x.self, x.coin(), nil)
	for len(x.b) > 0 {
		m := x.message()
		if _, err := peer.Decode(peer.Encode([]peer.Message{m})); err == nil {
			port.Send(x.node, m)
		}
	}
	none := spec.Quantity(0) // CPUs it may have taken, as any member
	if sum := get[int](t, submit(t, j, "add", spec.TaskOptions{CPUs: &none, Placement: &spec.Placement{Node: x.node.String()}}, 2, 3)); sum != 5 {
		t.Errorf("2 + 3 = %d", sum)
	}
	gone()
	for _, r := range puts {
		r.Release()
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	other := job(t, c.Nodes[0], host.JobConfig{Module: module})
	if n := get[int](t, submit(t, other, "tree", spec.TaskOptions{Placement: &spec.Placement{Spread: true}}, 2)); n != 4 {
		t.Errorf("a tree has %d leaves", n)
	}
	ended(t, other, c.Nodes...)
}

// TestAnIntruder is a short FuzzIntruder.
func TestAnIntruder(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 1})
	r := rand.New(rand.NewPCG(1, 1))
	rounds := 40
	if os.Getenv("RAYWASM_LONG") != "" {
		rounds = 2000
	}
	for range rounds {
		b := make([]byte, 2000)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		intrude(t, c, module, b)
		if t.Failed() {
			return
		}
	}
}

func FuzzIntruder(f *testing.F) {
	c, module := openCluster(f, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 1})
	f.Add([]byte{1, 0, 0, 4, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) { intrude(t, c, module, b) })
}
