package wasmbin

// DepthExport is the name of the global of type i32 that LimitDepth adds: an
// estimate of how much stack the calls now open take, in bytes. It is after a
// call of an export what it was before, but for traps and exceptions, after
// which a host sets it to zero. If it is over the limit then, the trap was that
// of a recursion too deep.
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
// What changes: a function counts if it may call itself, by whatever way, or
// calls one that counts, or calls out of the module. It reads the depth when it
// begins, traps if it may call itself and the depth is over the limit, and
// before each call of one that counts sets the depth to what it read, with its
// own frame added if that call may lead back to it. Exports and the start
// function are led through private functions that set the depth back.
//
// Calls that cannot lead back are not added: there is a longest chain of them,
// and it is as long as the module is large. Calls in tail position are not
// added either, as they give up the frame. What the host calls from within a
// call goes on at the depth of that, but a recursion by way of the host alone
// is the host's to limit.
//
// Why it is sound: whoever reads the depth has been called by one that has just
// set it, or by the host. So it need not be set back after a call, and
// exceptions, which skip what stands there, make no difference.
//
// The estimate knows nothing of values that lie on the operand stack during a
// call. A module made to have many is still stopped by the engine.
func (m *Module) LimitDepth(limit uint32) error {
	graph := m.newCallGraph()
	flow := m.scanCalls(graph)
	graph.connect(flow)
	depth, err := m.exportHostGlobal(DepthExport, I32, appendConst32(nil, 0))
	if err != nil {
		return err
	}
	d := depthLimiter{m: m, graph: graph, flow: flow, limit: limit, depth: depth}
	d.findCounting()
	inParallel(len(m.Bodies), func() func(int) { return d.function })
	d.entries()
	m.changed(secCode)
	return nil
}

// depthLimiter rewrites the functions of one module.
type depthLimiter struct {
	m      *Module
	graph  *callGraph
	flow   flow
	limit  uint32
	depth  uint32 // the global
	counts []bool // by node
}

// findCounting fills counts in, callees first. Within a group all count.
func (d *depthLimiter) findCounting() {
	d.counts = make([]bool, d.graph.outside+1)
	d.counts[d.graph.outside] = true
	var buf []node
	for _, n := range d.graph.order {
		d.counts[n] = d.counts[n] || d.graph.cycle[n]
		buf = d.graph.callees(d.flow, n, buf[:0])
		for _, to := range buf {
			d.counts[n] = d.counts[n] || d.counts[to]
		}
	}
}

// function rewrites own function i if it counts.
func (d *depthLimiter) function(i int) {
	n, b := node(i), &d.m.Bodies[i]
	if !d.counts[n] {
		return
	}
	e := bodyEdit{body: b}
	own := uint32(len(d.m.Types[d.m.Functions[i]].Params)) + b.Locals
	frame := frameBytes + localBytes*own
	e.addLocal(I32)
	c := e.upTo(0)
	if c.op(OpGlobalGet, d.depth); d.graph.cycle[n] {
		c.op(OpLocalTee, own)
		c.const32(d.limit).op(OpI32GtU).block(OpIf).op(OpUnreachable).op(OpEnd)
	} else {
		c.op(OpLocalSet, own)
	}
	for _, call := range d.flow[i].calls {
		if !d.counts[call.callee] {
			continue
		}
		c := e.upTo(call.start)
		c.op(OpLocalGet, own)
		if d.graph.mayReturnTo(n, call.callee) && !call.tail {
			c.const32(frame).op(OpI32Add)
		}
		c.op(OpGlobalSet, d.depth)
	}
	e.finish()
}

// entries leads the ways in from the host to functions that count through
// functions that set the depth back.
func (d *depthLimiter) entries() {
	m := d.m
	made := map[uint32]uint32{}
	var declared []uint32
	entry := func(index uint32) uint32 {
		if n := d.graph.direct(index); n == d.graph.outside || !d.counts[n] {
			return index
		}
		if _, ok := made[index]; !ok {
			made[index] = d.entry(index)
			if m.refs[index] {
				declared = append(declared, index)
			}
		}
		return made[index]
	}
	for i := range m.Exports {
		if e := &m.Exports[i]; e.Kind == KindFunc {
			e.Index = entry(e.Index)
		}
	}
	if m.Start != nil {
		start := entry(*m.Start)
		m.Start = &start
		m.changed(secStart)
	}
	m.declare(declared)
}

// entry adds a function that calls the one at index and sets the depth back.
func (d *depthLimiter) entry(index uint32) uint32 {
	t, _ := d.m.FuncType(index)
	var c code
	before := uint32(len(t.Params))
	c.op(OpGlobalGet, d.depth).op(OpLocalSet, before)
	for i := range before {
		c.op(OpLocalGet, i)
	}
	c.op(OpCall, index)
	c.op(OpLocalGet, before).op(OpGlobalSet, d.depth)
	return d.m.addFunc(t, []ValType{I32}, c)
}
