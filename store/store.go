package store

import (
	"context"

	"github.com/raywasm/raywasm/spec"
)

// Store keeps the immutable objects of one node. It is safe for concurrent use.
//
// An object is a draft from Create to Seal, and there for everybody from then on until Delete. As long as somebody has a
// view of it, its bytes stay where they are, deleted or not.
type Store interface {
	// Create makes room for an object of size bytes, at least 1, and returns it to be written in place. When memory is short
	// it blocks, first come, first served, until something was evicted, spilled or released.
	//
	// Errors: spec.AlreadyExists; spec.InvalidArgument for a size below 1; spec.ObjectStoreFull when there is no room and
	// waiting does not help; spec.OutOfDisk when there would be if the disk were not full; the cause of ctx.
	Create(ctx context.Context, id spec.ObjectID, size int64, kind Copy) (*Draft, error)

	// Get returns a view of a sealed object. It blocks while its bytes are brought back from where they were spilled.
	//
	// Errors: spec.NotFound when there is none, or it is a draft; spec.ObjectLost when its bytes are gone or damaged; as
	// Create for the memory that it needs; the cause of ctx.
	Get(ctx context.Context, id spec.ObjectID) (*View, error)

	// Mark makes of a sealed object the other kind of copy. Errors: spec.NotFound.
	Mark(id spec.ObjectID, kind Copy) error

	// Delete forgets a sealed object, an unknown one is no error. Its memory is free when its last view is released.
	Delete(id spec.ObjectID)

	// Usage returns what is in use now.
	Usage() Usage
}

// Copy says what the store may do with an object when memory is short.
type Copy uint8

const (
	// Primary is the copy that the owner relies on: it is spilled at most.
	Primary Copy = iota
	// Secondary is one of others: it may be evicted, the longest unused first.
	Secondary
)

// String returns the kind's name.
func (c Copy) String() string {
	if c == Secondary {
		return "secondary"
	}
	return "primary"
}

// Region is where bytes lie in shared memory that can be mapped.
type Region struct {
	FD  int   // a descriptor, read-only but for drafts; -1 if there is none
	Off int64 // in bytes, whole pages; zeros follow the object in its last page
}

// NoRegion is where bytes lie that cannot be mapped.
var NoRegion = Region{FD: -1}

// Draft is an object that is being written. It belongs to one goroutine at a time and ends with Seal, SealView or Abort.
type Draft struct {
	Bytes  []byte // as long as the object, to be written in place; what was there before is undefined
	Region Region // where they lie, to be mapped and written; what follows them in the last page is nobody's
	how    Writing
}

// Writing is how a draft is written beside its Bytes.
type Writing struct {
	Fill  func(parts [][]byte) error   // writes parts, one after another, from its beginning on
	Clear func()                       // makes zeros of it, up to the end of its last page
	End   func(end End) (*View, error) // called once, with what became of it
}

// End is what becomes of a draft.
type End uint8

const (
	// Aborted: it was given up.
	Aborted End = iota
	// Sealed: it is an object.
	Sealed
	// SealedAndViewed: it is an object that its writer views.
	SealedAndViewed
)

// NewDraft returns a draft.
func NewDraft(bytes []byte, region Region, how Writing) *Draft { return &Draft{bytes, region, how} }

// Fill writes parts, one after another, from the draft's beginning on, which may be faster than to copy them to Bytes: pages
// that are not there yet are not cleared first. Errors: spec.OutOfMemory.
func (d *Draft) Fill(parts [][]byte) error { return d.how.Fill(parts) }

// Clear makes zeros of all there is, up to the end of the last page, for somebody who must not see what was there before.
func (d *Draft) Clear() { d.how.Clear() }

// Seal makes the object immutable and shows it to everybody. Bytes must not be written any more.
func (d *Draft) Seal() error {
	_, err := d.finish(Sealed)
	return err
}

// SealView is Seal and returns a view of the object, which nothing can have evicted meanwhile.
func (d *Draft) SealView() (*View, error) { return d.finish(SealedAndViewed) }

// Abort gives the object up. After the draft's end it does nothing.
func (d *Draft) Abort() { _, _ = d.finish(Aborted) } // giving up cannot fail

func (d *Draft) finish(how End) (*View, error) {
	end := d.how.End
	if end == nil {
		return nil, nil
	}
	d.Bytes, d.Region, d.how = nil, NoRegion, Writing{}
	return end(how)
}

// View is a right to read an object in place.
type View struct {
	Bytes   []byte // must not be written, nor used after Release
	Region  Region
	Pins    int64 // bytes of the store's memory that the view keeps in use
	release func()
}

// NewView returns a view that calls release once.
func NewView(bytes []byte, region Region, pins int64, release func()) *View {
	return &View{bytes, region, pins, release}
}

// Release ends the view. Releasing twice is fine.
func (v *View) Release() {
	if release := v.release; release != nil {
		v.Bytes, v.Region, v.release = nil, NoRegion, nil
		release()
	}
}

// Usage is what a store has and what of it is in use. Sizes are in bytes.
type Usage struct {
	Limit     int64 // of memory
	Used      int64 // memory of objects, with what rounding takes
	Resident  int64 // memory that the system has given
	Objects   int   // sealed ones, wherever they are
	Drafts    int
	Primary   int64 // primary copies in memory
	Secondary int64 // secondary copies in memory
	Viewed    int64 // objects in memory of which there are views
	Waiting   int   // who waits for memory
	Spilled   int64 // objects that are on disk only
	Disk      int64 // what files take on disk
	Fallback  int64 // objects written to disk directly, for memory was full

	// Ever.
	Evictions, Spills, Restores, Fallbacks  int64 // objects
	SpilledBytes, RestoredBytes, DiskErrors int64
}

// Put keeps a copy of data under id. Errors: as [Store].Create.
func Put(ctx context.Context, s Store, id spec.ObjectID, data []byte, kind Copy) error {
	return Gather(ctx, s, id, [][]byte{data}, kind)
}

// Gather is Put of parts that lie in several places, one after another.
func Gather(ctx context.Context, s Store, id spec.ObjectID, parts [][]byte, kind Copy) error {
	size := int64(0)
	for _, part := range parts {
		size += int64(len(part))
	}
	d, err := s.Create(ctx, id, size, kind)
	if err != nil {
		return err
	}
	if err := d.Fill(parts); err != nil {
		d.Abort()
		return err
	}
	return d.Seal()
}
