//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

// The functions below are part of the library that wasmtime-go links, but not of its Go API.

// #include <stdbool.h>
// #include <stdint.h>
//
// void wasmtime_config_async_stack_size_set(void *config, uint64_t bytes);
// void wasmtime_config_memory_may_move_set(void *config, bool on);
// void wasmtime_config_memory_reservation_set(void *config, uint64_t bytes);
// void wasmtime_config_wasm_exceptions_set(void *config, bool on);
import "C"

import (
	"syscall"
	"unsafe"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/spec"
)

// reservation is the address space of one memory: all that 32-bit addresses reach.
const reservation = 4 << 30

// settings are what every module is compiled and run with. They are part of the name of compiled code.
func settings() *wt.Config {
	c := wt.NewConfig()
	c.SetWasmMultiValue(true)
	c.SetWasmBulkMemory(true)
	c.SetWasmReferenceTypes(true)
	c.SetWasmSIMD(true)
	c.SetWasmTailCall(true)

	c.SetWasmThreads(false)
	c.SetWasmRelaxedSIMD(false)
	c.SetWasmMultiMemory(false)
	c.SetWasmMemory64(false)
	c.SetWasmFunctionReferences(false)
	c.SetWasmGC(false)
	c.SetWasmWideArithmetic(false)

	c.SetConsumeFuel(false)
	c.SetEpochInterruption(false)
	c.SetCraneliftNanCanonicalization(false)
	c.SetMaxWasmStack(MaxStack)

	raw := configPointer(c)
	C.wasmtime_config_wasm_exceptions_set(raw, true)
	C.wasmtime_config_memory_reservation_set(raw, reservation)
	C.wasmtime_config_memory_may_move_set(raw, false)
	C.wasmtime_config_async_stack_size_set(raw, 2*MaxStack) // unused, but wasmtime wants it larger than the other
	return c
}

// configPointer returns the C object of a configuration, which is all that the Go type consists of.
func configPointer(c *wt.Config) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(c)) }

// unlimitedThreadStack is what a thread gets where ulimit -s says "unlimited", in bytes.
const unlimitedThreadStack = 2 << 20

// checkThreadStack makes sure that a guest meets MaxStack before the end of its thread's stack, which would end the
// process.
func checkThreadStack() error {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_STACK, &r); err != nil {
		return err
	}
	return checkStackLimit(r.Cur)
}

func checkStackLimit(limit uint64) error {
	stack := limit
	if limit > 1<<62 { // infinity, which is not the same number everywhere
		stack = unlimitedThreadStack
	}
	if stack < MinThreadStack {
		return spec.Errorf("", spec.Unsupported, "", "threads have a stack of %s, guests need %s: set ulimit -s 8192",
			spec.FormatBytes(int64(stack)), spec.FormatBytes(MinThreadStack))
	}
	return nil
}
