//go:build !wasip1

package ray

import (
	"encoding/binary"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// quietWorld answers as fast as it can, so that what is measured is this package: every call of it takes two integers
// or one point, and every result is thrown away.
type quietWorld struct {
	outside
	called string
	args   [][]byte
}

func (q *quietWorld) name(p []byte) int32 { return int32(copy(p, q.called)) }
func (q *quietWorld) frame(p []byte) int64 {
	b := p[:0]
	for i := -1; i < len(q.args); i++ {
		item := []byte(q.called)
		if i >= 0 {
			item = q.args[i]
		}
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(item))), item...)
	}
	return int64(len(b))
}
func (q *quietWorld) getValue(h uint32, _ int64, p []byte) int64    { return int64(copy(p, q.args[h])) }
func (q *quietWorld) arg(i int) int32                               { return int32(i) }
func (q *quietWorld) size(h uint32) int64                           { return int64(len(q.args[h])) }
func (q *quietWorld) read(h uint32, off int64, p []byte) int32      { return int32(copy(p, q.args[h])) }
func (q *quietWorld) ret([]byte, []uint32) int32                    { return 0 }
func (q *quietWorld) passValue([]byte, []uint32) int32              { return 0 }
func (q *quietWorld) submit(_ string, _ []byte, out []uint32) int32 { out[0] = 0; return 1 }
func (q *quietWorld) get([]uint32, int64) int32                     { return 0 }
func (q *quietWorld) release(uint32) int32                          { return 0 }

func move(p point, by int) (point, error) { return point{X: p.X + by, Y: p.Y}, nil }

var remoteMove = Remote2(move)

func quiet(b *testing.B, called string, args ...any) *quietWorld {
	q := &quietWorld{called: called}
	for _, a := range args {
		form, err := spec.Marshal(a)
		if err != nil {
			b.Fatal(err)
		}
		q.args = append(q.args, form)
	}
	world = q
	b.Cleanup(func() { world = outside{} })
	b.ReportAllocs()
	return q
}

func BenchmarkServe(b *testing.B) {
	b.Run("two ints", func(b *testing.B) {
		quiet(b, "go.add", 1, 1000)
		for b.Loop() {
			if serve(spec.CallFunction, 2) != 0 {
				b.Fatal("failed")
			}
		}
	})
	b.Run("a struct", func(b *testing.B) {
		quiet(b, "go.move", point{X: 1, Y: 2}, 3)
		for b.Loop() {
			if serve(spec.CallFunction, 2) != 0 {
				b.Fatal("failed")
			}
		}
	})
	b.Run("a text of 10 KiB", func(b *testing.B) {
		quiet(b, "go.size2", make([]byte, 10<<10))
		for b.Loop() {
			if serve(spec.CallFunction, 1) != 0 {
				b.Fatal("failed")
			}
		}
	})
}

func BenchmarkRemote(b *testing.B) {
	b.Run("two ints", func(b *testing.B) {
		quiet(b, "")
		for b.Loop() {
			remoteAdd.Remote(1, 1000)
		}
	})
	b.Run("two ints, and get", func(b *testing.B) {
		quiet(b, "", 1)
		for b.Loop() {
			if n, err := remoteAdd.Remote(1, 1000).Get(); n != 1 || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("a struct", func(b *testing.B) {
		quiet(b, "")
		for b.Loop() {
			remoteMove.Remote(point{X: 1, Y: 2}, 1000)
		}
	})
	b.Run("two ints, released", func(b *testing.B) {
		quiet(b, "")
		for b.Loop() {
			remoteAdd.Remote(1, 1000).Release()
		}
	})
}
