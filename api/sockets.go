package api

import (
	"cmp"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/raywasm/raywasm/spec"
)

// Where the sockets of running nodes are, and which of them nobody listens on any more.

// DirVariable is the environment variable that names the directory.
const DirVariable = "RAYWASM_RUNTIME_DIR"

// Dir returns the directory of this user's nodes: what RAYWASM_RUNTIME_DIR says, else raywasm in the session's runtime directory
// (XDG_RUNTIME_DIR), else raywasm-UID in the directory of temporary files.
func Dir() string {
	if session := os.Getenv("XDG_RUNTIME_DIR"); session != "" && os.Getenv(DirVariable) == "" {
		return filepath.Join(session, "raywasm")
	}
	return cmp.Or(os.Getenv(DirVariable), filepath.Join(os.TempDir(), "raywasm-"+strconv.Itoa(os.Getuid())))
}

// socketSuffix ends the name of a socket; what comes before is the node's id.
const socketSuffix = ".sock"

// maxSocketPath is how long the path of a unix socket can be (Linux: the 108 bytes of sun_path with a zero at the end).
const maxSocketPath = 107

// listen makes a node's socket. It has its name when it can be used and not before, so that a socket with a name that nobody
// listens on is one of a process that is gone.
func listen(dir, id string) (net.Listener, string, error) {
	const op = "let the node be seen"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", &spec.Error{Op: op, Kind: spec.PermissionDenied, ID: dir, Err: err}
	}
	if err := private(op, dir); err != nil {
		return nil, "", err
	}
	name := id[:16] + socketSuffix
	path, first := filepath.Join(dir, name), filepath.Join(dir, "."+name)
	if len(first) > maxSocketPath {
		return nil, "", spec.Errorf(op, spec.InvalidArgument, dir, "the path of a socket in it has %d bytes, at most %d: choose a directory with a shorter name (%s)", len(first), maxSocketPath, DirVariable)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, "", &spec.Error{Op: op, Kind: spec.System, ID: dir, Err: err}
	}
	l.SetUnlinkOnClose(false) // it has another name then
	if err := errors.Join(os.Chmod(first, 0o600), os.Rename(first, path)); err != nil {
		return nil, "", &spec.Error{Op: op, Kind: spec.System, ID: dir, Err: errors.Join(err, l.Close(), os.Remove(first))}
	}
	return l, path, nil
}

// private refuses a directory that others can write to or look into: what is in it might not be the user's own.
func private(op, dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return &spec.Error{Op: op, Kind: spec.System, ID: dir, Err: err}
	}
	if !info.IsDir() || !mine(info) {
		return spec.Errorf(op, spec.PermissionDenied, dir, "it is not a directory of yours alone (mode 0700): name another in %s", DirVariable)
	}
	return nil
}

// sockets returns the paths of the sockets in a directory, and removes those on which nobody listens.
func sockets(dir string) ([]string, error) {
	const op = "look for running nodes"
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := private(op, dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.System, ID: dir, Err: err}
	}
	var live []string
	for _, e := range entries {
		if e.Type() != fs.ModeSocket || !strings.HasSuffix(e.Name(), socketSuffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		c, err := net.Dial("unix", path)
		switch {
		case err == nil:
			live = append(live, path)
			_ = c.Close() // nothing was said
		case errors.Is(err, syscall.ECONNREFUSED):
			_ = os.Remove(path) // if it stays, the next one removes it
		case errors.Is(err, fs.ErrNotExist): // it was closed just now
		default:
			return nil, &spec.Error{Op: op, Kind: spec.System, ID: path, Err: err}
		}
	}
	return live, nil
}
