package host

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// How much an explanation says: of how many objects, and how far down.
const (
	explained      = 3
	explainedDepth = 4
)

// Explain says in a sentence what an object waits for: "task sum runs since 2s", "task sum is queued: it needs
// {CPU: 1}, {CPU: 1} more than is free (resources)". It says that the object is there if it is.
func (r *Ref) Explain() string { return r.job.node.explain(r.id, explainedDepth) }

// Explain says what one of the job's unfinished calls waits for, in the words of [Ref.Explain]: the first by id of those that
// do not run, or of those that run if all do. It is "" when there is none.
func (j *Job) Explain() string {
	var chosen *task
	chosenRuns := false
	j.mu.Lock()
	for t := j.live.first; t != nil; t = t.after {
		t.mu.Lock()
		runs := t.runs
		t.mu.Unlock()
		if chosen == nil || chosenRuns && !runs || chosenRuns == runs && slices.Compare(t.id[:], chosen.id[:]) < 0 {
			chosen, chosenRuns = t, runs
		}
	}
	j.mu.Unlock()
	if chosen == nil {
		return ""
	}
	return chosen.explain(explainedDepth)
}

// explainAll says what the first few of the objects wait for that are not there.
func (n *Node) explainAll(ids []spec.ObjectID) string {
	var said []string
	missing := 0
	for i, ready := range n.objects.isReady(ids) {
		if ready {
			continue
		}
		if missing++; missing <= explained {
			said = append(said, n.explain(ids[i], explainedDepth))
		}
	}
	if more := missing - explained; more > 0 {
		said = append(said, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(said, "; ")
}

func (n *Node) explain(id spec.ObjectID, depth int) string {
	label := "object " + id.String()
	switch ready := n.objects.isReady([]spec.ObjectID{id}); {
	case ready[0]:
		return label + " is there"
	case depth == 0:
		return label + " is not there either"
	}
	if t := n.objects.maker(id); t != nil {
		return t.explain(depth)
	}
	if node, ok := n.objects.borrowedFrom(id); ok {
		return label + " is not there: node " + node.String() + " owns it, and has not said that it is"
	}
	return label + " is about to be there: its task has just ended"
}

// explain says what the task waits for.
func (t *task) explain(depth int) string {
	who := fmt.Sprintf("task %s (%s)", t.name, t.id)
	t.mu.Lock()
	runs, since, lease, pausing, attempt, away := t.runs, t.since, t.lease, t.pause != nil, t.attempt, t.away
	t.mu.Unlock()
	n := t.job.node
	if away != nil {
		return who + " " + n.cluster.explain(away)
	}
	refs := t.refs()
	if i := slices.Index(n.objects.isReady(refs), false); i >= 0 && !runs {
		arg := slices.IndexFunc(t.args, func(a spec.Arg) bool { return a.IsRef && a.Ref == refs[i] })
		return fmt.Sprintf("%s waits for its argument %s: %s", who, ordinal(arg), n.explain(refs[i], depth-1))
	}
	switch {
	case t.actor != nil:
		return who + " " + t.actor.explain(t)
	case runs:
		return fmt.Sprintf("%s runs since %v, attempt %d", who, time.Since(since).Round(time.Millisecond), attempt)
	case lease != 0:
		why, waits := n.leases.why(lease)
		if !waits {
			return who + " is held back until others of its job have ended (MaxRunningTasks, or no memory for one more sandbox)"
		}
		return who + " is queued: " + why.Text + " (" + why.Reason.String() + ")"
	case pausing:
		return fmt.Sprintf("%s waits before its attempt %d", who, attempt)
	}
	return who + " is about to be queued"
}

// actorStates say for people where an actor is in its life.
var actorStates = map[owner.ActorState]string{owner.Pending: "waiting for its place", owner.Starting: "starting", owner.Alive: "alive",
	owner.Restarting: "restarting", owner.Ending: "ending", owner.Dead: "dead"}

// explain says what a call of the actor waits for.
func (a *actor) explain(t *task) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.core.Runs(t.call) {
		return "runs in actor " + a.label()
	}
	return fmt.Sprintf("is in the queue of actor %s, which is %s and has %d calls waiting", a.label(), actorStates[a.core.State()], a.core.Pending())
}
