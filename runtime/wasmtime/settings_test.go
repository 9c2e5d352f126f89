//go:build cgo && (linux || darwin) && (amd64 || arm64)

package wasmtime

import (
	"errors"
	"math"
	"reflect"
	"sync"
	"testing"

	wt "github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// TestConfigIsOnePointer: configPointer relies on it.
func TestConfigIsOnePointer(t *testing.T) {
	c := reflect.TypeFor[wt.Config]()
	if c.NumField() != 1 || c.Field(0).Type.Kind() != reflect.Pointer || c.Size() != reflect.TypeFor[uintptr]().Size() {
		t.Errorf("a configuration is %v now", c)
	}
}

func TestThreadStack(t *testing.T) {
	for limit, ok := range map[uint64]bool{8 << 20: true, MinThreadStack: true, MinThreadStack - 1: false, math.MaxUint64: false, math.MaxInt64: false} {
		if err := checkStackLimit(limit); (err == nil) != ok || err != nil && !errors.Is(err, spec.Unsupported) {
			t.Errorf("with ulimit -s of %d bytes: %v", limit, err)
		}
	}
}

// TestMaxStack: recursion traps on any thread, before the thread's stack ends and not long before MaxStack.
func TestMaxStack(t *testing.T) {
	const frameBytes = 16 // of the function below on amd64 and arm64: return address and frame pointer
	c := compiled(t, open(t, engine.Config{}), `(module (global $n (export "n") (mut i64) (i64.const 0))
		(func $f (export "f") (param i32) (result i32)
			(global.set $n (i64.add (global.get $n) (i64.const 1)))
			(i32.add (i32.const 1) (call $f (local.get 0)))))`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			i, err := c.Instantiate(t.Context(), &engine.Guest{}, bare{t, 0})
			if err != nil {
				t.Error(err)
				return
			}
			defer i.Close()
			err = i.Func("f").Call(t.Context(), []uint64{0})
			var trap *engine.Trap
			if !errors.As(err, &trap) || trap.Code != engine.TrapStackOverflow {
				t.Errorf("got %v", err)
			}
			if n := i.Global("n").Get(); n < MaxStack/frameBytes*3/4 || n > MaxStack/frameBytes {
				t.Errorf("recursion was %d deep", n)
			}
		})
	}
	wg.Wait()
}
