package wal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// Dir is a directory of files, as much of it as a log needs: the seam at which tests put in faults.
type Dir interface {
	// Open opens a file to read and write; it is made if it is missing.
	Open(name string) (File, error)
	Names() ([]string, error)
	Remove(name string) error
	// Sync makes durable which files there are.
	Sync() error
	// Close gives the directory to others.
	Close() error
}

// File is one of its files.
type File interface {
	io.ReaderAt
	io.WriterAt
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes what was written durable.
	Sync() error
	Close() error
}

// lockName is the file whose lock is the directory's. It holds the id of the process that has it.
const lockName = "LOCK"

// OpenDir opens a directory of the machine, which is made if it is missing, for this process alone. Errors:
// spec.AlreadyExists, with the other's id, while another process has it open, or this one for the second time.
func OpenDir(path string) (Dir, error) {
	const op = "open directory"
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: path, Err: err}
	}
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.PermissionDenied, ID: path, Err: err}
	}
	if err := lock(f); err != nil {
		who, rerr := os.ReadFile(f.Name())
		_ = f.Close()
		switch pid, perr := strconv.Atoi(strings.TrimSpace(string(who))); {
		case !errors.Is(err, errLocked):
			return nil, &spec.Error{Op: op, Kind: spec.System, ID: path, Err: err}
		case rerr != nil || perr != nil:
			return nil, spec.Errorf(op, spec.AlreadyExists, path, "another process has it open: stop that one, or name another directory")
		default:
			return nil, spec.Errorf(op, spec.AlreadyExists, path, "process %d has it open: stop that one, or name another directory", pid)
		}
	}
	d := &osDir{path: path, lock: f}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		_ = f.Close()
		return nil, &spec.Error{Op: op, Kind: kindOfDisk(err), ID: path, Err: err}
	}
	return d, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// osDir is a directory of the operating system.
type osDir struct {
	path string
	lock *os.File
}

func (d *osDir) Open(name string) (File, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDir) Names() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (d *osDir) Remove(name string) error { return os.Remove(filepath.Join(d.path, name)) }

func (d *osDir) Sync() error { return syncDir(d.path) }

func (d *osDir) Close() error { return d.lock.Close() }

func (d *osDir) String() string { return d.path }

// osFile is a file of the operating system.
type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// kindOfDisk tells a disk that is full from one that fails.
func kindOfDisk(err error) spec.Kind {
	switch {
	case isFull(err):
		return spec.OutOfDisk
	case errors.Is(err, fs.ErrPermission):
		return spec.PermissionDenied
	}
	return spec.System
}
