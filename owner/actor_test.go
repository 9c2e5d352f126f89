package owner_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// TestActorStories plays the stories of testdata: a line is an event, and what the actor does of it is printed behind.
//
//	story [max_restarts=N] [max_pending_calls=N] [calls=N] [interval=N] [idle] [hook] [exactly_once] [groups=(N,...)]   an actor of that policy
//
//	placed, started, refuses, start-crashes, crashes, kill, kill-restart, terminate, forget, saved, not-saved, ended
//	call ID CALLER [RETRIES [GROUP]]    a call whose arguments are there
//	paced ID CALLER RETRIES             one that pauses before it runs again
//	queue ID CALLER [RETRIES [GROUP]]   one that waits for arguments
//	ready ID, cancel ID, returns ID, fails ID, exits ID
//	after N                             so much time passes
func TestActorStories(t *testing.T) {
	datadriven.Walk(t, "testdata/actor", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "story" {
				d.Fatalf(t, "there is no command %q", d.Cmd)
			}
			return story(t, policy(t, d), strings.Split(strings.TrimSpace(d.Input), "\n"))
		})
	})
}

// policy reads what a story says of its actor.
func policy(t *testing.T, d *datadriven.TestData) (p owner.ActorPolicy) {
	t.Helper()
	for _, arg := range d.CmdArgs {
		var n int64
		if !slices.Contains([]string{"idle", "outlives", "hook", "exactly_once"}, arg.Key) {
			arg.Scan(t, 0, &n)
		}
		switch arg.Key {
		case "max_restarts":
			p.MaxRestarts = int32(n)
		case "max_pending_calls":
			p.MaxPendingCalls = int32(n)
		case "calls":
			p.Checkpoint.Calls = int32(n)
		case "interval":
			p.Checkpoint.Interval = time.Duration(n)
		case "outlives":
			p.Outlives = true
		case "idle":
			p.Checkpoint.Idle = true
		case "hook":
			p.Hook = true
		case "exactly_once":
			p.ExactlyOnce = true
		case "groups":
			for i := range arg.Vals {
				arg.Scan(t, i, &n)
				p.Groups = append(p.Groups, int32(n))
			}
		default:
			d.Fatalf(t, "a story has no %q", arg.Key)
		}
	}
	return p
}

// story steps an actor through the events of lines and returns what it did of each.
func story(t *testing.T, p owner.ActorPolicy, lines []string) string {
	t.Helper()
	a := owner.NewActor(spec.ActorID{}, "Counter", p)
	var trace strings.Builder
	now := int64(0)
	for _, line := range lines {
		var out []owner.ActorAction
		for _, ev := range events(t, line, &now) {
			ev.Now = now
			out = a.Step(ev, out)
		}
		var did []string
		for _, act := range out {
			switch act.Do {
			case owner.Start:
				start := "start"
				if act.Resume {
					start += " from the checkpoint"
				}
				if act.After > 0 {
					start += " after " + act.After.String()
				}
				did = append(did, start)
			case owner.Run:
				did = append(did, fmt.Sprint("run ", act.Call))
			case owner.Fail:
				did = append(did, fmt.Sprint("fail ", act.Call, " ", spec.KindOf(act.Err)))
			case owner.Stop:
				did = append(did, "stop")
			case owner.Die:
				did = append(did, "die")
			case owner.Save:
				did = append(did, "save")
			case owner.Again:
				did = append(did, fmt.Sprint("again ", act.Call))
			case owner.Interrupt:
				did = append(did, fmt.Sprint("interrupt ", act.Call))
			case owner.Pause:
				did = append(did, fmt.Sprint("pause ", act.Call))
			case owner.End:
				did = append(did, "end")
			}
		}
		trace.WriteString(line)
		if len(did) > 0 {
			trace.WriteString(" -> " + strings.Join(did, ", "))
		}
		trace.WriteByte('\n')
	}
	return trace.String()
}

// events returns what happens in a line.
func events(t *testing.T, line string, now *int64) []owner.ActorEvent {
	t.Helper()
	var id owner.CallID
	var caller string
	var retries int32
	var group int
	word, rest, _ := strings.Cut(line, " ")
	trap := &spec.Error{Kind: spec.GuestTrap}
	switch word {
	case "found":
		return []owner.ActorEvent{{Op: owner.Found}}
	case "placed":
		return []owner.ActorEvent{{Op: owner.Placed}}
	case "started":
		return []owner.ActorEvent{{Op: owner.Started}}
	case "refuses":
		return []owner.ActorEvent{{Op: owner.StartFailed, Err: spec.Errorf("new", spec.TaskError, "", "no")}}
	case "start-crashes":
		return []owner.ActorEvent{{Op: owner.StartFailed, Err: trap}}
	case "crashes":
		return []owner.ActorEvent{{Op: owner.Crashed, Err: trap}}
	case "kill":
		return []owner.ActorEvent{{Op: owner.Kill, NoRestart: true, Err: spec.ActorDied}}
	case "kill-restart":
		return []owner.ActorEvent{{Op: owner.Kill, Err: spec.ActorDied}}
	case "terminate":
		return []owner.ActorEvent{{Op: owner.Terminate, Err: spec.ActorDied}}
	case "ended":
		return []owner.ActorEvent{{Op: owner.Ended}}
	case "saved":
		return []owner.ActorEvent{{Op: owner.Saved}}
	case "not-saved":
		return []owner.ActorEvent{{Op: owner.Saved, Err: spec.ObjectStoreFull}}
	case "after":
		var n int64
		_, _ = fmt.Sscan(rest, &n)
		*now += n
		return nil
	case "forget":
		return []owner.ActorEvent{{Op: owner.Forget}}
	case "fails":
		_, _ = fmt.Sscan(rest, &id)
		return []owner.ActorEvent{{Op: owner.Failed, Call: id, Err: spec.Errorf("call", spec.TaskError, "", "no")}}
	case "call", "paced", "queue":
		_, _ = fmt.Sscan(rest, &id, &caller, &retries, &group)
		all := []owner.ActorEvent{{Op: owner.Call, Call: id, Caller: uint64(caller[0]), MaxRetries: retries, Group: group, Paced: word == "paced"}}
		if word != "queue" {
			all = append(all, owner.ActorEvent{Op: owner.Ready, Call: id})
		}
		return all
	}
	_, _ = fmt.Sscan(rest, &id)
	op, ok := map[string]owner.ActorOp{"ready": owner.Ready, "cancel": owner.Cancel, "returns": owner.Returned, "exits": owner.Exited}[word]
	if !ok {
		t.Fatalf("the story says %q", line)
	}
	return []owner.ActorEvent{{Op: op, Call: id}}
}

// TestEveryCallIsAnsweredOnce drives actors with random events: no more calls run than may, every call is answered once
// at most, and exactly once by the time the actor is dead.
func TestEveryCallIsAnsweredOnce(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := owner.ActorPolicy{MaxRestarts: int32(r.IntN(4)) - 1, Hook: r.IntN(2) == 0,
			Checkpoint: spec.CheckpointPolicy{Calls: int32(r.IntN(3)), Idle: r.IntN(4) == 0}}
		if r.IntN(2) == 0 {
			p.Groups = []int32{1 + r.Int32N(4), 1 + r.Int32N(2)}
		}
		a := owner.NewActor(spec.ActorID{}, "C", p)
		w := &answers{t: t, seed: seed, policy: p, answered: map[owner.CallID]int{}, calls: map[owner.CallID]owner.ActorEvent{}, lastRun: map[uint64]owner.CallID{}}
		step := func(ev owner.ActorEvent) {
			for _, act := range a.Step(ev, nil) {
				w.see(act)
			}
		}
		var next owner.CallID
		for i := range 200 {
			switch r.IntN(16) {
			case 0:
				step(owner.ActorEvent{Op: owner.Placed})
			case 1:
				step(owner.ActorEvent{Op: owner.Started})
			case 2, 3, 4:
				next++
				ev := owner.ActorEvent{Op: owner.Call, Call: next, Caller: uint64(r.IntN(3)), MaxRetries: int32(r.IntN(2)), Paced: r.IntN(2) == 0}
				if p.Groups != nil {
					ev.Group = r.IntN(2)
				}
				w.calls[next] = ev
				step(ev)
			case 5, 6:
				step(owner.ActorEvent{Op: owner.Ready, Call: owner.CallID(r.IntN(int(next)+1) + 1)})
			case 7, 8, 9:
				if len(w.running) > 0 {
					id := w.running[r.IntN(len(w.running))]
					w.over(id)
					if r.IntN(4) == 0 {
						step(owner.ActorEvent{Op: owner.Failed, Call: id, Err: errors.New("no")})
						break
					}
					w.answered[id]++
					step(owner.ActorEvent{Op: owner.Returned, Call: id})
				}
			case 10:
				if i%5 == 0 && !w.saving {
					w.running = nil
					step(owner.ActorEvent{Op: owner.Crashed, Err: errors.New("x")})
				}
			case 11:
				if i > 150 {
					step(owner.ActorEvent{Op: owner.Forget})
				}
			case 12:
				if i > 150 && len(w.running) > 0 {
					step(owner.ActorEvent{Op: owner.Exited, Call: w.running[0]})
				}
			case 13:
				if i > 180 {
					step(owner.ActorEvent{Op: owner.Terminate, Err: errors.New("x")})
				}
			case 14:
				if w.ending {
					step(owner.ActorEvent{Op: owner.Ended})
				}
			default:
				if w.saving {
					w.saving = false
					err := error(nil)
					if r.IntN(3) == 0 {
						err = errors.New("no room")
					}
					w.saved = w.saved || err == nil
					step(owner.ActorEvent{Op: owner.Saved, Err: err})
				}
			}
		}
		step(owner.ActorEvent{Op: owner.Kill, NoRestart: true})
		if w.deaths != 1 {
			t.Fatalf("seed %d: it died %d times", seed, w.deaths)
		}
		for id := range w.calls {
			if w.answered[id] != 1 {
				t.Fatalf("seed %d: call %d was answered %d times", seed, id, w.answered[id])
			}
		}
	}
}

// answers watches what a random actor does.
type answers struct {
	t                     *testing.T
	seed                  uint64
	policy                owner.ActorPolicy
	calls                 map[owner.CallID]owner.ActorEvent
	answered              map[owner.CallID]int
	running               []owner.CallID
	lastRun               map[uint64]owner.CallID // by caller
	saving, saved, ending bool
	deaths                int
}

func (w *answers) over(id owner.CallID) {
	w.running = slices.DeleteFunc(w.running, func(x owner.CallID) bool { return x == id })
}

func (w *answers) see(act owner.ActorAction) {
	t, call := w.t, w.calls[act.Call]
	switch act.Do {
	case owner.Run:
		limit := int32(1)
		if w.policy.Groups != nil {
			limit = w.policy.Groups[call.Group]
		} else if act.Call < w.lastRun[call.Caller] {
			t.Fatalf("seed %d: call %d of caller %d runs after %d", w.seed, act.Call, call.Caller, w.lastRun[call.Caller])
		}
		for _, id := range w.running {
			if w.calls[id].Group == call.Group {
				limit--
			}
		}
		if limit <= 0 || w.saving || w.ending {
			t.Fatalf("seed %d: call %d runs while %v do, or a checkpoint is taken (%v), or at the end (%v)", w.seed, act.Call, w.running, w.saving, w.ending)
		}
		w.running = append(w.running, act.Call)
		w.lastRun[call.Caller] = act.Call
	case owner.Fail:
		w.answered[act.Call]++
		w.over(act.Call)
	case owner.Die:
		w.deaths++
	case owner.Stop:
		w.running, w.saving = nil, false
	case owner.End:
		if len(w.running) > 0 || w.ending || !w.policy.Hook {
			t.Fatalf("seed %d: the hook runs while %v do, or again (%v)", w.seed, w.running, w.ending)
		}
		w.ending = true
	case owner.Save:
		if len(w.running) > 0 || w.saving {
			t.Fatalf("seed %d: a checkpoint is taken while calls %v run, or another is taken (%v)", w.seed, w.running, w.saving)
		}
		w.saving = true
	case owner.Start:
		if act.Resume != w.saved {
			t.Fatalf("seed %d: it resumes: %v, there is a checkpoint: %v", w.seed, act.Resume, w.saved)
		}
	}
}

func BenchmarkActorCall(b *testing.B) {
	a := owner.NewActor(spec.ActorID{}, "C", owner.ActorPolicy{})
	var out []owner.ActorAction
	out = a.Step(owner.ActorEvent{Op: owner.Placed}, out[:0])
	out = a.Step(owner.ActorEvent{Op: owner.Started}, out[:0])
	b.ReportAllocs()
	for i := range b.N {
		id := owner.CallID(i + 1)
		out = a.Step(owner.ActorEvent{Op: owner.Call, Call: id}, out[:0])
		out = a.Step(owner.ActorEvent{Op: owner.Ready, Call: id}, out[:0])
		out = a.Step(owner.ActorEvent{Op: owner.Returned, Call: id}, out[:0])
	}
}
