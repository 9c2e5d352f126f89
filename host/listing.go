package host

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// What is on a node: its tasks and actors, for people who look from outside. Jobs are listed by Node.Jobs, placement groups by
// Node.Groups, objects by Node.Memory.

// TaskRow is a call that has not finished.
type TaskRow struct {
	ID       spec.TaskID
	Parent   spec.TaskID // who submitted it
	Actor    spec.ActorID
	Name     string // that its options gave it, or the function's
	Function string
	State    string // Ray's name
	Attempt  int32
	Text     string // what it waits for, or how long it has run, for people
}

// The states of tasks, as in Ray.
const (
	taskWaitsForArguments = "PENDING_ARGS_AVAIL"
	taskWaitsForNode      = "PENDING_NODE_ASSIGNMENT"
	taskWaitsForTurn      = "PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY"
	taskRuns              = "RUNNING"
)

// ActorRow is an actor that lives, or that somebody has a handle to.
type ActorRow struct {
	ID        spec.ActorID
	Job       spec.JobID
	Class     string
	Name      string
	Namespace string // of the name
	Detached  bool
	State     string // Ray's name
	Restarts  int32
	Waiting   int            // calls in its queue
	Hold      spec.Resources // what it holds while it lives
	Group     string         // the placement group that it is in
	Text      string         // what it waits for, for people
}

// actorStateNames are Ray's.
var actorStateNames = map[owner.ActorState]string{owner.Pending: "PENDING_CREATION", owner.Starting: "PENDING_CREATION", owner.Alive: "ALIVE",
	owner.Restarting: "RESTARTING", owner.Ending: "ALIVE", owner.Dead: "DEAD"}

// living returns the open jobs and the actors that are known, in the order of their ids.
func (n *Node) living() (jobs []*Job, actors []*actor) {
	n.mu.Lock()
	for j := range n.open {
		jobs = append(jobs, j)
	}
	for _, a := range n.actors {
		actors = append(actors, a)
	}
	n.mu.Unlock()
	slices.SortFunc(jobs, func(a, b *Job) int { return bytes.Compare(a.id[:], b.id[:]) })
	slices.SortFunc(actors, func(a, b *actor) int { return bytes.Compare(a.id[:], b.id[:]) })
	return jobs, actors
}

// Tasks lists at most limit unfinished calls, by job and id, and how many more there are.
func (n *Node) Tasks(limit int) (rows []TaskRow, more int) {
	jobs, _ := n.living()
	for _, j := range jobs {
		all := j.tasks()
		shown := min(len(all), limit-len(rows))
		for _, t := range all[:shown] {
			rows = append(rows, t.row())
		}
		more += len(all) - shown
	}
	return rows, more
}

func (t *task) row() TaskRow {
	t.mu.Lock()
	r := TaskRow{ID: t.id, Parent: t.parent, Actor: t.id.Actor(), Name: t.name, Function: t.function, State: taskWaitsForNode, Attempt: t.attempt}
	runs := t.runs
	t.mu.Unlock()
	r.Text = t.explain(1)
	switch {
	case runs || t.actor != nil && t.actor.runs(t):
		r.State = taskRuns
	case slices.Contains(t.job.node.objects.isReady(t.refs()), false):
		r.State = taskWaitsForArguments
	case t.actor != nil:
		r.State = taskWaitsForTurn
	}
	return r
}

// runs reports whether a call of the actor runs.
func (a *actor) runs(t *task) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.core.Runs(t.call)
}

// Actors lists at most limit actors by id, and how many more there are.
func (n *Node) Actors(limit int) (rows []ActorRow, more int) {
	_, all := n.living()
	more = max(0, len(all)-limit)
	for _, a := range all[:len(all)-more] {
		rows = append(rows, a.row())
	}
	return rows, more
}

func (a *actor) row() ActorRow {
	r := ActorRow{ID: a.id, Job: a.job.id, Class: a.class.Name, Name: a.name.name, Namespace: a.name.namespace, Detached: a.detached, Hold: a.hold}
	if use, _ := a.use(); use != nil {
		r.Group = use.Group.String()
	}
	a.mu.Lock()
	state := a.core.State()
	r.State, r.Restarts, r.Waiting = actorStateNames[state], a.core.Restarts(), a.core.Pending()
	lease := a.lease
	a.mu.Unlock()
	if state == owner.Pending {
		if why, waits := a.node.leases.why(lease); waits {
			r.Text = fmt.Sprintf("%s (%s)", why.Text, why.Reason)
		}
	}
	return r
}

// RunningJob is a job that has not ended.
type RunningJob struct {
	ID        spec.JobID
	Namespace string
	Since     time.Time
	Stats     Stats
}

// RunningJobs lists the jobs that have not ended, by id.
func (n *Node) RunningJobs() []RunningJob {
	jobs, _ := n.living()
	rows := make([]RunningJob, len(jobs))
	for i, j := range jobs {
		rows[i] = RunningJob{j.id, j.namespace, j.started, j.Stats()}
	}
	return rows
}

// Labels returns what tasks and actors may choose the node by.
func (n *Node) Labels() map[string]string { return maps.Collect(n.cfg.labels.All()) }
