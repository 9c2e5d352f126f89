package hostcall

import (
	"context"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// function is one import: what a guest's author sees of it, and the method of Session that serves it. An error that the
// method returns becomes a status.
type function struct {
	Signature
	serve func(*Session, context.Context, *engine.Guest, params) (int64, error)
	quick bool // as engine.HostFunc.Quick
}

// Signature is an import as a guest's author sees it.
type Signature struct {
	Name   string
	Params []Param
	Result Type // Int or Long; a negative number is an error
}

// Param is one parameter.
type Param struct {
	Name string
	Type Type
}

// Type is what a parameter or result means.
type Type uint8

const (
	Int        Type = iota // a signed number of 32 bits
	Uint                   // an unsigned number of 32 bits: a length, a count, flags
	Long                   // a signed number of 64 bits
	Handle                 // a handle
	Bytes                  // pointer to bytes that the host reads
	Buffer                 // pointer to bytes that the host writes
	Flags                  // pointer to bytes that the host writes, each 0 or 1
	Handles                // pointer to handles that the host reads, 32 bits each, little-endian, anywhere
	NewHandles             // pointer to handles that the host writes
	Address                // an address that the host has given
	NewAddress             // pointer to an address that the host writes: 32 bits, little-endian
	Pieces                 // pointer to pairs of an address and a size that the host reads, 32 bits each, little-endian, anywhere
)

// Wasm returns the type as the module's binary says it.
func (t Type) Wasm() wasmbin.ValType {
	if t == Long {
		return wasmbin.I64
	}
	return wasmbin.I32
}

// functions are all imports, in the order of the documentation: the call, values, objects, calls, actors, placement groups, the rest.
var functions = []function{
	{Signature{"name", []Param{{"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).name, true},
	{Signature{"frame", []Param{{"ptr", Buffer}, {"cap", Uint}}, Long}, (*Session).frame, true},
	{Signature{"arg", []Param{{"index", Int}}, Int}, (*Session).arg, true},
	{Signature{"ret", []Param{{"ptr", Bytes}, {"size", Uint}, {"handles", Handles}, {"n", Uint}}, Int}, (*Session).ret, true},
	{Signature{"fail", []Param{{"ptr", Bytes}, {"size", Uint}}, Int}, (*Session).fail, true},

	{Signature{"size", []Param{{"handle", Handle}}, Long}, (*Session).size, true},
	{Signature{"read", []Param{{"handle", Handle}, {"offset", Long}, {"ptr", Buffer}, {"size", Uint}}, Int}, (*Session).read, true},
	{Signature{"links", []Param{{"handle", Handle}, {"ptr", NewHandles}, {"cap", Uint}}, Int}, (*Session).links, true},

	{Signature{"pieces", []Param{{"list", Pieces}, {"n", Uint}}, Int}, (*Session).pieces, true},
	{Signature{"put", []Param{{"ptr", Bytes}, {"size", Uint}, {"handles", Handles}, {"n", Uint}}, Int}, (*Session).put, false},
	{Signature{"get", []Param{{"handles", Handles}, {"n", Uint}, {"timeout", Long}}, Int}, (*Session).get, false},
	{Signature{"get_value", []Param{{"handle", Handle}, {"timeout", Long}, {"ptr", Buffer}, {"cap", Uint}}, Long}, (*Session).getValue, true},
	{Signature{"wait", []Param{{"handles", Handles}, {"n", Uint}, {"count", Uint}, {"timeout", Long}, {"ready", Flags}}, Int}, (*Session).wait, false},
	{Signature{"view", []Param{{"handle", Handle}, {"timeout", Long}, {"at", NewAddress}}, Long}, (*Session).view, false},
	{Signature{"draft", []Param{{"size", Uint}, {"at", NewAddress}}, Int}, (*Session).draft, false},
	{Signature{"seal", []Param{{"at", Address}}, Int}, (*Session).seal, false},
	{Signature{"unview", []Param{{"at", Address}}, Int}, (*Session).unview, false},
	{Signature{"release", []Param{{"handle", Handle}}, Int}, (*Session).release, true},

	{Signature{"pass_value", []Param{{"ptr", Bytes}, {"size", Uint}, {"handles", Handles}, {"n", Uint}}, Int}, (*Session).passValue, true},
	{Signature{"pass_ref", []Param{{"handle", Handle}}, Int}, (*Session).passRef, true},
	{Signature{"submit", []Param{{"function", Bytes}, {"function_size", Uint}, {"options", Bytes}, {"options_size", Uint}, {"out", NewHandles}, {"n", Uint}}, Int}, (*Session).submit, false},
	{Signature{"yield", []Param{{"ptr", Bytes}, {"size", Uint}, {"handles", Handles}, {"n", Uint}}, Int}, (*Session).yield, false},
	{Signature{"next", []Param{{"handle", Handle}, {"timeout", Long}}, Int}, (*Session).next, false},
	{Signature{"cancel", []Param{{"handle", Handle}, {"flags", Uint}}, Int}, (*Session).cancel, false},

	{Signature{"actor_create", []Param{{"class", Bytes}, {"class_size", Uint}, {"options", Bytes}, {"options_size", Uint}}, Int}, (*Session).actorCreate, false},
	{Signature{"actor_call", []Param{{"actor", Handle}, {"method", Bytes}, {"method_size", Uint}, {"options", Bytes}, {"options_size", Uint}, {"out", NewHandles}, {"n", Uint}}, Int}, (*Session).actorCall, false},
	{Signature{"actor_find", []Param{{"name", Bytes}, {"name_size", Uint}, {"namespace", Bytes}, {"namespace_size", Uint}}, Int}, (*Session).actorFind, false},
	{Signature{"actor_kill", []Param{{"actor", Handle}, {"no_restart", Int}}, Int}, (*Session).actorKill, false},
	{Signature{"actor_terminate", []Param{{"actor", Handle}}, Int}, (*Session).actorTerminate, false},
	{Signature{"actor_exit", nil, Int}, (*Session).actorExit, false},

	{Signature{"serve", []Param{{"call", Uint}}, Int}, (*Session).serve, true},
	{Signature{"done", []Param{{"status", Int}}, Int}, (*Session).done, true},
	{Signature{"await", []Param{{"handles", Handles}, {"n", Uint}, {"count", Uint}, {"timeout", Long}, {"token", Uint}}, Int}, (*Session).await, false},
	{Signature{"events", []Param{{"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).events, true},

	{Signature{"group_create", []Param{{"options", Bytes}, {"options_size", Uint}, {"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).groupCreate, false},
	{Signature{"group_find", []Param{{"name", Bytes}, {"name_size", Uint}, {"namespace", Bytes}, {"namespace_size", Uint}, {"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).groupFind, false},
	{Signature{"group_table", []Param{{"group", Bytes}, {"group_size", Uint}, {"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).groupTable, false},
	{Signature{"group_ready", []Param{{"group", Bytes}, {"group_size", Uint}}, Int}, (*Session).groupReady, false},
	{Signature{"group_remove", []Param{{"group", Bytes}, {"group_size", Uint}}, Int}, (*Session).groupRemove, false},

	{Signature{"self", []Param{{"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).self, true},
	{Signature{"resources", []Param{{"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).resources, false},
	{Signature{"log", []Param{{"level", Int}, {"ptr", Bytes}, {"size", Uint}}, Int}, (*Session).log, false},
	{Signature{"error", []Param{{"ptr", Buffer}, {"cap", Uint}}, Int}, (*Session).error, true},
}

// Signatures returns all imports in the order of the documentation.
func Signatures() []Signature {
	all := make([]Signature, len(functions))
	for i := range functions {
		all[i] = functions[i].Signature
	}
	return all
}

// Funcs returns the functions that a guest may import. The Owner of a guest that calls one is its *[Session]; without one
// every function is spec.Unsupported.
func Funcs() []engine.HostFunc {
	all := make([]engine.HostFunc, len(functions))
	for i := range functions {
		f := &functions[i]
		all[i] = engine.HostFunc{Module: spec.ABIModule, Name: f.Name, Results: []wasmbin.ValType{f.Result.Wasm()}, Func: f.call, Quick: f.quick}
		for _, p := range f.Params {
			all[i].Params = append(all[i].Params, p.Type.Wasm())
		}
	}
	return all
}

// call serves one call of a guest. It fails, which ends the guest, when the function did and ctx has ended.
func (f *function) call(ctx context.Context, g *engine.Guest, stack []uint64) error {
	s, _ := g.Owner.(*Session)
	if s == nil {
		stack[0] = f.result(-int64(spec.Unsupported))
		return nil
	}
	n, err := f.serve(s, ctx, g, stack)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f.Name == "error" {
			n = -int64(spec.KindOf(err)) // what it tells of stays
		} else {
			n = s.status(err)
		}
	}
	stack[0] = f.result(n)
	return nil
}

// result is a number as it lies on the stack.
func (f *function) result(n int64) uint64 {
	if f.Result == Long {
		return uint64(n)
	}
	return uint64(uint32(n))
}
