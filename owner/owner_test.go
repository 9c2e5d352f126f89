package owner_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

func object(n uint32) spec.Link {
	return spec.ObjectLink(spec.DriverTaskID(spec.JobNumber(1)).Object(n))
}

func TestReleaseFreesWhatWasContained(t *testing.T) {
	r := owner.NewRefs()
	for i := range uint32(4) {
		r.Create(object(i), 1)
	}
	r.Contain(object(0).Object, []spec.Link{object(1), object(2), object(9)}) // 9 is not counted
	r.Contain(object(1).Object, []spec.Link{object(3), object(3)})
	for i := range uint32(3) { // only object 0 and what it contains are left
		if freed := r.Release(object(i+1), nil); len(freed) != 0 {
			t.Fatalf("object %d, which is contained, is freed: %v", i+1, freed)
		}
	}
	freed := r.Release(object(0), nil)
	if !slices.Equal(freed, []spec.Link{object(0), object(1), object(2), object(3)}) {
		t.Fatalf("freed %v", freed)
	}
	if r.Len() != 0 || r.Retain(object(1)) {
		t.Fatalf("%d are left", r.Len())
	}
	if freed := r.Release(object(0), nil); len(freed) != 0 {
		t.Fatalf("freed twice: %v", freed)
	}
}

func TestALongChainIsFreed(t *testing.T) {
	const length = 1_000_000
	r := owner.NewRefs()
	for i := range uint32(length) {
		r.Create(object(i), 1)
		if i > 0 {
			r.Contain(object(i).Object, []spec.Link{object(i - 1)})
			r.Release(object(i-1), nil)
		}
	}
	if freed := r.Release(object(length-1), nil); len(freed) != length || r.Len() != 0 {
		t.Fatalf("freed %d, %d are left", len(freed), r.Len())
	}
}

// TestRetryByKind classifies every kind: a new one has to be thought about here.
func TestRetryByKind(t *testing.T) {
	retried := []spec.Kind{spec.WorkerCrashed, spec.NodeDied, spec.OutOfMemory, spec.GuestTrap, spec.GuestExit, spec.StackOverflow}
	forever := owner.RetryPolicy{MaxRetries: -1}
	exceptions := owner.RetryPolicy{MaxRetries: -1, RetryExceptions: true}
	for _, k := range spec.Kinds() {
		want := slices.Contains(retried, k)
		if got := forever.Retry(1000, k); got != want {
			t.Errorf("%v: retried %v, want %v", k, got, want)
		}
		if got := exceptions.Retry(1000, k); got != (want || k == spec.TaskError) {
			t.Errorf("%v with retry_exceptions: retried %v", k, got)
		}
	}
	two := owner.RetryPolicy{MaxRetries: 2}
	for attempt, want := range []bool{true, true, false, false} {
		if got := two.Retry(int32(attempt), spec.GuestTrap); got != want {
			t.Errorf("attempt %d of max_retries 2: %v", attempt, got)
		}
	}
}

// story steps an actor through lines like "call 1 a ready" and returns what it did, a line per event.
func story(t *testing.T, p owner.ActorPolicy, lines ...string) (trace []string) {
	t.Helper()
	a := owner.NewActor(spec.ActorID{}, "Counter", p)
	for _, line := range lines {
		var out []owner.ActorAction
		for _, ev := range events(t, line) {
			out = a.Step(ev, out)
		}
		var did []string
		for _, act := range out {
			switch act.Do {
			case owner.Start:
				did = append(did, "start")
			case owner.Run:
				did = append(did, fmt.Sprint("run ", act.Call))
			case owner.Fail:
				did = append(did, fmt.Sprint("fail ", act.Call, " ", spec.KindOf(act.Err)))
			case owner.Stop:
				did = append(did, "stop")
			case owner.Die:
				did = append(did, "die")
			}
		}
		trace = append(trace, line+" -> "+strings.Join(did, ", "))
	}
	return trace
}

func events(t *testing.T, line string) []owner.ActorEvent {
	t.Helper()
	var id owner.CallID
	var caller string
	var retries int32
	word, rest, _ := strings.Cut(line, " ")
	trap := &spec.Error{Kind: spec.GuestTrap}
	switch word {
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

func TestActorStories(t *testing.T) {
	for _, s := range []struct {
		name   string
		policy owner.ActorPolicy
		trace  []string
	}{
		{"calls wait for the constructor and run one by one", owner.ActorPolicy{}, []string{
			"call 1 a -> ", "call 2 a -> ", "placed -> start", "started -> run 1", "returns 1 -> run 2", "call 3 b -> ", "returns 2 -> run 3", "returns 3 -> ",
		}},
		{"a caller's calls keep their order, others pass", owner.ActorPolicy{}, []string{
			"placed -> start", "started -> ", "queue 1 a -> ", "call 2 a -> ", "call 3 b -> run 3", "returns 3 -> ", "ready 1 -> run 1", "returns 1 -> run 2",
		}},
		{"a refused constructor fails every call", owner.ActorPolicy{MaxRestarts: 5}, []string{
			"call 1 a -> ", "placed -> start", "refuses -> fail 1 ActorDied, stop, die", "call 2 a -> fail 2 ActorDied", "kill -> ",
		}},
		{"a constructor that crashes is tried again", owner.ActorPolicy{MaxRestarts: 1}, []string{
			"call 1 a -> ", "placed -> start", "start-crashes -> stop, start", "start-crashes -> fail 1 ActorDied, stop, die",
		}},
		{"a crash without restarts is the end", owner.ActorPolicy{}, []string{
			"placed -> start", "started -> ", "call 1 a -> run 1", "call 2 a -> ", "crashes -> fail 1 ActorDied, fail 2 ActorDied, stop, die", "call 3 a -> fail 3 ActorDied",
		}},
		{"a crash fails the call and the next is served", owner.ActorPolicy{MaxRestarts: 1}, []string{
			"placed -> start", "started -> ", "call 1 a -> run 1", "call 2 a -> ", "crashes -> fail 1 ActorUnavailable, stop, start", "started -> run 2", "crashes -> fail 2 ActorDied, stop, die",
		}},
		{"a call with retries runs again, first", owner.ActorPolicy{MaxRestarts: -1}, []string{
			"placed -> start", "started -> ", "call 1 a 1 -> run 1", "call 2 a -> ", "crashes -> stop, start", "started -> run 1", "crashes -> fail 1 ActorUnavailable, stop, start", "started -> run 2",
		}},
		{"killed", owner.ActorPolicy{MaxRestarts: -1}, []string{
			"placed -> start", "started -> ", "call 1 a -> run 1", "call 2 a -> ", "kill -> fail 1 ActorDied, fail 2 ActorDied, stop, die", "returns 1 -> ",
		}},
		{"killed to restart", owner.ActorPolicy{MaxRestarts: 1}, []string{
			"placed -> start", "started -> ", "call 1 a 9 -> run 1", "call 2 a -> ", "kill-restart -> fail 1 ActorUnavailable, stop, start", "started -> run 2", "kill-restart -> fail 2 ActorDied, stop, die",
		}},
		{"forgotten: what is queued is served", owner.ActorPolicy{}, []string{
			"call 1 a -> ", "placed -> start", "forget -> ", "started -> run 1", "returns 1 -> stop, die",
		}},
		{"forgotten before it has a place", owner.ActorPolicy{}, []string{"forget -> stop, die", "placed -> "}},
		{"too many wait", owner.ActorPolicy{MaxPendingCalls: 1}, []string{
			"call 1 a -> ", "call 2 a -> fail 2 PendingCallsLimitExceeded", "placed -> start", "started -> run 1", "call 3 a -> ",
		}},
		{"a cancelled call is not run, and holds nobody back", owner.ActorPolicy{}, []string{
			"placed -> start", "started -> ", "queue 1 a -> ", "call 2 a -> ", "cancel 1 -> fail 1 TaskCancelled, run 2", "cancel 2 -> ", "returns 2 -> ",
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			var lines []string
			for _, l := range s.trace {
				line, _, _ := strings.Cut(l, " -> ")
				lines = append(lines, line)
			}
			got := story(t, s.policy, lines...)
			if !slices.Equal(got, s.trace) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(s.trace, "\n  "))
			}
		})
	}
}

// TestEveryCallIsAnsweredOnce drives actors with random events: at most one call runs, every call is answered once at
// most, and exactly once by the time the actor is dead.
func TestEveryCallIsAnsweredOnce(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		a := owner.NewActor(spec.ActorID{}, "C", owner.ActorPolicy{MaxRestarts: int32(r.IntN(4)) - 1})
		answered, callers := map[owner.CallID]int{}, map[owner.CallID]uint64{}
		lastRun := map[uint64]owner.CallID{}
		var running, next owner.CallID
		deaths := 0
		step := func(ev owner.ActorEvent) {
			for _, act := range a.Step(ev, nil) {
				switch act.Do {
				case owner.Run:
					if running != 0 {
						t.Fatalf("seed %d: call %d runs while %d does", seed, act.Call, running)
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
					running = 0
				}
			}
		}
		for i := range 200 {
			switch r.IntN(12) {
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
				if i%5 == 0 {
					running = 0
					step(owner.ActorEvent{Op: owner.Crashed, Err: errors.New("x")})
				}
			case 11:
				if i > 150 {
					step(owner.ActorEvent{Op: owner.Forget})
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
