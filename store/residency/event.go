package residency

import (
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/extent"
)

// Op says what happened.
type Op uint8

const (
	// Create: somebody wants to write an object of Size bytes, at least 1, of a Copy. Answered by Place, FallBack or Refuse.
	Create Op = iota + 1
	// Seal: the draft is complete.
	Seal
	// SealAndGet: it is, and whoever wrote it, who is called Token, reads it. Answered by Grant.
	SealAndGet
	// Abort: the draft, or the request for it, is given up.
	Abort
	// Get: somebody who is called Token wants to read the object. Answered by Grant or Miss.
	Get
	// Cancel: Token waits no longer.
	Cancel
	// Release: one who was granted the object reads it no longer.
	Release
	// Mark: it is a Copy from now on.
	Mark
	// Delete: nobody will want it any more.
	Delete
	// Spilled: the batch has been written, or with Err: it has not.
	Spilled
	// Restored: the object has been read back to its place, or with Err: it has not. spec.ObjectLost: it never will.
	Restored
	// Fell: the place on disk of an object that fell back is there, or with Err: it is not.
	Fell
	// Claim: Size bytes of the free run, from Off on, whole pages, should be given back to the system. Answered by Punch, or
	// not at all.
	Claim
	// Punched: the claimed block can be used again, and with Err: its pages are there still.
	Punched
	// Tick: the time of a Wake has come.
	Tick
)

// Token names one who waits for an answer.
type Token uint64

// Event is one thing that happened. What does not fit the state of its object changes nothing.
type Event struct {
	Op    Op
	ID    spec.ObjectID // but for Spilled, Claim, Punched, Tick
	Size  int64         // Create, Claim
	Off   int64         // Claim
	Copy  store.Copy    // Create, Mark
	Token Token         // Create, SealAndGet, Get, Cancel: who asks
	Batch Batch         // Spilled
	Block extent.Block  // Punched
	Free  extent.Free   // Claim
	Err   error         // Spilled, Restored, Fell, Punched
}

// Batch numbers the batches that are spilled.
type Batch uint64

// Do says what to do.
type Do uint8

const (
	// Place: the object may be written to Block.
	Place Do = iota + 1
	// FallBack: the object is to be written to disk directly. Answered by Fell.
	FallBack
	// Refuse: there will be no room, Err says why.
	Refuse
	// Grant: Token reads the object where it is: at Block, or where it was written directly.
	Grant
	// Miss: Token does not get the object, Err says why.
	Miss
	// Spill: the objects of Batch, which stay where they are, are to be written to disk. Answered by Spilled.
	Spill
	// Restore: the object is to be read back to Block. Answered by Restored.
	Restore
	// Evict: the object is not on this node any more.
	Evict
	// Forget: what there is of the object on disk is not needed any more.
	Forget
	// Vacate: a run of pages has become free.
	Vacate
	// Punch: the pages of Block are to be given back to the system. Answered by Punched.
	Punch
	// Wake: a Tick is wanted at At.
	Wake
)

// Action is one thing to do.
type Action struct {
	Do      Do
	ID      spec.ObjectID
	Block   extent.Block
	Token   Token
	Batch   Batch
	Objects []Placed // Spill
	Free    extent.Free
	Size    int64 // FallBack, in bytes
	At      int64 // nanoseconds since any fixed point, as Step's now
	Err     error
}

// Placed is an object and where it lies.
type Placed struct {
	ID    spec.ObjectID
	Block extent.Block
}
