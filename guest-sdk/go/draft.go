package ray

import (
	"encoding/binary"

	"github.com/raywasm/raywasm/spec"
)

// Draft is an object that is made in place: its maker writes it where it will lie, and sealing it copies nothing, however
// large it is. S is []byte or an [Array].
//
//	d, err := ray.NewDraft[ray.Array[float64]](rows * columns)
//	if err != nil {
//		return nil, err
//	}
//	for i := range d.Data() { d.Data()[i] = ... }
//	matrix, err := d.Seal()
//
// A draft ends with Release, or with the call that made it. It needs room in the sandbox's memory as a [View] does.
type Draft[S any] struct {
	window *window
	data   S
	sealed bool
}

// bytes32 is the head of a byte string whose length takes 32 bits.
const bytes32 = 0x5a

// NewDraft makes room for n bytes or numbers, all of them 0. Errors: [ObjectStoreFull]; [OutOfMemory] if there is no room for
// it below the sandbox's limit; [LimitExceeded] beyond 2 GiB, or 64 views and drafts; [InvalidArgument] if S is something
// else.
func NewDraft[S any](n int) (*Draft[S], error) {
	d := new(Draft[S])
	const op = "make a draft"
	if n < 0 || n > spec.MaxValueBytes {
		return nil, spec.Errorf(op, spec.LimitExceeded, "", "of %d elements: an object has at most %d bytes", n, spec.MaxValueBytes)
	}
	var head []byte
	var size int64
	switch data := any(&d.data).(type) {
	case *[]byte:
		head, size = binary.BigEndian.AppendUint32([]byte{bytes32}, uint32(n)), int64(n)
	case interface{ Head(n int) ([]byte, int64) }:
		head, size = data.Head(n)
	default:
		return nil, spec.Errorf(op, spec.InvalidArgument, "", "of %s: it is of []byte or of a ray.Array", typeOf(d.data))
	}
	size += int64(len(head))
	if size > spec.MaxValueBytes {
		return nil, spec.Errorf(op, spec.LimitExceeded, "", "of %d bytes: an object has at most %d", size, spec.MaxValueBytes)
	}
	lock()
	defer mu.Unlock()
	sweep()
	switch at, status := hostDraft(uint32(size)); {
	case status >= 0:
		d.window = newWindow(at, int(size))
	case spec.Kind(-status) == spec.Unsupported:
		d.window = &window{bytes: spec.MakeAligned(append(head, 0, 0, 0, 0, 0, 0), int(size))}
	default:
		return nil, lastError(spec.Kind(-status), op)
	}
	copy(d.window.bytes, head)
	switch data := any(&d.data).(type) {
	case *[]byte:
		*data = d.window.bytes[len(head):]
	case interface{ SetView([]byte) error }:
		if err := data.SetView(d.window.bytes); err != nil {
			return nil, because(err, op)
		}
	}
	return d, nil
}

// Data returns what the object will hold, to be written until Seal. After that what is written is the sandbox's own, until
// the draft ends: then Data is nil, and its slices must not be used.
func (d *Draft[S]) Data() (data S) {
	if d.window.bytes != nil {
		data = d.data
	}
	return data
}

// Seal makes the object. It can be done once.
func (d *Draft[S]) Seal() (Ref[S], error) {
	const op = "seal a draft"
	lock()
	defer mu.Unlock()
	sweep()
	h := func() *handle {
		if d.sealed || d.window.bytes == nil {
			return failed(spec.Errorf(op, spec.InvalidArgument, "", "it was sealed or released, or its call is over"))
		}
		var status int32
		if d.window.at != 0 {
			status = hostSeal(d.window.at)
		} else {
			status = hostPut(d.window.bytes, nil)
		}
		if status < 0 {
			return failed(lastError(spec.Kind(-status), op))
		}
		d.sealed = true
		return newHandle(uint32(status))
	}()
	return Ref[S]{h}, h.err
}

// Release ends the draft; without Seal it comes to nothing. Ending it twice is fine.
func (d *Draft[S]) Release() {
	lock()
	defer mu.Unlock()
	d.window.close()
}
