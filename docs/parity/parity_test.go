package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestThePageIsGenerated checks that docs/parity.md is what the rows and the tests in the sources make it.
func TestThePageIsGenerated(t *testing.T) {
	table, err := read("rows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := table.page("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../parity.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/parity.md is not what docs/parity makes: run go generate ./docs/parity")
	}
}

// TestRowsThatLie checks that a row is refused that claims more than it shows.
func TestRowsThatLie(t *testing.T) {
	for name, c := range map[string]struct{ row, want string }{
		"no test":              {`{ray: a, here: same}`, "names no test"},
		"a missing test":       {`{ray: a, here: same, tests: [docs/parity.TestNothing]}`, "no test TestNothing in docs/parity"},
		"a missing script":     {`{ray: a, here: same, tests: [docs/parity/no.txt]}`, "no script"},
		"better, unexplained":  {`{ray: a, here: better, tests: [docs/parity.TestRowsThatLie]}`, "does not say how"},
		"a verdict of its own": {`{ray: a, here: equal, tests: [docs/parity.TestRowsThatLie]}`, `verdict "equal"`},
		"shown and missing":    {`{ray: a, here: missing, tests: [docs/parity.TestRowsThatLie]}`, "names a test"},
		"an unknown field":     {`{ray: a, here: same, test: [docs/parity.TestRowsThatLie]}`, "unknown field"},
		"the truth":            {`{ray: a, here: same, tests: [docs/parity.TestRowsThatLie]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rows.yaml")
			if err := os.WriteFile(path, []byte("- section: S\n  rows:\n  - "+c.row+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			table, err := read(path)
			if err == nil {
				_, err = table.page("../..")
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
