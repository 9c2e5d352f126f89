package wasi

import (
	"context"
	"errors"
	"io"
	"math"
)

// fdRead reads from a file, on from where the last read ended, or from stdin, which is empty.
//
//	fd       u32
//	iovs     u32  where the buffers are listed
//	iovs_len u32  how many there are
//	nread    u32  where the number of bytes read goes, u32; 0 at the end
//
// Errors: EBADF for what is not read from, EISDIR, EINVAL for too many buffers, EFAULT, and what the file says.
func fdRead(_ context.Context, s *System, m memory, p params) error {
	return read(s, m, p.u32(0), p.u32(1), p.u32(2), p.u32(3), func(d *descriptor, b []byte) (int, error) {
		if d.kind == stdin {
			return 0, nil
		}
		return d.file.Read(b)
	})
}

// fdPread reads from a place in a file.
//
//	fd             u32
//	iovs, iovs_len u32
//	offset         u64
//	nread          u32
//
// Errors: as fd_read, ESPIPE for stdin and for files that know no places, EINVAL for an offset beyond 2^63.
func fdPread(_ context.Context, s *System, m memory, p params) error {
	offset := p.u64(3)
	if offset > math.MaxInt64-maxTransfer {
		return einval
	}
	return read(s, m, p.u32(0), p.u32(1), p.u32(2), p.u32(4), func(d *descriptor, b []byte) (int, error) {
		at, ok := d.file.(io.ReaderAt)
		if !ok {
			return 0, espipe
		}
		n, err := at.ReadAt(b, int64(offset))
		offset += uint64(n)
		return n, err
	})
}

// read reads into the guest's buffers by from.
func read(s *System, m memory, fd, iovs, iovsLen, nread uint32, from func(*descriptor, []byte) (int, error)) error {
	d, err := s.lookup(fd)
	if err != nil {
		return err
	}
	list, err := m.buffers(iovs, iovsLen)
	if err != nil {
		return err
	}
	out, err := m.view(nread, 4)
	if err != nil {
		return err
	}
	switch d.kind {
	case directory:
		return eisdir
	case stdout, stderr:
		return ebadf
	}
	n, err := list.transfer(func(b []byte) (int, error) {
		n, err := from(d, b)
		if err != nil && !errors.Is(err, io.EOF) {
			return n, errnoOf(err)
		}
		return n, nil
	})
	if err != nil {
		return err
	}
	le.PutUint32(out, n)
	return nil
}

// fdSeek moves to a place in a file. In a directory there is one way to go: back to its beginning.
//
//	fd        u32
//	offset    i64  bytes, from
//	whence    u32  the beginning (0), here (1), the end (2)
//	newoffset u32  where the place goes, counted from the beginning, u64
//
// Errors: EBADF, ESPIPE for streams and for files that know no places, EINVAL, EFAULT.
func fdSeek(_ context.Context, s *System, m memory, p params) error {
	return seek(s, m, p.u32(0), int64(p.u64(1)), p.u32(2), p.u32(3))
}

// fdTell tells at which place in a file the next read begins.
//
//	fd     u32
//	offset u32  where the place goes, u64
//
// Errors: as fd_seek.
func fdTell(_ context.Context, s *System, m memory, p params) error {
	return seek(s, m, p.u32(0), 0, io.SeekCurrent, p.u32(1))
}

// seek moves and tells where it is then. WASI numbers the three ways as package io does.
func seek(s *System, m memory, fd uint32, offset int64, whence, newOffset uint32) error {
	d, err := s.lookup(fd)
	if err != nil {
		return err
	}
	out, err := m.view(newOffset, 8)
	if err != nil {
		return err
	}
	if whence > io.SeekEnd {
		return einval
	}
	var at int64
	switch d.kind {
	case file:
		seeker, ok := d.file.(io.Seeker)
		if !ok {
			return espipe
		}
		if at, err = seeker.Seek(offset, int(whence)); err != nil {
			return errnoOf(err)
		}
	case directory:
		if offset != 0 || whence == io.SeekEnd {
			return einval
		}
	default:
		return espipe
	}
	le.PutUint64(out, uint64(at))
	return nil
}

// fdAdvise says how a file will be read; nothing is done about it.
//
//	fd     u32
//	offset u64
//	len    u64
//	advice u32  0 to 5
//
// Errors: EBADF, ESPIPE for streams, EINVAL for unknown advice.
func fdAdvise(_ context.Context, s *System, _ memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	if d.kind != file && d.kind != directory {
		return espipe
	}
	if p.u32(3) > 5 {
		return einval
	}
	return nil
}

// fdSync is fd_sync and fd_datasync: nothing is left to be written.
//
//	fd u32
//
// Errors: EBADF.
func fdSync(_ context.Context, s *System, _ memory, p params) error {
	_, err := s.lookup(p.u32(0))
	return err
}
