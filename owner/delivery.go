package owner

// Sender and Receiver are the two ends of a way on which messages are lost, come twice and overtake each other: what the
// sender is given comes out of the receiver once and in order. There is a pair for each direction between two nodes.
type Sender[T any] struct {
	first   uint64 // the number of the oldest that waits
	waiting []T
}

// Receiver is the other end.
type Receiver[T any] struct {
	next  uint64
	early map[uint64]T
}

// maxEarly is how many messages that overtook others a receiver keeps; more are sent again.
const maxEarly = 1024

// Send numbers a message. It has to be sent now, and again with what Waiting returns until Arrived.
func (s *Sender[T]) Send(m T) (number uint64) {
	s.waiting = append(s.waiting, m)
	return s.first + uint64(len(s.waiting)) - 1
}

// Waiting returns what may not have arrived, the oldest first, and its number.
func (s *Sender[T]) Waiting() (first uint64, messages []T) { return s.first, s.waiting }

// Arrived: the receiver has everything below number.
func (s *Sender[T]) Arrived(number uint64) {
	if number > s.first && number-s.first <= uint64(len(s.waiting)) {
		clear(s.waiting[:number-s.first])
		s.waiting = s.waiting[number-s.first:]
		s.first = number
	}
}

// Receive takes a message in and appends what is due to out, in order. The sender is to be told Next.
func (r *Receiver[T]) Receive(number uint64, m T, out []T) []T {
	if number < r.next {
		return out
	}
	if number > r.next {
		if r.early == nil {
			r.early = make(map[uint64]T)
		}
		if len(r.early) < maxEarly {
			r.early[number] = m
		}
		return out
	}
	for ok := true; ok; m, ok = r.early[r.next] {
		delete(r.early, r.next)
		out = append(out, m)
		r.next++
	}
	return out
}

// Next returns the number of the next message; everything below has arrived.
func (r *Receiver[T]) Next() uint64 { return r.next }
