package wasi

import "context"

// fdReadOnly is the functions that would change an open file: fd_allocate, fd_filestat_set_size,
// fd_filestat_set_times.
//
//	fd u32, and more
//
// Errors: EBADF, EROFS.
func fdReadOnly(_ context.Context, s *System, _ memory, p params) error {
	if _, err := s.lookup(p.u32(0)); err != nil {
		return err
	}
	return erofs
}

// pathReadOnly is the functions that would change a tree of files: path_create_directory, path_filestat_set_times,
// path_link, path_remove_directory, path_rename, path_unlink_file.
//
//	fd u32  a directory; and more
//
// Errors: EBADF, ENOTDIR, EROFS.
func pathReadOnly(_ context.Context, s *System, _ memory, p params) error {
	if _, err := s.directory(p.u32(0)); err != nil {
		return err
	}
	return erofs
}

// pathSymlink would make a link.
//
//	old_path, old_path_len u32  what the link says
//	fd                     u32  a directory; and more
//
// Errors: EBADF, ENOTDIR, EROFS.
func pathSymlink(ctx context.Context, s *System, m memory, p params) error {
	return pathReadOnly(ctx, s, m, p[2:])
}
