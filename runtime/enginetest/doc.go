// Package enginetest says what an engine is: a suite of tests that every implementation of engine.Engine passes, and by
// which two of them behave alike.
//
//	func TestEngine(t *testing.T) { enginetest.Test(t, wazero.Open) }
//
// It holds an engine to the comments of package engine and to what the runtime relies on. It is not a test of the
// WebAssembly specification: that a program computes right is the business of the engines' own authors.
//
// An engine that places memory and one that cannot are both right: the suite finds out which one it has by whether
// Allocate is called.
package enginetest
