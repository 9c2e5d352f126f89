package document

import (
	"fmt"
	"go/doc/comment"
	"strings"

	"github.com/raywasm/raywasm/host/hostcall"
)

// spelled are the parameters' types in C and for people.
var spelled = map[hostcall.Type]struct{ c, said string }{
	hostcall.Int:        {"int32_t ", "i32"},
	hostcall.Uint:       {"uint32_t ", "u32"},
	hostcall.Long:       {"int64_t ", "i64"},
	hostcall.Handle:     {"uint32_t ", "handle"},
	hostcall.Bytes:      {"const void *", "*bytes in"},
	hostcall.Buffer:     {"void *", "*bytes out"},
	hostcall.Flags:      {"uint8_t *", "*flags out"},
	hostcall.Handles:    {"const uint32_t *", "*handles in"},
	hostcall.NewHandles: {"uint32_t *", "*handles out"},
	hostcall.Address:    {"const void *", "address"},
	hostcall.NewAddress: {"void **", "*address out"},
	hostcall.Pieces:     {"const uint32_t *", "*pieces in"},
}

// Head is the function as abi.md declares it: "put(ptr *bytes in, size u32, ...) -> i32".
func (f function) Head() string {
	var params []string
	for _, p := range f.Params {
		params = append(params, p.Name+": "+spelled[p.Type].said)
	}
	return fmt.Sprintf("%s(%s) -> %s", f.Name, strings.Join(params, ", "), spelled[f.Result].said)
}

// Wasm is the function's type in the text format: "(func (param i32 i32) (result i32))".
func (f function) Wasm() string {
	params := ""
	for _, p := range f.Params {
		params += " " + p.Type.Wasm().String()
	}
	return fmt.Sprintf("(func (param%s) (result %s))", params, f.Result.Wasm())
}

// C is the function's declaration: "int32_t ray_put(const void *ptr, uint32_t size, ...)".
func (f function) C() string {
	var params []string
	for _, p := range f.Params {
		params = append(params, spelled[p.Type].c+cName(p.Name))
	}
	return fmt.Sprintf("%sray_%s(%s)", spelled[f.Result].c, f.Name, strings.Join(params, ", "))
}

// cName avoids the words of C++ among the parameters' names.
func cName(name string) string {
	if name == "class" || name == "namespace" {
		return name + "_"
	}
	return name
}

// Markdown is the doc comment without the function's name, which is the heading above.
func (f function) Markdown() string {
	var p comment.Parser
	text, _ := strings.CutPrefix(f.doc, f.Name+" ")
	printed := (&comment.Printer{}).Markdown(p.Parse(upper(text)))
	return strings.ReplaceAll(strings.TrimSpace(string(printed)), `\_`, "_") // within a word it needs no escape
}

// Plain is the doc comment's text.
func (f function) Plain() string { return f.doc }

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// commentLines makes a C comment of a text.
func commentLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight("// "+strings.ReplaceAll(line, "\t", "    "), " \n") + "\n")
	}
	return b.String()
}
