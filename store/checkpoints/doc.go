// Package checkpoints keeps the state of actors in a directory: for each actor its newest checkpoint and, since then, a
// log of the calls that it served. An actor sleeps there while nobody calls it, and is found there after its node was
// killed.
//
//	s, err := checkpoints.Open(dir, checkpoints.Options{})
//	defer s.Close()
//	at, err := s.Append(ctx, actor, call)        // before the caller is told: the call is on disk when it returns
//	err = s.Save(ctx, actor, checkpoint, at)     // the state after that call; its log up to there goes
//	saved, err := s.Load(actor)                  // the checkpoint, and the calls to serve again on top of it
//
// Calls that effect an actor's state exactly once: the effect of a call is its place in the log. Who serves a call
// appends it and answers after that. After a crash the actor is restored from its checkpoint and serves the logged calls
// again, in their order; a call that a caller repeats is found by its caller and number, in the log or in what the
// checkpoint says of earlier ones, and answered from there.
//
// Many actors share the disk's patience: what several goroutines append or save at about the same time becomes durable
// by one fsync. Begin and BeginSave return before that, for a caller that has something else to do meanwhile.
//
// What it is not: it does not know what a checkpoint or a value means, decides nothing about when to take one, and runs
// no actor.
//
// Invariants:
//   - What was acknowledged is there after a crash at any moment, in the order in which it was begun for an actor.
//   - What was not acknowledged is there whole, or not at all.
//   - Damage to the files is an error (spec.Corrupted) and never a wrong value.
//   - The directory takes at most about twice what is alive in it, and no more than Options.Limit.
package checkpoints
