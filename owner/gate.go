package owner

// Gate bounds how many functions of a job run at once. Those beyond the limit are held back until one ends; but when all
// that run wait for others, which may be those held back, one more is let in, so that nested waits come to an end. There
// is an end to that, too: where even the reserve is used up, the call recurses too deep and is refused. The same holds for the
// memory of what runs: without room for one more it is held back, or refused if all that run wait.
type Gate[T comparable] struct {
	limit, most int
	inside      int
	waiting     int // of those inside
	held        []T // oldest first
	head        int
}

// Admission is what a gate decided.
type Admission uint8

const (
	// Admitted: it runs.
	Admitted Admission = iota + 1
	// HeldBack: Next tells when it runs.
	HeldBack
	// TooDeep: it never runs.
	TooDeep
	// NoRoom: nor does it, as there is no memory for it.
	NoRoom
)

// NewGate returns a gate for limit functions, and for most of them when all of limit wait.
func NewGate[T comparable](limit, most int) *Gate[T] { return &Gate[T]{limit: limit, most: most} }

// Enter decides about a function that is about to run, for which there is room or not; token is what Next returns for one
// that is held back.
func (g *Gate[T]) Enter(token T, room bool) Admission {
	a := g.admit(room)
	if a == HeldBack {
		g.held = append(g.held, token)
	}
	return a
}

// admit decides about one more.
func (g *Gate[T]) admit(room bool) Admission {
	switch runs := g.waiting < g.inside; {
	case runs && (g.inside >= g.limit || !room):
		return HeldBack
	case g.inside >= g.most:
		return TooDeep
	case !room:
		return NoRoom
	}
	g.inside++
	return Admitted
}

// Leave: a function that was admitted has ended, and is not waiting.
func (g *Gate[T]) Leave() { g.inside-- }

// Wait: one that was admitted waits for others. Resume: it goes on.
func (g *Gate[T]) Wait()   { g.waiting++ }
func (g *Gate[T]) Resume() { g.waiting-- }

// Holds reports whether any is held back.
func (g *Gate[T]) Holds() bool { return g.head < len(g.held) }

// Next returns what has been held back longest if it is not any more, and what becomes of it. It is to be called after Leave
// and Wait, until it has none.
func (g *Gate[T]) Next(room bool) (token T, a Admission, ok bool) {
	if !g.Holds() {
		return token, 0, false
	}
	if a = g.admit(room); a == HeldBack {
		return token, 0, false
	}
	token = g.held[g.head]
	g.head++
	if g.head*2 > len(g.held) {
		g.held = append(g.held[:0], g.held[g.head:]...)
		g.head = 0
	}
	return token, a, true
}

// Inside returns how many have been admitted and not left.
func (g *Gate[T]) Inside() int { return g.inside }
