package wasmbin

import "errors"

// BudgetExport is the name of the global of type i64 that Meter adds: the
// units that may still be spent before the next tick.
const BudgetExport = privatePrefix + "budget"

// Tick names the function that a metered module imports. It takes and returns
// nothing. It is called when BudgetExport is below zero, and either adds to it
// or traps; if it returns with the budget still below zero, it is called again
// soon. Adding, not setting, keeps the account exact: what is below zero has
// been spent already.
type Tick struct {
	Module, Name string
}

// Meter makes the module count the work it does, in units of about one
// WebAssembly instruction, and call tick whenever the budget is used up. The
// budget begins at zero, so the first tick comes at once, and a start function
// is metered like all else.
//
// What changes: a function is imported, so the indexes of the own functions
// rise by one wherever they stand, the name section included; custom sections
// that hold positions in the code are dropped. Loop headers, some entries of
// functions and some places before calls reduce the budget and look at it;
// ledger.go says which, and why no work goes unpaid. Copying and filling
// memory is done in pieces. Nothing else of the guest's meaning changes: the
// added code leaves the operand stack, the locals and the globals of the guest
// as they are, and labels are renumbered where it adds blocks.
//
// In a function with a loop that calls nothing, the budget is kept in a local.
// It is written back to the global before all that may read it there: calls,
// throws, and the end of the function, to which every way out is led. In
// functions that catch exceptions it is not, since the callee that throws
// has changed the global. A trap loses what was spent since the last writing.
//
// A host that calls an export pays what that leaves to its callers, up to
// stretchCost units.
//
// # What it costs, and what was tried
//
// Ratios of run time to that of the unmetered module on wazero v1.12, amd64,
// two cores shared with others, November 2026. BenchmarkMetering, geometric
// means of ten kernels in C, of ten in Go and of all:
//
//	                                                       C      Go     all
//	Meter                                                  1.05   1.12   1.09
//	LimitDepth and Meter                                   1.05   1.15   1.10
//
// They go from 0.86 (matmul in C) to 1.33 (JSON in C, a hash map in Go); the
// order in which wazero lays out blocks matters as much as what is added. What
// was tried on the way, with Meter alone on eight kernels of each:
//
//	                                                       C           Go
//	tick within the loop, budget in a local or global      1.14        1.13
//	loop within a loop, br_if back to the outer one        1.23        1.13
//	the same, if and br instead of br_if (tickBefore)      1.08        1.12
//	tick behind the inner loop (tickAfter)                 1.10        1.09
//	tickBefore in loops without calls, tickAfter in others 1.03-1.05   1.11-1.13
//
// A counter in the global alone had cost 27 to 75 % in fib and matmul. Three
// things of wazero's explain most of it: a global is loaded again in every
// block that has several predecessors, and stored each time; a comparison
// takes five machine instructions instead of two if its branch is a critical
// edge, which a br_if to a loop is; values that live across a call in a loop
// are spilled in the loop.
// Cutting scopes finer costs nothing to speak of: stretchCost at 64, 256 and
// 1024 gave the same means, and at 64 a unit takes 0.1 to 0.5 ns in all
// kernels. Looking at the budget in every stretch does: 1.4 in Go.
func (m *Module) Meter(tick Tick) error {
	if err := m.meterable(); err != nil {
		return err
	}
	graph := m.newCallGraph()
	flow := m.scanFlow(graph)
	graph.connect(flow)
	budget, err := m.exportHostGlobal(BudgetExport, I64, []byte{byte(OpI64Const), 0})
	if err != nil {
		return err
	}
	mt := meter{m: m, ledger: newLedger(graph, flow), budget: budget}
	shiftFrom := uint32(m.imported[KindFunc])
	imported := m.importFunc(tick.Module, tick.Name, FuncType{})
	own := len(m.Bodies)
	var call code
	call.op(OpCall, imported)
	mt.tick = m.addFunc(FuncType{}, nil, call)
	mt.addBulk()

	mt.shiftFrom, mt.shiftBy = shiftFrom, 1
	mt.findWraps(own)
	inParallel(own, func() func(int) {
		worker := mt
		return worker.function
	})
	m.changed(secCode)
	return nil
}

// meterable refuses what could do unbounded work that no pass can divide.
func (m *Module) meterable() error {
	if m.uses[OpAtomicWait32] || m.uses[OpAtomicWait64] {
		return errors.New("wasm: the module cannot be metered: it waits on shared memory (memory.atomic.wait)")
	}
	if m.imported[KindMemory]+len(m.Memories) > 1 {
		return errors.New("wasm: the module cannot be metered: it has several memories")
	}
	if m.hasMemory64() || m.hasTable64() {
		return errors.New("wasm: the module cannot be metered: it has a memory or table with 64-bit indexes")
	}
	return nil
}

// meter rewrites the functions of one module.
type meter struct {
	rewriter
	m      *Module
	ledger *ledger
	budget uint32 // the global
	tick   uint32 // the function that calls the import
	bulk   map[Op]uint32
	wraps  [][]byte // by own function: the block type of what keeps the budget in a local; or nil

	local    int64 // the local that holds the budget in this function, or -1
	charges  []charge
	pending  []charge // those that are still to come
	upcoming []callSite
	scopes   []scope
}

// findWraps decides which functions keep the budget in a local. It adds the
// types that takes, in an order that does not depend on who rewrites first.
func (mt *meter) findWraps(own int) {
	mt.wraps = make([][]byte, own)
	for i := range mt.wraps {
		if mt.ledger.quietLoop(node(i)) && !mt.ledger.flow[i].tries {
			mt.wraps[i] = mt.m.wrapType(mt.m.Types[mt.m.Functions[i]])
		}
	}
}

// function rewrites own function i.
func (mt *meter) function(i int) {
	m, b := mt.m, &mt.m.Bodies[i]
	f := &mt.ledger.flow[i]
	mt.charges = mt.ledger.charges(node(i), mt.charges[:0])
	mt.pending = mt.charges
	mt.upcoming, mt.scopes = f.calls, f.scopes
	mt.local = -1
	if wrap := mt.wraps[i]; wrap != nil {
		mt.local = int64(len(m.Types[m.Functions[i]].Params)) + int64(b.Locals)
		mt.beginWrapped(b, f.stops, I64, wrap)
		mt.load(mt.upTo(0))
	} else {
		mt.begin(b, f.stops)
	}
	for mt.next() {
		mt.instruction()
	}
	mt.end()
}

func (mt *meter) instruction() {
	in := &mt.in
	for len(mt.pending) > 0 && mt.pending[0].pos <= in.Start && mt.pending[0].scope < 0 {
		mt.charge(mt.upTo(mt.pending[0].pos), mt.pending[0])
		mt.pending = mt.pending[1:]
	}
	switch in.Op {
	case OpLoop:
		mt.loop()
		return
	case OpCall, OpCallIndirect, OpCallRef, OpReturnCall, OpReturnCallIndirect, OpReturnCallRef:
		c := mt.upcoming[0]
		mt.upcoming = mt.upcoming[1:]
		if mt.ledger.touches[c.callee] {
			mt.around()
			return
		}
	case OpTryTable:
		mt.charge(mt.upTo(in.Start), charge{units: exceptionCost, looked: true})
	case OpThrow, OpThrowRef:
		mt.charge(mt.upTo(in.Start), charge{units: exceptionCost, looked: true})
		mt.store(mt.upTo(in.Start))
	case OpMemoryCopy, OpMemoryFill, OpMemoryInit, OpMemoryGrow,
		OpTableCopy, OpTableFill, OpTableInit, OpTableGrow:
		mt.bulkOp()
		return
	}
	if mt.copy() {
		mt.store(&mt.out)
	}
}

// loop opens a loop twice: the inner one is the guest's, and pays and looks at
// the budget each time round; when that is used up, it leaves for the outer
// one, where the tick is, and is entered again. So the values that live in the
// loop do not live across a call. They are where they were when the inner loop
// begins again, since nothing has been changed but the budget.
func (mt *meter) loop() {
	in := &mt.in
	head := mt.body.Code()[in.Start:in.End] // loop and its block type
	ch := mt.pending[0]
	mt.pending = mt.pending[1:]
	switch {
	case mt.takesParams(in):
		mt.tickBefore(head)
		mt.overdrawn(&mt.out)
		mt.out.op(OpBrIf, 1)
		mt.openAround(1, end1)
	case mt.scopes[ch.scope].calls:
		mt.tickAfter(head)
	default:
		mt.tickBefore(head)
		mt.overdrawn(&mt.out)
		mt.out.block(OpIf).op(OpBr, 2).op(OpEnd)
		mt.openAround(1, end1)
	}
	mt.reduce(&mt.out, ch.units)
}

var end1 = code{byte(OpEnd)}

// tickBefore writes the heads of both loops with the tick between them:
//
//	loop
//	  if budget < 0 { tick }
//	  loop
//
// It costs a look at the budget each time the loop is entered.
func (mt *meter) tickBefore(head []byte) {
	c := mt.upTo(mt.in.End)
	mt.overdrawn(c)
	c.block(OpIf)
	mt.callTick(c)
	c.op(OpEnd)
	*c = append(*c, head...)
}

// tickAfter writes the heads of both loops so that the tick stands behind the
// inner one:
//
//	block
//	  loop
//	    block
//	      loop
//	        if budget < 0 { br 2 }
//	        ...
//	      end
//	      br 2
//	    end
//	    tick
//	    br 0
//	  end
//	end
func (mt *meter) tickAfter(head []byte) {
	c := mt.upTo(mt.in.Start)
	*c = append(append(*c, byte(OpBlock)), head[1:]...)
	*c = append(*c, head...)
	c.block(OpBlock)
	c = mt.upTo(mt.in.End)
	mt.overdrawn(c)
	c.block(OpIf).op(OpBr, 2).op(OpEnd)
	var after code
	after.op(OpBr, 2).op(OpEnd)
	mt.callTick(&after)
	after.op(OpBr, 0).op(OpEnd).op(OpEnd)
	mt.openAround(3, after)
}

// takesParams says whether the block that in opens has parameters.
func (mt *meter) takesParams(in *Instr) bool {
	return in.Value >= 0 && len(mt.m.Types[in.Value].Params) > 0
}

// overdrawn asks whether the budget is below zero. The answer goes into an if,
// not a br_if, wherever possible: wazero makes two machine instructions of the
// one and six of the other, since a br_if back to a loop is a critical edge.
func (mt *meter) overdrawn(c *code) {
	mt.get(c)
	c.const64(0).op(OpI64LtS)
}

// charge pays and, if the charge says so, looks at the budget.
func (mt *meter) charge(c *code, ch charge) {
	mt.reduce(c, ch.units)
	if !ch.looked {
		return
	}
	mt.overdrawn(c)
	c.block(OpIf)
	mt.callTick(c)
	c.op(OpEnd)
}

// get pushes the budget.
func (mt *meter) get(c *code) {
	if mt.local >= 0 {
		c.op(OpLocalGet, uint32(mt.local))
	} else {
		c.op(OpGlobalGet, mt.budget)
	}
}

// reduce takes units off the budget.
func (mt *meter) reduce(c *code, units uint32) {
	if units == 0 {
		return
	}
	mt.get(c)
	c.const64(int64(units)).op(OpI64Sub)
	if mt.local >= 0 {
		c.op(OpLocalSet, uint32(mt.local))
	} else {
		c.op(OpGlobalSet, mt.budget)
	}
}

func (mt *meter) callTick(c *code) {
	mt.store(c)
	c.op(OpCall, mt.tick)
	mt.load(c)
}

// store writes the local budget, if there is one, back to the global.
func (mt *meter) store(c *code) {
	if mt.local >= 0 {
		c.op(OpLocalGet, uint32(mt.local)).op(OpGlobalSet, mt.budget)
	}
}

// load reads the global into the local budget, if there is one.
func (mt *meter) load(c *code) {
	if mt.local >= 0 {
		c.op(OpGlobalGet, mt.budget).op(OpLocalSet, uint32(mt.local))
	}
}

// around copies a call with the budget in the global while it runs.
func (mt *meter) around() {
	mt.store(mt.upTo(mt.in.Start))
	mt.copy()
	mt.load(mt.upTo(mt.in.End))
}
