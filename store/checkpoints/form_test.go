package checkpoints

import (
	"reflect"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// FuzzCall reads any bytes as a call: what is accepted has exactly one form.
func FuzzCall(f *testing.F) {
	f.Add(Call{Caller: spec.DriverTaskID(spec.JobNumber(1)), Seq: 3, Method: "add", Args: []byte{1, 2}, Result: []byte{3}}.encode())
	f.Add(Call{Method: "none", Args: []byte{}}.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := decodeCall(b)
		if !ok {
			return
		}
		again, ok := decodeCall(c.encode())
		if string(c.encode()) != string(b) || !ok || !reflect.DeepEqual(again, c) {
			t.Fatalf("%x reads as %+v, which is written %x", b, c, c.encode())
		}
	})
}
