package wasi_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"testing/fstest"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasi"
)

// A guest writes to its standard output and finds the directory that it was given. An engine would call these functions
// for it.
func ExampleFuncs() {
	functions := make(map[string]engine.HostFunc)
	for _, f := range wasi.Funcs() {
		functions[f.Name] = f
	}
	memory := make([]byte, 1<<16)
	copy(memory[100:], "Hello from a guest.\n")
	binary.LittleEndian.PutUint32(memory[0:], 100) // an iovec: pointer and length
	binary.LittleEndian.PutUint32(memory[4:], 20)

	var system wasi.System
	system.Reset(wasi.Config{Stdout: os.Stdout, Files: fstest.MapFS{"data.txt": {Data: []byte("1 2 3")}}})
	defer system.Close()
	guest := engine.Guest{System: &system}
	guest.Bind(func() []byte { return memory })

	call := func(name string, params ...uint64) uint64 {
		stack := append(params, 0)
		if err := functions[name].Func(context.Background(), &guest, stack); err != nil {
			fmt.Println(err)
		}
		return stack[0] // the errno
	}
	const stdout, root, ebadf = 1, 3, 8
	fmt.Println("written:", call("fd_write", stdout, 0, 1, 8) == 0)
	fmt.Println("a directory:", call("fd_prestat_get", root, 16) == 0)
	fmt.Println("another one:", call("fd_prestat_get", root+1, 16) != ebadf)
	// Output:
	// Hello from a guest.
	// written: true
	// a directory: true
	// another one: false
}
