package wasmbin

// Expr is a constant expression (specification 3.4.15) as raw bytes, the final
// end included. It computes offsets of segments and initial values.
type Expr []byte

// expr reads a constant expression, which may read the first globals globals.
func (p *parser) expr(globals int) Expr {
	start := p.pos
	var in Instr
	w := walkReader(p.reader, false)
	for {
		if !w.Next(&in) {
			w.r.failAt(w.r.pos, "a constant expression has no end")
			break
		}
		switch in.Op {
		case OpI32Const, OpI64Const, OpF32Const, OpF64Const, OpV128Const,
			OpI32Add, OpI32Sub, OpI32Mul, OpI64Add, OpI64Sub, OpI64Mul:
		case OpRefNull:
			p.checkHeap(&w, &in)
		case OpRefFunc:
			p.m.refs[in.Index] = true
			w.checkIndex(&in, in.Index, p.m.NumFuncs(), "function")
		case OpGlobalGet:
			w.checkIndex(&in, in.Index, globals, "global")
		case OpEnd:
		default:
			w.r.failAt(in.Start, "%v is not allowed in a constant expression", in.Op)
		}
		if w.r.err != nil || in.Op == OpEnd {
			break
		}
	}
	p.reader = w.r
	if p.err != nil {
		return nil
	}
	return p.b[start:p.pos:p.pos]
}

// constant returns the value of an expression of type i32 that depends on
// nothing: constants and arithmetic of them.
func (e Expr) constant() (v uint32, ok bool) {
	if e[0] == byte(OpI32Const) { // nearly all are one constant, and a Go guest has tens of thousands
		r := reader{b: e, pos: 1}
		if v := uint32(r.signed(32, "constant")); r.pos == len(e)-1 {
			return v, true
		}
	}
	stack := make([]uint32, 0, 8)
	w := walkCode(e, 0)
	for in := (Instr{}); w.Next(&in) && in.Op != OpEnd; {
		if in.Op == OpI32Const {
			stack = append(stack, uint32(in.Value))
			continue
		}
		n := len(stack) - 2
		if n < 0 {
			return 0, false
		}
		a, b := stack[n], stack[n+1]
		switch in.Op {
		case OpI32Add:
			a += b
		case OpI32Sub:
			a -= b
		case OpI32Mul:
			a *= b
		default:
			return 0, false
		}
		stack = append(stack[:n], a)
	}
	if len(stack) != 1 {
		return 0, false
	}
	return stack[0], true
}
