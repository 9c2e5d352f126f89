package wasmbin

import (
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// detached runs ExportState and DetachInit.
func detached(t *testing.T, wasm []byte) ([]byte, State, Init) {
	t.Helper()
	m := parse(t, wasm)
	state, err := m.ExportState()
	if err != nil {
		t.Fatal(err)
	}
	init, err := m.DetachInit()
	if err != nil {
		t.Fatal(err)
	}
	out := m.Encode()
	parse(t, out)
	return out, state, init
}

// One module serves for a start anew and for one from the state of another
// instance, which goes on where that left off.
func TestDetachInitStartsAnewAndFromState(t *testing.T) {
	for name, g := range map[string]*guest{"dropped": counter(), "emptied": counter().passive("x")} {
		t.Run(name, func(t *testing.T) {
			wasm, state, init := detached(t, g.wasm())
			want := []StateGlobal{{"__ray_g0", I64}, {"__ray_g1", F32}}
			if !slices.Equal(state.Globals, want) || state.Memory != "__ray_memory" {
				t.Fatalf("state is %v", state)
			}
			onEngines(t, func(t *testing.T, rt wazero.Runtime) {
				bare := start(t, rt, wasm)
				if got := call(t, bare, "up"); got != 1+1 {
					t.Errorf("without its initialisation up returned %d", got)
				}
				first := start(t, rt, wasm, init)
				call(t, first, "up")
				if got := call(t, first, "up"); got != 102+1002 {
					t.Fatalf("the second call returned %d", got)
				}
				image, _ := first.ExportedMemory(state.Memory).Read(0, 1<<16)
				bare.ExportedMemory(state.Memory).Write(0, image)
				for _, sg := range state.Globals {
					bare.ExportedGlobal(sg.Name).(api.MutableGlobal).Set(first.ExportedGlobal(sg.Name).Get())
				}
				if got := call(t, bare, "up"); got != 103+1003 {
					t.Errorf("after the restore up returned %d", got)
				}
			})
		})
	}
}

// Segments keep their order where they overlap, and a segment that must stay
// keeps those before it.
func TestDetachInitKeepsTheOrderOfSegments(t *testing.T) {
	segment := func(offset ...[]byte) []byte {
		return slices.Concat([]byte{dataActive}, slices.Concat(offset...), op(OpEnd))
	}
	sum := segment(i32(3), i32(4), op(OpI32Mul), i32(2), op(OpI32Sub)) // 10
	g := new(guest).memory(1, 1)
	g.bytes(8, "aaaa")
	g.data = append(g.data, appendName(slices.Clone(sum), "bbbb"))
	g.bytes(9, "c")
	_, _, init := detached(t, g.wasm())
	var got []InitData
	for _, d := range init.Data {
		got = append(got, InitData{Offset: d.Offset, Bytes: d.Bytes})
	}
	for i, want := range []InitData{{8, []byte("aaaa")}, {10, []byte("bbbb")}, {9, []byte("c")}} {
		if i >= len(got) || got[i].Offset != want.Offset || string(got[i].Bytes) != string(want.Bytes) {
			t.Errorf("the segments are %v, want %v as number %d", got, want, i)
		}
	}

	g.imports = append(g.imports,
		slices.Concat(appendName(nil, "env"), appendName(nil, "base"), []byte{byte(KindGlobal), byte(I32), 0}))
	g.data[1] = appendName(segment(op(OpGlobalGet, 0)), "bbbb")
	wasm, _, init := detached(t, g.wasm())
	if len(init.Data) != 1 || init.Data[0].Offset != 9 {
		t.Errorf("the host is left with %v, want the last segment only", init.Data)
	}
	if m := parse(t, wasm); len(m.Data) != 2 {
		t.Errorf("%d segments stay, want the first two", len(m.Data))
	}
}

func TestDetachInitRunsAnImportedStartFunction(t *testing.T) {
	g := &guest{}
	imported := g.imp(tick.Module, tick.Name, nil, nil)
	g.start = &imported
	g.global(I64, true, i64(0))
	g.export(BudgetExport, KindGlobal, 0)
	m := parse(t, g.wasm())
	m.private = map[string]bool{BudgetExport: true}
	init, err := m.DetachInit()
	if err != nil {
		t.Fatal(err)
	}
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		a := account{slice: 1, left: 1}
		a.host(t, rt)
		start(t, rt, m.Encode(), init)
		if a.ticks != 1 {
			t.Errorf("the start function ran %d times", a.ticks)
		}
	})
}

func TestDetachInitRefuses(t *testing.T) {
	m := parse(t, counter().wasm())
	if _, err := m.DetachInit(); err != nil {
		t.Fatal(err)
	}
	if init, err := m.DetachInit(); err != nil || init.Start || init.Data != nil {
		t.Errorf("there is %v left, %v", init, err)
	}
	if _, err := parse(t, counter().export(StartExport, KindMemory, 0).wasm()).DetachInit(); err == nil {
		t.Error("a reserved name is accepted")
	}
}
