package wasi

import "context"

// sock is all functions on sockets: there are none, and no open descriptor is one.
//
//	fd u32, and more
//
// Errors: EBADF, ENOTSOCK.
func sock(_ context.Context, s *System, _ memory, p params) error {
	if _, err := s.lookup(p.u32(0)); err != nil {
		return err
	}
	return enotsock
}
