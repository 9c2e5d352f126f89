package autoscaler

import (
	"cmp"
	"slices"
	"time"
)

// Failure is a launch that came to nothing, or a node that was lost.
type Failure struct {
	ID     ID        `json:"id"`
	Type   string    `json:"type"`
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
}

// follow brings the instances to where the world is.
func (r *round) follow() {
	machines := make(map[ID]*Machine, len(r.in.Machines))
	for i := range r.in.Machines {
		machines[r.in.Machines[i].ID] = &r.in.Machines[i]
	}
	nodes := make(map[ID]*Node, len(r.in.Nodes))
	for i := range r.in.Nodes {
		nodes[r.in.Nodes[i].ID] = &r.in.Nodes[i]
	}
	r.adopt(nodes)
	for _, res := range r.in.Results {
		if inst := r.byID[res.ID]; inst != nil {
			r.result(inst, res, machines[res.ID] != nil)
		}
	}
	for _, inst := range r.instances {
		if inst.State != Queued {
			r.see(inst, machines[inst.ID], nodes[inst.ID])
		}
	}
	for i := range r.in.Nodes {
		if n := &r.in.Nodes[i]; r.byID[n.ID] == nil {
			r.static = append(r.static, n)
		}
	}
	slices.SortFunc(r.static, func(a, b *Node) int { return compareIDs(a.ID, b.ID) })
	r.failures = slices.DeleteFunc(r.failures, func(f Failure) bool { return r.now.Sub(f.At) > failureAge })
}

// adopt takes over machines that an earlier autoscaler has launched.
func (r *round) adopt(nodes map[ID]*Node) {
	var strange []*Machine
	for i := range r.in.Machines {
		if m := &r.in.Machines[i]; r.byID[m.ID] == nil {
			strange = append(strange, m)
		}
	}
	slices.SortFunc(strange, func(a, b *Machine) int { return compareIDs(a.ID, b.ID) })
	for _, m := range strange {
		inst := &Instance{ID: m.ID, Type: m.Type, State: Allocated, Since: r.now, digest: m.Digest}
		if nodes[m.ID] != nil {
			inst.State = RayRunning
		}
		r.track(inst)
	}
}

// result notes what came of an action.
func (r *round) result(inst *Instance, res Result, listed bool) {
	switch {
	case res.Verb == Launch && inst.State == Requested:
		inst.acked = res.Err == ""
		if res.Err != "" && !listed {
			r.fail(inst, res.Err)
		}
	case res.Verb == Drain && inst.State == RayStopRequested:
		switch {
		case res.Err == "":
			inst.move(r.now, RayStopping)
		case inst.Reason == ReasonIdle:
			r.stay(inst, "it is not idle any more: "+res.Err)
		}
	case res.Verb == Terminate && inst.State == Terminating:
		inst.acked = res.Err == ""
		if res.Err != "" {
			inst.Detail = res.Err // asked again when it is time
		}
	}
}

// see moves an instance to where its machine and its node are.
func (r *round) see(inst *Instance, m *Machine, n *Node) {
	inst.node = n
	waited := r.now.Sub(inst.Since)
	switch inst.State {
	case Requested:
		switch {
		case m != nil:
			inst.move(r.now, Allocated)
			r.see(inst, m, n)
		case inst.acked:
			r.fail(inst, "the machine was gone as soon as it was there")
		case waited >= RequestTimeout:
			r.fail(inst, "the provider did not start it within "+RequestTimeout.String())
		}
	case Allocated, RayInstalling:
		switch {
		case m == nil:
			r.fail(inst, "the machine was gone before it joined")
		case n != nil:
			inst.move(r.now, RayRunning)
			inst.Detail = ""
			delete(r.backoffs, inst.Type)
		case waited >= JoinTimeout:
			r.fail(inst, "it did not join the cluster within "+JoinTimeout.String())
		case m.Installing && inst.State == Allocated:
			inst.move(r.now, RayInstalling)
		}
	case RayRunning, RayStopRequested, RayStopping:
		switch {
		case m == nil:
			r.note(inst, "the machine is gone")
			inst.move(r.now, Terminated)
		case n == nil:
			r.note(inst, "the node left the cluster")
			inst.move(r.now, RayStopped)
			r.terminate(inst, cmp.Or(inst.Reason, ReasonDied))
		case inst.State != RayStopping && n.Draining:
			inst.move(r.now, RayStopping)
			inst.deadline = r.now.Add(DrainTimeout)
		case inst.State == RayRunning || r.now.Before(inst.deadline):
		case inst.State == RayStopRequested && inst.Reason == ReasonIdle:
			r.stay(inst, "it did not answer when it was asked to go")
		default:
			r.terminate(inst, inst.Reason)
		}
	case Terminating:
		switch {
		case m == nil && inst.acked:
			inst.move(r.now, Terminated)
		case r.now.Sub(inst.asked) >= repeatAfter:
			inst.asked, inst.acked = r.now, false
			r.do(Action{Verb: Terminate, ID: inst.ID, Reason: inst.Reason})
		}
	}
}

// fail gives a launch up. Failures of launches that began before the pause do not make it longer.
func (r *round) fail(inst *Instance, detail string) {
	r.remember(inst, detail)
	b := r.backoffs[inst.Type]
	if b == nil {
		b = &backoff{}
		r.backoffs[inst.Type] = b
	}
	b.detail = detail
	if !r.now.Before(b.until) {
		b.failures++
		b.until = r.now.Add(min(maxBackoff, firstBackoff<<min(b.failures-1, 10)))
	}
	inst.Detail = detail
	r.terminate(inst, ReasonFailed)
}

// note remembers the loss of a node that was not asked to go.
func (r *round) note(inst *Instance, detail string) {
	if inst.State == RayRunning {
		r.remember(inst, detail)
		inst.Detail = detail
	}
}

func (r *round) remember(inst *Instance, detail string) {
	if len(r.failures) == maxFailures {
		r.failures = slices.Delete(r.failures, 0, 1)
	}
	r.failures = append(r.failures, Failure{ID: inst.ID, Type: inst.Type, Detail: detail, At: r.now})
}

// stay lets a node that refused to go be.
func (r *round) stay(inst *Instance, detail string) {
	inst.move(r.now, RayRunning)
	inst.Reason, inst.Detail = "", detail
	inst.keep = r.now.Add(repeatAfter)
}

// dismiss makes an instance go: a node is asked to, a machine without one is ended.
func (r *round) dismiss(inst *Instance, reason Reason) {
	if inst.State != RayRunning {
		r.terminate(inst, reason)
		return
	}
	inst.move(r.now, RayStopRequested)
	inst.Reason, inst.Detail, inst.deadline = reason, "", r.now.Add(DrainTimeout)
	r.do(Action{Verb: Drain, ID: inst.ID, Reason: reason, Deadline: inst.deadline})
}

// terminate asks the provider to end the machine, whether there is one or not.
func (r *round) terminate(inst *Instance, reason Reason) {
	inst.move(r.now, Terminating)
	inst.Reason, inst.acked, inst.asked = reason, false, r.now
	r.do(Action{Verb: Terminate, ID: inst.ID, Reason: reason})
}

// paused returns the pause of a type, nil if it has none now.
func (a *Autoscaler) paused(typeName string, now time.Time) *backoff {
	if b := a.backoffs[typeName]; b != nil && now.Before(b.until) {
		return b
	}
	return nil
}
