package wasi

import (
	"context"
	"io/fs"
)

// filetype says what something is.
type filetype uint8

const (
	typeUnknown         filetype = 0
	typeBlockDevice     filetype = 1
	typeCharacterDevice filetype = 2
	typeDirectory       filetype = 3
	typeRegularFile     filetype = 4
	typeSocketStream    filetype = 6
	typeSymbolicLink    filetype = 7
)

// filetypeOf returns what the mode of a file says.
func filetypeOf(mode fs.FileMode) filetype {
	switch mode.Type() {
	case 0:
		return typeRegularFile
	case fs.ModeDir:
		return typeDirectory
	case fs.ModeSymlink:
		return typeSymbolicLink
	case fs.ModeSocket:
		return typeSocketStream
	case fs.ModeDevice:
		return typeBlockDevice
	case fs.ModeDevice | fs.ModeCharDevice:
		return typeCharacterDevice
	}
	return typeUnknown
}

// filetype returns what an open descriptor is. stdout and stderr are terminals, so that wasi-libc hands out lines and
// does not keep them until the program ends, which an actor never does; stdin is not, so that nothing asks it.
func (d *descriptor) filetype() filetype {
	switch d.kind {
	case stdout, stderr:
		return typeCharacterDevice
	case directory:
		return typeDirectory
	case file:
		return typeRegularFile
	}
	return typeUnknown
}

// fdFilestatGet tells about an open file; see putFilestat for the layout.
//
//	fd  u32
//	buf u32  where the answer goes
//
// Errors: EBADF, EFAULT, and what the file says.
func fdFilestatGet(_ context.Context, s *System, m memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	out, err := m.view(p.u32(1), filestatBytes)
	if err != nil {
		return err
	}
	var info fs.FileInfo
	switch d.kind {
	case file:
		info, err = d.file.Stat()
	case directory:
		info, err = fs.Stat(s.config.Files, d.path)
	default:
		clear(out)
		out[16] = byte(d.filetype())
		return nil
	}
	if err != nil {
		return errnoOf(err)
	}
	putFilestat(out, d.path, info)
	return nil
}

// lookupFollow is the one flag of paths: follow a link at their end.
const lookupFollow = 1

// pathFilestatGet tells about a file by its path; see putFilestat for the layout.
//
//	fd             u32  the directory that the path begins at
//	flags          u32  1: follow a link at the end of the path
//	path, path_len u32
//	buf            u32  where the answer goes
//
// Errors: those of resolve, ENOTDIR, EFAULT, and what Config.Files says.
func pathFilestatGet(_ context.Context, s *System, m memory, p params) error {
	out, err := m.view(p.u32(4), filestatBytes)
	if err != nil {
		return err
	}
	to, err := s.resolve(m, p.u32(0), p.u32(2), p.u32(3))
	if err != nil {
		return err
	}
	info, err := s.stat(to, p.u32(1)&lookupFollow != 0)
	if err != nil {
		return err
	}
	putFilestat(out, to.path, info)
	return nil
}

// stat returns what is there. Errors: ENOTDIR, and what Config.Files says.
func (s *System) stat(to target, follow bool) (fs.FileInfo, error) {
	stat := fs.Lstat
	if follow || to.directory {
		stat = fs.Stat
	}
	info, err := stat(s.config.Files, to.path)
	if err != nil {
		return nil, errnoOf(err)
	}
	if to.directory && !info.IsDir() {
		return nil, enotdir
	}
	return info, nil
}

const filestatBytes = 64

// putFilestat writes what is known of a file:
//
//	 0     8       16     17  24      32     40      48      56      64
//	+-----+-------+------+---+-------+------+-------+-------+-------+
//	| dev | inode | type |   | links | size | atime | mtime | ctime |
//	+-----+-------+------+---+-------+------+-------+-------+-------+
//
// There is one device and one link to each file; the three times are that of the last modification, in nanoseconds
// since 1970.
func putFilestat(out []byte, path string, info fs.FileInfo) {
	clear(out)
	le.PutUint64(out[8:], inode(path))
	out[16] = byte(filetypeOf(info.Mode()))
	le.PutUint64(out[24:], 1)
	le.PutUint64(out[32:], uint64(max(0, info.Size())))
	var modified uint64 // the zero time of files that have none stays zero
	if t := info.ModTime(); t.Unix() > 0 {
		modified = uint64(t.UnixNano())
	}
	for at := 40; at < filestatBytes; at += 8 {
		le.PutUint64(out[at:], modified)
	}
}

// inode returns the number that tells a file from others: a hash (64-bit FNV-1a) of its path in Config.Files. The
// host's own number would differ between copies of the same files.
func inode(path string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(path) {
		h = (h ^ uint64(path[i])) * 1099511628211
	}
	return h
}
