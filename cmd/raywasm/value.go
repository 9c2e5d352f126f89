package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/spec/rayarrow"
)

// maxValueFile bounds the values that are printed, in bytes: their notation is some times as long.
const maxValueFile = 16 * spec.MiB

// valueInspection is what a serialized value holds. The JSON form is stable.
type valueInspection struct {
	File     string         `json:"file"`
	Bytes    int            `json:"bytes"`
	Refs     int            `json:"refs"`
	Actors   int            `json:"actors"`
	Arrays   map[string]int `json:"arrays,omitempty"`
	Tables   []arrowTable   `json:"tables,omitempty"`
	Notation string         `json:"notation"`
}

// arrowTable is an Arrow stream in a value, or why it is none.
type arrowTable struct {
	Rows    int64    `json:"rows"`
	Batches int      `json:"batches"`
	Schema  []string `json:"schema,omitempty"` // "name: type", a column each
	Error   string   `json:"error,omitempty"`
}

// inspectValue reads a file with one CBOR item.
func inspectValue(path string) (*valueInspection, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxValueFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxValueFile {
		return nil, fmt.Errorf("%s: a value of more than %s is not printed", path, spec.FormatBytes(maxValueFile))
	}
	if err := spec.WellFormed(b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	mode, err := cbor.DiagOptions{ByteStringEncoding: cbor.ByteStringBase16Encoding, MaxNestedLevels: spec.MaxNesting}.DiagMode()
	if err != nil {
		return nil, err
	}
	v := &valueInspection{File: path, Bytes: len(b), Arrays: make(map[string]int)}
	if v.Notation, err = mode.Diagnose(b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	anyKeys, err := cbor.DecOptions{MaxNestedLevels: spec.MaxNesting, MaxArrayElements: maxValueFile, MaxMapPairs: maxValueFile}.DecMode()
	if err != nil {
		return nil, err
	}
	var item any
	if err := anyKeys.Unmarshal(b, &item); err != nil { // such as a key that no Go map can have
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	v.count(item)
	return v, nil
}

// elements names the element types of typed arrays (RFC 8746), little-endian ones, by tag.
var elements = map[uint64]struct {
	name string
	size int
}{
	64: {"uint8", 1}, 69: {"uint16", 2}, 70: {"uint32", 4}, 71: {"uint64", 8},
	72: {"int8", 1}, 77: {"int16", 2}, 78: {"int32", 4}, 79: {"int64", 8}, 85: {"float32", 4}, 86: {"float64", 8},
}

func (v *valueInspection) count(item any) {
	switch item := item.(type) {
	case cbor.Tag:
		data, isBytes := item.Content.([]byte)
		e, known := elements[item.Number]
		switch {
		case item.Number == spec.TagRef:
			v.Refs++
		case item.Number == spec.TagActor:
			v.Actors++
		case known && isBytes:
			v.Arrays[fmt.Sprintf("%d x %s", len(data)/e.size, e.name)]++
		case item.Number == spec.TagArrow:
			v.Tables = append(v.Tables, readTable(item))
		default:
			v.count(item.Content)
		}
	case []any:
		for _, x := range item {
			v.count(x)
		}
	case map[any]any:
		for _, x := range item {
			v.count(x)
		}
	}
}

// readTable reads an Arrow stream for what is told of it.
func readTable(item cbor.Tag) (told arrowTable) {
	form, err := spec.Marshal(item)
	var t rayarrow.Table
	if err == nil {
		t, err = rayarrow.View(form)
	}
	if err != nil {
		return arrowTable{Error: err.Error()}
	}
	told = arrowTable{Rows: t.Rows(), Batches: len(t.Batches)}
	for _, f := range t.Schema.Fields() {
		column := f.Name + ": " + f.Type.String()
		if f.Nullable {
			column += ", nullable"
		}
		told.Schema = append(told.Schema, column)
	}
	return told
}

// print writes v for a person.
func (v *valueInspection) print(to io.Writer) error {
	var parts []string
	count := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	parts = append(parts, spec.FormatBytes(int64(v.Bytes)))
	count(v.Refs, "refs (tag 55801)")
	count(v.Actors, "actor handles (tag 55802)")
	for _, name := range slices.Sorted(maps.Keys(v.Arrays)) {
		count(v.Arrays[name], "typed arrays of "+name)
	}
	count(len(v.Tables), "Arrow streams (tag 55803)")
	text := strings.Join(parts, ", ") + "\n"
	for _, t := range v.Tables {
		if t.Error != "" {
			text += fmt.Sprintf("\nno Arrow stream: %s\n", t.Error)
			continue
		}
		text += fmt.Sprintf("\n%d rows in %d batches\n", t.Rows, t.Batches)
		for _, column := range t.Schema {
			text += fmt.Sprintf("  %q\n", column)
		}
	}
	_, err := fmt.Fprintf(to, "%s\n%s\n", text, v.Notation)
	return err
}
