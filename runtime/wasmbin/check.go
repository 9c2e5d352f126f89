package wasmbin

import "slices"

// checkBody walks over the code of own function i once, and checks every
// index in it and that its blocks nest. The passes count on that.
func (p *parser) checkBody(i int) {
	m := p.m
	b := &m.Bodies[i]
	w := walkCode(b.Code(), b.offset+b.code)
	w.wide = p.wide
	locals := len(m.Types[m.Functions[i]].Params) + int(b.Locals)
	p.blocks = append(p.blocks[:0], OpBlock)
	p.calls = p.calls[:0]
	var in Instr
	for w.Next(&in) {
		if len(p.blocks) == 0 {
			w.r.failAt(in.Start, "there is code after the end of the function")
			break
		}
		switch in.Op {
		case OpBlock, OpLoop, OpIf, OpTryTable, OpElse, OpEnd,
			OpBr, OpBrIf, OpBrTable, OpBrOnNull, OpBrOnNonNull:
			if in.Op != OpBlock && in.Op != OpEnd {
				b.branches++
			}
			p.checkControl(&w, &in)
		case OpLocalGet, OpLocalSet, OpLocalTee:
			w.checkIndex(&in, in.Index, locals, "local")
		default:
			p.checkIndexes(b, &w, &in)
		}
	}
	if w.r.err == nil && len(p.blocks) > 0 {
		w.r.failAt(w.r.pos, "function %d ends with %d blocks open", m.imported[KindFunc]+i, len(p.blocks))
	}
	b.calls = slices.Clone(p.calls)
	p.err = w.r.err
}

// checkControl keeps the stack of open blocks and checks labels against it.
func (p *parser) checkControl(w *Walker, in *Instr) {
	switch in.Op {
	case OpBlock, OpLoop, OpIf, OpTryTable:
		if in.Value >= int64(len(p.m.Types)) {
			w.r.failAt(in.Start, "type %d of a block is out of range: there are %d", in.Value, len(p.m.Types))
		}
		if len(p.blocks) > p.limits.Nesting {
			w.r.failAt(in.Start, "blocks nest deeper than the limit of %d", p.limits.Nesting)
		}
		if in.Op == OpTryTable {
			w.checkLabels(in, len(p.blocks))
			p.checkCatches(w, in)
		}
		p.blocks = append(p.blocks, in.Op)
	case OpElse:
		top := &p.blocks[len(p.blocks)-1]
		if *top != OpIf {
			w.r.failAt(in.Start, "an else stands outside an if")
		}
		*top = OpElse
	case OpEnd:
		p.blocks = p.blocks[:len(p.blocks)-1]
	case OpBrTable:
		if n := len(in.Labels) - 1; n > p.limits.BranchTargets {
			w.r.failAt(in.Start, "%d branch targets are over the limit of %d", n, p.limits.BranchTargets)
		}
		w.checkLabels(in, len(p.blocks))
	default:
		w.checkIndex(in, in.Index, len(p.blocks), "label")
	}
}

// checkCatches checks the tags of a try_table, which the walker skips over.
func (p *parser) checkCatches(w *Walker, in *Instr) {
	tags := p.m.imported[KindTag] + len(p.m.Tags)
	c := walkCode(w.r.b[:in.End], w.r.base)
	c.r.pos = in.Start + 1
	var head Instr
	c.blockType(&head)
	for range c.r.u32("number of catch clauses") {
		if cl := c.catch(); cl.kind <= catchTagRef {
			w.checkIndex(in, cl.tag, tags, "tag")
		}
	}
}

// checkIndexes checks the indexes of instructions other than control and
// locals.
func (p *parser) checkIndexes(b *Body, w *Walker, in *Instr) {
	m := p.m
	space := func(k Kind, own int) int { return m.imported[k] + own }
	switch op := in.Op; op {
	case OpRefFunc:
		b.branches++
		p.refs[in.Index] = true
		w.checkIndex(in, in.Index, m.NumFuncs(), "function")
	case OpCall, OpReturnCall:
		b.branches++
		p.calls = append(p.calls, int32(in.Start))
		w.checkIndex(in, in.Index, m.NumFuncs(), "function")
	case OpCallIndirect, OpReturnCallIndirect:
		b.branches++
		p.calls = append(p.calls, int32(in.Start))
		w.checkIndex(in, in.Index, len(m.Types), "type")
		w.checkIndex(in, in.Index2, space(KindTable, len(m.Tables)), "table")
	case OpCallRef, OpReturnCallRef:
		b.branches++
		p.calls = append(p.calls, int32(in.Start))
		p.uses[op] = true
		w.checkIndex(in, in.Index, len(m.Types), "type")
	case OpThrow:
		b.branches++
		w.checkIndex(in, in.Index, space(KindTag, len(m.Tags)), "tag")
	case OpGlobalGet, OpGlobalSet:
		w.checkIndex(in, in.Index, space(KindGlobal, len(m.Globals)), "global")
	case OpTableGet, OpTableSet, OpTableGrow, OpTableSize, OpTableFill:
		b.branches++
		p.uses[op] = true
		w.checkIndex(in, in.Index, space(KindTable, len(m.Tables)), "table")
	case OpTableCopy:
		b.branches++
		p.uses[op] = true
		w.checkIndex(in, in.Index, space(KindTable, len(m.Tables)), "table")
		w.checkIndex(in, in.Index2, space(KindTable, len(m.Tables)), "table")
	case OpTableInit:
		b.branches++
		p.uses[op] = true
		w.checkIndex(in, in.Index, len(m.Elements), "element segment")
		w.checkIndex(in, in.Index2, space(KindTable, len(m.Tables)), "table")
	case OpElemDrop:
		p.uses[op] = true
		w.checkIndex(in, in.Index, len(m.Elements), "element segment")
	case OpMemoryInit, OpDataDrop:
		b.branches++
		if m.DataCount == nil {
			w.r.failAt(in.Start, "%v needs a data count section", op)
		}
		w.checkIndex(in, in.Index, len(m.Data), "data segment")
		if op == OpMemoryInit {
			w.checkIndex(in, in.Index2, space(KindMemory, len(m.Memories)), "memory")
		}
	case OpMemoryCopy:
		b.branches++
		p.uses[op] = true
		w.checkIndex(in, in.Index, space(KindMemory, len(m.Memories)), "memory")
		w.checkIndex(in, in.Index2, space(KindMemory, len(m.Memories)), "memory")
	case OpMemorySize, OpMemoryGrow, OpMemoryFill:
		b.branches++
		p.uses[op] = true
		b.sizes = b.sizes || op != OpMemoryFill
		w.checkIndex(in, in.Index, space(KindMemory, len(m.Memories)), "memory")
	case OpRefNull:
		p.checkHeap(w, in)
	case OpAtomicWait32, OpAtomicWait64:
		b.branches++
		p.uses[op] = true
		w.checkIndex(in, in.Index, space(KindMemory, len(m.Memories)), "memory")
	default:
		if op.accessesMemory() {
			w.checkIndex(in, in.Index, space(KindMemory, len(m.Memories)), "memory")
		}
	}
}

// accessesMemory says whether op has the immediates of a memory access.
func (op Op) accessesMemory() bool {
	var s shape
	switch op >> 8 {
	case 0:
		s = plainShapes[op]
	case prefixVector:
		s = vectorShapes[op&0xff]
	case prefixAtomic:
		s = atomicShapes[op&0xff]
	}
	return s == memArg || s == memLane
}

// checkHeap checks the heap type of ref.null.
func (p *parser) checkHeap(w *Walker, in *Instr) {
	switch ht := in.Value; {
	case ht == heapFunc, ht == heapExtern, ht == heapExn, ht >= 0 && ht < int64(len(p.m.Types)):
	default:
		w.r.failAt(in.Start, "heap type %d is not known", ht)
	}
}

// checkIndex checks an index of in against a space of n items.
func (w *Walker) checkIndex(in *Instr, i uint32, n int, what string) {
	if int64(i) >= int64(n) {
		w.r.failAt(in.Start, "%s %d is out of range: there are %d", what, i, n)
	}
}

// checkLabels checks every label of in against a stack of n blocks.
func (w *Walker) checkLabels(in *Instr, n int) {
	for _, l := range in.Labels {
		w.checkIndex(in, l, n, "label")
	}
}
