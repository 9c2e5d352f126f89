package wasmbin

// code is instructions being written.
type code []byte

// op writes an instruction and its index immediates.
func (c *code) op(op Op, indexes ...uint32) *code {
	if op > 0xff {
		*c = appendU32(append(*c, byte(op>>8)), uint32(op&0xff))
	} else {
		*c = append(*c, byte(op))
	}
	for _, i := range indexes {
		*c = appendU32(*c, i)
	}
	return c
}

// block opens a block, loop or if without parameters and results.
func (c *code) block(op Op) *code {
	*c = append(*c, byte(op), blockEmpty&0x7f)
	return c
}

// const32 writes an i32.const.
func (c *code) const32(v uint32) *code {
	*c = appendConst32(*c, v)
	return c
}

// const64 writes an i64.const.
func (c *code) const64(v int64) *code {
	*c = appendS64(append(*c, byte(OpI64Const)), v)
	return c
}

func appendConst32(b []byte, v uint32) []byte {
	return appendS64(append(b, byte(OpI32Const)), int64(int32(v)))
}

// bodyEdit copies the code of a body with changes: upTo copies what stands
// before a position and returns the place to write at; moving done past an
// instruction leaves it out. A body without changes is not copied.
type bodyEdit struct {
	body   *Body
	out    code
	done   int    // how much of the code is copied or left out
	code   int    // where in out the instructions begin
	locals uint32 // added
}

// begin copies what stands before the code.
func (e *bodyEdit) begin() {
	e.out = append(e.room(), e.body.Raw[:e.body.code]...)
	e.code = len(e.out)
}

// addLocal declares a local after the others. It must be the first change.
func (e *bodyEdit) addLocal(t ValType) {
	raw := e.body.Raw
	r := reader{b: raw}
	groups := r.u32("groups of locals")
	out := appendU32(e.room(), groups+1)
	out = append(out, raw[r.pos:e.body.code]...)
	e.out = appendValType(append(out, 1), t)
	e.code = len(e.out)
	e.locals = 1
}

// room returns space for a body somewhat longer than the old one.
func (e *bodyEdit) room() []byte { return make([]byte, 0, len(e.body.Raw)+len(e.body.Raw)/4+32) }

// upTo copies the code from done to pos.
func (e *bodyEdit) upTo(pos int) *code {
	if e.out == nil {
		e.begin()
	}
	e.out = append(e.out, e.body.Code()[e.done:pos]...)
	e.done = pos
	return &e.out
}

// finish copies the rest and puts the new code into the body.
func (e *bodyEdit) finish() {
	if e.out == nil {
		return
	}
	e.upTo(len(e.body.Code()))
	e.body.Raw, e.body.code = e.out, e.code
	e.body.Locals += e.locals
	e.body.calls, e.body.edited = nil, true
}
