package wasmbin

import (
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
)

func TestLimitTables(t *testing.T) {
	for _, c := range []struct{ declared, most uint64 }{{0, 10}, {8, 8}, {500, 10}} {
		g := new(guest).table(FuncRef, 3, c.declared)
		g.elems = append(g.elems, append([]byte{1, 0}, vec()...))
		g.export("grow", KindFunc, g.fn(types(I32), types(I32), nil,
			[]byte{byte(OpRefNull), byte(FuncRef)}, op(OpLocalGet, 0), op(OpTableGrow, 0)))
		m := parse(t, g.wasm())
		if err := m.LimitTables(10); err != nil {
			t.Fatal(err)
		}
		onEngines(t, func(t *testing.T, rt wazero.Runtime) {
			mod := start(t, rt, m.Encode())
			if got := int32(call(t, mod, "grow", c.most-3+1)); got != -1 {
				t.Errorf("of a maximum of %d: growing past the limit is answered by %d", c.declared, got)
			}
			if got := call(t, mod, "grow", c.most-3); got != 3 {
				t.Errorf("of a maximum of %d: growing to the limit is answered by %d", c.declared, got)
			}
		})
	}
}

func TestLimitTablesRefuses(t *testing.T) {
	m := parse(t, new(guest).table(FuncRef, 3, 5).table(FuncRef, 30, 50).wasm())
	if err := m.LimitTables(10); err == nil || !strings.Contains(err.Error(), "table 1 begins with 30") {
		t.Errorf("error is %v", err)
	}
	if m.Tables[0].Max != 5 {
		t.Error("a refused module is changed")
	}
}
