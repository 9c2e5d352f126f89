package wasmbin

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
)

// checkStub wants of the stub of a module that it is the module but for the
// bodies and the custom sections without names.
func checkStub(t *testing.T, wasm []byte) {
	t.Helper()
	stub, err := Stub(wasm)
	if err != nil {
		t.Fatal(err)
	}
	m, s := parse(t, wasm), parse(t, stub)
	if len(s.Bodies) != len(m.Bodies) {
		t.Fatalf("the stub has %d bodies, the module %d", len(s.Bodies), len(m.Bodies))
	}
	for i, b := range s.Bodies {
		if !bytes.Equal(b.Raw, stubBody[1:]) {
			t.Fatalf("body %d is %x", i, b.Raw)
		}
	}
	rest := func(m *Module) (list [][]byte) {
		for _, sec := range m.sections {
			switch {
			case sec.id == secCode:
				list = append(list, []byte{byte(secCode)}) // its place
			case sec.id != secCustom || m.Customs[sec.custom].Name == nameSection:
				list = append(list, sec.raw)
			}
		}
		return list
	}
	if !slices.EqualFunc(rest(s), rest(m), bytes.Equal) {
		t.Error("a section beside the code has changed")
	}
	if again, err := Stub(stub); err != nil || !bytes.Equal(again, stub) {
		t.Errorf("the stub's stub is another one, %v", err)
	}
}

func TestStub(t *testing.T) {
	for _, b := range seeds() {
		checkStub(t, b)
	}
	for _, s := range suites {
		t.Run(s.name, func(t *testing.T) {
			wasm, _ := rewritten(t, s.build(t, false), everyPass)
			checkStub(t, wasm)
			stub, err := Stub(wasm)
			if err != nil {
				t.Fatal(err)
			}
			if len(stub) > len(wasm)/4 {
				t.Errorf("the stub has %d bytes, the module %d", len(stub), len(wasm))
			}
			onEngines(t, func(t *testing.T, rt wazero.Runtime) {
				c, err := rt.CompileModule(t.Context(), stub)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestStubRefuses(t *testing.T) {
	whole := everything().wasm()
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"no module":                []byte("no module"),
		"a cut section":            whole[:len(whole)-1],
		"a section without a size": append(slices.Clone(header), byte(secType)),
		"too many bodies":          append(slices.Clone(header), byte(secCode), 2, 0xff, 0x7f),
		"a section without a name": append(slices.Clone(header), byte(secCustom), 1, 9),
	} {
		var pe *ParseError
		if _, err := Stub(b); !errors.As(err, &pe) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Whatever the bytes are, Stub must not panic nor make more of them than they
// are, and of what Parse accepts it makes a stub.
func FuzzStub(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		stub, err := Stub(b)
		if len(stub) > len(b)*len(stubBody)+10 {
			t.Fatalf("%d bytes became %d", len(b), len(stub))
		}
		if _, invalid := Parse(b); invalid != nil {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkStub(t, b)
	})
}
