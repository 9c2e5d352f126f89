package wasi

import (
	"context"
	"io/fs"
	"slices"
)

// descriptor is one open file, directory or stream of the guest.
type descriptor struct {
	kind    kind
	preopen bool   // it was open from the start
	flags   uint16 // what the guest set; nothing here depends on them
	path    string // of a file or directory, in Config.Files
	file    fs.File
	list    []entry // what a directory holds, once it has been read
}

type kind uint8

const (
	closed kind = iota
	stdin
	stdout
	stderr
	directory
	file
)

// lookup returns an open descriptor, valid until the next one is opened. Errors: EBADF.
func (s *System) lookup(fd uint32) (*descriptor, error) {
	if uint64(fd) >= uint64(len(s.fds)) || s.fds[fd].kind == closed {
		return nil, ebadf
	}
	return &s.fds[fd], nil
}

// directory returns an open directory. Errors: EBADF, ENOTDIR.
func (s *System) directory(fd uint32) (*descriptor, error) {
	d, err := s.lookup(fd)
	if err == nil && d.kind != directory {
		return nil, enotdir
	}
	return d, err
}

// free returns the lowest number that is not in use, as POSIX asks for. Errors: EMFILE.
func (s *System) free() (uint32, error) {
	fd := slices.IndexFunc(s.fds, func(d descriptor) bool { return d.kind == closed })
	if fd < 0 {
		fd = len(s.fds)
	}
	if fd >= maxOpen {
		return 0, emfile
	}
	return uint32(fd), nil
}

// open gives d a number that free has returned.
func (s *System) open(fd uint32, d descriptor) {
	if int(fd) == len(s.fds) {
		s.fds = append(s.fds, d)
	} else {
		s.fds[fd] = d
	}
}

// close closes d and forgets it.
func (s *System) close(d *descriptor) {
	if d.file != nil {
		_ = d.file.Close() // it was only read: nothing can be lost
	}
	s.listed -= len(d.list)
	*d = descriptor{}
}

// fdClose closes a descriptor.
//
//	fd u32
//
// Errors: EBADF.
func fdClose(_ context.Context, s *System, _ memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	s.close(d)
	return nil
}

// fdRenumber closes to and gives its number to from.
//
//	fd u32  from
//	to u32  open as well: another thread might have got a free number
//
// Errors: EBADF, ENOTSUP for a directory that was open from the start, which the guest knows by its number.
func fdRenumber(_ context.Context, s *System, _ memory, p params) error {
	from, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	to, err := s.lookup(p.u32(1))
	if err != nil {
		return err
	}
	if from.preopen || to.preopen {
		return enotsup
	}
	if from != to {
		s.close(to)
		*to, *from = *from, descriptor{}
	}
	return nil
}

// What may be done with a descriptor, as bits. Only those are named that are given.
const (
	rightRead            = 1 << 1
	rightSeek            = 1 << 2
	rightSetFlags        = 1 << 3
	rightTell            = 1 << 5
	rightWrite           = 1 << 6
	rightAdvise          = 1 << 7
	rightPathOpen        = 1 << 13
	rightReaddir         = 1 << 14
	rightPathReadlink    = 1 << 15
	rightPathFilestatGet = 1 << 18
	rightFilestatGet     = 1 << 21
	rightPoll            = 1 << 27

	fileRights      = rightRead | rightSeek | rightSetFlags | rightTell | rightAdvise | rightFilestatGet | rightPoll
	directoryRights = rightSetFlags | rightPathOpen | rightReaddir | rightPathReadlink | rightPathFilestatGet |
		rightFilestatGet
)

// rights returns what may be done with d, and with what is opened below it. wasi-libc opens with no more rights than
// the latter, so that writing is among them: path_open then learns that it was meant, and says EROFS.
func (d *descriptor) rights() (base, inheriting uint64) {
	switch d.kind {
	case stdin:
		return rightRead | rightSetFlags | rightFilestatGet | rightPoll, 0
	case stdout, stderr:
		return rightWrite | rightSetFlags | rightFilestatGet | rightPoll, 0
	case directory:
		return directoryRights, directoryRights | fileRights | rightWrite
	}
	return fileRights, 0
}

// fdFdstatGet tells what a descriptor is and what may be done with it.
//
//	fd   u32
//	stat u32  where the answer goes
//
//	 0      1   2       4       8        16           24
//	+------+---+-------+-------+--------+------------+
//	| type |   | flags |       | rights | inheriting |
//	+------+---+-------+-------+--------+------------+
//
// Errors: EBADF, EFAULT.
func fdFdstatGet(_ context.Context, s *System, m memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	out, err := m.view(p.u32(1), 24)
	if err != nil {
		return err
	}
	base, inheriting := d.rights()
	clear(out)
	out[0] = byte(d.filetype())
	le.PutUint16(out[2:], d.flags)
	le.PutUint64(out[8:], base)
	le.PutUint64(out[16:], inheriting)
	return nil
}

// knownFlags are those of a descriptor: append, dsync, nonblock, rsync, sync.
const knownFlags = 1<<5 - 1

// fdFdstatSetFlags changes the flags of a descriptor. They are kept and change nothing: nothing here blocks.
//
//	fd    u32
//	flags u32
//
// Errors: EBADF, EINVAL for an unknown flag.
func fdFdstatSetFlags(_ context.Context, s *System, _ memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	flags := p.u32(1)
	if flags&^knownFlags != 0 {
		return einval
	}
	d.flags = uint16(flags)
	return nil
}

// fdFdstatSetRights would take rights from a descriptor. They are what they are.
//
//	fd         u32
//	base       u64
//	inheriting u64
//
// Errors: EBADF, ENOTSUP.
func fdFdstatSetRights(_ context.Context, s *System, _ memory, p params) error {
	if _, err := s.lookup(p.u32(0)); err != nil {
		return err
	}
	return enotsup
}
