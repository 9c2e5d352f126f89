package wasmbin

// rewriter copies the code of one body while a pass inserts into it, and puts
// right what the insertions disturb: labels that cross blocks which the pass
// has opened, returns that must pass through the end of the function, and the
// indexes of functions.
type rewriter struct {
	bodyEdit
	w      Walker
	stops  []int32 // as in funcFlow; still to come
	in     Instr
	blocks []newBlock // by original block, outermost first
	labels uint32     // open in the new code
	exit   bool       // the body is wrapped: all ways out lead through its end

	// Function indexes at or above shiftFrom are raised by shiftBy.
	shiftFrom, shiftBy uint32
}

// newBlock is an original block in the new code.
type newBlock struct {
	label  uint32 // its label, counted from the outermost
	around uint32 // blocks that the pass has opened right around it
	after  code   // what closes those
}

// begin starts on a body, to stop at the given instructions.
func (r *rewriter) begin(b *Body, stops []int32) {
	r.bodyEdit = bodyEdit{body: b}
	r.w = *b.Walk()
	r.stops = stops
	r.exit = false
	r.blocks = append(r.blocks[:0], newBlock{})
	r.labels = 1
}

// beginWrapped starts on a body that gets a local of type t and becomes a block
// of type wrap within itself, so that code can be put at the one place where
// the function ends.
func (r *rewriter) beginWrapped(b *Body, stops []int32, t ValType, wrap []byte) {
	r.begin(b, stops)
	r.addLocal(t)
	c := r.upTo(0)
	*c = append(append(*c, byte(OpBlock)), wrap...)
	r.exit = true
	r.blocks[0] = newBlock{label: 1}
	r.labels = 2
}

// next reads the next instruction to stop at into r.in.
func (r *rewriter) next() bool {
	if len(r.stops) == 0 {
		return false
	}
	start := r.stops[0]
	r.stops = r.stops[1:]
	return r.w.at(start, &r.in)
}

// copy copies r.in as it must be in the new code. At the end of a wrapped
// body, it closes the wrapping block and returns true: the code at the exit is
// to be written now, and finish writes the final end.
func (r *rewriter) copy() (atExit bool) {
	in := &r.in
	switch in.Op {
	case OpBlock, OpIf, OpLoop:
		r.open()
	case OpTryTable:
		r.tryTable()
		r.open()
	case OpEnd:
		return r.close()
	case OpBr, OpBrIf, OpBrOnNull, OpBrOnNonNull:
		if l := r.label(in.Index); l != in.Index {
			r.replace().op(in.Op, l)
		}
	case OpBrTable:
		r.brTable()
	case OpReturn:
		if r.exit {
			r.replace().op(OpBr, r.label(uint32(len(r.blocks)-1)))
		}
	case OpCall, OpReturnCall, OpRefFunc:
		if in.Index >= r.shiftFrom && r.shiftBy > 0 {
			r.replace().op(in.Op, in.Index+r.shiftBy)
		}
	}
	return false
}

// replace leaves r.in out and returns the place to write what stands for it.
func (r *rewriter) replace() *code {
	c := r.upTo(r.in.Start)
	r.done = r.in.End
	return c
}

// open notes that r.in opens a block.
func (r *rewriter) open() { r.openAround(0, nil) }

// openAround notes that r.in opens a block around which the pass has opened
// more, which the code after closes.
func (r *rewriter) openAround(around uint32, after code) {
	r.labels += around + 1
	r.blocks = append(r.blocks, newBlock{label: r.labels - 1, around: around, after: after})
}

// close ends a block and those around it.
func (r *rewriter) close() (atExit bool) {
	b := r.blocks[len(r.blocks)-1]
	r.blocks = r.blocks[:len(r.blocks)-1]
	r.labels -= 1 + b.around
	if len(r.blocks) == 0 {
		if r.exit {
			r.upTo(r.in.End)
		}
		return r.exit
	}
	if b.around > 0 {
		c := r.upTo(r.in.End)
		*c = append(*c, b.after...)
	}
	return false
}

// label returns what an original label is in the new code, seen from here.
func (r *rewriter) label(l uint32) uint32 {
	return r.labels - 1 - r.blocks[len(r.blocks)-1-int(l)].label
}

// moved says whether any of the labels is another in the new code.
func (r *rewriter) moved(labels []uint32) bool {
	for _, l := range labels {
		if r.label(l) != l {
			return true
		}
	}
	return false
}

func (r *rewriter) brTable() {
	if !r.moved(r.in.Labels) {
		return
	}
	c := r.replace()
	c.op(OpBrTable, uint32(len(r.in.Labels)-1))
	for _, l := range r.in.Labels {
		*c = appendU32(*c, r.label(l))
	}
}

// tryTable copies the catch clauses of a try_table with new labels.
func (r *rewriter) tryTable() {
	if !r.moved(r.in.Labels) {
		return
	}
	clauses := walkCode(r.body.Code()[:r.in.End], 0)
	clauses.r.pos = r.in.Start + 1
	var head Instr
	clauses.blockType(&head)
	c := r.upTo(clauses.r.pos)
	*c = appendU32(*c, clauses.r.u32("number of catch clauses"))
	for range r.in.Labels {
		cl := clauses.catch()
		*c = append(*c, cl.kind)
		if cl.kind <= catchTagRef {
			*c = appendU32(*c, cl.tag)
		}
		*c = appendU32(*c, r.label(cl.label))
	}
	r.done = r.in.End
}

// end completes the body after the last instruction.
func (r *rewriter) end() {
	if r.exit {
		r.out.op(OpEnd)
	}
	r.finish()
}
