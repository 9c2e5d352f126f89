package wasmbin

import (
	"math"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// grower exports size and grow, and load, which reads an address.
func grower(min, max uint64) []byte {
	g := new(guest).memory(min, max)
	g.export("size", KindFunc, g.fn(nil, types(I32), nil, op(OpMemorySize, 0)))
	g.export("grow", KindFunc, g.fn(types(I32), types(I32), nil, op(OpLocalGet, 0), op(OpMemoryGrow, 0)))
	g.export("load", KindFunc, g.fn(types(I32), types(I32), nil, op(OpLocalGet, 0), op(OpI32Load, 2, 0)))
	return g.wasm()
}

func virtuallyGrowing(t *testing.T, wasm []byte) []byte {
	t.Helper()
	m := parse(t, wasm)
	if err := m.VirtualGrowth(); err != nil {
		t.Fatal(err)
	}
	return m.Encode()
}

func setGlobal(mod api.Module, name string, v uint32) {
	mod.ExportedGlobal(name).(api.MutableGlobal).Set(uint64(v))
}

func getGlobal(mod api.Module, name string) uint32 { return uint32(mod.ExportedGlobal(name).Get()) }

// longMemory is a host that makes every memory pages long when it begins.
type longMemory struct {
	pages uint64
	bytes []byte
}

func (l *longMemory) Allocate(capacity, _ uint64) experimental.LinearMemory {
	return &longMemory{pages: l.pages, bytes: make([]byte, max(capacity, l.pages<<16), 64<<20)}
}

func (l *longMemory) Reallocate(size uint64) []byte {
	if size > uint64(cap(l.bytes)) {
		return nil
	}
	l.bytes = l.bytes[:max(size, uint64(len(l.bytes)))]
	return l.bytes
}

func (l *longMemory) Free() {}

// Growing by chance, the virtual memory must answer as the real one does,
// whatever the real one's length is.
func TestVirtualGrowthAnswersAsRealMemory(t *testing.T) {
	deltas := []uint32{0, 1, 17, 1, 0, 1, 1 << 16, math.MaxUint32, 1 << 31, 0, 2, 3, 900, 200, 5}
	for _, max := range []uint64{20, 600, 0} { // of 1024 that the engine allows
		plain := grower(2, max)
		virtual := virtuallyGrowing(t, plain)
		onEngines(t, func(t *testing.T, rt wazero.Runtime) {
			for _, pages := range []uint64{0, 5, 20} {
				ctx := experimental.WithMemoryAllocator(t.Context(), &longMemory{pages: pages})
				want, err := launch(t.Context(), rt, plain, Init{})
				if err != nil {
					t.Fatal(err)
				}
				got, err := launch(ctx, rt, virtual, Init{})
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range deltas {
					a, b := call(t, want, "grow", uint64(d)), call(t, got, "grow", uint64(d))
					if a != b || call(t, want, "size") != call(t, got, "size") {
						t.Errorf("max %d: grow(%d): real memory says %d, virtual %d", max, d, int32(a), int32(b))
					}
				}
				last := uint64(call(t, got, "size"))<<16 - 4
				call(t, got, "load", last)
			}
		})
	}
}

// A host undoes growth by setting the size back, limits it, and learns of
// refusals.
func TestVirtualGrowthObeysTheHost(t *testing.T) {
	virtual := virtuallyGrowing(t, grower(2, 20))
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		mod := start(t, rt, virtual)
		const refused = math.MaxUint32 // -1
		check := func(delta, answer, size, refusal uint32) {
			t.Helper()
			if got := uint32(call(t, mod, "grow", uint64(delta))); got != answer {
				t.Errorf("grow(%d) = %d, want %d", delta, int32(got), int32(answer))
			}
			if got := getGlobal(mod, PagesExport); got != size {
				t.Errorf("after grow(%d) the size is %d, want %d", delta, got, size)
			}
			if got := getGlobal(mod, RefusedExport); got != refusal {
				t.Errorf("after grow(%d) %d pages are refused, want %d", delta, got, refusal)
			}
		}
		if got := getGlobal(mod, PageLimitExport); got != 20 {
			t.Errorf("the limit begins at %d, want the declared maximum", got)
		}
		check(18, 2, 20, 0)
		check(1, refused, 20, 1)
		setGlobal(mod, PagesExport, 2)
		setGlobal(mod, RefusedExport, 0)
		setGlobal(mod, PageLimitExport, 4)
		check(0, 2, 2, 0)
		check(3, refused, 2, 3)
		check(2, 2, 4, 3)
		check(math.MaxUint32, refused, 4, math.MaxUint32)
		setGlobal(mod, PageLimitExport, 3) // below the size
		check(1, refused, 4, 1)
		setGlobal(mod, PageLimitExport, math.MaxUint32)
		check(5000, refused, 4, 5000) // more than the engine has
		check(1000, 4, 1004, 5000)
	})
}

func TestVirtualGrowthRefuses(t *testing.T) {
	for name, g := range map[string]*guest{
		"no memory":       {},
		"two":             new(guest).memory(1, 2).memory(1, 2),
		"shared":          {mems: [][]byte{{3, 1, 1}}},
		"64-bit":          {mems: [][]byte{{5, 1, 1}}},
		"a reserved name": new(guest).memory(1, 2).export(PagesExport, KindMemory, 0),
	} {
		if err := parse(t, g.wasm()).VirtualGrowth(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
