package owner

// Stream is the core of one generator's results: what its task has yielded and what its consumer has taken, in order. The
// task may run again after a crash; then it yields the same from the beginning, and what was yielded before is passed
// over. (Ray: generators; num_returns="streaming".)
type Stream struct {
	ahead    int // how many results may wait for the consumer; 0: no bound
	produced int
	taken    int
	ended    bool
	gone     bool // nobody takes any more
}

// NewStream returns a stream of which at most ahead results wait for its consumer; 0 for no bound, as in Ray.
func NewStream(ahead int) *Stream { return &Stream{ahead: ahead} }

// Yielded says what becomes of a result.
type Yielded uint8

const (
	// Fresh: it is the stream's next.
	Fresh Yielded = iota + 1
	// Known: an earlier attempt yielded it.
	Known
	// Unwanted: nobody will take it; the task is to end.
	Unwanted
	// Full: it has to wait until the consumer has taken one.
	Full
)

// Yield decides about the result with that index of an attempt.
func (s *Stream) Yield(index int) Yielded {
	switch {
	case s.gone || s.ended:
		return Unwanted
	case index < s.produced:
		return Known
	case s.ahead > 0 && s.produced-s.taken >= s.ahead:
		return Full
	}
	s.produced++
	return Fresh
}

// End says that the task has ended for good. After a failure the stream has one more result, which is its error: then End
// returns its index and true.
func (s *Stream) End(failed bool) (index int, last bool) {
	if s.ended || s.gone {
		return 0, false
	}
	s.ended = true
	if !failed {
		return 0, false
	}
	s.produced++
	return s.produced - 1, true
}

// Next takes the next result, if there is one; over says that there will be none.
func (s *Stream) Next() (index int, ok, over bool) {
	if s.taken < s.produced {
		s.taken++
		return s.taken - 1, true, false
	}
	return 0, false, s.ended || s.gone
}

// Abandon says that nobody takes results any more. It returns which were yielded and not taken, from first to before end,
// and whether the task is still to be stopped.
func (s *Stream) Abandon() (first, end int, stop bool) {
	if s.gone {
		return 0, 0, false
	}
	first, end, stop = s.taken, s.produced, !s.ended
	s.gone, s.taken = true, s.produced
	return first, end, stop
}

// Produced returns how many results there were.
func (s *Stream) Produced() int { return s.produced }
