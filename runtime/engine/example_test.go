package engine_test

import (
	"context"
	"fmt"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// A host function checks what the guest points to, and uses it in place. It is tried out without an engine here.
func ExampleHostFunc() {
	count := engine.HostFunc{
		Module: "env", Name: "count_spaces",
		Params: []wasmbin.ValType{wasmbin.I32, wasmbin.I32}, Results: []wasmbin.ValType{wasmbin.I32},
		Func: func(_ context.Context, guest *engine.Guest, stack []uint64) error {
			text, ok := guest.View(uint32(stack[0]), uint32(stack[1]))
			if !ok {
				return spec.Errorf("count spaces", spec.InvalidArgument, "", "%d bytes at %d are not in the guest's memory", stack[1], stack[0])
			}
			stack[0] = 0
			for _, c := range text {
				if c == ' ' {
					stack[0]++
				}
			}
			return nil
		},
	}
	var guest engine.Guest
	guest.Bind(func() []byte { return []byte("the guest's whole memory") })
	stack := []uint64{4, 13}
	fmt.Println(count.Func(context.Background(), &guest, stack), stack[0])
	fmt.Println(count.Func(context.Background(), &guest, []uint64{4, 1 << 31}))
	// Output:
	// <nil> 1
	// count spaces: 2147483648 bytes at 4 are not in the guest's memory (InvalidArgument)
}
