package wasmrt

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func TestTheSparseFormHoldsEverything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		parts := make([][]byte, r.IntN(4))
		for i := range parts {
			parts[i] = make([]byte, 8*r.IntN(600))
			for k := range r.IntN(100) * r.IntN(2) * min(1, len(parts[i])) {
				parts[i][r.IntN(len(parts[i]))] = byte(k)
			}
		}
		all := bytes.Join(parts, nil)
		form := appendSparse(nil, parts)
		back, err := readSparse(form, len(all))
		if err != nil || !bytes.Equal(back, all) {
			t.Fatalf("%d bytes in a form of %d: %v", len(all), len(form), err)
		}
		if len(form) > 0 {
			if _, err := readSparse(form, 0); err == nil {
				t.Fatal("a form is read as that of fewer bytes than it has")
			}
		}
	}
	page := make([]byte, pageSize)
	page[100], page[3000] = 1, 2
	if n := len(appendSparse(nil, [][]byte{page, make([]byte, pageSize)})); n > 30 {
		t.Errorf("two pages of zeros but for two words have a form of %d bytes", n)
	}
}

// FuzzSparse reads any bytes as a sparse form: what is accepted has the length that was asked for.
func FuzzSparse(f *testing.F) {
	f.Add([]byte{8, 8, 1, 2, 3, 4, 5, 6, 7, 8}, uint16(24))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 8}, uint16(8))
	f.Fuzz(func(t *testing.T, b []byte, total uint16) {
		if out, err := readSparse(b, int(total)); err == nil && len(out) != int(total) {
			t.Fatalf("%d bytes, want %d", len(out), total)
		}
	})
}
