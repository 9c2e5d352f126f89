package spill_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
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
				var writes, reads turns
				for b.Loop() {
					plain := filepath.Join(dir, "plain")
					writes.take(func() error { return writePlain(plain, batch, name == "disk") }, func() error { return d.Spill(b.Context(), batch) })
					if name == "disk" {
						spilled, err := filepath.Glob(filepath.Join(dir, "*", "*"))
						if err != nil || len(spilled) != 1 {
							b.Fatal(spilled, err)
						}
						uncache(b, plain, spilled[0])
					}
					reads.take(func() error { return readPlain(plain, to, size) }, func() error {
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
				writes.report(b, "write", size)
				reads.report(b, "read", size)
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

// turns are the times of what is done by turns.
type turns struct {
	plain, ours, ratio, cpu []float64
	err                     error
}

func (t *turns) take(plain, ours func() error) {
	began, cpu := time.Now(), threadTime()
	err := plain()
	between, cpuBetween := time.Now(), threadTime()
	if err == nil {
		err = ours()
	}
	end, cpuEnd := time.Now(), threadTime()
	t.plain = append(t.plain, between.Sub(began).Seconds())
	t.ours = append(t.ours, end.Sub(between).Seconds())
	t.ratio = append(t.ratio, between.Sub(began).Seconds()/end.Sub(between).Seconds())
	t.cpu = append(t.cpu, (cpuBetween-cpu).Seconds()/(cpuEnd-cpuBetween).Seconds())
	if t.err == nil {
		t.err = err
	}
}

// threadTime returns the processor's time that this thread has had.
func threadTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u) // only a wrong argument could make it fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (t *turns) report(b *testing.B, what string, size float64) {
	if t.err != nil {
		b.Fatal(t.err)
	}
	median := func(x []float64) float64 {
		slices.Sort(x)
		return x[len(x)/2]
	}
	b.ReportMetric(size/1e6/median(t.plain), "plain-"+what+"-MB/s")
	b.ReportMetric(size/1e6/median(t.ours), what+"-MB/s")
	b.ReportMetric(100*median(t.ratio), what+"-%")
	b.ReportMetric(100*median(t.cpu), what+"-cpu-%")
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
