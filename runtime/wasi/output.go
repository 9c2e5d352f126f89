package wasi

import (
	"context"
	"io"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// fdWrite writes to stdout or stderr.
//
//	fd       u32
//	iovs     u32  where the buffers are listed
//	iovs_len u32  how many there are
//	nwritten u32  where the number of bytes written goes, u32
//
// Errors: EBADF for anything that is not written to, EDQUOT when the guest has written too much, EIO if its host could
// not take it, EINVAL for too many buffers, EFAULT.
func fdWrite(_ context.Context, s *System, m memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	list, err := m.buffers(p.u32(1), p.u32(2))
	if err != nil {
		return err
	}
	out, err := m.view(p.u32(3), 4)
	if err != nil {
		return err
	}
	var n uint32
	switch d.kind {
	case stdout:
		n, err = list.transfer(func(b []byte) (int, error) { return s.write(s.config.Stdout, b) })
	case stderr:
		n, err = list.transfer(s.writeStderr)
	default:
		return ebadf
	}
	if err != nil {
		return err
	}
	le.PutUint32(out, n)
	return nil
}

// fdPwrite would write to a place in a file.
//
//	fd                       u32
//	iovs, iovs_len           u32
//	offset                   u64
//	nwritten                 u32
//
// Errors: EBADF for anything that is not written to, ESPIPE for stdout and stderr, which have no places.
func fdPwrite(_ context.Context, s *System, _ memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	if d.kind == stdout || d.kind == stderr {
		return espipe
	}
	return ebadf
}

// writeStderr writes to stderr and keeps the end of it: even of what is too much, since it may say why the guest dies.
func (s *System) writeStderr(b []byte) (int, error) {
	n, err := s.write(s.config.Stderr, b)
	if err == edquot {
		s.tail.write(b)
	} else {
		s.tail.write(b[:n])
	}
	return n, err
}

// write writes what the guest may still write of b.
func (s *System) write(w io.Writer, b []byte) (int, error) {
	left := maxOutput - s.written
	if left == 0 {
		return 0, edquot
	}
	b = b[:min(int64(len(b)), left)]
	n := len(b)
	if w != nil {
		var err error
		if n, err = w.Write(b); err != nil {
			return n, eio
		}
	}
	s.written += int64(n)
	return n, nil
}

// StderrTail returns the last spec.StderrTail bytes that the guest wrote to stderr since Reset, for its crash report.
// What is not UTF-8 in it has become "?".
func (s *System) StderrTail() string { return s.tail.String() }

// tail keeps the last spec.StderrTail bytes of what is written to it.
type tail struct {
	ring  []byte // allocated when first needed
	total int64  // bytes written, skipped ones included: the next one goes to total modulo len(ring)
}

func (t *tail) clear() { t.total = 0 }

func (t *tail) write(b []byte) {
	if len(b) == 0 {
		return
	}
	if t.ring == nil {
		t.ring = make([]byte, spec.StderrTail)
	}
	if skip := len(b) - len(t.ring); skip > 0 {
		t.total += int64(skip)
		b = b[skip:]
	}
	n := copy(t.ring[t.total%spec.StderrTail:], b)
	copy(t.ring, b[n:])
	t.total += int64(len(b))
}

func (t *tail) String() string {
	next := t.total % spec.StderrTail
	if t.total <= spec.StderrTail {
		return strings.ToValidUTF8(string(t.ring[:t.total]), "?")
	}
	return strings.ToValidUTF8(string(t.ring[next:])+string(t.ring[:next]), "?")
}
