package wasmrt_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/runtime/wazero"
)

const tableSpan = 512 * smallPage

func TestTheBestAlignmentHasTheFewestEntriesToLookAt(t *testing.T) {
	for _, c := range []struct {
		name    string
		pages   uint64
		touched []uint64
		entries uint64
	}{
		{"nothing touched", 1000, nil, 0},
		{"the first page", 1000, []uint64{0}, 1},
		{"the last page", 1000, []uint64{999}, 1},
		{"all that one table covers", 512, []uint64{0, 511}, 512},
		{"both sides of a table that nobody touches", 544, []uint64{0, 513, 529}, 1 + 31},
		{"a stack that grows down to the data", 272, []uint64{255, 256, 260}, 17},
		{"every page", 2000, slices.Collect(func(yield func(uint64) bool) {
			for n := range uint64(2000) {
				if !yield(n) {
					return
				}
			}
		}), 2000},
	} {
		offsets := make([]uint64, len(c.touched))
		for k, n := range c.touched {
			offsets[k] = n * smallPage
		}
		at, entries := wasmrt.BestAlignment(offsets, c.pages*smallPage)
		want(t, c.name+": entries", entries, c.entries)
		want(t, c.name+": entries by looking at each table", lookedAt(at, offsets, c.pages), entries)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		pages := 1 + random.Uint64N(1500)
		offsets := make([]uint64, 1+random.IntN(5))
		for k := range offsets {
			offsets[k] = random.Uint64N(pages) * smallPage
		}
		slices.Sort(offsets)
		at, entries := wasmrt.BestAlignment(offsets, pages*smallPage)
		want(t, "entries by looking at each table", lookedAt(at, offsets, pages), entries)
	}
}

// lookedAt counts the pages of a memory that lie under a table that is there.
func lookedAt(alignment uint64, touched []uint64, pages uint64) (n uint64) {
	there := make(map[uint64]bool)
	for _, off := range touched {
		there[(alignment+off)/tableSpan] = true
	}
	for p := range pages {
		if there[(alignment+p*smallPage)/tableSpan] {
			n++
		}
	}
	return n
}

// A module whose sandboxes touch few pages gets its memories where a scan is short, and that changes nothing else.
func TestMemoriesAreAlignedByWhatIsTouched(t *testing.T) {
	var count counter
	m := load(t, count.open(wazero.Open), notebook())
	made := count.made.Load()
	var places []uint64
	const resets = 2*wasmrt.SettleAfter + 10
	for range resets {
		s := sandbox(t, m, wasmrt.SandboxConfig{Owner: host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			if at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(g.Memory())))) % tableSpan; !slices.Contains(places, at) {
				places = append(places, at)
			}
			return 0, nil
		})})
		call(t, s, "poke", notebookBytes-1, 0x55)
		call(t, s, "ask", 0)
		check(t, s.Close())
	}
	check(t, findTraces(t.Context(), m))
	want(t, "how many places there were", len(places), 2)
	want(t, "instances made", count.made.Load()-made, 2)
}

// Of a memory of 32 pages it pays, too: the one that is touched gets a table of its own.
func TestASmallMemoryIsAlignedByWhatIsTouched(t *testing.T) {
	var a assembly
	a.Memory(2)
	a.Func("count", nil, asm.Types(asm.I64), asm.Const32(0), asm.Const32(0), asm.Access(asm.OpI64Load, 3), asm.Const64(1), asm.Op(wasmbin.OpI64Add),
		asm.Access(asm.OpI64Store, 3), asm.Const32(0), asm.Access(asm.OpI64Load, 3))
	m := load(t, wazero.Open, a.Binary())
	for range wasmrt.SettleAfter {
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		want(t, "count", call(t, s, "count"), 1)
		check(t, s.Close())
	}
	want(t, "where the memory begins", wasmrt.Alignment(sandbox(t, m, wasmrt.SandboxConfig{})), tableSpan-smallPage)
}
