//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"testing"

	"github.com/raywasm/raywasm/runtime/enginetest"
)

func TestEngine(t *testing.T) { enginetest.Test(t, Open) }
