package wasi

import (
	"context"
	"io/fs"
	"strings"
)

// pathReadlink tells where a link leads to.
//
//	fd             u32  the directory that the path begins at
//	path, path_len u32
//	buf, buf_len   u32  where the text goes, and how much of it
//	bufused        u32  where the number of bytes written goes, u32
//
// Errors: those of resolve, EINVAL for what is no link, ENOTCAPABLE for a link to an absolute path, which is the
// host's, EFAULT, and what Config.Files says.
func pathReadlink(_ context.Context, s *System, m memory, p params) error {
	buf, err := m.view(p.u32(3), uint64(p.u32(4)))
	if err != nil {
		return err
	}
	used, err := m.view(p.u32(5), 4)
	if err != nil {
		return err
	}
	to, err := s.resolve(m, p.u32(0), p.u32(1), p.u32(2))
	if err != nil {
		return err
	}
	if to.directory {
		return einval
	}
	text, err := fs.ReadLink(s.config.Files, to.path)
	if err != nil {
		return errnoOf(err)
	}
	if strings.HasPrefix(text, "/") {
		return enotcapable
	}
	le.PutUint32(used, uint32(copy(buf, text)))
	return nil
}
