package wasmbin

import (
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
)

// mutator changes modules a little, at the boundaries of instructions and
// fields, so that many of its mutants are valid where few of those are that
// are made by changing bytes.
type mutator struct {
	*rand.Rand
	m *Module
}

// mutant returns wasm with some changes.
func mutant(t testing.TB, wasm []byte, r *rand.Rand) []byte {
	mu := mutator{r, parse(t, wasm)}
	for range 1 + mu.IntN(3) {
		if mu.IntN(5) == 0 || len(mu.m.Bodies) == 0 {
			mu.field()
		} else {
			mu.code()
		}
	}
	return mu.m.Encode()
}

// field changes a size, an offset, a segment, or the start function.
func (mu *mutator) field() {
	m := mu.m
	switch mu.IntN(5) {
	case 0:
		for i := range m.Memories {
			m.Memories[i].Size = Size{Min: mu.Uint64N(3), Max: 3 + mu.Uint64N(20), HasMax: mu.IntN(2) == 0}
			m.changed(secMemory)
		}
	case 1:
		for i := range m.Tables {
			m.Tables[i].Max, m.Tables[i].HasMax = m.Tables[i].Min+mu.Uint64N(100), mu.IntN(2) == 0
			m.changed(secTable)
		}
	case 2:
		if i := mu.IntN(len(m.Data) + 1); i < len(m.Data) && m.Data[i].Mode == Active {
			m.Data[i].Offset = slices.Concat(i32(mu.Int32N(1<<17)), i32(mu.Int32()), i32(mu.Int32N(2)), op(OpI32Mul),
				op([]Op{OpI32Add, OpI32Sub}[mu.IntN(2)]), op(OpEnd))
			m.changed(secData)
		}
	case 3:
		if len(m.Data) > 0 {
			m.Data = append(m.Data, m.Data[mu.IntN(len(m.Data))])
			if m.DataCount != nil {
				*m.DataCount++
				m.changed(secDataCount)
			}
			m.changed(secData)
		}
	case 4:
		if len(m.Bodies) > 0 {
			f := uint32(mu.IntN(m.NumFuncs()))
			m.Start = &f
			m.changed(secStart)
		}
	}
}

// kin are instructions of equal types and immediates: from first to last one
// can stand for another.
var kin = []struct{ first, last Op }{
	{0x28, 0x28}, {0x2c, 0x2f}, {0x45, 0x45}, {0x46, 0x4f}, {0x51, 0x5a}, {0x67, 0x69}, {0x6a, 0x78}, {0x7c, 0x8a},
	{OpBlock, OpLoop}, {OpLocalSet, OpLocalTee}, {OpMemorySize, OpMemorySize}, {OpBr, OpBrIf},
	{OpCall, OpCall}, {OpCall, OpReturnCall}, {OpMemoryCopy, OpMemoryCopy},
}

// code changes one body: an instruction becomes one of its kin or is left out,
// an index or a constant changes, or something is put in that needs nothing.
func (mu *mutator) code() {
	b := &mu.m.Bodies[mu.IntN(len(mu.m.Bodies))]
	var all []Instr
	w := b.Walk()
	for in := (Instr{}); w.Next(&in); {
		all = append(all, in)
	}
	if len(all) == 0 { // an earlier mutation took its end away
		return
	}
	in := all[mu.IntN(len(all))]
	e := bodyEdit{body: b}
	c := e.upTo(in.Start)
	text := b.Code()[in.Start:in.End]
	e.done = in.End
	switch choice := mu.IntN(8); {
	case in.Op == OpI32Const:
		*c = append(*c, i32(mu.Int32()>>mu.IntN(32))...)
	case choice == 0: // leave it out
	case choice == 1:
		*c = append(append(*c, text...), text...)
	case choice < 5:
		*c = append(append(*c, mu.insertion()...), text...)
	case choice < 7 && len(text) >= 2 && in.Op <= 0xff && plainShapes[in.Op] == index:
		c.op(in.Op, in.Index+mu.Uint32N(3)-1)
	default:
		*c = append(*c, mu.relative(in.Op, text)...)
	}
	e.finish()
}

// relative is text with another opcode.
func (mu *mutator) relative(o Op, text []byte) []byte {
	for _, k := range kin {
		if o >= k.first && o <= k.last && o <= 0xff {
			return append([]byte{byte(k.first) + byte(mu.IntN(int(k.last-k.first)+1))}, text[1:]...)
		}
	}
	return text
}

// insertion is code that leaves the stack as it is.
func (mu *mutator) insertion() []byte {
	small := func() []byte { return i32(mu.Int32N(70000)) }
	all := [][]byte{
		blk(OpLoop),
		blk(OpBlock, i32(1), op(OpBrIf, 0)),
		slices.Concat(small(), blk(OpIf, op(OpReturn))),
		slices.Concat(small(), op(OpMemoryGrow, 0), op(OpDrop)),
		slices.Concat(op(OpMemorySize, 0), op(OpDrop)),
		slices.Concat(small(), small(), small(), op(OpMemoryFill, 0)),
		slices.Concat(small(), small(), small(), op(OpMemoryCopy, 0, 0)),
		slices.Concat(small(), i32(mu.Int32N(2)), i32(mu.Int32N(3)), op(OpMemoryInit, mu.Uint32N(2), 0)),
		op(OpDataDrop, mu.Uint32N(2)),
		slices.Concat(small(), op(OpI32Load, 2, mu.Uint32N(1<<17)), op(OpDrop)),
		op(OpCall, mu.Uint32N(uint32(mu.m.NumFuncs()))),
		op(OpUnreachable),
		{byte(OpTryTable), 0x40, 1, catchAll, 0, byte(OpEnd)},
	}
	return all[mu.IntN(len(all))]
}

// FuzzMutants is FuzzRewrite on mutants of real guests, of the hand-written
// modules, and of random programs.
func FuzzMutants(f *testing.F) {
	guests := seeds()
	for seed := range uint64(20) {
		guests = append(guests, program(seed))
	}
	if _, err := exec.LookPath(clang); err == nil {
		guests = append(guests, buildC(f, false))
	}
	for seed := range uint64(200) {
		f.Add(seed)
	}
	compiler := newFuzzEngine(f, engines["compiler"])
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := mutant(t, guests[r.IntN(len(guests))], r)
		if _, err := Parse(b); err == nil && compiler.accepts(b) {
			compiler.checkVariants(t, b)
		}
	})
}
