package engine

import (
	"context"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// Open makes an engine that links the given host functions into what it compiles. wazero.Open and wasmtime.Open are
// of this type.
type Open func(Config) (Engine, error)

// Config configures an engine.
type Config struct {
	// Imports are all the functions that modules may import. A module that imports anything else is refused by Compile
	// or by Instantiate.
	Imports []HostFunc
	// CacheDir is an existing directory, private to the host, where compiled code is kept. "": it is not kept.
	CacheDir string
}

// Engine turns modules into code. It is safe for concurrent use.
type Engine interface {
	// Name names the engine and its version: "wazero 1.12.0".
	Name() string
	// Compile compiles a module, or loads what it compiled before. The bytes are not kept. A memory 0 must be exported.
	Compile(ctx context.Context, wasm []byte) (Code, error)
	// Close frees the engine and all its code. No instance may be left.
	Close() error
}

// Code is a compiled module. It is safe for concurrent use.
type Code interface {
	// Instantiate makes an instance without running anything but the module's own start function, if it has one.
	// guest is what host functions called by the instance get; memory is where its memory 0 lies. An engine that
	// cannot place memory grows its own as far as memory would have been long, and never calls it.
	Instantiate(ctx context.Context, guest *Guest, memory Memory) (Instance, error)
	// Close frees the code. No instance may be left.
	Close() error
}

// Memory is the room for the memory 0 of one instance.
type Memory interface {
	// Allocate is called once: it returns the memory, at least min bytes long. Its base stays where it is.
	// nil: there is no room.
	Allocate(min uint64) []byte
	// Grow returns the same memory, now of size bytes, or nil if it must not be that long.
	Grow(size uint64) []byte
	// Size is the length in bytes that a new memory of at least min bytes gets from Allocate.
	Size(min uint64) uint64
}

// Instance is a running module. It belongs to one goroutine at a time, its Close included: an instance is never closed
// while a call runs.
type Instance interface {
	// Func returns an exported function of numeric types, or nil.
	Func(name string) Func
	// Global returns an exported mutable global of a numeric type, or nil.
	Global(name string) Global
	// Memory returns memory 0 as it is now, nil if there is none. It is valid until the guest runs again.
	Memory() []byte
	// Grow makes memory 0 at least size bytes long, a multiple of 64 KiB, also while the guest is in a host function; false if
	// it cannot be, or there is none.
	Grow(size uint64) bool
	// Close frees the instance. The bytes of its Memory stay the allocator's.
	Close() error
}

// Func is an exported function of an instance.
type Func interface {
	// Call runs the function: parameters in stack, results in stack afterwards, which is as long as the larger of
	// both numbers. 32-bit values are in the low half; floats are in their IEEE 754 bits.
	//
	// Errors: what a host function returned, found by errors.As; a *Trap for everything the guest did itself. The
	// instance can still be used for another call, unless it is said otherwise.
	Call(ctx context.Context, stack []uint64) error
}

// Global is an exported mutable global of an instance, as bits.
type Global interface {
	Get() uint64
	Set(uint64)
}

// HostFunc is a function that guests may import.
type HostFunc struct {
	Module, Name    string
	Params, Results []wasmbin.ValType // numeric; at most one result
	// Func runs the function: parameters in stack, 32-bit ones with zeros above, and the result in stack[0] afterwards. An error ends the guest's call,
	// which then returns it. It may block until ctx ends. It must not keep stack, nor memory of the guest.
	Func func(ctx context.Context, guest *Guest, stack []uint64) error
	// Quick: the function does not wait, neither for others nor for a device. Tasks that call no other keep their thread, and
	// their sandboxes are the fastest to make fresh again.
	Quick bool
}
