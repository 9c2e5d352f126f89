package wasmbin

import "slices"

// flow is what the passes that count know of the control flow of each own
// function: where loops begin, where calls stand, and what a stretch of code
// costs.
type flow []funcFlow

// funcFlow is one function's part of a flow. The slices are in code order.
type funcFlow struct {
	scopes    []scope
	stretches []stretch
	regions   []region
	calls     []callSite
	stops     []int32 // where instructions begin that Meter looks at again
	tries     bool    // it has a try_table
	spends    bool    // it has an instruction that pays where it stands
}

// A scope is code that is repeated together: a loop's body without the loops
// in it or, as the first scope of every function, what stands outside loops.
type scope struct {
	parent  int32  // the scope around; -1 for the function's own
	current int32  // while scanning: the stretch being added to
	loop    bool   // it is a loop's body
	calls   bool   // something is called in it or in a scope within
	total   uint32 // the most that all its stretches may cost
}

// A stretch is code of one scope that is entered at its beginning, pos, or
// from within itself: who pays its cost there has paid for each instruction of
// it, whichever of them run. A scope is cut into stretches at labels once it
// costs more than stretchCost, so that a jump over code is not paid as if all
// of it ran. The first stretch of a scope begins where the scope does.
type stretch struct {
	pos   int
	scope int32
	cost  uint32 // of its instructions, without what its calls cost
	calls uint32 // how many calls there are
}

// A region is straight-line code outside of loops that calls something. It
// begins at pos, after an instruction of control. dom is a region that has
// always run when this one runs, or -1.
type region struct {
	pos  int
	dom  int32
	pays bool // the ledger has chosen it to pay, and to look at the budget
}

// callSite is one call.
type callSite struct {
	start   int
	end     int  // where the code after it begins
	tail    bool // it ends the function
	callee  node
	stretch int32
	region  int32 // -1 inside a loop
}

// ownScope is the scope of what stands outside loops.
const ownScope = 0

const (
	// stretchCost is the cost in units from which on a scope is cut, and up
	// to which a function leaves the cost of its own scope to its callers.
	stretchCost = 64
	// longStretch is the cost in units at which a stretch ends at the latest.
	longStretch = 256
)

// most is the most that a stretch may cost: its calls lead to functions that
// leave up to stretchCost to their callers.
func (s *stretch) most() uint32 { return s.cost + s.calls*stretchCost }

// openBlock is a block that the scanner is inside of.
type openBlock struct {
	op     Op
	scope  int32 // that it stands in
	from   int32 // first stretch with a jump to its end; -1 if there is none
	ifFrom int32 // OpIf, OpElse: the stretch of the if
	dom    int32 // the last region before it
}

// scanner builds the flow of one function after the other.
type scanner struct {
	funcFlow
	graph  *callGraph
	blocks []openBlock
	scope  int32 // the innermost one
	start  int   // where the current region begins
	region int32 // the current region; -1 as long as it calls nothing
	dom    int32 // the last region that has run by now
}

// scanFlow walks over all bodies and also gives the graph its edges.
func (m *Module) scanFlow(g *callGraph) flow {
	f := make(flow, len(m.Bodies))
	inParallel(len(f), func() func(int) {
		s := scanner{graph: g}
		return func(i int) { f[i] = s.function(&m.Bodies[i]) }
	})
	return f
}

// scanCalls is scanFlow for who needs calls only.
func (m *Module) scanCalls(g *callGraph) flow {
	f := make(flow, len(m.Bodies))
	inParallel(len(f), func() func(int) {
		return func(i int) { f[i].calls = m.Bodies[i].scanCalls(g) }
	})
	return f
}

func (b *Body) scanCalls(g *callGraph) []callSite {
	calls := make([]callSite, 0, len(b.calls))
	note := func(in *Instr) {
		if callee, ok := g.callee(in); ok {
			calls = append(calls, callSite{start: in.Start, end: in.End, tail: in.Op.isTailCall(), callee: callee})
		}
	}
	var in Instr
	w := b.Walk()
	if b.edited {
		for w.Next(&in) {
			note(&in)
		}
		return calls
	}
	for _, start := range b.calls {
		w.at(start, &in)
		note(&in)
	}
	return calls
}

func (s *scanner) function(b *Body) funcFlow {
	s.funcFlow = funcFlow{scopes: s.scopes[:0], stretches: s.stretches[:0], regions: s.regions[:0], calls: s.calls[:0], stops: s.stops[:0]}
	s.scope, s.dom = -1, -1
	s.openScope(false, 0)
	s.blocks = append(s.blocks[:0], openBlock{op: OpBlock, scope: s.scope, from: -1, dom: -1})
	s.newRegion(0)

	w := b.Walk()
	for in := (Instr{}); w.Next(&in); {
		s.instruction(&in)
	}

	for _, st := range s.stretches {
		s.scopes[st.scope].total += st.most()
	}
	f := s.funcFlow // whose slices the next function overwrites
	f.scopes, f.stretches = slices.Clone(f.scopes), slices.Clone(f.stretches)
	f.regions, f.calls, f.stops = slices.Clone(f.regions), slices.Clone(f.calls), slices.Clone(f.stops)
	return f
}

// instruction notes what in does, and that it costs a unit. Instructions that
// no machine code is made of cost nothing, those that call into the engine as
// much as a call out of the module.
func (s *scanner) instruction(in *Instr) {
	switch in.Op {
	default:
		s.pay(in, 1)
		return
	case OpNop:
		return
	case OpReturn, OpRefFunc:
		s.pay(in, 1)
	case OpTryTable:
		s.tries, s.spends = true, true
		s.jumps(in.Labels)
		s.open(in)
	case OpBlock:
		s.open(in)
	case OpIf:
		s.pay(in, 1)
		s.open(in)
	case OpLoop:
		s.open(in)
		s.openScope(true, in.End)
	case OpElse:
		s.otherwise(in)
	case OpEnd:
		s.close(in)
	case OpBr, OpBrIf, OpBrOnNull, OpBrOnNonNull:
		s.pay(in, 1)
		s.jump(in.Index)
		s.newRegion(in.End)
	case OpBrTable:
		s.pay(in, 1)
		s.jumps(in.Labels)
		s.newRegion(in.End)
	case OpCall, OpReturnCall, OpCallIndirect, OpReturnCallIndirect, OpCallRef, OpReturnCallRef:
		callee, _ := s.graph.callee(in)
		s.call(in, callee)
	case OpMemoryGrow, OpTableGrow:
		s.spends = true
		s.pay(in, outsideCost)
	case OpMemoryCopy, OpMemoryFill, OpMemoryInit, OpTableCopy, OpTableFill, OpTableInit, OpThrow, OpThrowRef:
		s.spends = true
		s.pay(in, 1)
	}
	s.stops = append(s.stops, int32(in.Start))
}

// isTailCall says whether op ends the function with a call.
func (op Op) isTailCall() bool {
	return op == OpReturnCall || op == OpReturnCallIndirect || op == OpReturnCallRef
}

// pay adds to the cost of the current stretch, and ends it if it has become
// long.
func (s *scanner) pay(in *Instr, units uint32) {
	st := &s.stretches[s.scopes[s.scope].current]
	st.cost += units
	if st.most() > longStretch {
		s.cut(in.End)
	}
}

// openScope begins a scope whose first stretch begins at pos.
func (s *scanner) openScope(loop bool, pos int) {
	s.scopes = append(s.scopes, scope{parent: s.scope, loop: loop})
	s.scope = int32(len(s.scopes) - 1)
	s.cut(pos)
}

// cut begins a new stretch of the current scope at pos.
func (s *scanner) cut(pos int) {
	s.scopes[s.scope].current = int32(len(s.stretches))
	s.stretches = append(s.stretches, stretch{pos: pos, scope: s.scope})
}

// newRegion begins a new region at pos.
func (s *scanner) newRegion(pos int) { s.start, s.region = pos, -1 }

func (s *scanner) open(in *Instr) {
	s.blocks = append(s.blocks, openBlock{
		op: in.Op, scope: s.scope, from: -1, ifFrom: s.scopes[s.scope].current, dom: s.dom,
	})
	s.newRegion(in.End)
}

// jump notes a jump to label from the current stretch of the label's scope.
// Jumps to a loop go to its first stretch and need no note.
func (s *scanner) jump(label uint32) {
	b := &s.blocks[len(s.blocks)-1-int(label)]
	if from := s.scopes[b.scope].current; b.op != OpLoop && (b.from < 0 || from < b.from) {
		b.from = from
	}
}

func (s *scanner) jumps(labels []uint32) {
	for _, l := range labels {
		s.jump(l)
	}
}

// otherwise passes from the first to the second branch of an if. The first
// jumps to the end from here; the second is reached from the if.
func (s *scanner) otherwise(in *Instr) {
	s.jump(0)
	b := &s.blocks[len(s.blocks)-1]
	b.op = OpElse
	if b.ifFrom < s.scopes[s.scope].current {
		s.cut(in.End)
	}
	s.dom = b.dom
	s.newRegion(in.End)
}

// close ends a block. A new stretch must begin here if a jump to the end
// started in an earlier one, and may if this one costs much already.
func (s *scanner) close(in *Instr) {
	b := s.blocks[len(s.blocks)-1]
	s.blocks = s.blocks[:len(s.blocks)-1]
	s.scope, s.dom = b.scope, b.dom
	s.newRegion(in.End)
	if b.op == OpIf && (b.from < 0 || b.ifFrom < b.from) {
		b.from = b.ifFrom
	}
	if b.op == OpLoop || len(s.blocks) == 0 {
		return
	}
	current := s.scopes[s.scope].current
	if b.from >= 0 && b.from < current || s.stretches[current].cost > stretchCost {
		s.cut(in.End)
	}
}

// call notes a call and, outside of loops, the region it makes.
func (s *scanner) call(in *Instr, callee node) {
	for up := s.scope; up >= 0 && !s.scopes[up].calls; up = s.scopes[up].parent {
		s.scopes[up].calls = true
	}
	c := callSite{start: in.Start, end: in.End, tail: in.Op.isTailCall(), callee: callee, stretch: s.scopes[s.scope].current, region: -1}
	if !s.scopes[s.scope].loop {
		if s.region < 0 {
			s.region = int32(len(s.regions))
			s.regions = append(s.regions, region{pos: s.start, dom: s.dom})
			s.dom = s.region
		}
		c.region = s.region
	}
	s.calls = append(s.calls, c)
	s.stretches[c.stretch].calls++
	s.pay(in, 1)
}
