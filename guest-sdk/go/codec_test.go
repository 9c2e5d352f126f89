//go:build !wasip1

package ray

import (
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func TestRefsAreOnlyEncodedInACall(t *testing.T) {
	newWorld(t)
	if _, err := spec.Marshal(remoteAdd.Remote(1, 2)); err == nil {
		t.Error("a ref was encoded outside a call")
	}
	var r Ref[int]
	if err := spec.Unmarshal([]byte{0xd9, 0xd9, 0xf9, 0}, &r); err == nil {
		t.Error("a ref was decoded outside a call")
	}
	if err := spec.Unmarshal([]byte{0xd9, 0xd9, 0xfa, 0}, &r); err == nil {
		t.Error("an actor handle was decoded as a ref")
	}
	if err := spec.Unmarshal([]byte{0xf6}, &r); err != nil || !r.IsZero() {
		t.Errorf("null is decoded as %v, %v", r, err)
	}
}

func TestShapes(t *testing.T) {
	for wanted, item := range map[string][]byte{
		"nothing":                   {},
		"the integer 7":             {7},
		"the integer 500":           {0x19, 0x01, 0xf4},
		"the integer -8":            {0x27},
		"a text of 3 bytes":         {0x63, 'a', 'b', 'c'},
		"a byte string of 40 bytes": {0x58, 40},
		"an array of 2":             {0x82, 1, 2},
		"a map of 1":                {0xa1, 1, 2},
		"a ref":                     {0xd9, 0xd9, 0xf9, 0},
		"an actor handle":           {0xd9, 0xd9, 0xfa, 0},
		"a value with tag 1":        {0xc1, 0},
		"a bool":                    {0xf5},
		"null":                      {0xf6},
		"a float":                   {0xf9, 0, 0},
		"bytes that are not CBOR":   {0x1f},
	} {
		if got := shape(item); got != wanted {
			t.Errorf("shape(%x) = %q, not %q", item, got, wanted)
		}
	}
}

func FuzzShape(f *testing.F) {
	f.Add([]byte{0x1b, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		if shape(b) == "" {
			t.Errorf("shape(%x) says nothing", b)
		}
	})
}
