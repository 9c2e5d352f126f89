package hostcall

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// idle is a caller that costs nothing: what is measured is the session.
type idle struct {
	id    [1]spec.ObjectID
	value [1]spec.Value
}

func (i *idle) Retain([]spec.Link)  {}
func (i *idle) Release([]spec.Link) {}
func (i *idle) Submit(context.Context, spec.Call) ([]spec.ObjectID, error) {
	return i.id[:], nil
}
func (i *idle) Cancel(context.Context, spec.ObjectID, bool, bool) error { return nil }

func (i *idle) Put(context.Context, spec.Value) (spec.ObjectID, error) { return i.id[0], nil }
func (i *idle) Place(context.Context, [][]byte, []spec.Link) (spec.ObjectID, error) {
	return i.id[0], nil
}
func (i *idle) Get(_ context.Context, _ []spec.ObjectID, _ time.Duration, values []spec.Value) error {
	copy(values, i.value[:])
	return nil
}
func (i *idle) Wait(context.Context, []spec.ObjectID, int, time.Duration) ([]bool, error) {
	return []bool{true}, nil
}

// quick is a guest for benchmarks, without the checks of a world.
type quick struct {
	ctx     context.Context
	guest   engine.Guest
	session *Session
	memory  []byte
	serve   map[string]func(context.Context, *engine.Guest, []uint64) error
}

func newQuick(b *testing.B) *quick {
	host := &idle{value: [1]spec.Value{{Data: []byte{0}}}}
	q := &quick{ctx: b.Context(), memory: make([]byte, 2*spec.MiB), serve: make(map[string]func(context.Context, *engine.Guest, []uint64) error)}
	q.session = NewSession(Caller{Objects: host, Counts: host, Tasks: host})
	q.guest.Owner = q.session
	q.guest.Bind(func() []byte { return q.memory })
	for _, f := range Funcs() {
		q.serve[f.Name] = f.Func
	}
	b.ReportAllocs()
	return q
}

// BenchmarkTinyCall is what a function with one small argument and a small result costs the session: begin, name, arg,
// size, read, ret, end.
func BenchmarkTinyCall(b *testing.B) {
	q := newQuick(b)
	name, arg, size, read, ret := q.serve["name"], q.serve["arg"], q.serve["size"], q.serve["read"], q.serve["ret"]
	args := values(spec.Value{Data: []byte{0x18, 0x2a}})
	var stack [4]uint64
	for b.Loop() {
		q.session.Begin("add", args)
		stack = [4]uint64{0, 1024}
		_ = name(q.ctx, &q.guest, stack[:2])
		stack[0] = 0
		_ = arg(q.ctx, &q.guest, stack[:1])
		h := stack[0]
		_ = size(q.ctx, &q.guest, stack[:1])
		stack = [4]uint64{h, 0, 2048, stack[0]}
		_ = read(q.ctx, &q.guest, stack[:4])
		stack = [4]uint64{2048, 2, 0, 0}
		_ = ret(q.ctx, &q.guest, stack[:4])
		if len(q.session.Results()) != 1 || int32(stack[0]) != 0 {
			b.Fatal(q.session.last)
		}
	}
}

// BenchmarkSubmit is what a caller's side of a tiny call costs: pass_value, submit, get, size, read, release.
func BenchmarkSubmit(b *testing.B) {
	q := newQuick(b)
	pass, submit, get, size, read, release := q.serve["pass_value"], q.serve["submit"], q.serve["get"], q.serve["size"], q.serve["read"], q.serve["release"]
	copy(q.memory, "add")
	var stack [6]uint64
	for b.Loop() {
		stack = [6]uint64{100, 2}
		_ = pass(q.ctx, &q.guest, stack[:4])
		stack = [6]uint64{0, 3, 0, 0, 200, 1}
		_ = submit(q.ctx, &q.guest, stack[:6])
		h := uint64(binary.LittleEndian.Uint32(q.memory[200:]))
		stack = [6]uint64{200, 1, 1<<64 - 1}
		_ = get(q.ctx, &q.guest, stack[:3])
		stack[0] = h
		_ = size(q.ctx, &q.guest, stack[:1])
		stack = [6]uint64{h, 0, 300, stack[0]}
		_ = read(q.ctx, &q.guest, stack[:4])
		stack[0] = h
		_ = release(q.ctx, &q.guest, stack[:1])
		if int32(stack[0]) != 0 || q.session.handles.open != 0 {
			b.Fatal(q.session.last)
		}
	}
}

// BenchmarkRead copies values of several sizes into the guest.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{16, spec.KiB, 64 * spec.KiB, spec.MiB} {
		b.Run(spec.FormatBytes(int64(n)), func(b *testing.B) {
			q := newQuick(b)
			q.session.Begin("f", values(spec.Value{Data: make([]byte, n)}))
			read := q.serve["read"]
			var stack [4]uint64
			_ = q.serve["arg"](q.ctx, &q.guest, stack[:1])
			h := stack[0]
			b.SetBytes(int64(n))
			for b.Loop() {
				stack = [4]uint64{h, 0, 0, uint64(n)}
				if _ = read(q.ctx, &q.guest, stack[:]); int(stack[0]) != n {
					b.Fatal(q.session.last)
				}
			}
		})
	}
}
