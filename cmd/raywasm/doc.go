// Command raywasm runs and examines programs for raywasm.
//
//	raywasm submit examples/counter -- --kwargs iterations=7
//	raywasm build examples/pi
//	raywasm inspect pi.wasm
//
// One file is one command. Below them lie program.go (what a person names becomes a module), screen.go (who writes to
// the terminal, and when), failure.go (errors as a person reads them, and exit statuses) and interrupt.go (Ctrl-C).
//
// What it is not: it decides nothing about jobs. Whatever runs, is retried, waits or is refused is decided below
// package host; this is a thin client of it.
//
// Invariants:
//   - stdout has what was asked for, stderr the rest. What a driver writes passes through unchanged.
//   - An error is one line that begins with "raywasm: ", and what the failing side said is indented below it.
//   - A status line is drawn on a terminal only, and never in the middle of a line that somebody else wrote.
package main
