package wasmbin

// Instructions on whole memories and tables do work in proportion to an
// operand, so they pay by it. Copying and filling memory is done in pieces, by
// functions that Meter adds.

const (
	// bulkPiece is how much memory is copied or filled between two looks at
	// the budget, in bytes: about 20 microseconds' work, more on fresh pages.
	bulkPiece = 256 << 10
	// bulkShift is the logarithm of how many bytes cost a unit.
	bulkShift = 3
	// growShift is the logarithm of what a page of memory.grow costs, in
	// units; engines that move memory to grow it are not paid for that.
	growShift = 10
)

// addBulk adds the functions that the module has a use for.
func (mt *meter) addBulk() {
	mt.local = -1
	mt.bulk = map[Op]uint32{}
	i32, none := []ValType{I32}, []ValType(nil)
	three := []ValType{I32, I32, I32}
	add := func(op Op, params, results []ValType, body code) {
		mt.bulk[op] = mt.m.addFunc(FuncType{Params: params, Results: results}, nil, body)
	}
	bytes, entries, pages := mt.payer(bytesCost), mt.payer(entriesCost), mt.payer(pagesCost)
	for _, b := range []struct {
		op              Op
		params, results []ValType
		body            code
	}{
		{OpMemoryFill, three, none, mt.fillBody()},
		{OpMemoryCopy, three, none, mt.copyBody()},
		{OpMemoryInit, i32, i32, bytes},
		{OpMemoryGrow, i32, i32, pages},
		{OpTableFill, i32, i32, entries},
		{OpTableCopy, i32, i32, entries},
		{OpTableInit, i32, i32, entries},
		{OpTableGrow, i32, i32, entries},
	} {
		if mt.m.uses[b.op] {
			add(b.op, b.params, b.results, b.body)
		}
	}
}

// bulkOp copies an instruction that pays by its operand: memory.fill and
// memory.copy become calls of the functions that do them; the
// others get a call in front that pays and returns the operand.
func (mt *meter) bulkOp() {
	in := &mt.in
	mt.store(mt.upTo(in.Start))
	switch in.Op {
	case OpMemoryFill, OpMemoryCopy:
		mt.replace().op(OpCall, mt.bulk[in.Op])
	default:
		mt.upTo(in.Start).op(OpCall, mt.bulk[in.Op])
		mt.copy()
	}
	mt.load(mt.upTo(in.End))
}

// bulkCost pushes the cost of an i32 operand, in units, as an i64.
type bulkCost func(c *code, operand uint32)

func bytesCost(c *code, operand uint32) {
	c.op(OpLocalGet, operand).const32(bulkShift).op(OpI32ShrU).op(OpI64ExtendI32U)
}

func entriesCost(c *code, operand uint32) { c.op(OpLocalGet, operand).op(OpI64ExtendI32U) }

// pagesCost takes more pages than a memory can have for none: growing by so
// many fails at once.
func pagesCost(c *code, operand uint32) {
	c.op(OpLocalGet, operand).const32(0)
	c.op(OpLocalGet, operand).const32(maxPages32).op(OpI32LeU).op(OpSelect)
	c.op(OpI64ExtendI32U).const64(growShift).op(OpI64Shl)
}

// payer is the body of a function that pays for its parameter and returns it.
func (mt *meter) payer(cost bulkCost) code {
	var c code
	mt.pay(&c, cost, 0)
	c.op(OpLocalGet, 0)
	return c
}

// pay takes the cost of an operand off the budget and looks at it.
func (mt *meter) pay(c *code, cost bulkCost, operand uint32) {
	c.op(OpGlobalGet, mt.budget)
	cost(c, operand)
	c.op(OpI64Sub).op(OpGlobalSet, mt.budget)
	mt.charge(c, charge{looked: true})
}

// payPiece takes the cost of one piece off the budget and looks at it.
func (mt *meter) payPiece(c *code) { mt.charge(c, charge{units: bulkPiece >> bulkShift, looked: true}) }

// The parameters of fillBody and copyBody.
const (
	bulkTo   = iota
	bulkFrom // of memory.fill: the value
	bulkLen
)

// fillBody does memory.fill(to, value, len) in pieces:
//
//	if len > piece {
//		if to+len > size { memory.fill(to, value, len) } // traps
//		do { pay; memory.fill(to, value, piece); to += piece; len -= piece } while len > piece
//	}
//	pay; memory.fill(to, value, len)
//
// An instruction that is out of bounds changes nothing before it traps
// (specification 4.6.10), hence the question.
func (mt *meter) fillBody() code {
	var c code
	fill := func(length func()) {
		c.op(OpLocalGet, bulkTo).op(OpLocalGet, bulkFrom)
		length()
		c.op(OpMemoryFill, 0)
	}
	whole := func() { c.op(OpLocalGet, bulkLen) }
	piece := func() { c.const32(bulkPiece) }

	c.longerThanPiece().block(OpIf)
	c.beyondMemory(bulkTo).block(OpIf)
	fill(whole)
	c.op(OpEnd)
	c.block(OpLoop)
	mt.payPiece(&c)
	fill(piece)
	c.advance(bulkTo, OpI32Add).advance(bulkLen, OpI32Sub)
	c.longerThanPiece().op(OpBrIf, 0)
	c.op(OpEnd).op(OpEnd)
	mt.pay(&c, bytesCost, bulkLen)
	fill(whole)
	return c
}

// copyBody does memory.copy(to, from, len) in pieces, which must not overwrite
// what is still to be copied: from the front if to is below from, and from the
// back otherwise.
//
//	if len > piece {
//		if to+len > size || from+len > size { memory.copy(to, from, len) } // traps
//		if to <= from {
//			do { pay; copy(to, from, piece); to += piece; from += piece; len -= piece } while len > piece
//		} else {
//			do { pay; len -= piece; copy(to+len, from+len, piece) } while len > piece
//		}
//	}
//	pay; memory.copy(to, from, len)
func (mt *meter) copyBody() code {
	var c code
	whole := func() {
		c.op(OpLocalGet, bulkTo).op(OpLocalGet, bulkFrom).op(OpLocalGet, bulkLen).op(OpMemoryCopy, 0, 0)
	}
	c.longerThanPiece().block(OpIf)
	c.beyondMemory(bulkTo).beyondMemory(bulkFrom).op(OpI32Or).block(OpIf)
	whole()
	c.op(OpEnd)
	c.op(OpLocalGet, bulkTo).op(OpLocalGet, bulkFrom).op(OpI32LeU).block(OpIf)

	c.block(OpLoop)
	mt.payPiece(&c)
	c.op(OpLocalGet, bulkTo).op(OpLocalGet, bulkFrom).const32(bulkPiece).op(OpMemoryCopy, 0, 0)
	c.advance(bulkTo, OpI32Add).advance(bulkFrom, OpI32Add).advance(bulkLen, OpI32Sub)
	c.longerThanPiece().op(OpBrIf, 0)
	c.op(OpEnd).op(OpElse)

	c.block(OpLoop)
	mt.payPiece(&c)
	c.advance(bulkLen, OpI32Sub)
	c.op(OpLocalGet, bulkTo).op(OpLocalGet, bulkLen).op(OpI32Add)
	c.op(OpLocalGet, bulkFrom).op(OpLocalGet, bulkLen).op(OpI32Add)
	c.const32(bulkPiece).op(OpMemoryCopy, 0, 0)
	c.longerThanPiece().op(OpBrIf, 0)
	c.op(OpEnd).op(OpEnd).op(OpEnd)

	mt.pay(&c, bytesCost, bulkLen)
	whole()
	return c
}

// longerThanPiece asks whether the length is over a piece.
func (c *code) longerThanPiece() *code {
	return c.op(OpLocalGet, bulkLen).const32(bulkPiece).op(OpI32GtU)
}

// beyondMemory asks whether address + length is over the size of memory 0.
func (c *code) beyondMemory(address uint32) *code {
	c.op(OpLocalGet, address).op(OpI64ExtendI32U).op(OpLocalGet, bulkLen).op(OpI64ExtendI32U).op(OpI64Add)
	return c.op(OpMemorySize, 0).op(OpI64ExtendI32U).const64(16).op(OpI64Shl).op(OpI64GtU)
}

// advance adds a piece to a parameter, or takes it off.
func (c *code) advance(local uint32, op Op) *code {
	return c.op(OpLocalGet, local).const32(bulkPiece).op(op).op(OpLocalSet, local)
}
