//go:build !cgo || !(linux || darwin) || !(amd64 || arm64)

package wasmtime

import (
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// Open fails: there is no wasmtime in this program.
func Open(engine.Config) (engine.Engine, error) {
	return nil, spec.Errorf("open the engine wasmtime", spec.Unsupported, "",
		"this program was built without it: build with cgo (CGO_ENABLED=1 and a C compiler) for linux or darwin on amd64 or arm64")
}
