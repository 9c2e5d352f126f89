package wasi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
)

// rootName is what a guest calls Config.Files.
const rootName = "/"

// fdPrestatGet tells what was open from the start. A guest asks for 3, 4 and so on until it gets EBADF.
//
//	fd  u32
//	buf u32  where the answer goes: type (0, a directory), length of its name
//
//	 0      1        4             8
//	+------+--------+-------------+
//	| type |        | name length |
//	+------+--------+-------------+
//
// Errors: EBADF for all else, EFAULT.
func fdPrestatGet(_ context.Context, s *System, m memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	if !d.preopen {
		return ebadf
	}
	out, err := m.view(p.u32(1), 8)
	if err != nil {
		return err
	}
	clear(out)
	le.PutUint32(out[4:], uint32(len(rootName)))
	return nil
}

// fdPrestatDirName tells the name of what was open from the start.
//
//	fd             u32
//	path, path_len u32  where the name goes, without a zero at its end
//
// Errors: EBADF for all else, ENAMETOOLONG if it does not fit, EFAULT.
func fdPrestatDirName(_ context.Context, s *System, m memory, p params) error {
	d, err := s.lookup(p.u32(0))
	if err != nil {
		return err
	}
	if !d.preopen {
		return ebadf
	}
	out, err := m.view(p.u32(1), uint64(p.u32(2)))
	if err != nil {
		return err
	}
	if len(out) < len(rootName) {
		return enametoolong
	}
	copy(out, rootName)
	return nil
}

// entry is one name in a directory.
type entry struct {
	name string
	kind filetype
}

// entryBytes is the size of what stands before a name in the answer of fd_readdir.
const entryBytes = 24

// fdReaddir lists a directory from an entry on: ".", "..", then the others by name. The list is made when it is asked
// for from the beginning and stays the same until then: every entry is given once, whatever happens to the directory.
//
//	fd           u32
//	buf, buf_len u32  where the entries go
//	cookie       u64  0: from the beginning; else where an earlier entry said that the next is
//	bufused      u32  where the number of bytes written goes, u32; less than buf_len at the end of the directory
//
//	 0      8       16           20     21  24
//	+------+-------+------------+------+---+------+
//	| next | inode | name bytes | type |   | name |
//	+------+-------+------------+------+---+------+
//
// An entry that does not fit is cut short; the guest then has a whole one before it, or needs a larger buffer.
//
// Errors: EBADF, ENOTDIR, EOVERFLOW for a directory that is too large, EFAULT, and what Config.Files says.
func fdReaddir(_ context.Context, s *System, m memory, p params) error {
	d, err := s.directory(p.u32(0))
	if err != nil {
		return err
	}
	buf, err := m.view(p.u32(1), uint64(p.u32(2)))
	if err != nil {
		return err
	}
	used, err := m.view(p.u32(4), 4)
	if err != nil {
		return err
	}
	cookie := p.u64(3)
	if cookie == 0 || d.list == nil {
		if err := s.list(d); err != nil {
			return err
		}
	}
	n := 0
	for cookie < uint64(len(d.list)) && n < len(buf) {
		e := d.list[cookie]
		cookie++
		var head [entryBytes]byte
		le.PutUint64(head[0:], cookie)
		le.PutUint64(head[8:], inode(path.Join(d.path, e.name)))
		le.PutUint32(head[16:], uint32(len(e.name)))
		head[20] = byte(e.kind)
		n += copy(buf[n:], head[:])
		n += copy(buf[n:], e.name)
	}
	le.PutUint32(used, uint32(n))
	return nil
}

// list reads what d holds, in place of what it held before.
func (s *System) list(d *descriptor) error {
	s.listed -= len(d.list)
	d.list = nil
	room := maxListed - s.listed - 2
	found, err := readDir(s.config.Files, d.path, room)
	if err != nil {
		return err
	}
	list := make([]entry, 0, 2+len(found))
	list = append(list, entry{".", typeDirectory}, entry{"..", typeDirectory})
	for _, f := range found {
		list = append(list, entry{f.Name(), filetypeOf(f.Type())})
	}
	slices.SortFunc(list[2:], func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	d.list = list
	s.listed += len(list)
	return nil
}

// readDir returns the entries of a directory, in no order. Errors: EOVERFLOW for more than room, ENOTDIR, and what
// files says.
func readDir(files fs.FS, dir string, room int) ([]fs.DirEntry, error) {
	f, err := files.Open(dir)
	if err != nil {
		return nil, errnoOf(err)
	}
	defer f.Close()
	reader, ok := f.(fs.ReadDirFile)
	if !ok {
		return nil, enotdir
	}
	var found []fs.DirEntry
	for len(found) <= room {
		some, err := reader.ReadDir(room + 1 - len(found))
		found = append(found, some...)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, errnoOf(err)
		}
	}
	return nil, eoverflow
}
