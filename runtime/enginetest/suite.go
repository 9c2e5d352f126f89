package enginetest

import (
	"context"
	"errors"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
)

// Test holds an engine to its contract.
func Test(t *testing.T, open engine.Open) {
	s := suite{open}
	t.Run("Imports", s.imports)
	t.Run("Narrow", s.narrow)
	t.Run("ImportsRefused", s.importsRefused)
	t.Run("HostErrors", s.hostErrors)
	t.Run("HostPanics", s.hostPanics)
	t.Run("Context", s.contexts)
	t.Run("HostCallsGuest", s.hostCallsGuest)

	t.Run("Numbers", s.numbers)
	t.Run("ManyValues", s.manyValues)
	t.Run("Globals", s.globals)
	t.Run("Exports", s.exports)
	t.Run("Tables", s.tables)

	t.Run("Traps", s.traps)
	t.Run("TrapInHostCall", s.trapInHostCall)
	t.Run("Features", s.features)

	t.Run("MemoryPlacement", s.memoryPlacement)
	t.Run("MemoryGrowth", s.memoryGrowth)
	t.Run("MemoryGrowthByTheHost", s.memoryGrowthByTheHost)
	t.Run("MemoryRefused", s.memoryRefused)
	t.Run("MemoryOfHostFunctions", s.memoryOfHostFunctions)
	t.Run("NoMemory", s.noMemory)

	t.Run("Start", s.start)
	t.Run("StartFails", s.startFails)
	t.Run("Isolation", s.isolation)
	t.Run("Concurrency", s.concurrency)
	t.Run("Close", s.close)
	t.Run("Cache", s.cache)
	t.Run("CacheDamage", s.cacheDamage)
}

// suite is the engine under test.
type suite struct{ open engine.Open }

// engine opens an engine that is closed when the test ends.
func (s suite) engine(t *testing.T, imports ...engine.HostFunc) engine.Engine {
	t.Helper()
	e, err := s.open(engine.Config{Imports: imports})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { check(t, e.Close()) })
	return e
}

func compile(t *testing.T, e engine.Engine, wasm []byte) engine.Code {
	t.Helper()
	c, err := e.Compile(t.Context(), wasm)
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	t.Cleanup(func() { check(t, c.Close()) })
	return c
}

func instantiate(t *testing.T, c engine.Code, guest *engine.Guest, memory engine.Memory) engine.Instance {
	t.Helper()
	i, err := c.Instantiate(t.Context(), guest, memory)
	if err != nil {
		t.Fatalf("instantiate: %v", err)
	}
	t.Cleanup(func() { check(t, i.Close()) })
	return i
}

// run makes an instance of a module, from engine to instance.
func (s suite) run(t *testing.T, wasm []byte, imports ...engine.HostFunc) engine.Instance {
	t.Helper()
	return instantiate(t, compile(t, s.engine(t, imports...), wasm), &engine.Guest{}, &memory{})
}

// call calls an export on a stack of its own and returns the stack.
func call(ctx context.Context, i engine.Instance, name string, stack ...uint64) ([]uint64, error) {
	f := i.Func(name)
	if f == nil {
		return nil, errors.New("there is no function " + name)
	}
	err := f.Call(ctx, stack)
	return stack, err
}

// result calls an export that returns a value and must not fail. Without parameters the stack still has room for it.
func result(t *testing.T, i engine.Instance, name string, stack ...uint64) uint64 {
	t.Helper()
	if len(stack) == 0 {
		stack = []uint64{0}
	}
	stack, err := call(t.Context(), i, name, stack...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return stack[0]
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// trapOf returns the trap in err, which must be one.
func trapOf(t *testing.T, err error) *engine.Trap {
	t.Helper()
	var trap *engine.Trap
	if !errors.As(err, &trap) {
		t.Fatalf("got %v, want a trap", err)
	}
	return trap
}
