package host_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// A member of the cluster says what it has no right to: about jobs, objects and actors of others, and more than a node can take.

// liar joins as a member. Jobs it ends as it is told, for their homes wait for that.
func liar(t *testing.T, c *clustertest.Cluster, hear func(from spec.NodeID, m peer.Message)) (self spec.NodeID, port peer.Port) {
	self = spec.NodeID{0xee}
	joined := make(chan struct{})
	port, gone := c.Intruder(t, self, true, func(from spec.NodeID, m peer.Message) {
		<-joined
		if m.JobEnd != nil {
			port.Send(from, peer.Message{JobEnded: m.JobEnd})
		}
		hear(from, m)
	})
	close(joined)
	t.Cleanup(gone)
	return self, port
}

// says sends a node messages of the liar, and waits until it has taken them in: it answers a question after them.
func says(t *testing.T, port peer.Port, node *host.Node, answers <-chan *peer.Answer, messages ...peer.Message) {
	t.Helper()
	port.Send(node.ID(), append(messages, peer.Message{Ask: &peer.Ask{Number: 1, Name: &peer.Name{Name: "nobody"}}})...)
	select {
	case <-answers:
	case <-t.Context().Done():
		t.Fatal("it does not answer")
	}
}

// askingLiar is a liar that hears the answers to what it asks.
func askingLiar(t *testing.T, c *clustertest.Cluster) (self spec.NodeID, port peer.Port, answers chan *peer.Answer) {
	answers = make(chan *peer.Answer, 8)
	self, port = liar(t, c, func(_ spec.NodeID, m peer.Message) {
		if m.Answer != nil {
			answers <- m.Answer
		}
	})
	return self, port, answers
}

// TestAMemberHasNoRightToWhatIsOthers: it ends no job, cancels no task and kills no actor of which it was given nothing, and writes
// for no job in which it takes no part.
func TestAMemberHasNoRightToWhatIsOthers(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 2})
	_, port, answers := askingLiar(t, c)
	wrote := make(chan host.OutputLine, 8)
	j := job(t, c.Nodes[0], host.JobConfig{Module: module, TaskOutput: func(l host.OutputLine) { wrote <- l }})
	counter, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	spins := submit(t, j, "spin", spec.TaskOptions{}, true)
	theirs := []peer.Message{
		{JobEnd: &peer.JobEnd{ID: j.ID()}},
		{Cancel: &peer.Cancel{ID: spins.ID(), Force: true}},
		{ActorEnd: &peer.ActorEnd{ID: counter.ID(), NoRestart: true}},
		{Output: &peer.Output{Job: j.ID(), Name: "liar", Text: []byte("a lie")}},
	}
	says(t, port, c.Nodes[0], answers, theirs...)
	if n := inc(t, counter, 1); n != 1 {
		t.Errorf("the actor counts %d", n)
	}
	if ready, _, err := j.Wait(t.Context(), []*host.Ref{spins}, 1, time.Millisecond); len(ready) > 0 || err != nil {
		t.Errorf("the task was ended, %v", err)
	}
	select {
	case l := <-wrote:
		t.Errorf("the job got the line %q", l.Text)
	default:
	}
	// Whoever has a reference may use it.
	count := func(op owner.BorrowOp) []peer.Message {
		var all []peer.Message
		for _, l := range []spec.Link{spec.ObjectLink(spins.ID()), spec.ActorLink(counter.ID())} {
			all = append(all, peer.Message{Count: &peer.Count{Op: op, Link: peer.Link(l), Owner: c.Nodes[0].ID()}})
		}
		return all
	}
	says(t, port, c.Nodes[0], answers, append(count(owner.Hold), theirs[1:3]...)...)
	if _, err := spins.GetValue(t.Context()); !errors.Is(err, spec.TaskCancelled) {
		t.Errorf("the task ended with %v", err)
	}
	if _, err := host.CallMethod[int](t.Context(), counter, "Inc", 1); !errors.Is(err, spec.ActorDied) {
		t.Errorf("the actor's call ended with %v", err)
	}
	says(t, port, c.Nodes[0], answers, count(owner.Unhold)...)
	counter.Release()
	spins.Release()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// TestAFalseHome: a member says to be the home of another node's job before that node has told of it. What the job runs there may
// fail until the table of jobs has been looked up, and no longer; and its end waits for no liar.
func TestAFalseHome(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1}, host.Config{NumCPUs: 1})
	self, port, answers := askingLiar(t, c)
	j := job(t, c.Nodes[0], host.JobConfig{Module: module, Env: map[string]string{"HOST_TEST": "true"}})
	says(t, port, c.Nodes[1], answers, peer.Message{Job: &peer.Job{ID: j.ID(), Home: self, Namespace: "false", Env: []string{"HOST_TEST=false"}}})
	for {
		saw, err := host.Get[map[string]string](t.Context(), submit(t, j, "self", here(c.Nodes[1])))
		if err == nil && saw["env"] == "true" && saw["namespace"] == j.Namespace() {
			break
		}
		if err != nil && !errors.Is(err, spec.TaskCancelled) || t.Context().Err() != nil {
			t.Fatalf("the task saw %v, %v", saw, err)
		}
	}
	ended(t, j, c.Nodes...)
}

// TestALateJobIsNotKept: what is told of a job after its end, to a node that was not there then, leaves no copy.
func TestALateJobIsNotKept(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1})
	_, port, answers := askingLiar(t, c)
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	ended(t, j, c.Nodes...)
	late := c.Add(t, host.Config{NumCPUs: 1, CacheDir: cache()})
	says(t, port, c.Nodes[late], answers, peer.Message{Job: &peer.Job{ID: j.ID(), Home: c.Nodes[0].ID(), Namespace: j.Namespace(), Weight: 2}})
	ended(t, j, c.Nodes...)
}

// TestWhatHasEndedIsForgotten: jobs that had something on other nodes, and groups that had bundles there.
func TestWhatHasEndedIsForgotten(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 2}, host.Config{NumCPUs: 2})
	for range 10 {
		j := job(t, c.Nodes[0], host.JobConfig{Module: module})
		if n := get[int](t, submit(t, j, "tree", spec.TaskOptions{Placement: &spec.Placement{Spread: true}}, 3)); n != 8 {
			t.Errorf("a tree has %d leaves", n)
		}
		ended(t, j, c.Nodes...)
	}
	for i, n := range c.Nodes {
		if jobs, _ := n.Remembers(); jobs != 0 {
			t.Errorf("node %d remembers %d jobs that have ended", i, jobs)
		}
	}
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	for range 1100 {
		g, err := j.CreateGroup(t.Context(), single(3, spec.StrictSpread))
		if err == nil {
			err = errors.Join(g.Wait(t.Context()), g.Remove(t.Context()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range c.Nodes {
		if _, groups := n.Remembers(); groups > 1001 { // the last may be on its way
			t.Errorf("node %d remembers %d groups that have ended", i, groups)
		}
	}
	ended(t, j, c.Nodes...)
}

// TestATaskThatIsSentRound: a node says that it has room, and then that another has, again and again.
func TestATaskThatIsSentRound(t *testing.T) {
	c, module := openCluster(t, host.Config{NumCPUs: 1})
	var mu sync.Mutex
	var came []time.Time
	enough := make(chan struct{})
	var port peer.Port
	var self spec.NodeID
	self, port = liar(t, c, func(from spec.NodeID, m peer.Message) {
		if m.Run == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if came = append(came, time.Now()); len(came) == 20 {
			close(enough)
		}
		port.Send(from, peer.Message{Moved: &peer.Moved{Number: m.Run.Number, To: self}})
	})
	much := spec.Resources{CPU: 100 * spec.Unit}
	port.Send(c.Nodes[0].ID(), peer.Message{Report: &peer.Report{Version: 1, Total: much, Free: much}})
	if err := c.Nodes[0].WaitForMembers(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	j := job(t, c.Nodes[0], host.JobConfig{Module: module})
	cpus := 50 * spec.Unit
	r := submit(t, j, "add", spec.TaskOptions{CPUs: &cpus}, 1, 2)
	select {
	case <-enough:
	case <-t.Context().Done():
		t.Fatal("it was not sent there")
	}
	mu.Lock()
	if d := came[19].Sub(came[16]); d < 200*time.Millisecond {
		t.Errorf("after 16 times it was sent round three times in %v", d)
	}
	mu.Unlock()
	if err := r.Cancel(t.Context(), true, false); err != nil {
		t.Fatal(err)
	}
	r.Release()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// TestQuestionsAreBounded: a node has only so many goroutines that answer another one, and asks no more itself.
func TestQuestionsAreBounded(t *testing.T) {
	const most, many = 64, 300
	c, module := openCluster(t, host.Config{NumCPUs: 1})
	asked, answered := make(chan uint64, many), make(chan *peer.Answer, 2*many)
	_, port := liar(t, c, func(_ spec.NodeID, m peer.Message) {
		switch {
		case m.Ask != nil:
			asked <- m.Ask.Number
		case m.Answer != nil:
			answered <- m.Answer
		}
	})
	node := c.Nodes[0]
	free := node.HoldModules() // which every answer needs
	for i := range many {
		port.Send(node.ID(), peer.Message{Ask: &peer.Ask{Number: uint64(i), Module: &peer.Piece{Digest: module.Digest()}}})
	}
	for range many - most {
		if a := <-answered; spec.KindOf(peer.Error(a.Err)) != spec.LimitExceeded {
			t.Errorf("question %d was answered with %v, %d bytes", a.Number, peer.Error(a.Err), len(a.Data))
		}
	}
	free()
	for range most {
		if a := <-answered; len(a.Err) > 0 || len(a.Data) == 0 {
			t.Errorf("question %d was answered with %v", a.Number, peer.Error(a.Err))
		}
	}
	// Now the node has as many questions: where modules are that it does not have.
	j := job(t, node, host.JobConfig{Module: module})
	const wanted = 200
	for i := range uint32(wanted) {
		task := spec.NewTaskID(spec.DriverTaskID(j.ID()), 1<<40+uint64(i), spec.NoActor(j.ID()))
		port.Send(node.ID(), peer.Message{Run: &peer.Run{Number: uint64(i), Job: j.ID(), Task: task, Parent: task, Name: "f", Function: "f", Returns: 1,
			Module: peer.Module{Digest: spec.Digest{byte(i), 1}}}})
	}
	no := spec.MarshalError(spec.Errorf("find a module", spec.NotFound, "", "there is none"))
	var waiting []uint64
	for n := range wanted {
		waiting = append(waiting, <-asked)
		if len(waiting) == most || n == wanted-1 {
			if extra := len(asked); extra > 0 {
				t.Fatalf("it has asked %d questions more than it may", extra)
			}
			for _, number := range waiting {
				port.Send(node.ID(), peer.Message{Answer: &peer.Answer{Number: number, Err: no}})
			}
			waiting = nil
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := node.Quiet(ctx); err != nil {
		t.Error(err)
	}
}
