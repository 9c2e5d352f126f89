package wasmrt_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/spec"
)

// A room that a freed instance has left is the next new instance's, whatever module it was for, if it begins the same.

// blank is a module whose state no image holds. It has one page of memory, of which the first bytes are its own, asks the
// host, fills its memory and changes its table.
func blank(number int32) []byte {
	var a assembly
	ask := a.importAsk()
	a.Memory(1)
	a.Bytes(asm.Const32(0), "blank")
	f := a.Func("number", nil, asm.Types(asm.I32), asm.Const32(number))
	a.Table(1, f)
	a.Func("install", nil, nil, asm.Const32(0), asm.Op(wasmbin.OpRefFunc, f), asm.Op(wasmbin.OpTableSet, 0))
	a.Func("ask", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.CallFunc(ask))
	a.Func("fill", asm.Types(asm.I32, asm.I32, asm.I32), nil, asm.Get(0), asm.Get(1), asm.Get(2), asm.Op(wasmbin.OpMemoryFill, 0))
	a.Func("trap", nil, nil, asm.Op(wasmbin.OpUnreachable))
	return a.Binary()
}

// livesAt opens a sandbox, uses it and returns where its memory lies; end ends it. What it finds in its memory at first
// must be what begins says, and zeros.
func livesAt(t *testing.T, m *wasmrt.Module, cfg wasmrt.SandboxConfig, begins []byte, end func(s *wasmrt.Sandbox)) (at uintptr) {
	t.Helper()
	cfg.Owner = host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
		at = uintptr(unsafe.Pointer(unsafe.SliceData(g.Memory())))
		return 0, compare(g.Memory(), begins)
	})
	s := sandbox(t, m, cfg)
	call(t, s, "ask", 0)
	call(t, s, "fill", 0, 0x55, asm.Page)
	end(s)
	check(t, s.Close())
	return at
}

func traps(t *testing.T) func(s *wasmrt.Sandbox) {
	return func(s *wasmrt.Sandbox) {
		_, err := s.Call(t.Context(), "trap")
		wantKind(t, err, spec.GuestTrap)
	}
}

func endsWell(*wasmrt.Sandbox) {}

func TestNewInstancesTakeRoomsThatWereLeft(t *testing.T) {
	var count counter
	rt := openRuntime(t, count.open(wazero.Open))
	m := loadCounted(t, rt, &count, notebook())
	first := livesAt(t, m, wasmrt.SandboxConfig{}, notebookImage(), traps(t))
	want(t, "where the second lives", livesAt(t, m, wasmrt.SandboxConfig{}, notebookImage(), traps(t)), first)
	// Rooms come in powers of two.
	want(t, "where one with a lower limit lives", livesAt(t, m, wasmrt.SandboxConfig{MemoryBytes: 900 << 20}, notebookImage(), traps(t)), first)
	if at := livesAt(t, m, wasmrt.SandboxConfig{MemoryBytes: 400 << 20}, notebookImage(), traps(t)); at == first {
		t.Error("a memory of 400 MiB lies where one of 1 GiB may grow")
	}
	count.want(t, "four traps", 4, 4)

	// What had grown is not let again: it is longer than a memory may be at first.
	livesAt(t, m, wasmrt.SandboxConfig{}, notebookImage(), func(s *wasmrt.Sandbox) {
		call(t, s, "grow", 300)
		call(t, s, "poke", notebookBytes+299*asm.Page, 0x55)
		traps(t)(s)
	})
	livesAt(t, m, wasmrt.SandboxConfig{}, notebookImage(), endsWell)
}

func TestModulesWithoutImagesShareRooms(t *testing.T) {
	var count counter
	rt := openRuntime(t, count.open(wazero.Open))
	own := []byte("blank")
	first := livesAt(t, loadCounted(t, rt, &count, blank(1)), wasmrt.SandboxConfig{}, own, endsWell)
	for number := int32(1); number < 4; number++ {
		m := loadCounted(t, rt, &count, blank(number))
		for _, end := range []func(s *wasmrt.Sandbox){endsWell, traps(t), endsWell} {
			want(t, fmt.Sprintf("where the memory of module %d lies", number), livesAt(t, m, wasmrt.SandboxConfig{}, own, end), first)
		}
	}
}

func TestEmptyRoomsAreBounded(t *testing.T) {
	var count counter
	m := loadCounted(t, openRuntime(t, count.open(wazero.Open)), &count, notebook())
	before := imagesOpen(t)
	const more = 5
	list := make([]*wasmrt.Sandbox, wasmrt.MaxRooms+more)
	for k := range list {
		list[k] = sandbox(t, m, wasmrt.SandboxConfig{})
		traps(t)(list[k])
	}
	mapped := imagesOpen(t) - before
	if mapped < len(list) {
		t.Fatalf("%d images are mapped for %d sandboxes", mapped, len(list))
	}
	for _, s := range list {
		check(t, s.Close())
	}
	want(t, "how many mappings went with the sandboxes", mapped-(imagesOpen(t)-before), more*mapped/len(list))
}

func TestRoomsThatNobodyTakesAreFreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var count counter
		m := loadCounted(t, openRuntime(t, count.open(wazero.Open)), &count, notebook())
		before := imagesOpen(t)
		livesAt(t, m, wasmrt.SandboxConfig{}, notebookImage(), traps(t))
		count.want(t, "a trap", 1, 1)
		if imagesOpen(t) == before {
			t.Error("the room was freed with the instance")
		}
		<-time.After(wasmrt.IdleRounds * wasmrt.RoundTime) // by the clock of the bubble
		synctest.Wait()
		if imagesOpen(t) == before {
			t.Error("the room was freed before it was idle for long")
		}
		<-time.After(wasmrt.RoundTime) // by the clock of the bubble
		synctest.Wait()
		want(t, "images that are mapped", imagesOpen(t), before)
	})
}
