package local

import (
	"testing"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
)

// FuzzReplay gives any bytes as a record of the log, twice: it is refused, or the state is one that a copy gives again.
func FuzzReplay(f *testing.F) {
	for _, ch := range []change{
		{Revision: 3, Put: []row{{Key: []byte("k"), Value: []byte("v"), Created: 2, Revision: 3}}},
		{Revision: 9, Delete: [][]byte{[]byte("k")}, Grant: []control.Lease{{ID: 4, TTL: 1e9}}, Revoke: []control.LeaseID{5}},
	} {
		b, err := spec.Marshal(ch)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		s := &Store{now: newState()}
		for _, body := range [][]byte{a, b} {
			if s.replay(wal.Place{}, wal.Record{Body: body}) != nil {
				return
			}
		}
		again := newState()
		for after, first := "", true; first || after != ""; first = false {
			var ch change
			ch, after = s.now.copied(after, first)
			again.apply(ch)
		}
		if again.items.Len() != s.now.items.Len() || again.leases.Len() != s.now.leases.Len() || again.bytes != s.now.bytes || again.revision != s.now.revision || again.attached.Len() != s.now.attached.Len() {
			t.Fatalf("the copy has %d items, %d leases, %d attachments and %d bytes, want %d, %d, %d and %d", again.items.Len(), again.leases.Len(), again.attached.Len(), again.bytes,
				s.now.items.Len(), s.now.leases.Len(), s.now.attached.Len(), s.now.bytes)
		}
	})
}
