package wasmbin

import (
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
)

// sample is an instruction of its own, with immediates that are in range in
// the module that instructions returns.
type sample struct {
	op    Op
	bytes []byte
}

// samples lists every opcode in the tables but those that open or close blocks.
func samples() (all []sample) {
	for prefix, shapes := range map[Op]*[256]shape{0: &plainShapes, prefixMisc: &miscShapes, prefixVector: &vectorShapes, prefixAtomic: &atomicShapes} {
		for n, s := range shapes {
			o := prefix<<8 | Op(n)
			if s == unknown || s == family || s == blockType || s == tryTable || o == OpElse || o == OpEnd {
				continue
			}
			all = append(all, sample{o, append(op(o), immediates(o, s)...)})
		}
	}
	slices.SortFunc(all, func(a, b sample) int { return int(a.op) - int(b.op) })
	return all
}

func immediates(o Op, s shape) []byte {
	switch s {
	case index, lane, zero, const32, const64:
		return []byte{0}
	case index2, brTable:
		return []byte{0, 0}
	case memArg:
		var align byte
		switch {
		case o == OpAtomicNotify, o == OpAtomicWait32:
			align = 2
		case o == OpAtomicWait64:
			align = 3
		case o>>8 == prefixAtomic: // must be natural; seven widths in turn
			align = [7]byte{2, 3, 0, 1, 0, 1, 2}[(o&0xff-0x10)%7]
		}
		return []byte{align, 0x80, 0x01}
	case memLane:
		return []byte{0, 0, 0}
	case bytes4:
		return make([]byte, 4)
	case bytes8:
		return make([]byte, 8)
	case bytes16:
		return make([]byte, 16)
	case selectT:
		return []byte{1, byte(I64)}
	case heapType:
		return []byte{byte(FuncRef)}
	}
	return nil
}

// instructions returns a module with every instruction there is. Each stands
// after an unreachable, where operands of every type are at hand.
func instructions() *guest {
	var code [][]byte
	for _, s := range samples() {
		if s.op != OpBrOnNonNull { // its label must take a reference
			code = append(code, op(OpUnreachable), s.bytes)
		}
	}
	code = append(code, op(OpUnreachable),
		[]byte{byte(OpTryTable), 0x40, 3, catchTag, 0, 0, catchAll, 0, catchTag, 0, 0}, op(OpUnreachable), op(OpEnd),
		[]byte{byte(OpBlock), byte(refNullable), 0, byte(OpUnreachable), byte(OpEnd)}, op(OpUnreachable),
		[]byte{byte(OpIf), byte(V128), byte(OpUnreachable), byte(OpElse), byte(OpUnreachable), byte(OpEnd)}, op(OpUnreachable))
	return withEverything(slices.Concat(code...))
}

// withEverything returns a module whose function has an item 0 of every space
// to refer to.
func withEverything(code []byte) *guest {
	g := &guest{}
	g.memory(1, 1).table(FuncRef, 1, 1)
	g.global(I32, true, i32(0))
	g.fn(nil, nil, types(I32), code)
	g.tags = append(g.tags, []byte{0, 0})
	g.elems = append(g.elems, []byte{1, 0, 1, 0})
	return g.passive("data")
}

// Every instruction that the walker knows must be one for wazero, with the
// same end.
func TestWalkerAgreesWithWazero(t *testing.T) {
	onEngines(t, func(t *testing.T, rt wazero.Runtime) {
		for _, s := range samples() {
			code := slices.Concat(op(OpUnreachable), s.bytes, op(OpUnreachable))
			if s.op == OpBrOnNonNull { // its label must take a reference
				code = slices.Concat(blkT(OpBlock, FuncRef, code), op(OpUnreachable))
			}
			b := withEverything(code).wasm()
			m, err := Parse(b)
			if err != nil {
				t.Errorf("%v: %v", s.op, err)
				continue
			}
			w := m.Bodies[0].Walk()
			var in Instr
			for w.Next(&in) && in.Op != s.op || in.Start == 0 {
			}
			if in.Op != s.op || in.End-in.Start != len(s.bytes) {
				t.Errorf("%v is read as %+v", s.op, in)
			}
			c, err := rt.CompileModule(t.Context(), b)
			if err != nil {
				t.Errorf("%v: wazero says %v", s.op, err)
				continue
			}
			c.Close(t.Context())
		}
	})
}

// What the walker does not know, wazero must not know either.
func TestWalkerKnowsAllThatWazeroKnows(t *testing.T) {
	known := map[Op]bool{}
	for _, s := range samples() {
		known[s.op] = true
	}
	rt := wazero.NewRuntimeWithConfig(t.Context(), engines["interpreter"])
	defer rt.Close(t.Context())
	for _, prefix := range []Op{0, prefixMisc, prefixVector, prefixAtomic} {
		for n := range Op(256) {
			o := prefix<<8 | n
			if known[o] || prefix == 0 && plainShapes[n] != unknown {
				continue
			}
			for zeros := range 4 { // immediates it might have
				b := withEverything(slices.Concat(op(OpUnreachable), op(o), make([]byte, zeros), op(OpUnreachable))).wasm()
				if _, err := Parse(b); err == nil {
					t.Errorf("%v is accepted", o)
				}
				if _, err := rt.CompileModule(t.Context(), b); err == nil {
					t.Errorf("%v: wazero accepts it", o)
				}
			}
		}
	}
}

func TestWalkerReadsImmediates(t *testing.T) {
	b := Body{Raw: slices.Concat(
		i32(-5), i64(1<<40), op(OpCallIndirect, 300, 2), op(OpCallIndirect, 3, 2),
		op(OpI32Load, 2, 1000), op(OpI32Load, 2, 63), op(OpI32Load, 2, 64), op(OpI32Load, 0x42, 1, 5), i32(63), i32(64), i32(-64), op(OpMemoryCopy, 1, 2),
		[]byte{byte(OpBrTable), 2, 5, 6, 7}, []byte{byte(OpTryTable), 0x7f, 2, catchTagRef, 9, 3, catchAll, 4}, op(OpEnd))}
	want := []Instr{
		{Op: OpI32Const, Value: -5}, {Op: OpI64Const, Value: 1 << 40}, {Op: OpCallIndirect, Index: 300, Index2: 2},
		{Op: OpCallIndirect, Index: 3, Index2: 2}, {Op: OpI32Load, Value: 1000}, {Op: OpI32Load, Value: 63},
		{Op: OpI32Load, Value: 64}, {Op: OpI32Load, Index: 1, Value: 5}, {Op: OpI32Const, Value: 63},
		{Op: OpI32Const, Value: 64}, {Op: OpI32Const, Value: -64}, {Op: OpMemoryCopy, Index: 1, Index2: 2}, {Op: OpBrTable, Labels: []uint32{5, 6, 7}},
		{Op: OpTryTable, Value: -1, Labels: []uint32{3, 4}}, {Op: OpEnd},
	}
	w := b.Walk()
	end := 0
	for _, x := range want {
		var in Instr
		if !w.Next(&in) {
			t.Fatalf("no %v: %v", x.Op, w.Err())
		}
		if in.Start != end || in.Op != x.Op || !sameImmediates(in, x) {
			t.Errorf("got %+v, want %+v at %d", in, x, end)
		}
		end = in.End
	}
	if w.Next(&Instr{}) || w.Err() != nil || end != len(b.Raw) {
		t.Errorf("the walk ends at %d of %d with %v", end, len(b.Raw), w.Err())
	}
}

// sameImmediates compares what the opcode has.
func sameImmediates(a, b Instr) bool {
	switch plainShapes[a.Op&0xff] {
	case index2:
		return a.Index == b.Index && a.Index2 == b.Index2
	case const32, const64:
		return a.Value == b.Value
	case memArg:
		return a.Index == b.Index && a.Value == b.Value
	case brTable, tryTable:
		return slices.Equal(a.Labels, b.Labels)
	}
	return a.Op < 0xff || a.Index == b.Index && a.Index2 == b.Index2
}

func TestWalkerAllocatesNothing(t *testing.T) {
	m := parse(t, instructions().wasm())
	w := m.Bodies[0].Walk()
	var in Instr
	for w.Next(&in) { // the first walk grows the buffer of labels
	}
	labels := w.labels
	if n := testing.AllocsPerRun(10, func() {
		w := walkCode(m.Bodies[0].Code(), 0)
		w.labels = labels
		for w.Next(&in) {
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
