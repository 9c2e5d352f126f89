// Package wazero is the default engine: github.com/tetratelabs/wazero, a compiler in pure Go. It compiles to machine
// code on amd64 and arm64 and interprets elsewhere.
//
// What it is not: it sets no limit of its own and uses none of wazero's interruption, which costs many times the
// metering of package wasmbin and misses recursion.
package wazero
