package wasmbin

import (
	"fmt"
	"slices"
)

// node is a node of a call graph: first the own functions, then one for each
// type that stands for all functions of it that an indirect call may reach,
// then one for everything outside the module.
type node int32

// callGraph says who may call whom.
type callGraph struct {
	imported uint32   // functions below this index are outside
	own      node     // number of own functions
	outside  node     // the last node
	typeNode []node   // by type index; types of one shape share a node
	reach    [][]node // by typeNode - own: what an indirect call may reach
	order    []node   // after connect: callees first
	cycle    []bool   // after connect, by node: it may call itself, by whatever way
	group    []int32  // after connect, by node: equal for nodes that may call each other
}

// newCallGraph lists what indirect calls may reach: the functions whose
// reference is taken anywhere, by type; and the outside, if a reference may
// come from there.
func (m *Module) newCallGraph() *callGraph {
	g := &callGraph{imported: uint32(m.imported[KindFunc]), own: node(len(m.Functions))}
	shapes := map[string]node{}
	for _, t := range m.Types {
		shape := fmt.Sprint(t.Params, t.Results)
		n, known := shapes[shape]
		if !known {
			n = g.own + node(len(shapes))
			shapes[shape] = n
		}
		g.typeNode = append(g.typeNode, n)
	}
	g.reach = make([][]node, len(shapes))
	g.outside = g.own + node(len(shapes))
	for _, f := range m.takenFuncs() {
		t, _ := m.funcTypeIndex(f)
		n := g.typeNode[t] - g.own
		if to := g.direct(f); !slices.Contains(g.reach[n][max(0, len(g.reach[n])-1):], to) {
			g.reach[n] = append(g.reach[n], to)
		}
	}
	if m.tablesAreOpen() || m.uses[OpCallRef] || m.uses[OpReturnCallRef] {
		for n := range g.reach {
			g.reach[n] = append(g.reach[n], g.outside)
		}
	}
	return g
}

// direct returns the node of the function at index.
func (g *callGraph) direct(index uint32) node {
	if index < g.imported {
		return g.outside
	}
	return node(index - g.imported)
}

// callee returns the node that in calls, if it is a call.
func (g *callGraph) callee(in *Instr) (n node, ok bool) {
	switch in.Op {
	case OpCall, OpReturnCall:
		return g.direct(in.Index), true
	case OpCallIndirect, OpReturnCallIndirect, OpCallRef, OpReturnCallRef:
		return g.typeNode[in.Index], true
	}
	return 0, false
}

// takenFuncs returns every function that a reference may exist to, in
// ascending order.
func (m *Module) takenFuncs() []uint32 {
	taken := make([]bool, m.NumFuncs())
	for f := range m.refs {
		taken[f] = true
	}
	for i := range m.Elements {
		for _, f := range m.Elements[i].Funcs {
			taken[f] = true
		}
	}
	var funcs []uint32
	for f, is := range taken {
		if is {
			funcs = append(funcs, uint32(f))
		}
	}
	return funcs
}

// tablesAreOpen says whether code outside may put functions into a table.
func (m *Module) tablesAreOpen() bool {
	return m.imported[KindTable] > 0 ||
		slices.ContainsFunc(m.Exports, func(e Export) bool { return e.Kind == KindTable })
}

// callees returns what n may call.
func (g *callGraph) callees(f flow, n node, buf []node) []node {
	switch {
	case n < g.own:
		for _, c := range f[n].calls {
			buf = append(buf, c.callee)
		}
		return buf
	case n < g.outside:
		return g.reach[n-g.own]
	}
	return nil
}

// mayReturnTo says whether a call of callee by n may lead to n being called.
func (g *callGraph) mayReturnTo(n, callee node) bool {
	return g.cycle[n] && g.group[n] == g.group[callee]
}

// connect finds the groups of nodes that may call each other, callees first,
// by Tarjan's algorithm without recursion.
func (g *callGraph) connect(f flow) {
	total := int(g.outside) + 1
	g.cycle = make([]bool, total)
	g.group = make([]int32, total)
	type visit struct {
		n     node
		edges []node
	}
	var (
		index = make([]int32, total) // 0: not yet visited
		low   = make([]int32, total)
		next  = int32(1)
		stack []node
		work  []visit
		done  int32
	)
	enter := func(n node) {
		index[n], low[n] = next, next
		next++
		stack = append(stack, n)
		work = append(work, visit{n, g.callees(f, n, nil)})
	}
	for root := range node(total) {
		if index[root] != 0 {
			continue
		}
		enter(root)
		for len(work) > 0 {
			v := &work[len(work)-1]
			if len(v.edges) > 0 {
				to := v.edges[0]
				v.edges = v.edges[1:]
				switch {
				case index[to] == 0:
					enter(to)
				case g.group[to] == 0:
					low[v.n] = min(low[v.n], index[to])
					g.cycle[v.n] = g.cycle[v.n] || to == v.n
				}
				continue
			}
			n := v.n
			work = work[:len(work)-1]
			if len(work) > 0 {
				up := work[len(work)-1].n
				low[up] = min(low[up], low[n])
			}
			if low[n] != index[n] {
				continue
			}
			done++
			at := len(stack) - 1
			for stack[at] != n {
				at--
			}
			for _, member := range stack[at:] {
				g.group[member] = done
				g.cycle[member] = g.cycle[member] || len(stack)-at > 1
				g.order = append(g.order, member)
			}
			stack = stack[:at]
		}
	}
}
