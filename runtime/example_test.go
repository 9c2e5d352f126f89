package wasmrt_test

import (
	"context"
	"fmt"

	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wazero"
)

// counting is a module with a memory whose export "count" adds its parameter to a number there and returns the sum.
func counting() []byte {
	var a assembly
	a.Memory(1)
	a.Func("count", asm.Types(asm.I32), asm.Types(asm.I32), []byte{
		0x41, 0, // i32.const 0
		0x41, 0, 0x28, 2, 0, // i32.const 0; i32.load
		0x20, 0, 0x6a, // local.get 0; i32.add
		0x36, 2, 0, // i32.store
		0x41, 0, 0x28, 2, 0, // i32.const 0; i32.load
	})
	return a.Binary()
}

// Every sandbox begins as the module's image; what one did the next does not see.
func ExampleModule_NewSandbox() {
	ctx := context.Background()
	rt, err := wasmrt.New(wasmrt.Config{Engine: wazero.Open})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close()
	module, err := rt.Load(ctx, counting(), wasmrt.LoadConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		sandbox, err := module.NewSandbox(ctx, wasmrt.SandboxConfig{MemoryBytes: 1 << 20})
		if err != nil {
			fmt.Println(err)
			return
		}
		first, _ := sandbox.Call(ctx, "count", 1)
		second, _ := sandbox.Call(ctx, "count", 1)
		fmt.Println(first, second)
		_ = sandbox.Close()
	}
	// Output:
	// 1 2
	// 1 2
}

// A checkpoint is a sandbox as bytes.
func ExampleModule_Restore() {
	ctx := context.Background()
	rt, err := wasmrt.New(wasmrt.Config{Engine: wazero.Open})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rt.Close()
	module, err := rt.Load(ctx, counting(), wasmrt.LoadConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sandbox, err := module.NewSandbox(ctx, wasmrt.SandboxConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = sandbox.Call(ctx, "count", 41)
	saved, err := sandbox.Checkpoint(wasmrt.CheckpointDelta)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = sandbox.Close()
	restored, err := module.Restore(ctx, wasmrt.SandboxConfig{}, saved)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(restored.Call(ctx, "count", 1))
	_ = restored.Close()
	// Output: 42 <nil>
}
