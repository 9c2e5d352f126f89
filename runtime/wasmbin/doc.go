// Package wasmbin reads, rewrites and writes modules in the WebAssembly binary
// format (core specification 3.0, chapter 5, "Binary Format").
//
// A module that enters a node is rewritten once, before any engine sees it, so
// that limits, metering, snapshots and checkpoints behave alike under every
// engine:
//
//	m, err := wasmbin.ParseLimits(guest, wasmbin.DefaultLimits())
//	reasons := m.Snapshotable()   // why an image could not hold it
//	err = m.LimitTables(...)      // passes, in this order
//	err = m.VirtualGrowth()
//	err = m.LimitDepth(...)
//	err = m.Meter(...)
//	state, err := m.ExportState()
//	init, err := m.DetachInit()
//	wasm := m.Encode()            // starts both anew, by init, and from an image
//
// Each pass can be left out. A module for which Snapshotable has reasons is
// rewritten like any other and then started anew each time, but VirtualGrowth
// and Meter refuse memories that they cannot handle.
//
// It is not a validator: operand types are the engine's business, and a module
// that Parse accepts may still be refused by the engine. It is not an
// assembler or a disassembler, and it knows nothing of WASI, of images or of
// any engine.
//
// Invariants:
//
//   - Hostile input is the normal case. Parse never panics, and allocates no
//     more than a small constant times the input, whatever counts the input
//     claims. Limits bounds the rest.
//   - Parse checks everything the passes rely on: section order and sizes,
//     every index, every opcode, the nesting of blocks. After it, a pass never
//     meets malformed code.
//   - Where decoders of the field disagree about unusual bytes, Parse refuses
//     the bytes: an instruction boundary seen here is the boundary an engine
//     sees. See the comment of Walker.
//   - Encode writes sections that no pass has changed back byte for byte,
//     unusual LEB128 lengths and custom sections in place included.
//   - A Module is not safe for concurrent use, and the byte slices it hands out
//     alias the input, which must not change afterwards.
package wasmbin
