//go:build !cgo || !(linux || darwin) || !(amd64 || arm64)

package main

import "github.com/raywasm/raywasm/spec"

// stores cannot be had: there is no wasmtime in this program.
type stores struct{}

func newStores(guest) (*stores, error) {
	return nil, spec.Errorf("load a guest into plain wasmtime", spec.Unsupported, "", "this program was built without cgo")
}

func (*stores) close() {}

func (*stores) fresh() error { return nil }
