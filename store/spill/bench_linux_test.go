package spill_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
	"github.com/raywasm/raywasm/store/storetest"
)

// synced is a file system whose files are on disk when they are closed.
type synced struct{ spill.OS }

func (s synced) Create(path string, size int64) (io.WriteCloser, error) {
	w, err := s.OS.Create(path, size)
	return syncedFile{w.(*os.File)}, err
}

type syncedFile struct{ *os.File }

func (f syncedFile) Close() error {
	if err := f.Sync(); err != nil {
		return err
	}
	return f.File.Close()
}

// BenchmarkSpill writes and reads 100 MiB by turns as dd would, a megabyte at a time, and as objects: to the page cache, and
// with everything on disk before the next turn, and read from there. What is reported is the median of each, and of their ratios: by the clock,
// and of the processor's time, which other work on the machine does not change as much.
func BenchmarkSpill(b *testing.B) {
	const size = 100 * spec.MiB
	for _, count := range []int{1, 10, 1024} {
		batch := objects(0, count, size/count)
		to := make([]byte, size/count)
		for name, files := range map[string]spill.FS{"cache": spill.OS{}, "disk": synced{}} {
			dir := b.TempDir()
			target, err := spill.OpenDir(dir, 0, files)
			if err != nil {
				b.Fatal(err)
			}
			d := spill.NewDisk(zap.NewNop(), spill.DefaultSlack, target)
			b.Run(fmt.Sprintf("%d/%s", count, name), func(b *testing.B) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				var writes, reads storetest.Turns
				for b.Loop() {
					plain := filepath.Join(dir, "plain")
					writes.Take(func() error { return writePlain(plain, batch, name == "disk") }, func() error { return d.Spill(b.Context(), batch) })
					if name == "disk" {
						spilled, err := filepath.Glob(filepath.Join(dir, "*", "*"))
						if err != nil || len(spilled) != 1 {
							b.Fatal(spilled, err)
						}
						uncache(b, plain, spilled[0])
					}
					reads.Take(func() error { return readPlain(plain, to, size) }, func() error {
						for _, o := range batch {
							if err := d.Restore(b.Context(), o.ID, to); err != nil {
								return err
							}
						}
						return nil
					})
					for _, o := range batch {
						d.Forget(o.ID)
					}
					for d.Bytes() > 0 {
						runtime.Gosched()
					}
					if err := os.Remove(plain); err != nil {
						b.Fatal(err)
					}
				}
				writes.Report(b, "write", size)
				writes.ReportCPU(b, "write")
				reads.Report(b, "read", size)
				reads.ReportCPU(b, "read")
			})
			if err := d.Close(); err != nil {
				b.Error(err)
			}
		}
	}
}

// uncache has files read from disk next.
func uncache(b *testing.B, paths ...string) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func writePlain(path string, batch []spill.Object, sync bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for _, o := range batch {
		for off := 0; off < len(o.Bytes); off += spec.MiB {
			if _, err := f.Write(o.Bytes[off:min(off+spec.MiB, len(o.Bytes))]); err != nil {
				return err
			}
		}
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return f.Close()
}

func readPlain(path string, to []byte, size int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	for off := 0; off < size; {
		n, err := f.Read(to[off%len(to) : min(off%len(to)+spec.MiB, len(to))])
		if err != nil {
			return err
		}
		off += n
	}
	return f.Close()
}
