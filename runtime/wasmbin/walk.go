package wasmbin

import "slices"

// Instr is one instruction with its immediates.
type Instr struct {
	Op         Op
	Start, End int // its bytes, as a range of the code walked over

	// Immediates. What the opcode has none of is left with any value.
	Index  uint32 // the first index; for a memory access, the memory
	Index2 uint32 // the second index
	Value  int64  // a constant, a block type, a heap type or an offset
	// Labels holds the targets of br_table, the default last, or the label of
	// each catch clause of try_table. It is valid until the next call of Next.
	Labels []uint32
}

// Block types of no type index (specification 5.4.1). A block type that is not
// negative is a type index.
const blockEmpty = -0x40

// Walker reads the instructions of a function body, or of a constant
// expression, one after the other. It allocates nothing per instruction.
//
// It is stricter than the specification in three places where an engine's
// decoder reads the same bytes as other instructions (wazero v1.12: it takes
// one byte for the number of a vector or atomic instruction, two for the type
// of a select and one for a memory index):
//
//   - the number after a prefix is written in as few bytes as possible,
//   - a select with a type names one type of one byte,
//   - the memory index of memory.size and memory.grow takes one byte.
type Walker struct {
	r      reader
	wide   bool // offsets of memory accesses have up to 64 bits
	labels []uint32
}

// Walk returns a walker over the instructions of b. On the bodies of a module
// that Parse returned, it never fails.
func (b *Body) Walk() *Walker {
	w := walkCode(b.Code(), b.offset+b.code)
	return &w
}

// at reads the instruction that begins at start into in.
func (w *Walker) at(start int32, in *Instr) bool {
	w.r.pos = int(start)
	return w.Next(in)
}

// walkCode walks over code that stands at offset base of the module.
func walkCode(code []byte, base int) Walker {
	return walkReader(reader{b: code, base: base, section: sectionNames[secCode]}, true)
}

// walkReader walks over what r has left to read.
func walkReader(r reader, wide bool) Walker { return Walker{r: r, wide: wide} }

// Err returns why Next returned false, or nil at the end of the code.
func (w *Walker) Err() error {
	if w.r.err == nil {
		return nil
	}
	return w.r.err
}

// Next reads the next instruction into in. It returns false at the end of the
// code and at the first malformed instruction.
func (w *Walker) Next(in *Instr) bool {
	r := &w.r
	b, at := r.b, r.pos
	if at >= len(b) { // a failure moves there, too
		return false
	}
	code := b[at]
	in.Op, in.Start = Op(code), at
	at++
	if q := &quick[code]; q.known && at+1 < len(b) {
		first, second := b[at], b[at+1]
		if first&q.not1|second&q.not2 == 0 {
			value := first
			if q.second {
				value = second
			}
			in.Index, in.Index2 = uint32(first&q.index), uint32(second)
			in.Value = int64(int8(value<<1) >> 1)
			at += int(q.size)
			in.End, r.pos = at, at
			return true
		}
	}
	r.pos = at
	shape := plainShapes[code]
	if shape == family {
		shape = w.family(in)
	}
	switch shape {
	case plain:
	case index:
		in.Index = r.u32("index")
		if (in.Op == OpMemorySize || in.Op == OpMemoryGrow) && r.pos != in.Start+2 {
			r.failAt(in.Start, "the memory index of %v is written in more than one byte", in.Op)
		}
	case index2:
		in.Index = r.u32("index")
		in.Index2 = r.u32("index")
	case memArg:
		w.memArg(in)
	case memLane:
		w.memArg(in)
		r.byte("lane")
	case lane:
		r.byte("lane")
	case const32:
		in.Value = r.signed(32, "constant")
	case const64:
		in.Value = r.signed(64, "constant")
	case blockType:
		w.blockType(in)
	case bytes4:
		r.bytes(4, "constant")
	case bytes8:
		r.bytes(8, "constant")
	case bytes16:
		r.bytes(16, "constant")
	case brTable:
		w.brTable(in)
	case tryTable:
		w.tryTable(in)
	case selectT:
		w.selectType()
	case heapType:
		in.Value = r.signed(33, "heap type")
	case zero:
		if r.byte("reserved byte") != 0 {
			r.failAt(in.Start, "the reserved byte of %v is not zero", in.Op)
		}
	default:
		r.failAt(in.Start, "%v is not known", in.Op)
	}
	in.End = r.pos
	return r.err == nil
}

// quickly says how to read an instruction whose immediates take a byte each.
// Most do, and a decoder without branches for them is twice as fast.
type quickly struct {
	known      bool
	size       byte // bytes of immediates
	not1, not2 byte // bits that must be clear in them
	index      byte // bits of the first that make an index
	second     bool // the second makes a value, not the first
}

var quick = func() (t [256]quickly) {
	for op, s := range plainShapes {
		switch s {
		case plain:
			t[op] = quickly{known: true}
		case index:
			t[op] = quickly{known: true, size: 1, not1: 0x80, index: 0x7f}
		case index2:
			t[op] = quickly{known: true, size: 2, not1: 0x80, not2: 0x80, index: 0x7f}
		case const32, const64:
			t[op] = quickly{known: true, size: 1, not1: 0x80}
		case memArg: // an alignment without memory index, an offset without sign
			t[op] = quickly{known: true, size: 2, not1: 0xe0, not2: 0xc0, second: true}
		}
	}
	return t
}()

// family reads the number after a prefix.
func (w *Walker) family(in *Instr) shape {
	shapes := &miscShapes
	switch in.Op {
	case prefixVector:
		shapes = &vectorShapes
	case prefixAtomic:
		shapes = &atomicShapes
	}
	at := w.r.pos
	n := w.r.u32("number after the prefix")
	switch {
	case w.r.err != nil:
		return unknown
	case n > 0xff:
		w.r.failAt(in.Start, "opcode %#x %#x is not known", byte(in.Op), n)
		return unknown
	case w.r.pos-at > 1 && n < 0x80 || w.r.pos-at > 2:
		w.r.failAt(at, "the number %#x after prefix %#x is written in more bytes than it needs", n, byte(in.Op))
		return unknown
	}
	in.Op = in.Op<<8 | Op(n)
	return shapes[n]
}

// alignMemory in the alignment of a memory access announces a memory index.
const alignMemory = 1 << 6

// memArg reads the immediates of a memory access (specification 5.4.6).
func (w *Walker) memArg(in *Instr) {
	r := &w.r
	align := r.u32("alignment")
	in.Index = 0
	if align&alignMemory != 0 {
		in.Index = r.u32("memory")
	}
	if align&^alignMemory >= 32 {
		r.failAt(in.Start, "alignment 2^%d is too large", align&^alignMemory)
	}
	if w.wide {
		in.Value = int64(r.unsigned(64, "offset"))
	} else {
		in.Value = int64(r.u32("offset"))
	}
}

// blockType reads a block type: empty, a value type or a type index.
func (w *Walker) blockType(in *Instr) {
	r := &w.r
	at := r.pos
	in.Value = r.signed(33, "block type")
	if in.Value >= 0 || in.Value == blockEmpty || r.err != nil {
		return
	}
	switch t := ValType(in.Value & 0x7f); t {
	case refNullable, refNonNullable:
		r.signed(33, "heap type")
	case I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef:
	default:
		r.failAt(at, "block type %d is not known", in.Value)
	}
}

func (w *Walker) brTable(in *Instr) {
	n := w.r.count(1<<31-1, "branch targets")
	w.labels = slices.Grow(w.labels[:0], n+1)
	for range n {
		w.labels = append(w.labels, w.r.u32("label"))
	}
	in.Labels = append(w.labels, w.r.u32("label"))
	w.labels = in.Labels
}

// Catch clauses of try_table (specification 5.4.2): the first two name a tag.
const (
	catchTag = iota
	catchTagRef
	catchAll
	catchAllRef
)

func (w *Walker) tryTable(in *Instr) {
	w.blockType(in)
	r := &w.r
	n := r.count(1<<31-1, "catch clauses")
	w.labels = w.labels[:0]
	for range n {
		w.labels = append(w.labels, w.catch().label)
	}
	in.Labels = w.labels
}

// catch is one catch clause.
type catch struct {
	kind  byte
	tag   uint32
	label uint32
}

func (w *Walker) catch() (c catch) {
	r := &w.r
	at := r.pos
	switch c.kind = r.byte("kind of the catch clause"); c.kind {
	case catchTag, catchTagRef:
		c.tag = r.u32("tag")
	case catchAll, catchAllRef:
	default:
		r.failAt(at, "kind %#x of a catch clause is not known", c.kind)
	}
	c.label = r.u32("label")
	return c
}

func (w *Walker) selectType() {
	r := &w.r
	at := r.pos
	if r.byte("number of types") != 1 {
		r.failAt(at, "a select with a type must name one")
	}
	if t := r.valType(0); byte(t) == refNullable || byte(t) == refNonNullable {
		r.failAt(at, "a select of type %v is not supported", t)
	}
}
