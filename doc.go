// Package raywasm is Ray Core for WebAssembly: remote functions and actors of any language that compiles to
// WebAssembly, run in sandboxes on one machine or a cluster, with objects passed by reference.
//
// The repository's README says how to run it and ARCHITECTURE.md what is where. Go programs embed a node with package
// [github.com/raywasm/raywasm/host]; guests written in Go import package ray from
// [github.com/raywasm/raywasm/guest-sdk/go]. This package itself holds nothing but the tests of the architecture.
package raywasm
