// Package wasmtime is the optional second engine: wasmtime, an optimising compiler in Rust, by way of
// github.com/bytecodealliance/wasmtime-go. It needs cgo, and Linux or macOS on amd64 or arm64; a program built
// otherwise still compiles, and Open says what is missing.
//
// When to choose it: tasks that compute for more than about a millisecond, for its code runs in half to three quarters
// of the time of package wazero's, and large modules that are started often, for it loads compiled code faster. A call
// and the access to a global cost far more: see the benchmarks.
//
// What modules may use is what they may use in package wazero: WebAssembly 2.0 with tail calls, extended constant
// expressions and exceptions, and nothing younger. A module behaves the same on both, but for two things that the
// specification leaves open. Which bits a NaN has that an instruction makes: here, as there, those that the processor
// makes, for to make them alike would slow every instruction on floats down. And how deep recursion may go: see
// MaxStack.
//
// What it is not: it sets no limits on time (no epochs, no fuel): package wasmbin meters. It cannot place memory
// (engine.Memory is asked for its Size only) and it cannot stop a memory from growing within 4 GiB:
// wasmbin.VirtualGrowth does. A start function runs before the memory is made as long as Size says, so it sees the
// declared minimum; wasmbin.DetachInit leaves none.
//
// A memory is found by the name it is exported as, so Compile refuses a module that keeps its memory to itself;
// wasmbin.ExportState exports it.
//
// Of the environment: RUST_BACKTRACE makes wasmtime add native frames to what it says of a trap, which are cut away; a
// trap takes as long with it as without.
//
// Invariants:
//   - The base of a memory never moves: 4 GiB of addresses are reserved for each, and wasmtime is told that it must not
//     move them.
//   - No panic of a host function unwinds through C: it becomes the error of the call.
//   - Compiled code is read back only if its SHA-256 is right, and checked in the very bytes that are then used, for
//     code from elsewhere could do anything.
//   - What wasmtime allocates is freed by Close and not by finalizers, but for the types of host functions, some bytes
//     for each.
package wasmtime

// MaxStack is how much native stack a guest's calls may take, in bytes; beyond it a call traps. It is a quarter of what
// package wazero's guests may have, as it must fit the stack of a thread. Threads have 8 MiB unless ulimit -s says
// otherwise, and Open refuses to work with less than MinThreadStack.
const MaxStack = 4 << 20

// MinThreadStack is the smallest stack of a thread, in bytes, on which guests run: MaxStack and what wasmtime and cgo
// need themselves.
const MinThreadStack = 6 << 20
