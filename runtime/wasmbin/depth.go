package wasmbin

// DepthExport is the name of the global of type i32 that LimitDepth adds: an
// estimate of how much stack the calls now open take, in bytes. A host sets it
// to zero after a trap. If it is over the limit then, the trap was that of a
// recursion too deep.
const DepthExport = privatePrefix + "depth"

const (
	// frameBytes is the size of the smallest frame, in bytes: return address,
	// frame pointer, frame size, spilled registers. wazero v1.12 takes 56 to
	// 100 on amd64.
	frameBytes = 64
	// localBytes is what a local or parameter adds to a frame, in bytes. Most
	// live in registers; which ones is the engine's choice.
	localBytes = 8
)

// LimitDepth makes recursion trap before it takes more than about limit bytes
// of native stack. Engines have such a limit too, but wazero's is a constant
// of 50 MB, and an instance that has met it holds 80 MiB until it is closed.
//
// What changes: a function that may call itself, by whatever way, reads the
// depth when it begins, traps if that is over the limit, and sets it to its
// own depth, frame included, while it calls a function that may call it. Calls
// that cannot lead back are not counted: there is a longest chain of them, and
// it is as long as the module is large. Calls in tail position are not counted
// either, as they give up the frame. A recursion through the host is the
// host's to limit.
//
// Why it is sound: the depth is set back after every such call, so it depends
// on the open calls only. An exception skips that. So a function that catches
// sets the depth to its own before each call that counts, and when it ends.
//
// The estimate knows nothing of values that lie on the operand stack during a
// call. A module made to have many is still stopped by the engine.
func (m *Module) LimitDepth(limit uint32) error {
	graph := m.newCallGraph()
	flow := m.scanFlow(graph)
	graph.connect(flow)
	depth, err := m.exportHostGlobal(DepthExport, I32, appendConst32(nil, 0))
	if err != nil {
		return err
	}
	d := depthLimiter{m: m, graph: graph, flow: flow, limit: limit, depth: depth}
	d.findCounting()
	for i := range m.Bodies {
		if f := &flow.funcs[i]; d.recurs(node(i)) || f.tries && d.counts[i] {
			d.function(i)
		}
	}
	m.changed(secCode)
	return nil
}

// depthLimiter rewrites the functions of one module.
type depthLimiter struct {
	rewriter
	m      *Module
	graph  *callGraph
	flow   *flow
	limit  uint32
	depth  uint32 // the global
	counts []bool // by node: a call of it may reach a function that counts

	n        node   // the function being rewritten
	tries    bool   // and whether it catches
	frame    uint32 // and what its frame takes
	local    uint32 // and the local that holds the depth at its beginning
	upcoming []callSite
}

// recurs says whether own function n has a call that may lead back to it.
func (d *depthLimiter) recurs(n node) bool { return d.graph.cycle[n] }

// findCounting fills counts in, callees first. Within a group all count.
func (d *depthLimiter) findCounting() {
	d.counts = make([]bool, d.graph.outside+1)
	var buf []node
	for _, n := range d.graph.order {
		d.counts[n] = d.graph.cycle[n]
		buf = d.graph.callees(d.flow, n, buf[:0])
		for _, to := range buf {
			d.counts[n] = d.counts[n] || d.counts[to]
		}
	}
}

func (d *depthLimiter) function(i int) {
	f, b := &d.flow.funcs[i], &d.m.Bodies[i]
	t := d.m.Types[d.m.Functions[i]]
	d.n, d.tries = node(i), f.tries
	d.upcoming = d.flow.calls[f.calls.lo:f.calls.hi]
	d.local = uint32(len(t.Params)) + b.Locals
	d.frame = frameBytes + localBytes*d.local
	b.addLocals(1, I32)
	if d.tries {
		d.begin(b, true, d.m.wrapType(t))
	} else {
		d.begin(b, false, nil)
	}
	c := d.upTo(0)
	c.op(OpGlobalGet, d.depth).op(OpLocalTee, d.local)
	c.const32(d.limit).op(OpI32GtU).block(OpIf).op(OpUnreachable).op(OpEnd)
	for d.next() {
		d.instruction()
	}
	d.end()
}

func (d *depthLimiter) instruction() {
	switch d.in.Op {
	case OpCall, OpCallIndirect, OpCallRef:
		callee := d.upcoming[0].callee
		d.upcoming = d.upcoming[1:]
		if d.graph.mayReturnTo(d.n, callee) {
			d.set(d.upTo(d.in.Start), d.frame)
			d.copy()
			d.set(d.upTo(d.in.End), 0)
			return
		}
		if d.tries && d.counts[callee] {
			d.set(d.upTo(d.in.Start), 0)
		}
	case OpReturnCall, OpReturnCallIndirect, OpReturnCallRef:
		d.upcoming = d.upcoming[1:]
		if d.tries {
			d.set(d.upTo(d.in.Start), 0)
		}
	}
	if d.copy() {
		d.set(&d.out, 0)
	}
}

// set sets the depth to that of this function and more.
func (d *depthLimiter) set(c *code, more uint32) {
	c.op(OpLocalGet, d.local)
	if more > 0 {
		c.const32(more).op(OpI32Add)
	}
	c.op(OpGlobalSet, d.depth)
}
