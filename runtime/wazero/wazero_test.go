package wazero_test

import (
	"testing"

	"github.com/raywasm/raywasm/runtime/enginetest"
	"github.com/raywasm/raywasm/runtime/wazero"
)

func TestEngine(t *testing.T) { enginetest.Test(t, wazero.Open) }
