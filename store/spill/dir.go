package spill

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/raywasm/raywasm/spec"
)

// DefaultCapacity is how full a disk may become, as in Ray: local_fs_capacity_threshold.
const DefaultCapacity = 0.95

const (
	sessionPrefix = "raywasm-spill-"
	gathered      = 64 * spec.KiB // what is shorter is written together
)

// dir is a session's directory below one that was configured.
type dir struct {
	fs       FS
	path     string
	held     *os.File // the lock
	capacity float64
	opened   opened
}

// OpenDir makes a session's directory below parent, which is made if it is not there, and removes those of processes that
// are gone. capacity is the part of the file system that may be in use, 0: DefaultCapacity. Errors: spec.RuntimeEnvSetup.
func OpenDir(parent string, capacity float64, files FS) (Target, error) {
	d, err := openDir(parent, capacity, files)
	if err != nil {
		return nil, &spec.Error{Op: "open a directory to spill to", Kind: spec.RuntimeEnvSetup, ID: parent, Err: err}
	}
	return d, nil
}

func openDir(parent string, capacity float64, files FS) (*dir, error) {
	if capacity == 0 {
		capacity = DefaultCapacity
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	all, err := lock(parent, true) // so that nobody sweeps a directory that is not locked yet
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if err := sweep(parent); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(parent, sessionPrefix)
	if err != nil {
		return nil, err
	}
	held, err := lock(path, false)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return &dir{fs: files, path: path, held: held, capacity: capacity}, nil
}

// sweep removes the directories of sessions whose process is gone.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), sessionPrefix) {
			continue
		}
		path := filepath.Join(parent, e.Name())
		held, err := lock(path, false)
		if err != nil {
			continue // its process lives, or it is another user's
		}
		err = os.RemoveAll(path)
		_ = held.Close() // nothing was written
		if err != nil {
			return err
		}
	}
	return nil
}

// Write makes a file.
func (d *dir) Write(_ context.Context, name string, r io.Reader, size int64) (err error) {
	path := filepath.Join(d.path, name)
	used, all, err := d.fs.Full(d.path)
	if err != nil {
		return err
	}
	if all > 0 && used+float64(size)/float64(all) > d.capacity {
		return spec.Errorf("write", spec.OutOfDisk, d.path, "%.1f %% of the disk's %s are in use, and %s more would pass %.1f %%: remove something, or spill to another disk",
			100*used, spec.FormatBytes(all), spec.FormatBytes(int64(size)), 100*d.capacity)
	}
	f, err := d.fs.Create(path, size)
	if err != nil {
		return outOfDisk(err)
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = outOfDisk(closed)
		}
		if err != nil {
			_ = d.fs.Remove(path) // the first error is the one to tell; Close removes what is left
		}
	}()
	w := bufio.NewWriterSize(f, gathered)
	if _, err := io.Copy(w, r); err != nil {
		return outOfDisk(err)
	}
	return outOfDisk(w.Flush())
}

// outOfDisk gives an error of the system its kind.
func outOfDisk(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &spec.Error{Op: "write", Kind: spec.OutOfDisk, Err: err}
	}
	return err
}

// Open opens a part of a file.
func (d *dir) Open(_ context.Context, name string, off, n int64) (io.ReadCloser, error) {
	f, err := d.opened.use(name, func() (ReadAtCloser, error) { return d.fs.Open(filepath.Join(d.path, name)) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, off, n), f}, nil
}

// Remove removes a file.
func (d *dir) Remove(_ context.Context, name string) error {
	d.opened.forget(name)
	if err := d.fs.Remove(filepath.Join(d.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Close removes the session's directory.
func (d *dir) Close() error {
	d.opened.forget("")
	return errors.Join(os.RemoveAll(d.path), d.held.Close())
}
