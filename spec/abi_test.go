package spec_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// counter is a description that says all a description can.
func counter() spec.Description {
	return spec.Description{
		ABI: spec.ABIVersion, SDK: "go 0.1", Main: true,
		Functions: []spec.Function{
			{Name: "add", Params: []string{"int", "int"}, Result: "int", Options: spec.TaskOptions{CPUs: quantity(2)}},
			{Name: "Counter.Help"},
		},
		Classes: []spec.Class{{
			Name: "Counter", New: spec.Function{Name: "NewCounter", Params: []string{"int"}},
			Methods: []spec.Function{{Name: "Inc", Result: "int"}, {Name: "add"}},
			Options: spec.ActorOptions{MaxRestarts: new(int32(-1))},
		}, {Name: "Other", Methods: []spec.Function{{Name: "Inc"}}}},
	}
}

func TestADescriptionCrossesABoundary(t *testing.T) {
	for name, d := range map[string]spec.Description{"full": counter(), "empty": {}, "a driver": {ABI: 1, Main: true}} {
		if got := recode(t, d); !reflect.DeepEqual(got, d) {
			t.Errorf("%s: %+v arrives as %+v", name, d, got)
		}
	}
	d := counter()
	if err := d.Check(); err != nil {
		t.Errorf("it is refused: %v", err)
	}
}

func TestADescriptionFindsByName(t *testing.T) {
	d := counter()
	if f, ok := d.Function("add"); !ok || f != &d.Functions[0] {
		t.Errorf("function add is %v, %v", f, ok)
	}
	class, ok := d.Class("Counter")
	if !ok || class != &d.Classes[0] {
		t.Fatalf("class Counter is %v, %v", class, ok)
	}
	if m, ok := class.Method("add"); !ok || m != &class.Methods[1] {
		t.Errorf("method add is %v, %v", m, ok)
	}
	for _, name := range []string{"", "Inc", "Counter.Inc", "ADD"} {
		if f, ok := d.Function(name); ok {
			t.Errorf("function %q is %v, want none", name, f)
		}
		if c, ok := d.Class(name); ok {
			t.Errorf("class %q is %v, want none", name, c)
		}
	}
	if m, ok := class.Method("Counter.Inc"); ok {
		t.Errorf("method Counter.Inc is %v: a method's name has no class here", m)
	}
}

// named returns n functions with names of their own.
func named(n int) []spec.Function {
	all := make([]spec.Function, n)
	for i := range all {
		all[i].Name = fmt.Sprint("f", i)
	}
	return all
}

func TestAWrongDescriptionIsRefused(t *testing.T) {
	wrong := spec.TaskOptions{MaxRetries: new(int32(-2))}
	for name, c := range map[string]struct {
		change func(*spec.Description)
		kind   spec.Kind
		names  string
	}{
		"an older ABI":               {func(d *spec.Description) { d.ABI = 0 }, spec.InvalidModule, "version 0"},
		"a newer ABI":                {func(d *spec.Description) { d.ABI = spec.ABIVersion + 1 }, spec.InvalidModule, "version 2"},
		"a function without a name":  {func(d *spec.Description) { d.Functions[0].Name = "" }, spec.InvalidModule, "name of a function"},
		"a function with a long one": {func(d *spec.Description) { d.Functions[0].Name = longName }, spec.InvalidModule, "name of a function"},
		"a function twice":           {func(d *spec.Description) { d.Functions[1].Name = "add" }, spec.InvalidModule, `"add"`},
		"a function's options":       {func(d *spec.Description) { d.Functions[0].Options = wrong }, spec.InvalidModule, "add: check task options max_retries"},
		"a class without a name":     {func(d *spec.Description) { d.Classes[0].Name = "" }, spec.InvalidModule, "name of a class"},
		"a class with a long one":    {func(d *spec.Description) { d.Classes[0].Name = longName }, spec.InvalidModule, "name of a class"},
		"a class twice":              {func(d *spec.Description) { d.Classes[1].Name = "Counter" }, spec.InvalidModule, `"Counter"`},
		"a class named as a function": {
			func(d *spec.Description) { d.Classes[1].Name = "add" }, spec.InvalidModule, `"add"`,
		},
		"a class's options": {
			func(d *spec.Description) { d.Classes[0].Options.MaxRestarts = new(int32(-2)) }, spec.InvalidModule, "Counter: check actor options max_restarts",
		},
		"a constructor's options": {
			func(d *spec.Description) { d.Classes[0].New.Options = wrong }, spec.InvalidModule, "Counter: check task options max_retries",
		},
		"a method without a name":  {func(d *spec.Description) { d.Classes[0].Methods[0].Name = "" }, spec.InvalidModule, "name of a method"},
		"a method with a long one": {func(d *spec.Description) { d.Classes[0].Methods[0].Name = longName }, spec.InvalidModule, "name of a method"},
		"a method twice":           {func(d *spec.Description) { d.Classes[0].Methods[1].Name = "Inc" }, spec.InvalidModule, `"Counter.Inc"`},
		"a method named as a function": {
			func(d *spec.Description) { d.Functions[1].Name = "Counter.Inc" }, spec.InvalidModule, `"Counter.Inc"`,
		},
		"a method's options": {
			func(d *spec.Description) { d.Classes[0].Methods[0].Options = wrong }, spec.InvalidModule, "Counter.Inc: check task options max_retries",
		},
		"too many functions": {func(d *spec.Description) { d.Functions = named(spec.MaxFunctions) }, spec.LimitExceeded, fmt.Sprint(spec.MaxFunctions)},
		"too many methods":   {func(d *spec.Description) { d.Classes[0].Methods = named(spec.MaxFunctions) }, spec.LimitExceeded, fmt.Sprint(spec.MaxFunctions)},
	} {
		t.Run(name, func(t *testing.T) {
			d := counter()
			c.change(&d)
			refuses(t, "the description", d.Check(), c.kind, c.names)
		})
	}
}

func TestADescriptionAtTheLimitsIsAccepted(t *testing.T) {
	long := spec.Description{ABI: spec.ABIVersion, Functions: []spec.Function{{Name: longName[1:]}}}
	if err := long.Check(); err != nil {
		t.Errorf("a name of %d bytes: %v", spec.MaxNameBytes, err)
	}
	many := spec.Description{ABI: spec.ABIVersion, Functions: named(spec.MaxFunctions)}
	if err := many.Check(); err != nil {
		t.Errorf("%d functions: %v", spec.MaxFunctions, err)
	}
	if got := recode(t, many); !reflect.DeepEqual(got, many) {
		t.Errorf("%d functions arrive as %d", len(many.Functions), len(got.Functions))
	}
}

// TestADescriptionIsCountedBeforeItIsMade: an empty map is one byte here and a whole class in memory.
func TestADescriptionIsCountedBeforeItIsMade(t *testing.T) {
	half := spec.MaxFunctions / 2
	for name, form := range map[string]string{
		"functions":             "\xa1\x03" + list(spec.MaxFunctions+1, "\xa0"),
		"classes":               "\xa1\x04" + list(spec.MaxFunctions+1, "\xa0"),
		"functions and classes": "\xa2\x03" + list(half, "\xa0") + "\x04" + list(half+1, "\xa0"),
		"methods":               "\xa1\x04" + list(4, "\xa1\x03"+list(half, "\xa0")),
		"nothing at all":        "\xa1\x04" + list(spec.MiB, "\xf6"),
	} {
		var d spec.Description
		var err error
		used := allocated(func() { err = spec.Unmarshal([]byte(form), &d) })
		if !errors.Is(err, spec.InvalidArgument) || !strings.Contains(err.Error(), "MaxFunctions") {
			t.Errorf("too many %s: got %v, want InvalidArgument that names MaxFunctions", name, err)
		}
		if used > 2*spec.MiB {
			t.Errorf("too many %s: %s were used to find out", name, spec.FormatBytes(used))
		}
	}
}
