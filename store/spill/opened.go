package spill

import "sync"

// opened keeps the file open that was read last: objects that were spilled together mostly come back together, and the
// system reads ahead in a file that stays open. It is safe for concurrent use.
type opened struct {
	mu   sync.Mutex
	last *shared // nil: none
}

// shared is a file that several read. It is closed when nobody does, and it is not the last one any more.
type shared struct {
	ReadAtCloser
	opened *opened
	name   string
	users  int
}

// use returns the file of that name, which is opened by open if it is not there.
func (o *opened) use(name string, open func() (ReadAtCloser, error)) (*shared, error) {
	o.mu.Lock()
	if s := o.last; s != nil && s.name == name {
		s.users++
		o.mu.Unlock()
		return s, nil
	}
	o.mu.Unlock()
	f, err := open()
	if err != nil {
		return nil, err
	}
	s := &shared{ReadAtCloser: f, opened: o, name: name, users: 2} // the caller, and the last one
	o.mu.Lock()
	was := o.last
	o.last = s
	o.mu.Unlock()
	if was != nil {
		_ = was.Close() // nothing was written
	}
	return s, nil
}

// forget closes the file of that name, or any if it is "", when nobody reads it any more.
func (o *opened) forget(name string) {
	o.mu.Lock()
	s := o.last
	if s != nil && (name == "" || s.name == name) {
		o.last = nil
	} else {
		s = nil
	}
	o.mu.Unlock()
	if s != nil {
		_ = s.Close() // nothing was written
	}
}

// Close ends one use of the file.
func (s *shared) Close() error {
	s.opened.mu.Lock()
	s.users--
	last := s.users == 0
	s.opened.mu.Unlock()
	if !last {
		return nil
	}
	return s.ReadAtCloser.Close()
}
