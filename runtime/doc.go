// Package wasmrt is WebAssembly on this machine: it turns modules into sandboxes.
//
//	rt, err := wasmrt.New(wasmrt.Config{Engine: wazero.Open, Imports: imports})
//	defer rt.Close()
//	module, err := rt.Load(ctx, wasm, nil)
//	sandbox, err := module.NewSandbox(ctx, wasmrt.SandboxConfig{MemoryBytes: 64 << 20})
//	result, err := sandbox.Call(ctx, "add", 1, 2)
//	err = sandbox.Close()
//
// A module is admitted: its size, structure and imports are checked and its digest computed. It is rewritten (package
// wasmbin) so that what it executes is counted, its recursion and memory are bounded, and all of its state lies where
// the host can copy it. It is compiled once, initialised once, and what its memory and globals are then is its image.
//
// A sandbox starts from the image. Its memory is a private copy-on-write mapping of it; when a sandbox is closed, the
// pages it changed are found (PAGEMAP_SCAN) and copied back, and it goes to its module's pool, as fresh as a new one.
// No mapping is made or removed on that path. Modules whose state an image cannot hold get a new instance every time.
//
// With a cache directory, what has come of a module is kept: machine code by the engine, the rewritten module and its image
// as a prepared module. The next Load reads them and runs nothing.
//
// What it is not: it knows nothing of tasks, actors and objects. Its host functions are given to it.
//
// Invariants:
//   - Nothing that one sandbox did is seen by the next: memory, globals, descriptors, output, entropy.
//   - A sandbox belongs to one goroutine at a time. Nobody else closes it.
//   - A guest runs for one Quantum at the longest before the host looks at its deadline and lets others run.
//   - A sandbox whose call failed is never used again for a fresh one.
//   - What is read from the cache directory has a checksum and a key of all that it was made of, or is not used.
//   - Memory that a guest may still touch is never unmapped.
package wasmrt
