// Package engine is the seam between the runtime and whoever executes WebAssembly: wazero, wasmtime.
//
// An engine compiles a module that the runtime has admitted and rewritten, makes instances of it and calls their
// exports. Limits, metering, images and checkpoints are the runtime's, built on exported globals and on memory that
// the runtime places, so that every engine behaves alike.
//
// What it is not: it has no WASI, no pools and no limits of its own.
package engine
