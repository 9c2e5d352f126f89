package wasmbin

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// programmer writes random programs that are valid and that end: loops count
// down and calls carry a depth. Every statement first adds one to a global, and
// exceptions to another, so that the work done can be compared with the units
// paid.
type programmer struct {
	*rand.Rand
	g      *guest
	labels []label
	loops  uint32 // open, each with a local of its own
	void   uint32
}

// label is an open block and what a branch to it takes.
type label struct{ takes []ValType }

const (
	programFuncs  = 5
	programVars   = 3 // locals 1 to 3; local 0 is the depth
	programLoops  = 4 // locals after those
	unitsPerStep  = 4 // instructions with which a statement counts itself
	stepsGlobal   = 0
	throwsGlobal  = 1 // exceptions thrown and try_tables entered
	programMemory = 2
)

// program returns the module that seed stands for. It exports run, which takes
// the depth of calls, and steps.
func program(seed uint64) []byte {
	p := programmer{Rand: rand.New(rand.NewPCG(seed, 0)), g: &guest{}}
	p.g.memory(programMemory, programMemory+2)
	p.g.export("steps", KindGlobal, p.g.global(I64, true, i64(0)))
	p.g.export("throws", KindGlobal, p.g.global(I64, true, i64(0)))
	p.void = p.g.typ(nil, nil)
	p.g.tags = append(p.g.tags, []byte{0, byte(p.void)})
	p.g.table(FuncRef, programFuncs, programFuncs)
	locals := slices.Repeat(types(I32), programVars+programLoops)
	for range programFuncs {
		p.labels, p.loops = []label{{types(I32)}}, 0
		p.g.fn(types(I32), types(I32), locals,
			op(OpLocalGet, 0), op(opI32Eqz), blk(OpIf, i32(1), op(OpReturn)),
			p.statements(3), p.expr(2))
	}
	p.g.elem(0, 0, 1, 2, 3, 4)
	p.g.export("run", KindFunc, programFuncs-1)
	return p.g.wasm()
}

func (p *programmer) statements(depth int) (code []byte) {
	for range 1 + p.IntN(4) {
		code = slices.Concat(code, count(stepsGlobal), p.statement(depth))
	}
	return code
}

func count(global uint32) []byte {
	return slices.Concat(op(OpGlobalGet, global), i64(1), op(OpI64Add), op(OpGlobalSet, global))
}

func (p *programmer) variable() uint32 { return 1 + p.Uint32N(programVars) }

func (p *programmer) statement(depth int) []byte {
	if depth == 0 {
		return slices.Concat(p.expr(2), op(OpLocalSet, p.variable()))
	}
	switch p.IntN(14) {
	case 0:
		return slices.Concat(i32(p.Int32N(1000)), p.expr(1), op(opI32Store, 0, 4))
	case 1:
		return slices.Concat(p.expr(1), p.inside(OpIf, nil, func() []byte {
			return slices.Concat(p.statements(depth-1), op(OpElse), p.statements(depth-1))
		}))
	case 2:
		return slices.Concat(p.expr(1), p.inside(OpIf, nil, func() []byte { return p.statements(depth - 1) }))
	case 3:
		return p.inside(OpBlock, nil, func() []byte { return p.statements(depth - 1) })
	case 4, 5:
		return p.loop(depth)
	case 6:
		return p.typedLoop(depth)
	case 7:
		return p.branch()
	case 8:
		return p.tableBranch()
	case 9:
		return slices.Concat(p.expr(1), blk(OpIf, p.expr(1), op(OpReturn)))
	case 10:
		return p.inside(OpBlock, nil, func() []byte {
			p.labels = append(p.labels, label{})
			body := p.statements(depth - 1)
			p.labels = p.labels[:len(p.labels)-1]
			return slices.Concat(count(throwsGlobal), []byte{byte(OpTryTable), 0x40, 1, catchAll, 0}, body, op(OpEnd))
		})
	case 11:
		return slices.Concat(p.expr(1), i32(7), op(OpI32Sub), op(opI32Eqz), blk(OpIf, count(throwsGlobal), op(OpThrow, 0)))
	case 12:
		return slices.Concat(i32(p.Int32N(100)), i32(5), i32(p.Int32N(1000)), op(OpMemoryFill, 0))
	default:
		return slices.Concat(i32(p.Int32N(2)), op(OpMemoryGrow, 0), op(OpLocalSet, p.variable()))
	}
}

// inside writes a block of any kind that takes and leaves nothing else but
// what a branch to it takes.
func (p *programmer) inside(o Op, takes []ValType, body func() []byte) []byte {
	p.labels = append(p.labels, label{takes})
	code := body()
	p.labels = p.labels[:len(p.labels)-1]
	return blk(o, code)
}

// loop counts a local down, before all else, so that every jump back is bounded.
func (p *programmer) loop(depth int) []byte {
	if p.loops == programLoops {
		return nil
	}
	count := 1 + programVars + p.loops
	p.loops++
	body := p.inside(OpBlock, nil, func() []byte {
		return p.inside(OpLoop, nil, func() []byte {
			return slices.Concat(
				op(OpLocalGet, count), op(opI32Eqz), op(OpBrIf, 1),
				op(OpLocalGet, count), i32(1), op(OpI32Sub), op(OpLocalSet, count),
				p.statements(depth-1), op(OpBr, 0))
		})
	})
	p.loops--
	return slices.Concat(i32(p.Int32N(5)), op(OpLocalSet, count), body)
}

// typedLoop is a loop with a parameter and a result, which counts its
// parameter down.
func (p *programmer) typedLoop(depth int) []byte {
	if p.loops == programLoops {
		return nil
	}
	count := 1 + programVars + p.loops
	p.loops++
	p.labels = append(p.labels, label{types(I32)})
	body := slices.Concat(op(OpLocalSet, count), p.statements(min(depth-1, 1)),
		op(OpLocalGet, count), i32(1), op(OpI32Sub), op(OpLocalTee, count),
		op(OpLocalGet, count), i32(0), op(opI32GtS), op(OpBrIf, 0))
	p.labels = p.labels[:len(p.labels)-1]
	p.loops--
	t := p.g.typ(types(I32), types(I32))
	return slices.Concat(i32(p.Int32N(4)), []byte{byte(OpLoop), byte(t)}, body, op(OpEnd), op(OpLocalSet, p.variable()))
}

// branch jumps, on a condition, to any open block that needs no more than it
// can have; a loop that counts by its parameter is no target.
func (p *programmer) branch() []byte {
	l := p.Uint32N(uint32(len(p.labels)))
	if takes := p.labels[len(p.labels)-1-int(l)].takes; len(takes) > 0 {
		if int(l) != len(p.labels)-1 {
			return nil
		}
		return slices.Concat(p.expr(1), p.expr(1), op(OpBrIf, l), op(opDrop))
	}
	return slices.Concat(p.expr(1), op(OpBrIf, l))
}

func (p *programmer) tableBranch() []byte {
	var targets []uint32
	for l := range p.labels {
		if len(p.labels[len(p.labels)-1-l].takes) == 0 {
			targets = append(targets, uint32(l))
		}
	}
	if len(targets) == 0 {
		return nil
	}
	code := appendU32([]byte{byte(OpBrTable)}, uint32(len(targets)))
	for range len(targets) + 1 {
		code = appendU32(code, targets[p.IntN(len(targets))]+1)
	}
	return slices.Concat(p.expr(1), blk(OpIf, p.expr(1), i32(7), op(opI32And), code))
}

const opI32And Op = 0x71

// expr leaves an i32.
func (p *programmer) expr(depth int) []byte {
	if depth == 0 {
		if p.IntN(2) == 0 {
			return i32(p.Int32N(16) - 4)
		}
		return op(OpLocalGet, p.variable())
	}
	deeper := slices.Concat(op(OpLocalGet, 0), i32(1), op(OpI32Sub))
	switch p.IntN(8) {
	case 0:
		return slices.Concat(deeper, op(OpCall, p.Uint32N(programFuncs)))
	case 1:
		t := p.g.typ(types(I32), types(I32))
		return slices.Concat(deeper, i32(p.Int32N(programFuncs)), op(OpCallIndirect, t, 0))
	case 2:
		return slices.Concat(i32(p.Int32N(1000)), op(OpI32Load, 0, 4))
	case 3:
		return op(OpMemorySize, 0)
	case 4:
		return slices.Concat(p.expr(depth-1), p.expr(depth-1), op(opI32LtS))
	default:
		return slices.Concat(p.expr(depth-1), p.expr(depth-1), op(OpI32Add))
	}
}

// maxSteps is how long a program may be to be compared, in statements.
const maxSteps = 200_000

// FuzzPrograms runs random programs, plain and rewritten, and wants the same
// result, the same memory, and at least as much paid as was done.
func FuzzPrograms(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, engines["compiler"])
	f.Cleanup(func() { rt.Close(ctx) })
	a := account{slice: 1000, left: maxSteps * 100 / 1000}
	a.host(f, rt)
	f.Fuzz(func(t *testing.T, seed uint64) {
		plain := program(seed)
		a.ticks = 0
		spending := runProgram(t, rt, metered(t, plain), Init{})
		if a.ticks > a.left {
			return // too long
		}
		want := runProgram(t, rt, plain, Init{})
		if spending.programState != want.programState {
			t.Errorf("metered: %+v, want %+v", spending.programState, want.programState)
		}
		// The host does not pay for what the function it calls leaves to callers.
		paid := int64(a.ticks)*a.slice - spending.budget + stretchCost
		if least := want.steps * unitsPerStep; paid < least {
			t.Errorf("paid %d for %d statements, less than %d", paid, want.steps, least)
		}
		if most := want.steps*600 + want.throws*exceptionCost + 3000; paid > most && want.ended {
			t.Errorf("paid %d for %d statements and %d exceptions, more than %d", paid, want.steps, want.throws, most)
		}
		for _, v := range variants[1:] {
			a.ticks = -1 << 30
			b, init := rewritten(t, plain, v.rewrite)
			if got := runProgram(t, rt, b, init); got.programState != want.programState {
				t.Errorf("%s: %+v, want %+v", v.name, got.programState, want.programState)
			}
		}
	})
}

// programState is what a program has done.
type programState struct {
	ended  bool
	result uint64
	steps  int64
	throws int64
	memory [1100]byte
}

type programRun struct {
	programState
	budget int64
}

func runProgram(t *testing.T, rt wazero.Runtime, b []byte, init Init) (r programRun) {
	t.Helper()
	mod := start(t, rt, b, init)
	defer mod.Close(t.Context())
	results, err := mod.ExportedFunction("run").Call(t.Context(), 3)
	if r.ended = err == nil; r.ended {
		r.result = results[0]
	}
	r.steps = int64(mod.ExportedGlobal("steps").Get())
	r.throws = int64(mod.ExportedGlobal("throws").Get())
	memory, _ := mod.Memory().Read(0, uint32(len(r.memory)))
	copy(r.memory[:], memory)
	if g, ok := mod.ExportedGlobal(BudgetExport).(api.MutableGlobal); ok {
		r.budget = int64(g.Get())
	}
	return r
}
