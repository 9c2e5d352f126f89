//go:build !wasip1

package ray

import (
	"errors"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// withRegistry runs f with an empty, unsealed registry.
func withRegistry(f func()) {
	entries, index, sealed := registry.entries, registry.index, registry.sealed
	registry.entries, registry.index, registry.sealed = nil, nil, false
	defer func() { registry.entries, registry.index, registry.sealed = entries, index, sealed }()
	f()
}

func generic[T any](x T) (T, error) { return x, nil }

func TestNamesOfSymbols(t *testing.T) {
	for path, wanted := range map[string]string{
		"main":                          "Count",
		"example.com/words/text":        "text.Count",
		"example.com/words/text/v2":     "text.Count",
		"gopkg.in/yaml%2ev3":            "yaml.v3.Count",
		"v1":                            "v1.Count",
		"github.com/acme/cmd/main/vast": "vast.Count",
	} {
		if got := qualified(path, "Count"); got != wanted {
			t.Errorf("qualified(%q) = %q, not %q", path, got, wanted)
		}
	}
	if got := symbol(strings.ToUpper); got != "strings.ToUpper" {
		t.Error(got)
	}
	if got := symbol(spec.Q); got != "spec.Q" {
		t.Error(got)
	}
}

func TestMistakesInMakingRemoteAreFoundAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		make  func()
		kind  Kind
		parts []string
	}{
		"a function literal": {
			func() { Remote1(func(x int) (int, error) { return x, nil }) },
			InvalidArgument, []string{`.As("name")`},
		},
		"a generic function": {func() { Remote1(generic[int]) }, InvalidArgument, []string{`.As("name")`}},
		"a method value":     {func() { Remote1((&counter{}).Inc) }, InvalidArgument, []string{`.As("name")`}},
		"two of a name":      {func() { Remote2(add); Remote0(hello).As("go.add") }, AlreadyExists, []string{"go.add", ".As("}},
		"two classes":        {func() { Actor1(newCounter); Actor1(newCounter) }, AlreadyExists, []string{"go.counter"}},
		"a bad option":       {func() { Remote2(add, CPUs(-1)) }, InvalidArgument, []string{"make remote go.add", "cpus", "-1"}},
		"a bad actor option": {func() { Actor1(newCounter, MaxRestarts(-2)) }, InvalidArgument, []string{"go.counter", "max_restarts"}},
		"an empty name":      {func() { Remote2(add).As("") }, InvalidArgument, []string{"a name has 1 to"}},
		"when main runs":     {func() { find(0, nil); Remote2(add) }, FunctionNotFound, []string{"go.add", "package-level variable"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			withRegistry(func() {
				c.make()
				_, err := w.describeModule(describe)
				wantError(t, err, c.kind, c.parts...)
			})
		})
	}
}

func TestLateFunctionsFailWhenCalled(t *testing.T) {
	newWorld(t)
	withRegistry(func() {
		find(0, nil)
		_, err := Remote2(add).Remote(1, 2).Get()
		wantError(t, err, FunctionNotFound, "package-level variable")
	})
}

func TestGenericFunctionsCanBeNamed(t *testing.T) {
	w := newWorld(t)
	withRegistry(func() {
		f := Remote1(generic[string]).As("echo")
		s, err := f.Remote("x").Get()
		want(t, s, err, "x")
		d, err := w.describeModule(describe)
		if _, ok := d.Function("echo"); err != nil || !ok {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

var errPlain = errors.New("plain")

func TestFaultsFollowTheirCauses(t *testing.T) {
	err := failure("call f", errors.Join(errPlain, errors.New("more")))
	var f *Fault
	if !errors.As(err, &f) || f.Message != "plain\nmore" || f.Cause.Message != "plain" {
		t.Errorf("%+v", f)
	}
	inner := spec.Errorf("get", spec.ActorDied, "", "gone")
	for _, c := range []struct {
		err    error
		wanted string
	}{
		{inner, "call f: get: gone (ActorDied) (TaskError)"},
		{errors.Join(inner), "call f: get: gone (ActorDied) (TaskError)"},
	} {
		err := failure("call f", c.err)
		wantError(t, err, ActorDied)
		wantError(t, err, TaskError)
		crossed, _ := spec.UnmarshalError(spec.MarshalError(err))
		wantError(t, crossed, ActorError, "gone")
	}
}
