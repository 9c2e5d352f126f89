package wasmrt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/spec"
)

// resets: a notebook's memory is made fresh in place.
const resets = true

// A memory stays as long as a guest has grown it, so the next one can touch what it does not believe to have.
func TestNoTracesBeyondWhatAGuestHas(t *testing.T) {
	const grown = 400 * asm.Page // headroom and more
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := load(t, count.open(open), notebook())
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		_, err := s.Call(t.Context(), "poke", notebookBytes, 0x55)
		wantKind(t, err, spec.GuestTrap) // the first one cannot
		check(t, s.Close())
		s = sandbox(t, m, wasmrt.SandboxConfig{})
		call(t, s, "grow", grown/asm.Page)
		check(t, s.Close())
		made := count.made.Load()
		for _, trace := range [][]step{
			{do("poke", notebookBytes+3*asm.Page, 0x55)},
			{do("poke", notebookBytes+grown-1, 0x55)},
			{do("fill", notebookBytes-smallPage, 0x55, 2*smallPage)},
			{do("dirty", notebookBytes, asm.Page, grown/asm.Page)},
		} {
			s = sandbox(t, m, wasmrt.SandboxConfig{})
			check(t, run(t.Context(), s, trace...))
			check(t, s.Close())
			check(t, findTraces(t.Context(), m))
		}
		want(t, "whether one instance served them all", count.made.Load() == made, true)
	})
}

// A page that was changed and then written to swap is changed still: PAGEMAP_SCAN tells of it by another bit.
func TestNoTracesInSwappedPages(t *testing.T) {
	needSwap(t)
	const at = 10 * asm.Page
	swapped := errors.New("the page could not be swapped out")
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := load(t, count.open(open), notebook())
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			memory := g.Memory()[at : at+asm.Page]
			if err := unix.Madvise(memory, unix.MADV_PAGEOUT); err != nil {
				return 0, err
			}
			if out, err := isSwapped(&memory[0]); err != nil || !out {
				return 0, errors.Join(swapped, err)
			}
			return 0, nil
		})})
		made := count.made.Load()
		call(t, s, "fill", at, 0x55, asm.Page)
		if _, err := s.Call(t.Context(), "ask", 0); errors.Is(err, swapped) {
			t.Skip(err)
		} else if err != nil {
			t.Fatal(err)
		}
		check(t, s.Close())
		check(t, findTraces(t.Context(), m))
		want(t, "whether the first one was used again", count.made.Load() == made, true)
	})
}

// needSwap makes swap space for the test where there is none, and skips it where that cannot be.
func needSwap(t *testing.T) {
	t.Helper()
	swaps, err := os.ReadFile("/proc/swaps")
	check(t, err)
	if strings.Count(string(swaps), "\n") > 1 {
		return
	}
	// The header of a swap area (union swap_header of include/linux/swap.h): its version, its last page and no bad ones, and
	// at the end of the first page the magic word. A swap file must not have holes.
	size := os.Getpagesize()
	area := make([]byte, 1024*size)
	binary.NativeEndian.PutUint32(area[1024:], 1)
	binary.NativeEndian.PutUint32(area[1028:], uint32(len(area)/size-1))
	copy(area[size-len("SWAPSPACE2"):], "SWAPSPACE2")
	path := filepath.Join(t.TempDir(), "swap")
	check(t, os.WriteFile(path, area, 0o600))
	name, err := unix.BytePtrFromString(path)
	check(t, err)
	if _, _, errno := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(name)), 0, 0); errno != 0 {
		t.Skipf("this machine has no swap, and the test cannot make some: swapon: %v", errno)
	}
	t.Cleanup(func() {
		if _, _, errno := unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(name)), 0, 0); errno != 0 {
			t.Errorf("swapoff %s: %v", path, errno)
		}
	})
}

// isSwapped asks the page map (Documentation/admin-guide/mm/pagemap.rst): bit 62 is "page swapped".
func isSwapped(p *byte) (bool, error) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return false, err
	}
	defer f.Close()
	var entry [8]byte
	if _, err := f.ReadAt(entry[:], int64(uintptr(unsafe.Pointer(p))/uintptr(os.Getpagesize())*8)); err != nil {
		return false, err
	}
	return binary.LittleEndian.Uint64(entry[:])>>62&1 == 1, nil
}
