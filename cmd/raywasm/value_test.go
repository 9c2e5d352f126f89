package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/fxamacker/cbor/v2"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/spec/rayarrow"
)

func TestInspectAValue(t *testing.T) {
	value := map[any]any{
		"refs":  []any{cbor.Tag{Number: spec.TagRef, Content: 0}, cbor.Tag{Number: spec.TagRef, Content: 1}, cbor.Tag{Number: spec.TagActor, Content: 2}},
		"pos":   spec.Array[float64]{1.5, 2},
		7:       "größer",
		"other": cbor.Tag{Number: 1, Content: 5},
		"table": rayarrow.Table{Schema: arrow.NewSchema([]arrow.Field{{Name: "fare\x1b", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil)},
		"wrong": cbor.Tag{Number: spec.TagArrow, Content: []byte("no stream")},
	}
	form, err := spec.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(args ...string) (string, error) {
		cmd := newInspect()
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		cmd.SetArgs(args)
		err := cmd.Execute()
		return out.String(), err
	}
	path := write("v.cbor", form)
	text, err := run("--value", path)
	for _, part := range []string{"2 refs", "1 actor handles", "1 typed arrays of 2 x float64", "7: \"gr", "55801(0)", "86(h'000000000000f83f0000000000000040')",
		"2 Arrow streams", "0 rows in 0 batches", `  "fare\x1b: float64, nullable"`, "no Arrow stream: "} {
		if err != nil || !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s%v", part, text, err)
		}
	}
	text, err = run("--value", "--format", "json", path)
	var v valueInspection
	if err != nil || json.Unmarshal([]byte(text), &v) != nil || v.Refs != 2 || v.Actors != 1 || v.Bytes != len(form) || v.Arrays["2 x float64"] != 1 || len(v.Tables) != 2 {
		t.Errorf("json: %+v, %v", v, err)
	}
	for name, bad := range map[string][]byte{"cut": form[:len(form)-1], "empty": nil, "two": append(bytes.Clone(form), 1)} {
		if text, err := run("--value", write(name, bad)); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}
