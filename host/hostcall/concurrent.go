package hostcall

import (
	"maps"
	"slices"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// Several calls of one actor at once: each is begun by Start, beside those that run; the guest says by serve for which of
// them it acts, ends one by done, and waits by await, which returns at once. Of the calls that do not run now the session
// keeps what else is in the session itself.

// Waits begins waits that are not waited for in the host function.
type Waits interface {
	// Await begins to wait until count of the objects are there, or with a count of 0 all of them, or one that holds an
	// error. It reports whether there is nothing to wait for; otherwise the guest gets an event with the token once, when
	// they are there or the timeout has passed (negative: none). ids are not kept.
	Await(ids []spec.ObjectID, count int, timeout time.Duration, token uint32) (there bool, err error)
}

// Event is something that a call of the guest's waits for.
type Event struct {
	Kind   spec.EventKind
	Number uint32 // a token of await, or a call
}

// eventBytes is an event in the guest's memory: two numbers of 32 bits.
const eventBytes = 8

// Ended is a call that the guest has ended.
type Ended struct {
	Number  uint32
	Status  int32       // 0: it returned
	Failure *spec.Error // see Session.Failure
	Results []spec.Value
}

// concurrent is what a session has beside its turn when several calls run.
type concurrent struct {
	waits  Waits
	calls  map[uint32]*turn // all but the one in Session.turn; 0 is the actor itself
	ended  []Ended
	events []Event // not read yet

	// The calls whose windows are open, by where they are. Those of 0 could not be closed with their call.
	windows map[uint32]uint32
}

// Concurrent makes the session one that serves several calls at once. c is the caller of what belongs to none of them.
func (s *Session) Concurrent(c Caller, w Waits) {
	s.End()
	s.turn = turn{caller: c}
	s.concurrent = &concurrent{waits: w, calls: make(map[uint32]*turn), windows: make(map[uint32]uint32)}
}

// Start begins a call beside those that run, and returns its number, from 1. The guest acts for it until it says otherwise.
// args are kept until Finish and must stay counted by the caller for as long.
func (s *Session) Start(c Caller, function string, args []spec.Arg) uint32 {
	s.suspend()
	s.began++
	if s.began == 0 { // 2^32 calls later
		s.began++
	}
	s.turn = turn{caller: c, serving: true, number: s.began, function: function, args: args}
	return s.began
}

// suspend puts the turn aside.
func (s *Session) suspend() {
	aside := s.turn
	s.concurrent.calls[s.number] = &aside
	s.turn = turn{}
}

// become takes up the turn of a call, or of the actor itself (0); false if there is none of that number.
func (s *Session) become(number uint32) bool {
	if number == s.number {
		return true
	}
	next, ok := s.concurrent.calls[number]
	if !ok {
		return false
	}
	s.suspend()
	delete(s.concurrent.calls, number)
	s.turn = *next
	return true
}

// Deliver gives the guest events to read when it is resumed.
func (s *Session) Deliver(events []Event) {
	s.concurrent.events = append(s.concurrent.events, events...)
}

// Ended returns the calls that the guest has ended since it was asked last. Each is to be finished.
func (s *Session) Ended() []Ended {
	ended := s.concurrent.ended
	s.concurrent.ended = nil
	return ended
}

// Finish lets go of a call that has ended. The guest acts for no call then.
func (s *Session) Finish(number uint32) {
	if s.become(number) {
		s.End()
		s.turn = *s.concurrent.calls[0]
		delete(s.concurrent.calls, 0)
	}
}

// openWindow opens a window, which ends with the call that the guest acts for.
func (s *Session) openWindow(g *engine.Guest, show engine.Shown, release func()) (at uint32, err error) {
	c := s.concurrent
	if c == nil {
		return g.Windows.Open(show, release)
	}
	at, err = g.Windows.Open(show, func() {
		delete(c.windows, at)
		release()
	})
	if err == nil {
		c.windows[at] = s.number
	}
	return at, err
}

// closeWindows closes those of a call that ends.
func (c *concurrent) closeWindows(g *engine.Guest, call uint32) {
	for at, of := range c.windows {
		if of != call && of != 0 {
			continue
		}
		if g.Windows.Close(at) != nil { // it stays until another call or the sandbox ends
			c.windows[at] = 0
		}
	}
}

// endConcurrent lets go of all calls but the one whose turn it is.
func (s *Session) endConcurrent() {
	if s.concurrent == nil {
		return
	}
	for _, number := range slices.Sorted(maps.Keys(s.concurrent.calls)) {
		s.End()
		s.turn = *s.concurrent.calls[number]
	}
	s.concurrent = nil
}

// alone is the error of a function that only an actor with concurrent calls may use.
func (s *Session) alone(function string) error {
	if s.caller.Objects == nil {
		return denied(function)
	}
	return spec.Errorf("", spec.Unsupported, "", "%s is for calls begun by %s: this sandbox serves one call at a time", function, spec.ExportStart)
}
