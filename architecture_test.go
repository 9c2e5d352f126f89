package raywasm_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/raywasm/raywasm"

// layers is the import direction: a package may import those of its own row only if it is below the same folder, and
// those of earlier rows. A folder that is not named here has no place in the system yet: name it.
var layers = [][]string{
	{"internal"},
	{"spec"},
	{"wal"},
	{"sched", "owner", "store", "runtime", "control", "guest-sdk"},
	{"host"},
	{"sim", "api"},
	{"cmd", "bench", "examples", "docs"},
}

// inStore are the packages below store that decide.
var inStore = []string{"store/extent", "store/residency", "store/transfer"}

// cores are the packages that decide: pure functions of their events.
var cores = []string{"sched", "owner"}

// shells are folders below the cores that do what those decide, or stand in for the world in their tests.
var shells = []string{"sched/autoscaler/loop", "sched/autoscaler/providertest", "sched/autoscaler/simcloud"}

type goPackage struct {
	ImportPath, Dir, Doc, Name string
	GoFiles, Imports           []string
}

// folder returns the top folder of a package of ours, "" for others.
func folder(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

func layer(top string) int {
	return slices.IndexFunc(layers, func(row []string) bool { return slices.Contains(row, top) })
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Name,GoFiles,Imports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages: this test would prove nothing", len(all))
	}
	return all
}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range packages(t) {
		top := folder(p.ImportPath)
		if top == "" {
			continue
		}
		mine := layer(top)
		if mine < 0 {
			t.Errorf("%s: the folder %s is in no layer", p.ImportPath, top)
			continue
		}
		for _, imp := range p.Imports {
			other := folder(imp)
			if other == "" || other == top {
				continue
			}
			theirs := layer(other)
			guest := other == "guest-sdk" && isGuest(p.ImportPath)
			if theirs >= mine && !guest {
				t.Errorf("%s imports %s: %s may not know of %s", p.ImportPath, imp, top, other)
			}
			if other == "guest-sdk" && !guest {
				t.Errorf("%s imports %s: only guests import the SDK", p.ImportPath, imp)
			}
		}
	}
}

// isGuest reports whether a package is a guest's source: an example, or one in a folder of that name.
func isGuest(path string) bool {
	return folder(path) == "examples" || strings.HasSuffix(path, "/guest")
}

func TestGuestsDoNotImportTheHost(t *testing.T) {
	for _, p := range packages(t) {
		if top := folder(p.ImportPath); top != "guest-sdk" && top != "spec" {
			continue
		}
		for _, imp := range p.Imports {
			if other := folder(imp); other != "" && other != "spec" && other != "guest-sdk" {
				t.Errorf("%s imports %s, which would be compiled into every guest", p.ImportPath, imp)
			}
		}
	}
}

// TestCoresArePure: no I/O, clock, goroutine, lock or random source in a core.
func TestCoresArePure(t *testing.T) {
	impure := []string{"os", "net", "io", "syscall", "sync", "sync/atomic", "math/rand", "math/rand/v2", "crypto/rand", "context", "log", "go.uber.org/zap"}
	checked := 0
	for _, p := range packages(t) {
		if !slices.Contains(cores, folder(p.ImportPath)) && !slices.Contains(inStore, strings.TrimPrefix(p.ImportPath, module+"/")) || slices.Contains(shells, strings.TrimPrefix(p.ImportPath, module+"/")) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(impure, imp) {
				t.Errorf("%s imports %s: a core decides, a shell does", p.ImportPath, imp)
			}
		}
		for _, name := range p.GoFiles {
			checked++
			files := token.NewFileSet()
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s: a core starts a goroutine", files.Position(n.Pos()))
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "NewTimer", "Tick"}, n.Sel.Name) {
						t.Errorf("%s: a core reads the clock", files.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
	if checked == 0 {
		t.Fatal("no core was found")
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "misc"}, p.Name) {
			t.Errorf("%s: the name %s says nothing", p.ImportPath, p.Name)
		}
	}
}

// TestTestsDoNotSleep: a test waits for a condition, never for time to pass.
func TestTestsDoNotSleep(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") || path == "architecture_test.go" {
			return nil
		}
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s: a test sleeps", files.Position(n.Pos()))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDependenciesAreExplained: docs/why.md has a line for every module that go.mod requires directly.
func TestDependenciesAreExplained(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	why, err := os.ReadFile(filepath.Join("docs", "why.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(mod)) {
		fields := strings.Fields(line)
		if len(fields) > 0 && fields[0] == "require" {
			fields = fields[1:]
		}
		if len(fields) < 2 || !strings.Contains(fields[0], ".") || strings.Contains(line, "// indirect") || !strings.HasPrefix(fields[1], "v") {
			continue
		}
		found++
		if !strings.Contains(string(why), fields[0]) {
			t.Errorf("docs/why.md does not say why %s is used", strconv.Quote(fields[0]))
		}
	}
	if found == 0 {
		t.Fatal("found no requirement in go.mod")
	}
}
