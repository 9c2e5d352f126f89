package arena_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/arena"
)

func open(tb testing.TB, cfg arena.Config) *arena.Arena {
	tb.Helper()
	a, err := arena.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = a.Close() })
	return a
}

// pages returns how many bytes of pages the arena's file really has.
func pages(tb testing.TB, a *arena.Arena) int64 {
	tb.Helper()
	info, err := a.File().Stat()
	if err != nil {
		tb.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestWhatIsWrittenIsReadThroughTheOtherMapping(t *testing.T) {
	a := open(t, arena.Config{Size: 4 * spec.MiB})
	big := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // pages that are not there: the kernel gets them in one piece
	for off, data := range map[int64][]byte{0: []byte("small"), 64 * spec.KiB: big, spec.MiB + 4096: big[:5000]} {
		for range 2 { // again, to pages that are there
			if err := a.Fill(off, data); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Readable(off, int64(len(data))), data) {
				t.Errorf("%d bytes at %d read differently", len(data), off)
			}
		}
	}
}

func TestPagesAreThereOnlyWhenTheyAreWrittenOrKept(t *testing.T) {
	a := open(t, arena.Config{Size: 8 * spec.MiB, Keep: spec.MiB})
	if got := pages(t, a); got != 0 {
		t.Fatalf("an arena in which nothing was written has %d bytes of pages", got)
	}
	if err := a.Fill(0, make([]byte, 4*spec.MiB)); err != nil {
		t.Fatal(err)
	}
	if got := a.Resident(); got != 4*spec.MiB || pages(t, a) != got {
		t.Fatalf("it says %d bytes of pages, and the system %d", got, pages(t, a))
	}
	if got := a.Excess(2 * spec.MiB); got != spec.MiB {
		t.Fatalf("of 4 MiB, 2 in use and 1 to keep, %d are too many", got)
	}
	if err := a.Punch(100, 3*spec.MiB); err != nil { // granules in part stay
		t.Fatal(err)
	}
	if got := a.Resident(); got != spec.MiB+64*spec.KiB || pages(t, a) != got {
		t.Fatalf("afterwards it says %d bytes of pages, and the system %d", got, pages(t, a))
	}
	if err := a.Punch(0, 100); err != nil {
		t.Fatalf("a range without a granule: %v", err)
	}
}

func TestWarmIsTheLastStretchThatHasPages(t *testing.T) {
	const g = arena.Granule
	a := open(t, arena.Config{Size: 1000 * g})
	a.Touch(3*g, 2*g)
	a.Touch(100*g, 5*g)
	a.Touch(700*g, 1)
	for _, c := range [][5]int64{ // from, to, n; the stretch
		{0, 1000 * g, 100 * g, 700 * g, 701 * g},
		{0, 700 * g, 100 * g, 100 * g, 105 * g},
		{0, 700 * g, 2 * g, 103 * g, 105 * g},
		{101*g + 1, 103*g + 5, 100 * g, 102 * g, 103 * g},
		{0, 100 * g, 100 * g, 3 * g, 5 * g},
	} {
		if from, to := a.Warm(c[0], c[1], c[2]); from != c[3] || to != c[4] {
			t.Errorf("of %d to %d, at most %d: %d to %d, not %d to %d", c[0]/g, c[1]/g, c[2]/g, from/g, to/g, c[3]/g, c[4]/g)
		}
	}
	for _, c := range [][3]int64{{0, 3 * g, g}, {5 * g, 100 * g, g}, {701 * g, 1000 * g, g}, {3*g + 1, 4*g - 1, g}, {0, 1000 * g, g - 1}, {0, 1000 * g, -g}} {
		if from, to := a.Warm(c[0], c[1], c[2]); from < to {
			t.Errorf("of %d to %d, at most %d: %d to %d", c[0], c[1], c[2], from, to)
		}
	}
}

func TestPrefault(t *testing.T) {
	a := open(t, arena.Config{Size: 4 * spec.MiB, Prefault: spec.MiB + 5})
	if got := a.Resident(); got != spec.MiB || pages(t, a) != got {
		t.Fatalf("it says %d bytes of pages, and the system %d", got, pages(t, a))
	}
}

func TestWhatFollowsABlockIsZero(t *testing.T) {
	a := open(t, arena.Config{Size: spec.MiB})
	if err := a.Fill(0, bytes.Repeat([]byte{7}, 12_288)); err != nil {
		t.Fatal(err)
	}
	a.ClearTail(0, 5000)
	got := a.Readable(0, 12_288)
	if got[4999] != 7 || got[5000] != 0 || got[8191] != 0 || got[8192] != 7 {
		t.Errorf("around its end and the page's: %d %d, %d %d", got[4999], got[5000], got[8191], got[8192])
	}
	a.ClearTail(8192, 4096)
	if got[8192] != 7 {
		t.Error("a block of whole pages has no tail")
	}
}

func TestAnArenaThatCannotBeIsAnError(t *testing.T) {
	if _, err := arena.Open(arena.Config{Size: 1 << 60}); !errors.Is(err, spec.LimitExceeded) {
		t.Errorf("an exabyte: %v", err)
	}
}

// TestPagesThatAreRefusedAreAnError: the system gives no more memory, which a limit on the size of files stands for.
func TestPagesThatAreRefusedAreAnError(t *testing.T) {
	a := open(t, arena.Config{Size: 4 * spec.MiB})
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(unix.SIGXFSZ)
	defer signal.Reset(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: spec.MiB, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte{7}, 3*spec.MiB)
	err := a.Fill(512*spec.KiB, data)
	if back := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); back != nil {
		t.Fatal(back)
	}
	if !errors.Is(err, spec.OutOfMemory) {
		t.Fatalf("it ends with %v", err)
	}
	if err := a.Fill(512*spec.KiB, data); err != nil || !bytes.Equal(a.Readable(512*spec.KiB, 3*spec.MiB), data) {
		t.Fatalf("when there is memory again: %v", err)
	}
}

// TestAnotherProcessReadsAndCannotWrite hands the file to a child: this test binary, which runs as childReads.
func TestAnotherProcessReadsAndCannotWrite(t *testing.T) {
	a := open(t, arena.Config{Size: spec.MiB})
	if err := a.Fill(8192, []byte("seen by both")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestChildReads$", "-test.v")
	cmd.Env = append(os.Environ(), "ARENA_CHILD=1")
	cmd.ExtraFiles = []*os.File{a.File()}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `it reads "seen by both"`) {
		t.Fatalf("the child: %v\n%s", err, out)
	}
	if got := string(a.Readable(8192, 12)); got != "seen by both" {
		t.Errorf("after the child it reads %q", got)
	}
}

func TestChildReads(t *testing.T) {
	if os.Getenv("ARENA_CHILD") == "" {
		t.Skip("it is run by TestAnotherProcessReadsAndCannotWrite")
	}
	const fd = 3
	m, err := unix.Mmap(fd, 8192, 4096, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("it reads %q\n", m[:12])
	if _, err := unix.Mmap(fd, 8192, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); !errors.Is(err, unix.EACCES) {
		t.Errorf("mapped to write: %v", err)
	}
	if _, err := unix.Pwrite(fd, []byte("x"), 8192); err == nil {
		t.Error("written")
	}
	if err := unix.Mprotect(m, unix.PROT_READ|unix.PROT_WRITE); !errors.Is(err, unix.EACCES) {
		t.Errorf("made writable: %v", err)
	}
	private, err := unix.Mmap(fd, 8192, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	copy(private, "its own")
	if string(m[:4]) != "seen" {
		t.Error("a private write is seen by others")
	}
}
