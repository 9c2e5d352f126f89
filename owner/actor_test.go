package owner_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// TestActorStories plays the stories of testdata: a line is an event, and what the actor does of it is printed behind.
//
//	story [max_restarts=N] [max_pending_calls=N] [calls=N] [interval=N] [idle]   an actor of that policy
//
//	placed, started, refuses, start-crashes, crashes, kill, kill-restart, forget, saved, not-saved
//	call ID CALLER [RETRIES]    a call whose arguments are there
//	queue ID CALLER [RETRIES]   one that waits for arguments
//	ready ID, cancel ID, returns ID
//	after N                     so much time passes
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
		if arg.Key != "idle" && arg.Key != "outlives" {
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
				if act.Resume {
					did = append(did, "start from the checkpoint")
				} else {
					did = append(did, "start")
				}
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
	case "call": // call ID CALLER [RETRIES]: with its arguments there
		_, _ = fmt.Sscan(rest, &id, &caller, &retries)
		return []owner.ActorEvent{{Op: owner.Call, Call: id, Caller: uint64(caller[0]), MaxRetries: retries}, {Op: owner.Ready, Call: id}}
	case "queue": // the same, waiting for arguments
		_, _ = fmt.Sscan(rest, &id, &caller, &retries)
		return []owner.ActorEvent{{Op: owner.Call, Call: id, Caller: uint64(caller[0]), MaxRetries: retries}}
	}
	_, _ = fmt.Sscan(rest, &id)
	op, ok := map[string]owner.ActorOp{"ready": owner.Ready, "cancel": owner.Cancel, "returns": owner.Returned}[word]
	if !ok {
		t.Fatalf("the story says %q", line)
	}
	return []owner.ActorEvent{{Op: op, Call: id}}
}

// TestEveryCallIsAnsweredOnce drives actors with random events: at most one call runs, every call is answered once at
// most, and exactly once by the time the actor is dead.
func TestEveryCallIsAnsweredOnce(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		a := owner.NewActor(spec.ActorID{}, "C", owner.ActorPolicy{MaxRestarts: int32(r.IntN(4)) - 1,
			Checkpoint: spec.CheckpointPolicy{Calls: int32(r.IntN(3)), Idle: r.IntN(4) == 0}})
		answered, callers := map[owner.CallID]int{}, map[owner.CallID]uint64{}
		lastRun := map[uint64]owner.CallID{}
		var running, next owner.CallID
		deaths, saving, saved := 0, false, false
		step := func(ev owner.ActorEvent) {
			for _, act := range a.Step(ev, nil) {
				switch act.Do {
				case owner.Run:
					if running != 0 || saving {
						t.Fatalf("seed %d: call %d runs while %d does, or while a checkpoint is taken (%v)", seed, act.Call, running, saving)
					}
					if c := callers[act.Call]; act.Call < lastRun[c] {
						t.Fatalf("seed %d: call %d of caller %d runs after %d", seed, act.Call, c, lastRun[c])
					}
					running, lastRun[callers[act.Call]] = act.Call, act.Call
				case owner.Fail:
					answered[act.Call]++
					if act.Call == running {
						running = 0
					}
				case owner.Die:
					deaths++
				case owner.Stop:
					running, saving = 0, false
				case owner.Save:
					if running != 0 || saving {
						t.Fatalf("seed %d: a checkpoint is taken while call %d runs, or another is taken (%v)", seed, running, saving)
					}
					saving = true
				case owner.Start:
					if act.Resume != saved {
						t.Fatalf("seed %d: it resumes: %v, there is a checkpoint: %v", seed, act.Resume, saved)
					}
				}
			}
		}
		for i := range 200 {
			switch r.IntN(14) {
			case 0:
				step(owner.ActorEvent{Op: owner.Placed})
			case 1:
				step(owner.ActorEvent{Op: owner.Started})
			case 2, 3, 4:
				next++
				callers[next] = uint64(r.IntN(3))
				step(owner.ActorEvent{Op: owner.Call, Call: next, Caller: callers[next], MaxRetries: int32(r.IntN(2))})
			case 5, 6:
				step(owner.ActorEvent{Op: owner.Ready, Call: owner.CallID(r.IntN(int(next)+1) + 1)})
			case 7, 8, 9:
				if id := running; id != 0 {
					running = 0
					answered[id]++
					step(owner.ActorEvent{Op: owner.Returned, Call: id})
				}
			case 10:
				if i%5 == 0 && !saving {
					running = 0
					step(owner.ActorEvent{Op: owner.Crashed, Err: errors.New("x")})
				}
			case 11:
				if i > 150 {
					step(owner.ActorEvent{Op: owner.Forget})
				}
			default:
				if saving {
					saving = false
					err := error(nil)
					if r.IntN(3) == 0 {
						err = errors.New("no room")
					}
					saved = saved || err == nil
					step(owner.ActorEvent{Op: owner.Saved, Err: err})
				}
			}
		}
		step(owner.ActorEvent{Op: owner.Kill, NoRestart: true})
		if deaths != 1 {
			t.Fatalf("seed %d: it died %d times", seed, deaths)
		}
		for id := range callers {
			if answered[id] != 1 {
				t.Fatalf("seed %d: call %d was answered %d times", seed, id, answered[id])
			}
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
