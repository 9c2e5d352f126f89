package wasi

import "context"

// argsGet writes the command line into the guest's memory.
//
//	argv     u32  where the pointers go, one for each argument
//	argv_buf u32  where the texts go
//
// With the arguments "a" and "bc":
//
//	 argv                           argv_buf
//	+-----------+--------------+   +-----+---+-----+-----+---+
//	| argv_buf  | argv_buf + 2 |   | 'a' | 0 | 'b' | 'c' | 0 |
//	+-----------+--------------+   +-----+---+-----+-----+---+
//
// Errors: EFAULT.
func argsGet(_ context.Context, s *System, m memory, p params) error {
	return putStrings(m, p, s.config.Args)
}

// argsSizesGet tells how much room args_get needs.
//
//	argc          u32  where the number of arguments goes, u32
//	argv_buf_size u32  where the bytes of all texts go, u32
//
// Errors: EFAULT.
func argsSizesGet(_ context.Context, s *System, m memory, p params) error {
	return putSizes(m, p, s.config.Args)
}

// environGet writes the environment into the guest's memory as args_get writes the arguments.
//
//	environ     u32  where the pointers go, one for each variable
//	environ_buf u32  where the texts go, "K=V"
//
// Errors: EFAULT.
func environGet(_ context.Context, s *System, m memory, p params) error {
	return putStrings(m, p, s.config.Env)
}

// environSizesGet tells how much room environ_get needs.
//
//	environ_count    u32  where the number of variables goes, u32
//	environ_buf_size u32  where the bytes of all texts go, u32
//
// Errors: EFAULT.
func environSizesGet(_ context.Context, s *System, m memory, p params) error {
	return putSizes(m, p, s.config.Env)
}

// putStrings writes the pointers to p[0] and the texts to p[1].
func putStrings(m memory, p params, list []string) error {
	pointers, err := m.view(p.u32(0), 4*uint64(len(list)))
	if err != nil {
		return err
	}
	ptr := p.u32(1)
	texts, err := m.view(ptr, textBytes(list))
	if err != nil {
		return err
	}
	at := 0
	for i, text := range list {
		le.PutUint32(pointers[4*i:], ptr+uint32(at))
		at += copy(texts[at:], text)
		texts[at] = 0
		at++
	}
	return nil
}

// putSizes writes the number of texts to p[0] and their bytes to p[1].
func putSizes(m memory, p params, list []string) error {
	count, err := m.view(p.u32(0), 4)
	if err != nil {
		return err
	}
	size, err := m.view(p.u32(1), 4)
	if err != nil {
		return err
	}
	le.PutUint32(count, uint32(len(list)))
	le.PutUint32(size, uint32(textBytes(list)))
	return nil
}

// textBytes counts the texts, each with the zero that ends it.
func textBytes(list []string) uint64 {
	n := uint64(len(list))
	for _, text := range list {
		n += uint64(len(text))
	}
	return n
}
