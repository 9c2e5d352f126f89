// Package asm writes WebAssembly modules down by hand, for the tests of the folders around it: a [Module] is built by methods that
// return indexes, and code is bytes that functions like [Get], [Const32] and [Op] put together. It checks nothing: tests need
// modules that are wrong, too.
package asm
