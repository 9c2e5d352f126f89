package wasmrt

import (
	"context"
	"math/rand/v2"

	"github.com/raywasm/raywasm/runtime/wasi"
	"github.com/raywasm/raywasm/spec"
)

// Moment is what a pinned sandbox sees of the world, see [Sandbox.Pin].
type Moment = wasi.Moment

// Pin makes what the sandbox does next repeatable: until it is pinned again, its clocks stand at m, but for its own sleep,
// which takes no time, and its entropy and its generators' seeds are of the stream of m. Two sandboxes in the same state that are pinned to the same
// moment and told the same by the host's functions do the same. nil is a new moment, now. It returns the moment. Not to be
// called while the sandbox runs. Errors: spec.WorkerCrashed for one that has ended; what waking up failed with.
func (s *Sandbox) Pin(ctx context.Context, m *Moment) (Moment, error) {
	if s.broken || s.closed {
		return Moment{}, spec.Errorf("pin", spec.WorkerCrashed, s.label(), "the sandbox has ended")
	}
	if s.parked != nil {
		if err := s.unpark(ctx); err != nil {
			s.broken = true
			return Moment{}, err
		}
	}
	system := &s.instance.system
	if m == nil {
		now := system.Now()
		m = &now
	}
	system.Pin(*m)
	if s.instance.module.image != nil {
		seed := m.Seed
		seed[0] ^= 0xff // another stream than that of the system
		s.instance.reseed(rand.NewChaCha8(seed))
	}
	return *m, nil
}
