package wasmrt_test

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
)

// resets: a notebook's memory is made fresh in place.
const resets = true

// roomBeyond is how much memory a notebook can touch, in bytes, and does not believe to have.
const roomBeyond = 16 << 20

var tracesBeyond = []trace{
	{"a byte beyond what it has", []step{do("poke", notebookBytes+3*page, 0x55)}},
	{"the last byte beyond what it has", []step{do("poke", notebookBytes+roomBeyond-1, 0x55)}},
	{"two pages around the image's end", []step{do("fill", notebookBytes-smallPage, 0x55, 2*smallPage)}},
}

// A page that was changed and then written to swap is changed still: PAGEMAP_SCAN tells of it by another bit.
func TestNoTracesInSwappedPages(t *testing.T) {
	swaps, err := os.ReadFile("/proc/swaps")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(swaps), "\n") < 2 {
		t.Skip("this machine has no swap")
	}
	const at = 10 * page
	swapped := errors.New("the page could not be swapped out")
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := load(t, count.open(open), notebook())
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			memory := g.Memory()[at : at+page]
			if err := unix.Madvise(memory, unix.MADV_PAGEOUT); err != nil {
				return 0, err
			}
			if out, err := isSwapped(&memory[0]); err != nil || !out {
				return 0, errors.Join(swapped, err)
			}
			return 0, nil
		})})
		made := count.made.Load()
		call(t, s, "fill", at, 0x55, page)
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
