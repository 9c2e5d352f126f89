// Command gen writes arity.go, the typed functions, classes and methods for every number of arguments, and kinds.go, the
// kinds of errors re-exported from package spec with their comments. It runs in the folder guest-sdk/go.
package main

import (
	"fmt"
	"os"

	"github.com/raywasm/raywasm/guest-sdk/go/internal/gen/source"
)

func main() {
	files, err := source.Files("../../spec/kind.go")
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(name, text, 0o666)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
