// Command gen writes guest-sdk/abi.md and guest-sdk/c/raywasm.h: the guest ABI for people and for C. It runs in the
// folder host/hostcall.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/raywasm/raywasm/host/hostcall/internal/gen/document"
)

func main() {
	files, err := document.Files("../..")
	for name, text := range files {
		if err == nil {
			name = filepath.Join("../..", name)
			err = os.MkdirAll(filepath.Dir(name), 0o777)
		}
		if err == nil {
			err = os.WriteFile(name, text, 0o666)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
