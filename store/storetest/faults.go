package storetest

import (
	"errors"
	"io"
	"sync"

	"github.com/raywasm/raywasm/store/spill"
)

// Files is the system's own file system, but for what a test breaks of it.
type Files struct {
	spill.OS
	// Before is called before each create, write, close of what was written, open, read and remove; its error is what that
	// ends with. nil: none.
	Before func(op string) error
	// Read changes what was read, and returns how much of it there was. nil: all, as it is.
	Read func(b []byte) int
	// Used is the part of the disk that is in use. 0: as it is.
	Used func() float64

	mu sync.Mutex
}

func (f *Files) before(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Before == nil {
		return nil
	}
	return f.Before(op)
}

// Break changes what is broken.
func (f *Files) Break(change func(*Files)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// Create implements spill.FS.
func (f *Files) Create(path string, size int64) (io.WriteCloser, error) {
	if err := f.before("create"); err != nil {
		return nil, err
	}
	w, err := f.OS.Create(path, size)
	return &writer{f, w}, err
}

// Open implements spill.FS.
func (f *Files) Open(path string) (spill.ReadAtCloser, error) {
	if err := f.before("open"); err != nil {
		return nil, err
	}
	r, err := f.OS.Open(path)
	return &reader{f, r}, err
}

// Remove implements spill.FS.
func (f *Files) Remove(path string) error {
	if err := f.before("remove"); err != nil {
		return err
	}
	return f.OS.Remove(path)
}

// Full implements spill.FS.
func (f *Files) Full(dir string) (used float64, size int64, err error) {
	used, size, err = f.OS.Full(dir)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Used != nil {
		used = f.Used()
	} else {
		used = 0 // the machine that runs the tests may be full
	}
	return used, size, err
}

type writer struct {
	files *Files
	io.WriteCloser
}

// Write writes half of it before it fails.
func (w *writer) Write(b []byte) (int, error) {
	if err := w.files.before("write"); err != nil {
		n, _ := w.WriteCloser.Write(b[:len(b)/2])
		return n, err
	}
	return w.WriteCloser.Write(b)
}

// Close closes it and fails.
func (w *writer) Close() error {
	err := w.files.before("close")
	return errors.Join(err, w.WriteCloser.Close())
}

type reader struct {
	files *Files
	spill.ReadAtCloser
}

func (r *reader) ReadAt(b []byte, off int64) (int, error) {
	if err := r.files.before("read"); err != nil {
		return 0, err
	}
	n, err := r.ReadAtCloser.ReadAt(b, off)
	r.files.mu.Lock()
	change := r.files.Read
	r.files.mu.Unlock()
	if err == nil && change != nil {
		if n = change(b); n < len(b) {
			err = io.EOF
		}
	}
	return n, err
}
