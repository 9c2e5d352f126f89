//go:build !linux

package arena

// open makes the memory: a system without memfd.
func (a *Arena) open() error {
	a.write = make([]byte, a.size)
	a.read = a.write
	return nil
}

func (a *Arena) populate(n int64) error {
	clear(a.write[:n])
	return nil
}

// punch makes zeros of a range, which is all that there is to give back here.
func (a *Arena) punch(off, n int64) error {
	clear(a.write[off : off+n])
	return nil
}

// Close forgets the memory.
func (a *Arena) Close() error {
	a.write, a.read = nil, nil
	return nil
}
