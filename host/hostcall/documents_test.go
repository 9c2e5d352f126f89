package hostcall_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/host/hostcall/internal/gen/document"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

const root = "../.."

func TestDocumentsAreGenerated(t *testing.T) {
	files, err := document.Files(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 {
		t.Errorf("%d documents", len(files))
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the sources say (%v): run go generate ./host/hostcall", name, err)
		}
	}
}

// TestTheGoSDKImportsTheseFunctions: every import of package ray is there, with its type, and none is missing there.
func TestTheGoSDKImportsTheseFunctions(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "guest-sdk/go/host_wasip1.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string]*ast.FuncType)
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Doc == nil {
			continue
		}
		for _, c := range f.Doc.List {
			if name, ok := strings.CutPrefix(c.Text, "//go:wasmimport ray_v1 "); ok {
				imports[name] = f.Type
			}
		}
	}
	for _, s := range hostcall.Signatures() {
		f, ok := imports[s.Name]
		if !ok {
			t.Errorf("the SDK does not import %s", s.Name)
			continue
		}
		delete(imports, s.Name)
		var want []wasmbin.ValType
		for _, p := range s.Params {
			want = append(want, p.Type.Wasm())
		}
		if got := wasmTypes(f.Params); !slices.Equal(got, want) {
			t.Errorf("%s: the SDK passes %v, the ABI says %v", s.Name, got, want)
		}
		if got := wasmTypes(f.Results); !slices.Equal(got, []wasmbin.ValType{s.Result.Wasm()}) {
			t.Errorf("%s: the SDK expects %v, the ABI says %v", s.Name, got, s.Result.Wasm())
		}
	}
	for name := range imports {
		t.Errorf("the SDK imports %s, which is not there", name)
	}
}

func wasmTypes(fields *ast.FieldList) (all []wasmbin.ValType) {
	for _, f := range fields.List {
		t := wasmbin.I32
		if id, ok := f.Type.(*ast.Ident); ok && id.Name == "int64" {
			t = wasmbin.I64
		}
		for range max(len(f.Names), 1) {
			all = append(all, t)
		}
	}
	return all
}
