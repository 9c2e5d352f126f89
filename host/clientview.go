package host

import (
	"context"
	"encoding/binary"
	"math"
	"runtime"
	"sync"

	"github.com/raywasm/raywasm/spec"
)

// View is an object that a Go program reads where it lies, however large: byte strings as []byte and a spec.Array as the slice
// that it is, alone or in the fields and elements of T, from 64 KiB on. All else is decoded. The object is kept in memory until
// Release, which the node's Close waits for.
type View[T any] struct {
	data    T
	release func()
}

// Data returns what the object holds. It is read-only: a write to it is a fault that ends the program. It must not be
// used after Release.
func (v *View[T]) Data() T { return v.data }

// Release ends the view. Releasing twice is fine.
func (v *View[T]) Release() { v.release() }

// ViewOf waits for the object and views it. Errors: as Ref.GetValue; spec.InvalidResult for a value that is no T;
// spec.ObjectStoreFull if views keep too much in memory.
func ViewOf[T any](ctx context.Context, r *Ref) (*View[T], error) {
	defer runtime.KeepAlive(r) // it keeps what the value refers to
	in, err := r.job.driver.View(ctx, r.id, spec.Forever, true)
	if err != nil {
		return nil, err
	}
	v := &View[T]{release: sync.OnceFunc(in.Release)}
	if err := r.job.view(spec.Value{Data: in.Bytes, Links: in.Links}, &v.data); err != nil {
		v.Release()
		return nil, &spec.Error{Op: "view", Kind: spec.InvalidResult, ID: "object " + r.id.String(), Err: err}
	}
	return v, nil
}

// The head of a byte string with a length of 32 or of 64 bits (RFC 8949 section 3).
const (
	bytes32 = 0x5a
	bytes64 = 0x5b
)

// Draft is an object that a Go program makes where it will lie. T is []byte or a spec.Array. It ends with Seal or Abort,
// which the node's Close waits for.
type Draft[T any] struct {
	job  *Job
	data T
	in   *draft
}

// NewDraft makes room for n bytes or numbers, all of them 0. Errors: spec.ObjectStoreFull; spec.OutOfDisk;
// spec.InvalidArgument for another T or a negative n.
func NewDraft[T any](ctx context.Context, j *Job, n int) (*Draft[T], error) {
	const op = "make an object in place"
	d := &Draft[T]{job: j}
	var head []byte
	var size int64
	switch data := any(&d.data).(type) {
	case *[]byte:
		head, size = binary.BigEndian.AppendUint32([]byte{bytes32}, uint32(n)), int64(n)
		if n > math.MaxUint32 {
			head = binary.BigEndian.AppendUint64([]byte{bytes64}, uint64(n))
		}
	case interface{ Head(n int) ([]byte, int64) }:
		head, size = data.Head(n)
	default:
		return nil, spec.Errorf(op, spec.InvalidArgument, "", "of %T: it is of []byte or of a spec.Array", d.data)
	}
	if n < 0 || size < int64(n) {
		return nil, spec.Errorf(op, spec.InvalidArgument, "", "of %d elements", n)
	}
	if err := j.openFor(); err != nil {
		return nil, err
	}
	in, err := j.driver.draft(ctx, int64(len(head))+size)
	if err != nil {
		return nil, err
	}
	d.in = in
	copy(in.bytes.Bytes, head)
	switch data := any(&d.data).(type) {
	case *[]byte:
		*data = in.bytes.Bytes[len(head):]
	case interface{ SetView([]byte) error }:
		err = data.SetView(in.bytes.Bytes)
	}
	if err != nil {
		in.Abort()
		return nil, err
	}
	return d, nil
}

// Data returns what the object will hold, to be written until Seal or Abort and not used afterwards.
func (d *Draft[T]) Data() T { return d.data }

// Seal makes the object. It ends the draft.
func (d *Draft[T]) Seal() (*Ref, error) {
	id, release, err := d.in.Seal()
	if err != nil {
		return nil, err
	}
	release()
	return d.job.newRef(id), nil
}

// Abort gives the object up. After Seal it does nothing.
func (d *Draft[T]) Abort() { d.in.Abort() }
