package enginetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// hostFunc returns a host function of module "env".
func hostFunc(name string, params, results []wasmbin.ValType, f func(context.Context, *engine.Guest, []uint64) error) engine.HostFunc {
	return engine.HostFunc{Module: "env", Name: name, Params: params, Results: results, Func: f}
}

// imports: a host function gets its parameters and gives its result, in numbers of every type.
func (s suite) imports(t *testing.T) {
	params := asm.Types(asm.I32, asm.I64, asm.F32, asm.F64)
	want := []uint64{0xffff_fffe, 1 << 63, uint64(math.Float32bits(-1.5)), math.Float64bits(math.Pi)}
	var m module
	var imports []engine.HostFunc
	for k, r := range params {
		name := r.String()
		imports = append(imports, hostFunc(name, params, asm.Types(r), func(_ context.Context, _ *engine.Guest, stack []uint64) error {
			for k, v := range stack {
				if v != want[k] {
					t.Errorf("parameter %d is %#x, want %#x", k, v, want[k])
				}
			}
			stack[0] = want[k]
			return nil
		}))
		m.imp(name, params, asm.Types(r))
	}
	called := 0
	imports = append(imports, hostFunc("nothing", nil, nil, func(_ context.Context, _ *engine.Guest, stack []uint64) error {
		called++
		if len(stack) != 0 {
			t.Errorf("a function of no values has a stack of %d", len(stack))
		}
		return nil
	}))
	nothing := m.imp("nothing", nil, nil)
	for k, r := range params {
		m.Func("call "+r.String(), params, asm.Types(r), asm.Op(wasmbin.OpCall, nothing), asm.Get(0), asm.Get(1), asm.Get(2), asm.Get(3), asm.Op(wasmbin.OpCall, uint32(k)))
	}
	i := s.run(t, m.Binary(), imports...)
	for k, r := range params {
		if got := width(r, result(t, i, "call "+r.String(), slices.Clone(want)...)); got != want[k] {
			t.Errorf("the host function of %s returned %#x, want %#x", r, got, want[k])
		}
	}
	if called != len(params) {
		t.Errorf("the function of no values was called %d times, want %d", called, len(params))
	}
}

// narrow: above a 32-bit parameter are zeros, whatever the guest had in that place before, and what its caller gave it.
func (s suite) narrow(t *testing.T) {
	var m module
	fill := m.imp("fill", asm.Types(asm.I64, asm.I64, asm.I64), nil)
	take := m.imp("take", asm.Types(asm.I32, asm.I64, asm.F32), nil)
	m.Func("call", asm.Types(asm.I32, asm.F32), nil, asm.Const64(-1), asm.Const64(-1), asm.Const64(-1), asm.Op(wasmbin.OpCall, fill),
		asm.Get(0), asm.Const64(-1), asm.Get(1), asm.Op(wasmbin.OpCall, take))
	called := false
	i := s.run(t, m.Binary(), hostFunc("fill", asm.Types(asm.I64, asm.I64, asm.I64), nil, func(context.Context, *engine.Guest, []uint64) error { return nil }),
		hostFunc("take", asm.Types(asm.I32, asm.I64, asm.F32), nil, func(_ context.Context, _ *engine.Guest, stack []uint64) error {
			called = true
			if want := []uint64{1, math.MaxUint64, 2}; !slices.Equal(stack, want) {
				t.Errorf("the host function got %#x, want %#x", stack, want)
			}
			return nil
		}))
	_, err := call(t.Context(), i, "call", 0xffffffff_00000001, 0xffffffff_00000002)
	check(t, err)
	if !called {
		t.Error("the host function was not called")
	}
}

// width cuts a value to its type: what is above the low half of a 32-bit value is nobody's.
func width(t wasmbin.ValType, v uint64) uint64 {
	if t == asm.I32 || t == asm.F32 {
		return uint64(uint32(v))
	}
	return v
}

// importsRefused: what the host does not offer no module gets, whatever it is: Compile refuses it, or Instantiate.
func (s suite) importsRefused(t *testing.T) {
	e := s.engine(t, hostFunc("f", asm.Types(asm.I32), nil, func(context.Context, *engine.Guest, []uint64) error { return nil }))
	imported := func(kind wasmbin.Kind, rest ...byte) []byte {
		return (&asm.Module{Imports: [][]byte{append(append(asm.Names("env", "x"), byte(kind)), rest...)}}).Binary()
	}
	var unknown, params, results, elsewhere module
	unknown.imp("g", asm.Types(asm.I32), nil)
	params.imp("f", asm.Types(asm.I64), nil)
	results.imp("f", asm.Types(asm.I32), asm.Types(asm.I32))
	elsewhere.Imports = [][]byte{append(asm.Names("other", "f"), byte(wasmbin.KindFunc), byte(elsewhere.Type(asm.Types(asm.I32), nil)))}
	for name, wasm := range map[string][]byte{
		"unknown function":      unknown.Binary(),
		"function of elsewhere": elsewhere.Binary(),
		"other parameters":      params.Binary(),
		"other results":         results.Binary(),
		"memory":                imported(wasmbin.KindMemory, 0, 1),
		"table":                 imported(wasmbin.KindTable, byte(wasmbin.FuncRef), 0, 1),
		"global":                imported(wasmbin.KindGlobal, byte(asm.I32), 0),
	} {
		c, err := e.Compile(t.Context(), wasm)
		if err != nil {
			continue
		}
		if i, err := c.Instantiate(t.Context(), &engine.Guest{}, &memory{}); err == nil {
			check(t, i.Close())
			t.Errorf("%s: linked", name)
		}
		check(t, c.Close())
	}
}

// errHost is an error with a value in it, as errors.As finds it.
type errHost struct{ number uint64 }

func (e *errHost) Error() string { return "the host will not" }

// hostErrors: an error of a host function ends the call and is what the call returns; the instance lives on.
func (s suite) hostErrors(t *testing.T) {
	var m module
	fail := m.imp("fail", asm.Types(asm.I64), asm.Types(asm.I64))
	m.Func("call", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.Op(wasmbin.OpCall, fail))
	after := m.global("after", asm.I64, true, asm.Const64(0))
	m.Func("deep", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.Op(wasmbin.OpCall, fail+1), asm.Const64(1), asm.Op(wasmbin.OpGlobalSet, after))
	i := s.run(t, m.Binary(), hostFunc("fail", asm.Types(asm.I64), asm.Types(asm.I64), func(_ context.Context, _ *engine.Guest, stack []uint64) error {
		if stack[0] == 0 {
			return nil
		}
		return spec.Errorf("wait", spec.GetTimeout, "", "in the host: %w", &errHost{stack[0]})
	}))
	for _, name := range []string{"call", "deep", "call"} {
		_, err := call(t.Context(), i, name, 7)
		var host *errHost
		if !errors.As(err, &host) || host.number != 7 {
			t.Fatalf("%s returned %v, want the host function's error", name, err)
		}
		if !errors.Is(err, spec.GetTimeout) {
			t.Errorf("%s returned %v, whose kind is lost", name, err)
		}
		if errors.As(err, new(*engine.Trap)) {
			t.Errorf("%s returned %v, which is no trap of the guest's", name, err)
		}
		if got := result(t, i, "call", 0); got != 0 {
			t.Errorf("the call after that returned %d", got)
		}
	}
	if v := i.Global("after").Get(); v != 0 {
		t.Error("the guest went on after the error")
	}
}

// hostPanics: a panic of a host function is an error of the host's, never the end of the process nor the guest's fault.
func (s suite) hostPanics(t *testing.T) {
	var m module
	m.imp("panics", asm.Types(asm.I32), nil)
	m.Func("call", asm.Types(asm.I32), nil, asm.Get(0), asm.Op(wasmbin.OpCall, 0))
	own := &errHost{1}
	i := s.run(t, m.Binary(), hostFunc("panics", asm.Types(asm.I32), nil, func(_ context.Context, _ *engine.Guest, stack []uint64) error {
		switch uint32(stack[0]) {
		case 1:
			panic("a text")
		case 2:
			panic(own)
		case 3:
			var none *errHost
			none.number++
		case 4:
			stack[len(stack)]++
		}
		return nil
	}))
	for n := range uint64(5) {
		_, err := call(t.Context(), i, "call", n)
		if (err != nil) != (n > 0) {
			t.Errorf("case %d returned %v", n, err)
		}
		if errors.As(err, new(*engine.Trap)) {
			t.Errorf("case %d returned %v, which blames the guest", n, err)
		}
		if n > 0 && spec.KindOf(err) != spec.System {
			t.Errorf("case %d returned %v, want an error of the system's", n, err)
		}
		if _, err := call(t.Context(), i, "call", 0); err != nil {
			t.Errorf("the call after case %d returned %v", n, err)
		}
	}
}

type contextKey struct{}

// contexts: a host function gets the context of the call it serves, and the guest it serves.
func (s suite) contexts(t *testing.T) {
	var m module
	m.imp("look", nil, asm.Types(asm.I64))
	m.imp("wait", nil, nil)
	m.Func("look", nil, asm.Types(asm.I64), asm.Op(wasmbin.OpCall, 0))
	m.Func("wait", nil, nil, asm.Op(wasmbin.OpCall, 1))
	var seen *engine.Guest
	c := compile(t, s.engine(t,
		hostFunc("look", nil, asm.Types(asm.I64), func(ctx context.Context, g *engine.Guest, stack []uint64) error {
			seen = g
			stack[0], _ = ctx.Value(contextKey{}).(uint64)
			return nil
		}),
		hostFunc("wait", nil, nil, func(ctx context.Context, _ *engine.Guest, _ []uint64) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})), m.Binary())
	guests := []*engine.Guest{{Owner: "a"}, {Owner: "b"}}
	instances := []engine.Instance{instantiate(t, c, guests[0], &memory{}), instantiate(t, c, guests[1], &memory{})}
	for n := range uint64(6) {
		k := n % 2
		stack, err := call(context.WithValue(t.Context(), contextKey{}, n), instances[k], "look", 0)
		if err != nil || stack[0] != n {
			t.Errorf("call %d saw the context of call %d (%v)", n, stack[0], err)
		}
		if seen != guests[k] {
			t.Errorf("call %d served another guest", n)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&errHost{})
	if _, err := call(ctx, instances[0], "wait"); !errors.As(err, new(*errHost)) {
		t.Errorf("a cancelled wait returned %v", err)
	}
}

// hostCallsGuest: a host function may call the guest that it serves, whose calls do not mix.
func (s suite) hostCallsGuest(t *testing.T) {
	var m module
	again := m.imp("again", asm.Types(asm.I64, asm.I64), asm.Types(asm.I64))
	m.Func("run", asm.Types(asm.I64), asm.Types(asm.I64), asm.Get(0), asm.Const64(5), asm.Op(wasmbin.OpCall, again))
	var i engine.Instance
	var depths []any
	i = s.run(t, m.Binary(), hostFunc("again", asm.Types(asm.I64, asm.I64), asm.Types(asm.I64), func(ctx context.Context, _ *engine.Guest, stack []uint64) error {
		n := stack[0]
		depths = append(depths, ctx.Value(contextKey{}))
		if n == 0 {
			return &errHost{}
		}
		inner, err := call(context.WithValue(ctx, contextKey{}, n-1), i, "run", n-1)
		if err == nil {
			stack[0] = inner[0] + stack[1]
		} else if n == 1 {
			stack[0] = 100 // caught
		}
		depths = append(depths, ctx.Value(contextKey{}))
		return nil
	}))
	stack, err := call(context.WithValue(t.Context(), contextKey{}, uint64(3)), i, "run", 3)
	if err != nil || stack[0] != 110 {
		t.Errorf("got %v, %v, want 110", stack, err)
	}
	want := []any{uint64(3), uint64(2), uint64(1), uint64(0), uint64(1), uint64(2), uint64(3)}
	if !slices.Equal(depths, want) {
		t.Errorf("the contexts were of %v, want %v", depths, want)
	}
}
