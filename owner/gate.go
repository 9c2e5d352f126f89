package owner

// Gate bounds how many functions of a job run at once. Those beyond the limit are held back until one ends; but when all
// that run wait for others, which may be those held back, one more is let in, so that nested waits come to an end. There
// is an end to that, too: where even the reserve is used up, the call recurses too deep and is refused.
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
)

// NewGate returns a gate for limit functions, and for most of them when all of limit wait.
func NewGate[T comparable](limit, most int) *Gate[T] { return &Gate[T]{limit: limit, most: most} }

// Enter decides about a function that is about to run; token is what Next returns for one that is held back.
func (g *Gate[T]) Enter(token T) Admission {
	switch {
	case g.inside < g.limit:
	case g.waiting < g.inside:
		g.held = append(g.held, token)
		return HeldBack
	case g.inside >= g.most:
		return TooDeep
	}
	g.inside++
	return Admitted
}

// Leave: a function that was admitted has ended, and is not waiting.
func (g *Gate[T]) Leave() { g.inside-- }

// Wait: one that was admitted waits for others. Resume: it goes on.
func (g *Gate[T]) Wait()   { g.waiting++ }
func (g *Gate[T]) Resume() { g.waiting-- }

// Next returns what has been held back longest if it may run now, and says whether it is admitted or too deep. It is to
// be called after Leave and Wait, until it has none.
func (g *Gate[T]) Next() (token T, a Admission, ok bool) {
	if g.head == len(g.held) || g.inside >= g.limit && g.waiting < g.inside {
		return token, 0, false
	}
	token = g.held[g.head]
	g.head++
	if g.head*2 > len(g.held) {
		g.held = append(g.held[:0], g.held[g.head:]...)
		g.head = 0
	}
	if g.inside >= g.most {
		return token, TooDeep, true
	}
	g.inside++
	return token, Admitted, true
}

// Inside returns how many have been admitted and not left.
func (g *Gate[T]) Inside() int { return g.inside }
