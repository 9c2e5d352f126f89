package wasi

import (
	"errors"
	"io/fs"
	"strconv"
	"syscall"
)

// errno is the result of a function: an error that the guest gets as a number. Those that are never given are left out.
type errno uint16

const (
	eacces       errno = 2
	ebadf        errno = 8
	edquot       errno = 19
	eexist       errno = 20
	efault       errno = 21
	eilseq       errno = 25
	einval       errno = 28
	eio          errno = 29
	eisdir       errno = 31
	eloop        errno = 32
	emfile       errno = 33
	enametoolong errno = 37
	enfile       errno = 41
	enoent       errno = 44
	enotdir      errno = 54
	enotsock     errno = 57
	enotsup      errno = 58
	eoverflow    errno = 61
	erofs        errno = 69
	espipe       errno = 70
	enotcapable  errno = 76
)

var errnoNames = map[errno]string{
	eacces: "EACCES", ebadf: "EBADF", edquot: "EDQUOT", eexist: "EEXIST", efault: "EFAULT", eilseq: "EILSEQ",
	einval: "EINVAL", eio: "EIO", eisdir: "EISDIR", eloop: "ELOOP", emfile: "EMFILE", enametoolong: "ENAMETOOLONG",
	enfile: "ENFILE", enoent: "ENOENT", enotdir: "ENOTDIR", enotsock: "ENOTSOCK", enotsup: "ENOTSUP",
	eoverflow: "EOVERFLOW", erofs: "EROFS", espipe: "ESPIPE", enotcapable: "ENOTCAPABLE",
}

func (e errno) Error() string {
	if name, ok := errnoNames[e]; ok {
		return name
	}
	return "errno " + strconv.Itoa(int(e))
}

// fileErrors says which errno stands for which error of a file system, the more precise before the more general.
var fileErrors = []struct {
	err   error
	errno errno
}{
	{syscall.ENOTDIR, enotdir},
	{syscall.EISDIR, eisdir},
	{syscall.ELOOP, eloop},
	{syscall.ENAMETOOLONG, enametoolong},
	{syscall.EMFILE, enfile}, // the host's table is full, not the guest's
	{syscall.ENFILE, enfile},
	{syscall.EINVAL, einval},
	{fs.ErrNotExist, enoent},
	{fs.ErrPermission, eacces},
	{fs.ErrExist, eexist},
	{fs.ErrInvalid, einval},
	{fs.ErrClosed, ebadf},
}

// pathEscapes is how os.Root says that a link leads out of it: it has no error value for that.
const pathEscapes = "path escapes from parent"

// errnoOf says an error of Config.Files as the guest gets it; the host's own words stay on the host.
func errnoOf(err error) errno {
	var said errno
	if errors.As(err, &said) {
		return said
	}
	for _, known := range fileErrors {
		if errors.Is(err, known.err) {
			return known.errno
		}
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Err.Error() == pathEscapes {
		return enotcapable
	}
	return eio
}
