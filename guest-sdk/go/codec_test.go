//go:build !wasip1

package ray

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// values is one of each kind of value whose encoding a mode could change.
var values = []any{
	nil, true, 0, -1, uint64(math.MaxUint64), 1.5, 0.1, math.Inf(1), math.NaN(), "text", []byte("bytes"), []int{1, 2}, []string(nil),
	map[string]int{"b": 1, "a": 2, "aa": 3}, map[int]string{2: "x", 1: "y"}, time.Unix(1_700_000_000, 5).UTC(),
	struct {
		A int `json:"a,omitempty"`
		B []any
		C *int
	}{B: []any{1, "x", nil}},
}

func TestTheModesAreThoseOfSpec(t *testing.T) {
	for _, v := range values {
		wanted, err := spec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encMode.Marshal(v)
		if err != nil || !bytes.Equal(got, wanted) {
			t.Errorf("%v is encoded as %x, %v; by spec as %x", v, got, err, wanted)
		}
		var a, b any
		errA, errB := spec.Unmarshal(wanted, &a), decMode.Unmarshal(wanted, &b)
		if (errA == nil) != (errB == nil) || fmt.Sprintf("%T %v", a, a) != fmt.Sprintf("%T %v", b, b) {
			t.Errorf("%x is decoded as %v, %v; by spec as %v, %v", wanted, b, errB, a, errA)
		}
	}
	for _, bad := range [][]byte{{}, {0x9f, 0xff}, {0xa2, 0x01, 0x01, 0x01, 0x02}, {0x61, 0xff}, bytes.Repeat([]byte{0x81}, 300), {0x01, 0x01}} {
		var v any
		if spec.Unmarshal(bad, &v) == nil || decMode.Unmarshal(bad, &v) == nil {
			t.Errorf("%x is accepted", bad)
		}
	}
}

func TestRefsAreOnlyEncodedInACall(t *testing.T) {
	newWorld(t)
	if _, err := encMode.Marshal(remoteAdd.Remote(1, 2)); err == nil {
		t.Error("a ref was encoded outside a call")
	}
	var r Ref[int]
	if err := decMode.Unmarshal([]byte{0xd9, 0xd9, 0xf9, 0}, &r); err == nil {
		t.Error("a ref was decoded outside a call")
	}
	if err := decMode.Unmarshal([]byte{0xd9, 0xd9, 0xfa, 0}, &r); err == nil {
		t.Error("an actor handle was decoded as a ref")
	}
	if err := decMode.Unmarshal([]byte{0xf6}, &r); err != nil || !r.IsZero() {
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
