package enginetest

import (
	"bytes"
	"context"
	"testing"
	"unsafe"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// memory is room for the memory of one instance.
type memory struct {
	headroom  uint64 // bytes beyond the minimum
	refuse    bool   // there is no room
	room      []byte
	allocated int // calls of Allocate
}

// roomBytes is how far a memory may grow, in bytes.
const roomBytes = 6 * asm.Page

func (m *memory) Size(min uint64) uint64 { return min + m.headroom }

func (m *memory) Allocate(min uint64) []byte {
	m.allocated++
	if m.refuse {
		return nil
	}
	m.room = make([]byte, roomBytes)
	return m.room[:m.Size(min)]
}

func (m *memory) Grow(size uint64) []byte {
	if size > roomBytes {
		return nil
	}
	return m.room[:size]
}

// memoryGuest has a memory of one page, which may become eight.
func memoryGuest(m *module) []byte {
	m.memory(1, 8)
	m.Bytes(asm.Const32(16), "hello")
	m.Func("size", nil, asm.Types(asm.I32), asm.Op(wasmbin.OpMemorySize, 0))
	m.Func("grow", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpMemoryGrow, 0))
	m.Func("load", asm.Types(asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Op(wasmbin.OpI32Load, 0, 0))
	m.Func("store", asm.Types(asm.I32, asm.I32), nil, asm.Get(0), asm.Get(1), asm.Op(asm.OpI32Store, 0, 0))
	return m.Binary()
}

func base(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// memoryPlacement: the memory is as long as Size says from the start, holds the data segments, and is shared by the
// guest and the host. If the engine places it, it lies where Allocate put it.
func (s suite) memoryPlacement(t *testing.T) {
	c := compile(t, s.engine(t), memoryGuest(&module{}))
	for _, headroom := range []uint64{0, 2 * asm.Page} {
		m := &memory{headroom: headroom}
		i := instantiate(t, c, &engine.Guest{}, m)
		b := i.Memory()
		if want := asm.Page + headroom; uint64(len(b)) != want {
			t.Fatalf("the memory has %d bytes, want %d", len(b), want)
		}
		if m.allocated > 1 {
			t.Errorf("Allocate was called %d times", m.allocated)
		}
		if m.allocated == 1 && base(b) != base(m.room) {
			t.Error("the memory is not where it was allocated")
		}
		if got := result(t, i, "size"); got != uint64(len(b)/asm.Page) {
			t.Errorf("the guest sees %d pages, the host %d bytes", got, len(b))
		}
		if !bytes.Equal(b[16:21], []byte("hello")) {
			t.Errorf("the data segment is %q", b[16:21])
		}
		b[len(b)-4] = 42
		if got := result(t, i, "load", uint64(len(b)-4)); got != 42 {
			t.Errorf("the guest loads %d where the host has written 42", got)
		}
		result(t, i, "store", 100, 43)
		if got := i.Memory()[100]; got != 43 {
			t.Errorf("the host reads %d where the guest has stored 43", got)
		}
	}
}

// memoryGrowth: a memory grows where it is, and keeps what is in it. What may not be is refused.
func (s suite) memoryGrowth(t *testing.T) {
	m := &memory{headroom: asm.Page}
	i := instantiate(t, compile(t, s.engine(t), memoryGuest(&module{})), &engine.Guest{}, m)
	was := base(i.Memory())
	result(t, i, "store", asm.Page, 42)
	for want := uint64(2); want < roomBytes/asm.Page; want++ {
		if got := result(t, i, "grow", 1); got != want {
			t.Fatalf("a memory of %d pages says it had %d before it grew", want, int32(got))
		}
		b := i.Memory()
		if uint64(len(b)) != (want+1)*asm.Page {
			t.Fatalf("the memory has %d bytes after it grew to %d pages", len(b), want+1)
		}
		if base(b) != was {
			t.Fatal("the memory moved when it grew")
		}
		if b[asm.Page] != 42 {
			t.Error("the memory lost its contents when it grew")
		}
		if b[len(b)-1] != 0 {
			t.Error("the memory grew by something other than zeros")
		}
	}
	if got := uint32(result(t, i, "grow", 3)); got != ^uint32(0) {
		t.Errorf("a memory of %d pages grew beyond the module's maximum", got)
	}
	if m.allocated == 0 {
		return
	}
	if got := uint32(result(t, i, "grow", 1)); got != ^uint32(0) {
		t.Errorf("a memory of %d pages grew although Grow refused", got)
	}
	if got := len(i.Memory()); got != roomBytes {
		t.Errorf("the memory has %d bytes after Grow refused, want %d", got, roomBytes)
	}
}

// memoryGrowthByTheHost: while its guest is in a host function, which the guest notices when it goes on.
func (s suite) memoryGrowthByTheHost(t *testing.T) {
	var m module
	ask := m.imp("ask", nil, asm.Types(asm.I32))
	wasm := func() []byte {
		m.Func("ask", nil, asm.Types(asm.I32), asm.Op(wasmbin.OpCall, ask), asm.Op(wasmbin.OpDrop), asm.Const32(4*asm.Page-4), asm.Op(wasmbin.OpI32Load, 0, 0))
		return memoryGuest(&m)
	}()
	var i engine.Instance
	i = instantiate(t, compile(t, s.engine(t, hostFunc("ask", nil, asm.Types(asm.I32), func(_ context.Context, g *engine.Guest, stack []uint64) error {
		was := base(g.Memory())
		for _, grow := range []struct {
			size, len uint64
			ok        bool
		}{{asm.Page, asm.Page, true}, {4 * asm.Page, 4 * asm.Page, true}, {2 * asm.Page, 4 * asm.Page, true}, {1 << 33, 4 * asm.Page, false}} {
			if ok := i.Grow(grow.size); ok != grow.ok || uint64(len(g.Memory())) != grow.len || base(g.Memory()) != was {
				t.Errorf("grown to %d: %v, and there are %d bytes", grow.size, ok, len(g.Memory()))
			}
		}
		g.Memory()[4*asm.Page-4] = 42
		return nil
	})), wasm), &engine.Guest{}, &memory{})
	if got := result(t, i, "ask"); got != 42 {
		t.Errorf("where the memory has grown the guest reads %d", got)
	}
	if got := result(t, i, "size"); got != 4 {
		t.Errorf("the guest says that it has %d pages", got)
	}
}

// memoryRefused: without room there is no instance.
func (s suite) memoryRefused(t *testing.T) {
	m := &memory{refuse: true}
	c := compile(t, s.engine(t), memoryGuest(&module{}))
	i, err := c.Instantiate(t.Context(), &engine.Guest{}, m)
	if err == nil {
		check(t, i.Close())
		if m.allocated > 0 {
			t.Error("an instance was made although there was no room for its memory")
		}
	}
	instantiate(t, c, &engine.Guest{}, &memory{})
}

// memoryOfHostFunctions: a host function sees the memory of its guest, as it is at that moment.
func (s suite) memoryOfHostFunctions(t *testing.T) {
	var m module
	look := m.imp("look", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32))
	wasm := func() []byte {
		m.Func("look", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32), asm.Get(0), asm.Get(1), asm.Op(wasmbin.OpCall, look))
		m.Func("grow and look", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32),
			asm.Get(0), asm.Get(1), asm.Op(wasmbin.OpCall, look), asm.Op(wasmbin.OpDrop),
			asm.Const32(1), asm.Op(wasmbin.OpMemoryGrow, 0), asm.Op(wasmbin.OpDrop),
			asm.Get(0), asm.Get(1), asm.Op(wasmbin.OpCall, look))
		return memoryGuest(&m)
	}()
	var seen string
	guest := &engine.Guest{}
	i := instantiate(t, compile(t, s.engine(t, hostFunc("look", asm.Types(asm.I32, asm.I32), asm.Types(asm.I32), func(_ context.Context, g *engine.Guest, stack []uint64) error {
		b, ok := g.View(uint32(stack[0]), uint32(stack[1]))
		seen = string(b)
		if stack[0] = 0; ok {
			stack[0] = 1
			copy(b, "HELLO")
		}
		return nil
	})), wasm), guest, &memory{})
	for _, c := range []struct {
		ptr, n, ok uint64
	}{{16, 5, 1}, {0, asm.Page, 1}, {asm.Page, 0, 1}, {asm.Page, 1, 0}, {1, asm.Page, 0}, {0xffff_ffff, 0xffff_ffff, 0}} {
		if got := result(t, i, "look", c.ptr, c.n); got != c.ok {
			t.Errorf("the view of %d bytes from %d is %d, want %d", c.n, c.ptr, got, c.ok)
		}
		if c.ptr == 16 && seen != "hello" {
			t.Errorf("the host function saw %q", seen)
		}
	}
	if got := string(i.Memory()[16:21]); got != "HELLO" {
		t.Errorf("the memory has %q where the host function wrote HELLO", got)
	}
	if got := result(t, i, "grow and look", asm.Page, 1); got != 1 {
		t.Error("a host function does not see what the guest has just grown to")
	}
	if base(guest.Memory()) != base(i.Memory()) || len(guest.Memory()) != len(i.Memory()) {
		t.Error("the guest's memory is not the instance's")
	}
}

// noMemory: an instance without a memory has none, and asks for none.
func (s suite) noMemory(t *testing.T) {
	var m module
	m.Func("f", nil, nil)
	mem, guest := &memory{}, &engine.Guest{}
	i := instantiate(t, compile(t, s.engine(t), m.Binary()), guest, mem)
	if i.Memory() != nil || guest.Memory() != nil || mem.allocated != 0 {
		t.Errorf("there is a memory of %d bytes", len(i.Memory()))
	}
	if i.Grow(asm.Page) {
		t.Error("no memory grows")
	}
	if _, ok := guest.View(0, 1); ok {
		t.Error("a guest without memory gives a view of it")
	}
}
