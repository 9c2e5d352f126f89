// Package document makes the text of the guest ABI's documents: guest-sdk/abi.md and guest-sdk/c/raywasm.h. What they
// say of a function, a form, a kind or a limit is the doc comment in the source that implements it. It is apart from the
// command so that a test can compare.
package document

import (
	"bytes"
	_ "embed"
	"fmt"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/spec"
)

//go:embed abi.md.tmpl
var abiTemplate string

//go:embed raywasm.h.tmpl
var headerTemplate string

// Files returns the documents by their paths below root, the folder of the repository.
func Files(root string) (map[string][]byte, error) {
	a, err := read(root)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for name, text := range map[string]string{"guest-sdk/abi.md": abiTemplate, "guest-sdk/c/raywasm.h": headerTemplate} {
		t, err := template.New(name).Funcs(template.FuncMap{"form": a.form, "limit": a.limit, "comment": commentLines}).Parse(text)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, a); err != nil {
			return nil, err
		}
		files[name] = b.Bytes()
	}
	return files, nil
}

// abi is what the templates know.
type abi struct {
	Module           string
	Version          int
	TagRef, TagActor int
	Functions        []function
	Kinds            []kind
	Limits           []limit
	source           *source
}

// function is one import.
type function struct {
	hostcall.Signature
	doc string
}

// kind is one kind of error.
type kind struct {
	Number int
	Name   string // on the wire
	Macro  string // RAY_TASK_ERROR
	Parent string // "" for the root
	Doc    string
}

// limit is one constant.
type limit struct{ Name, Value, Doc string }

// read gathers everything from the sources.
func read(root string) (*abi, error) {
	src, err := parse(filepath.Join(root, "spec"), filepath.Join(root, "host", "hostcall"))
	if err != nil {
		return nil, err
	}
	a := &abi{Module: spec.ABIModule, Version: spec.ABIVersion, TagRef: spec.TagRef, TagActor: spec.TagActor, source: src}
	for _, s := range hostcall.Signatures() {
		f := function{s, src.methods[goName(s.Name)]}
		if !strings.HasPrefix(f.doc, s.Name+" ") {
			return nil, fmt.Errorf("the doc comment of %s does not begin with the function's name", s.Name)
		}
		a.Functions = append(a.Functions, f)
	}
	named := src.kinds()
	for i, k := range spec.Kinds() {
		if i >= len(named) {
			return nil, fmt.Errorf("spec declares %d kinds, found the source of %d", len(spec.Kinds()), len(named))
		}
		parent := ""
		if k.Parent() != 0 {
			parent = k.Parent().Error()
		}
		a.Kinds = append(a.Kinds, kind{int(k), k.Error(), "RAY_" + macro(named[i].name), parent, without(named[i].doc, named[i].name)})
	}
	for _, name := range []string{
		"MaxNameBytes", "MaxArgs", "MaxReturns", "MaxValueBytes", "MaxInlineBytes", "MaxPassedBytes", "MaxResultBytes",
		"MaxLinks", "MaxPieces", "MaxHandles", "MaxWaited", "MaxFormBytes", "MaxFunctions", "MaxNesting", "MaxErrorText", "MaxErrorDepth",
		"MaxLogBytes", "MaxLoggedBytes", "LogRecordBytes", "MaxResourceKinds",
	} {
		c, ok := src.consts[name]
		if !ok {
			return nil, fmt.Errorf("there is no limit %s", name)
		}
		a.Limits = append(a.Limits, limit{name, amount(c.value), without(c.doc, name)})
	}
	return a, nil
}

// limit returns the value of a limit.
func (a *abi) limit(name string) (string, error) {
	c, ok := a.source.consts[name]
	if !ok {
		return "", fmt.Errorf("there is no constant %s", name)
	}
	return c.value, nil
}

// without is a doc comment that does not begin with the name of what it is about.
func without(doc, name string) string {
	rest := strings.TrimPrefix(doc, name)
	return upper(strings.TrimLeft(rest, ": "))
}

// amount is a constant's value for people: 1,048,576 for 1 << 20, 64 MiB for 64 * MiB.
func amount(value string) string {
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if n, ok := strings.CutSuffix(value, " * "+unit); ok {
			return n + " " + unit
		}
	}
	evaluated, err := types.Eval(token.NewFileSet(), nil, token.NoPos, value)
	if err != nil || evaluated.Value == nil {
		return value // the name of another limit
	}
	digits := evaluated.Value.String()
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// goName is the method that serves an import: passValue for pass_value.
func goName(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// macro is a Go name in C's form: TASK_ERROR for TaskError.
func macro(name string) string {
	var b strings.Builder
	for i := range len(name) {
		upper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
		if i > 0 && upper(name[i]) && !upper(name[i-1]) {
			b.WriteByte('_')
		}
		b.WriteByte(name[i])
	}
	return strings.ToUpper(b.String())
}
