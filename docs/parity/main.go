package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("../.."); err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

// run writes docs/parity.md of the repository at root.
func run(root string) error {
	table, err := read(filepath.Join(root, "docs/parity/rows.yaml"))
	if err != nil {
		return err
	}
	page, err := table.page(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs/parity.md"), page, 0o644)
}
