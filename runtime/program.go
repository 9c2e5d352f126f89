package wasmrt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

const (
	// StackBytes is about how much native stack the calls of a guest may take, in bytes: some 100,000 frames of C. A
	// deeper recursion traps.
	StackBytes = 16 * spec.MiB
	// MaxTableEntries is to how many entries a guest may grow a table; an engine spends 8 bytes on each.
	MaxTableEntries = wasmbin.DefaultTableEntries
	// MaxBranches is how many branches and calls one function may have. Compilers take more than quadratic time in that:
	// wazero some 8 seconds for a function of so many. Go's go command has up to 1,900, Go's compiler 15,000.
	MaxBranches = 16_384
	// MaxBranchSquares bounds the sum of the squares of the numbers of branches and calls of all functions: four functions
	// of MaxBranches. It is 100 million for Go's go command, of 28 MB, and eight times that for Go's compiler, of 49 MB.
	MaxBranchSquares = 1 << 30
	// rewriter is the version of what this file does to modules. It is part of the name of everything that depends on
	// it: compiled code, images, checkpoints.
	rewriter = 1
)

// The function that metered code calls when its budget is used up.
const (
	tickModule = "__ray"
	tickName   = "tick"
)

// The functions by which a module is initialised, other than its start function: what tool chains call "reactor".
const exportInitialize = "_initialize"

// program is an admitted and rewritten module.
type program struct {
	digest  spec.Digest // of the original
	code    []byte      // rewritten; nil once it is compiled and kept
	name    spec.Digest // of what it became: rewriter, options, original
	metered bool
	state   wasmbin.State
	init    wasmbin.Init
	reasons []string // why no image can be made of it; empty if one can
	memory  struct {
		has      bool
		min, max uint64 // bytes
		virtual  bool
	}
	exports map[string]signature // of functions
	info    Info
}

// callable returns the signature of an export that can be called.
func (p *program) callable(name string) (signature, bool) {
	sig, ok := p.exports[name]
	return sig, ok && max(sig.params, sig.results) <= maxStack
}

// signature is how much of the stack a function's call takes, in values.
type signature struct{ params, results int }

// read parses a module and notes what it says of itself. Errors: spec.InvalidModule, spec.LimitExceeded.
func read(op string, wasm []byte, allowed map[importName]wasmbin.FuncType, trusted bool) (*program, *wasmbin.Module, error) {
	p := &program{digest: spec.DigestOf(wasm), metered: !trusted, exports: make(map[string]signature)}
	limits := wasmbin.DefaultLimits()
	limits.ModuleBytes = spec.MaxModuleBytes
	if len(wasm) > spec.MaxModuleBytes {
		return nil, nil, spec.Errorf(op, spec.LimitExceeded, p.id(), "it has %s, at most %s", spec.FormatBytes(int64(len(wasm))), spec.FormatBytes(spec.MaxModuleBytes))
	}
	m, err := wasmbin.ParseLimits(wasm, limits)
	if err != nil {
		return nil, nil, &spec.Error{Op: op, Kind: spec.InvalidModule, ID: p.id(), Err: err}
	}
	if err := compilable(m); err != nil {
		return nil, nil, &spec.Error{Op: op, Kind: spec.LimitExceeded, ID: p.id(), Err: err}
	}
	p.reasons = m.Snapshotable()
	p.describe(m, allowed, len(wasm))
	return p, m, nil
}

// compilable refuses a module that would take minutes or more to compile, by how its control flow branches.
func compilable(m *wasmbin.Module) error {
	squares := uint64(0)
	for i := range m.Bodies {
		n := uint64(m.Bodies[i].Branches())
		if n > MaxBranches {
			return fmt.Errorf("function %d has %d branches and calls, at most %d: an optimising compiler would take very long", m.NumImported(wasmbin.KindFunc)+i, n, MaxBranches)
		}
		squares += n * n
	}
	if squares > MaxBranchSquares {
		return fmt.Errorf("its functions have too many branches and calls for an optimising compiler: the sum of their squares is %d, at most %d", squares, uint64(MaxBranchSquares))
	}
	return nil
}

// admit checks a module, and rewrites it so that it can be limited and copied.
func admit(wasm []byte, allowed map[importName]wasmbin.FuncType, trusted bool) (*program, error) {
	const op = "admit"
	p, m, err := read(op, wasm, allowed, trusted)
	if err != nil {
		return nil, err
	}
	if err := p.checkImports(op); err != nil {
		return nil, err
	}
	if err := p.rewrite(m); err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidModule, ID: p.id(), Err: err}
	}
	p.named(p.digest, p.metered)
	return p, nil
}

// named sets what the program is called by.
func (p *program) named(digest spec.Digest, metered bool) {
	p.digest, p.metered, p.name = digest, metered, programName(digest, metered)
}

// programName is the name of what a module becomes.
func programName(digest spec.Digest, metered bool) spec.Digest {
	return spec.DigestOf(fmt.Appendf(nil, "raywasm rewriter %d metered %t %s", rewriter, metered, digest))
}

// id names the module in errors.
func (p *program) id() string { return "module " + p.digest.Short() }

// rewrite runs the passes.
func (p *program) rewrite(m *wasmbin.Module) (err error) {
	if err := m.LimitTables(MaxTableEntries); err != nil {
		return err
	}
	p.memory.virtual = p.memory.has && m.VirtualGrowth() == nil
	if p.memory.has && !p.memory.virtual {
		p.reasons = append(p.reasons, "its memory cannot be limited: it is shared, has 64-bit addresses or is one of several")
	}
	if err := m.LimitDepth(StackBytes); err != nil {
		return err
	}
	if p.metered {
		if err := m.Meter(wasmbin.Tick{Module: tickModule, Name: tickName}); err != nil {
			return err
		}
	}
	if p.state, err = m.ExportState(); err != nil {
		return err
	}
	if p.init, err = m.DetachInit(); err != nil {
		return err
	}
	p.code = m.Encode()
	return nil
}

// describe notes what the original module says of itself.
func (p *program) describe(m *wasmbin.Module, allowed map[importName]wasmbin.FuncType, size int) {
	p.info = Info{Digest: p.digest.String(), Bytes: int64(size), Metered: p.metered}
	for _, im := range m.Imports {
		i := Import{Module: im.Module, Name: im.Name, Signature: im.Kind.String()}
		if im.Kind == wasmbin.KindFunc {
			have := m.Types[im.Type]
			i.Signature = signatureText(have)
			want, ok := allowed[importName{im.Module, im.Name}]
			i.Granted = ok && slices.Equal(want.Params, have.Params) && slices.Equal(want.Results, have.Results)
			if ok && !i.Granted {
				i.Wanted = signatureText(want)
			}
		}
		if !slices.Contains(p.info.Imports, i) { // tool chains import some functions more than once
			p.info.Imports = append(p.info.Imports, i)
		}
	}
	for _, e := range m.Exports {
		x := Export{Name: e.Name, Kind: e.Kind.String()}
		if e.Kind == wasmbin.KindFunc {
			if t, ok := m.FuncType(e.Index); ok {
				x.Signature = signatureText(t)
				if numeric(t.Params) && numeric(t.Results) {
					p.exports[e.Name] = signature{len(t.Params), len(t.Results)}
				}
			}
		}
		p.info.Exports = append(p.info.Exports, x)
	}
	if len(m.Memories) > 0 {
		p.memory.has = true
		p.memory.min, p.memory.max = m.Memories[0].Min*wasmPage, spec.MaxSandboxMemory
		p.info.MemoryMin = int64(p.memory.min)
		if m.Memories[0].HasMax {
			p.memory.max = m.Memories[0].Max * wasmPage
			p.info.MemoryMax = int64(p.memory.max)
		}
	}
	p.info.NoSnapshot = p.reasons
	p.info.Kind = kindOf(m)
}

// kindOf says by its exports what sort of module m is.
func kindOf(m *wasmbin.Module) ModuleKind {
	has := func(name string) bool { _, ok := m.ExportedFunc(name); return ok }
	switch {
	case has(spec.ExportDescribe) && has(spec.ExportMain):
		return KindProgram
	case has(spec.ExportDescribe):
		return KindFunctions
	case has("_start"):
		return KindCommand
	case has(exportInitialize):
		return KindReactor
	}
	return KindPlain
}

func numeric(types []wasmbin.ValType) bool {
	return !slices.ContainsFunc(types, func(t wasmbin.ValType) bool { return !t.IsNumeric() })
}

// signatureText prints a function's type: "(i32, i64) -> i32".
func signatureText(t wasmbin.FuncType) string {
	list := func(types []wasmbin.ValType) string {
		names := make([]string, len(types))
		for i, v := range types {
			names[i] = v.String()
		}
		return strings.Join(names, ", ")
	}
	text := "(" + list(t.Params) + ")"
	if len(t.Results) > 0 {
		text += " -> " + list(t.Results)
	}
	return text
}

// importName names a function that guests may import.
type importName struct{ module, name string }

// allowedImports indexes the functions that guests may import.
func allowedImports(funcs []engine.HostFunc) map[importName]wasmbin.FuncType {
	m := make(map[importName]wasmbin.FuncType, len(funcs))
	for _, f := range funcs {
		m[importName{f.Module, f.Name}] = wasmbin.FuncType{Params: f.Params, Results: f.Results}
	}
	return m
}

// checkImports refuses a module that imports what this host does not offer, and lists all of it.
func (p *program) checkImports(op string) error {
	var unknown []string
	for _, i := range p.info.Imports {
		switch {
		case i.Granted:
		case i.Wanted != "":
			unknown = append(unknown, fmt.Sprintf("%s.%s %s (this host's is %s)", i.Module, i.Name, i.Signature, i.Wanted))
		default:
			unknown = append(unknown, fmt.Sprintf("%s.%s %s", i.Module, i.Name, i.Signature))
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	const most = 20
	more := ""
	if len(unknown) > most {
		more = fmt.Sprintf(" and %d more", len(unknown)-most)
		unknown = unknown[:most]
	}
	return spec.Errorf(op, spec.UnknownImport, p.id(), "this host does not offer %s%s", strings.Join(unknown, ", "), more)
}
