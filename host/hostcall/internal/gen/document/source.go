package document

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// source is what the documents take from Go files: doc comments, and the forms that structs have in CBOR.
type source struct {
	files   *token.FileSet
	methods map[string]string // the doc of each method of Session, by name
	structs map[string]*ast.StructType
	consts  map[string]constant
	ofKind  []constant // those of type Kind, in order
}

// constant is a declared constant.
type constant struct{ name, value, doc string }

// parse reads the Go files of the folders, in the order of their names.
func parse(folders ...string) (*source, error) {
	src := &source{files: token.NewFileSet(), methods: map[string]string{}, structs: map[string]*ast.StructType{}, consts: map[string]constant{}}
	for _, folder := range folders {
		names, err := fs.Glob(os.DirFS(folder), "*.go")
		if err != nil {
			return nil, err
		}
		slices.Sort(names)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(src.files, filepath.Join(folder, name), nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, d := range f.Decls {
				src.add(d)
			}
		}
	}
	return src, nil
}

func (src *source) add(d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && d.Doc != nil {
			src.methods[d.Name.Name] = d.Doc.Text()
		}
	case *ast.GenDecl:
		inKinds := false // after the first constant of type Kind the others have neither type nor value
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if t, ok := s.Type.(*ast.StructType); ok {
					src.structs[s.Name.Name] = t
				}
			case *ast.ValueSpec:
				if d.Tok != token.CONST {
					continue
				}
				c := constant{name: s.Names[0].Name, doc: oneLine(s.Doc.Text() + " " + s.Comment.Text())}
				if len(s.Values) > 0 {
					c.value = strings.ReplaceAll(src.print(s.Values[0]), "spec.", "")
				}
				src.consts[c.name] = c
				if id, ok := s.Type.(*ast.Ident); ok && id.Name == "Kind" {
					inKinds = true
				}
				if inKinds && ast.IsExported(c.name) {
					src.ofKind = append(src.ofKind, c)
				}
			}
		}
	}
}

func (src *source) kinds() []constant { return src.ofKind }

func (src *source) print(n ast.Node) string {
	var b strings.Builder
	_ = printer.Fprint(&b, src.files, n) // a strings.Builder never fails
	return b.String()
}

// form describes a struct as the CBOR map that it is: a table of its keys.
func (a *abi) form(name string) (string, error) {
	t, ok := a.source.structs[name]
	if !ok {
		return "", fmt.Errorf("there is no struct %s", name)
	}
	var b strings.Builder
	b.WriteString("| key | name | type | |\n| --- | --- | --- | --- |\n")
	for _, f := range t.Fields.List {
		if f.Tag == nil {
			return "", fmt.Errorf("%s has a field without a tag", name)
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return "", err
		}
		key, rest, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(tag, `cbor:"`), `"`), ",")
		doc := oneLine(f.Doc.Text() + " " + f.Comment.Text())
		if !strings.Contains(rest, "omit") {
			doc = strings.TrimSpace("Always there. " + doc)
		}
		for i, id := range f.Names {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", key, id.Name, cborType(a.source.print(f.Type)), strings.ReplaceAll(doc, "|", "\\|"))
			if i > 0 {
				return "", fmt.Errorf("%s declares two fields with one tag", name)
			}
		}
	}
	return b.String(), nil
}

// cborType says in CBOR's words what a Go type becomes.
func cborType(t string) string {
	t = strings.TrimPrefix(t, "*")
	if element, ok := strings.CutPrefix(t, "[]"); ok {
		return "array of " + cborType(element)
	}
	if element, ok := strings.CutPrefix(t, "map[string]"); ok {
		return "map of text to " + cborType(element)
	}
	switch t {
	case "string", "Lifetime", "Strategy":
		return "text"
	case "bool":
		return "bool"
	case "int", "int32", "int64":
		return "int"
	case "time.Duration":
		return "int, nanoseconds"
	case "Quantity":
		return "quantity"
	case "errorForm":
		return "Error"
	}
	return t // another form
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
