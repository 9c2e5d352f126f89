package checkpoints

import "github.com/raywasm/raywasm/spec"

// Call is one call that an actor served, as its log keeps it.
type Call struct {
	Caller spec.TaskID // the task that made the call
	Seq    uint64      // the caller's own number of the call: with Caller, what tells that a call is made again
	Method string      // at most spec.MaxNameBytes
	Args   []byte      // the arguments in whatever form the actor takes them; the store does not look inside
	Result []byte      // what was answered, or a digest of it; nil if it need not be known
}

// Saved is what the store has of an actor.
type Saved struct {
	// Checkpoint is what Save was given last, nil if it never was. It is the caller's own copy.
	Checkpoint []byte
	// UpTo is the position of the last call whose effect the checkpoint has, 0 for none.
	UpTo uint64
	// Calls are those after it, the first at position UpTo+1.
	Calls []Call
}
