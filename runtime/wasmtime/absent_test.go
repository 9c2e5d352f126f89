//go:build !cgo || !(linux || darwin) || !(amd64 || arm64)

package wasmtime

import (
	"errors"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

func TestOpenSaysWhatIsMissing(t *testing.T) {
	_, err := Open(engine.Config{})
	if !errors.Is(err, spec.Unsupported) || !strings.Contains(err.Error(), "build with cgo") {
		t.Errorf("got %v", err)
	}
}
