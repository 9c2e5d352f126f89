package hostcall

import (
	"github.com/raywasm/raywasm/spec"
)

// Session is what one sandbox has of the host: its handles, the call it serves, and what it may do. It belongs to one
// goroutine at a time. The Owner of the sandbox's engine.Guest is its *Session.
type Session struct {
	handles handles

	memory   Memory
	holds    int64 // bytes
	reserved int64 // bytes of it that are reserved: what is beyond Allowance

	turn              // the call that the guest acts for now
	began      uint32 // how many calls have
	drafts     map[uint32]*draft
	concurrent *concurrent

	// What is used again from call to call, so that a small one allocates nothing.
	oneResult [1]spec.Value
	oneValue  [1]spec.Value
	oneLink   [1]spec.Link
	oneID     [1]spec.ObjectID
	text      string // the last name that was read
	waiting   []uint32
	waitHolds int64 // bytes held for waiting and ids
	ids       []spec.ObjectID
}

// turn is one call and what belongs to it.
type turn struct {
	caller      Caller
	serving     bool
	number      uint32 // of the call: how often one had begun
	function    string
	args        []spec.Arg // a ref has the object's value, if that is not large
	results     []spec.Value
	resultBytes int64
	resultLinks int
	resultHolds int64 // bytes held for them
	failure     *spec.Error
	logged      int64 // bytes
	passed      passed
	behind      source // where the next value goes on
	last        error  // of the last function that failed
}

// passed is the list of arguments for the next call.
type passed struct {
	args  []spec.Arg
	links []spec.Link // what is counted for them
	bytes int         // of their values
	holds int64       // bytes held for all of it
}

// NewSession returns a session that may do what c offers. No call is served until Begin.
func NewSession(c Caller) *Session {
	s := &Session{}
	s.Open(c)
	return s
}

// Open makes a closed session serve another sandbox, which may do what c offers.
func (s *Session) Open(c Caller) { s.caller, s.memory = c, c.Memory }

// SetCaller replaces what the session may do: an actor's sandbox acts for one method's caller after the other.
func (s *Session) SetCaller(c Caller) { s.caller = c }

// Begin starts a call of the function, after ending the one before: the guest is to find this name and these arguments.
// args are kept until the call's end and must stay counted by the caller for as long. One that is a ref has the object's value
// beside, but for the bytes of a large one, which are viewed.
func (s *Session) Begin(function string, args []spec.Arg) {
	s.End()
	s.serving = true
	s.began++
	s.number = s.began
	s.function, s.args = function, args
}

// End ends the call: its arguments, results, failure and what it passed but never submitted are dropped, and what was
// counted for them is released. Handles of objects and actors live on. Ending twice is fine.
func (s *Session) End() {
	s.forgetPassed()
	for i := range s.results {
		s.countOut(s.results[i].Links)
	}
	s.dropResults()
	s.oneResult[0] = spec.Value{}
	s.serving = false
	s.behind = source{}
	s.function, s.args, s.results, s.failure, s.last = "", nil, nil, nil, nil
	s.resultBytes, s.resultLinks, s.logged = 0, 0, 0
}

// Failure returns the error that the guest ended the call with, nil if it did not. It is of kind [spec.TaskError]: an
// error of another kind is its cause, for a guest cannot claim a failure of the host's.
func (s *Session) Failure() *spec.Error { return s.failure }

// Results returns the results that the guest has given, in order. They are valid, and their links counted, until the
// call's end: who keeps the values counts the links before. What was reserved for them is given back, for whoever keeps
// them to reserve.
func (s *Session) Results() []spec.Value {
	s.dropResults()
	return s.results
}

func (s *Session) dropResults() {
	s.drop(s.resultHolds)
	s.resultHolds = 0
}

// releaseBatch is how many links Close releases at a time.
const releaseBatch = 1024

// Close ends the call and releases everything that the session holds. Afterwards it may do nothing. Closing twice is
// fine.
func (s *Session) Close() {
	s.endConcurrent()
	s.End()
	var batch []spec.Link
	for i := range s.handles.slots {
		if !s.handles.slots[i].held {
			continue
		}
		if batch = append(batch, s.handles.slots[i].link); len(batch) == releaseBatch {
			s.countOut(batch)
			batch = batch[:0]
		}
	}
	s.countOut(batch)
	s.drop(s.holds)
	*s = Session{began: s.began}
}

// hold notes that the session keeps n bytes more, unless there is no room for them.
func (s *Session) hold(n int64) error {
	if more := s.holds + n - Allowance - s.reserved; more > 0 && s.memory != nil {
		if err := s.memory.Reserve(more); err != nil {
			return err
		}
		s.reserved += more
	}
	s.holds += n
	return nil
}

// drop notes that it keeps n bytes less.
func (s *Session) drop(n int64) {
	s.holds -= n
	if less := s.reserved - max(0, s.holds-Allowance); less > 0 {
		s.memory.Release(less)
		s.reserved -= less
	}
}

// countIn takes a reference to each; countOut gives one to each back.
func (s *Session) countIn(links []spec.Link) {
	if len(links) > 0 && s.caller.Counts != nil {
		s.caller.Counts.Retain(links)
	}
}

func (s *Session) countOut(links []spec.Link) {
	if len(links) > 0 && s.caller.Counts != nil {
		s.caller.Counts.Release(links)
	}
}

func (s *Session) countOutOne(l spec.Link) {
	s.oneLink[0] = l
	s.countOut(s.oneLink[:])
}

// served reports whether there is a call to answer.
func (s *Session) served() error {
	if s.serving {
		return nil
	}
	return spec.Errorf("", spec.NotFound, "", "this sandbox serves no call: a driver has neither arguments nor a result")
}

// roomFor makes room for n more handles.
func (s *Session) roomFor(n int) error {
	if n > s.handles.room() {
		return spec.Errorf("", spec.LimitExceeded, "", "%d handles are open, at most %d (MaxHandles): release some", s.handles.open, spec.MaxHandles)
	}
	more := s.handles.lacks(n)
	if more == 0 {
		return nil
	}
	if err := s.hold(HandleBytes * int64(more)); err != nil {
		return err
	}
	s.handles.grow(more)
	return nil
}

// status notes why a function failed and returns its result.
func (s *Session) status(err error) int64 {
	s.last = err
	if k := spec.KindOf(err); k.Valid() {
		return -int64(k)
	}
	return -int64(spec.System)
}
