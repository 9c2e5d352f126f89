package wasi

import (
	"context"
	"path"
	"strings"
	"unicode/utf8"
)

// target is what a path of the guest leads to.
type target struct {
	path      string // in Config.Files, as fs.ValidPath wants it
	directory bool   // the guest's path ends with a slash: only a directory is meant
}

// resolve returns the path of n bytes at ptr, which begins at the directory fd, as a path in Config.Files. A ".." in it
// takes back the name before it, as path.Clean does, whatever that is a link to.
//
// Errors: EBADF, ENOTDIR, EFAULT, ENAMETOOLONG, ENOENT for an empty path, EILSEQ for one that is not UTF-8 or holds a
// zero, ENOTCAPABLE for one that is absolute or leads out of the directory.
func (s *System) resolve(m memory, fd, ptr, n uint32) (target, error) {
	d, err := s.directory(fd)
	if err != nil {
		return target{}, err
	}
	raw, err := m.view(ptr, uint64(n))
	if err != nil {
		return target{}, err
	}
	if len(raw) > maxPath {
		return target{}, enametoolong
	}
	if len(raw) == 0 {
		return target{}, enoent
	}
	text := string(raw)
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return target{}, eilseq
	}
	clean := path.Clean(text)
	if clean[0] == '/' || clean == ".." || strings.HasPrefix(clean, "../") {
		return target{}, enotcapable
	}
	full := path.Join(d.path, clean)
	if len(full) > maxPath {
		return target{}, enametoolong
	}
	return target{path: full, directory: strings.HasSuffix(text, "/") || strings.HasSuffix(text, "/.")}, nil
}

// How path_open is to open, as bits.
const (
	openCreate    = 1 << 0
	openDirectory = 1 << 1
	openExclusive = 1 << 2
	openTruncate  = 1 << 3
	knownOpen     = 1<<4 - 1
)

// pathOpen opens a file or directory for reading.
//
//	fd                u32  the directory that the path begins at
//	flags             u32  1: follow a link at the end of the path
//	path, path_len    u32
//	oflags            u32  create (1), directory (2), exclusive (4), truncate (8)
//	rights_base       u64  with the right to write: EROFS; the others are given or not as rights says
//	rights_inheriting u64  not used
//	fdflags           u32  as of fd_fdstat_set_flags
//	opened            u32  where the new descriptor goes, u32
//
// Errors: those of resolve, EROFS for what would write, create or truncate, EMFILE, ENOTDIR, ELOOP for a link that is
// not to be followed, EACCES for what is neither file nor directory (opening a pipe might never return), EINVAL for
// unknown flags, EFAULT, and what Config.Files says.
func pathOpen(_ context.Context, s *System, m memory, p params) error {
	out, err := m.view(p.u32(8), 4)
	if err != nil {
		return err
	}
	to, err := s.resolve(m, p.u32(0), p.u32(2), p.u32(3))
	if err != nil {
		return err
	}
	oflags, fdflags := p.u32(4), p.u32(7)
	if oflags&^knownOpen != 0 || fdflags&^knownFlags != 0 {
		return einval
	}
	if oflags&(openCreate|openExclusive|openTruncate) != 0 || p.u64(5)&rightWrite != 0 {
		return erofs
	}
	to.directory = to.directory || oflags&openDirectory != 0
	fd, err := s.free()
	if err != nil {
		return err
	}
	d, err := s.openFile(to, p.u32(1)&lookupFollow != 0)
	if err != nil {
		return err
	}
	d.flags = uint16(fdflags)
	s.open(fd, d)
	le.PutUint32(out, fd)
	return nil
}

// openFile opens what is there. A directory is opened when it is read.
func (s *System) openFile(to target, follow bool) (descriptor, error) {
	info, err := s.stat(to, follow)
	if err != nil {
		return descriptor{}, err
	}
	switch filetypeOf(info.Mode()) {
	case typeDirectory:
		return descriptor{kind: directory, path: to.path}, nil
	case typeSymbolicLink:
		return descriptor{}, eloop
	case typeRegularFile:
		f, err := s.config.Files.Open(to.path)
		if err != nil {
			return descriptor{}, errnoOf(err)
		}
		return descriptor{kind: file, path: to.path, file: f}, nil
	}
	return descriptor{}, eacces
}
