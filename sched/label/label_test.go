package label_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

func set(t *testing.T, m map[string]string) label.Set {
	t.Helper()
	s, err := label.NewSet(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTerms(t *testing.T) {
	node := set(t, map[string]string{"zone": "eu-1", "tier": ""})
	for condition, want := range map[string]bool{
		"eu-1": true, "eu-2": false, "!eu-1": false, "!eu-2": true, " ! eu-2 ": true,
		"in(eu-1)": true, "in(us-1, eu-1)": true, "in(us-1,us-2)": false,
		"!in(us-1,us-2)": true, "!in(us-1,eu-1)": false, "in": false,
	} {
		s, err := label.Parse(map[string]string{"zone": condition})
		if err != nil {
			t.Errorf("%q: %v", condition, err)
		} else if s.Matches(node) != want {
			t.Errorf("%q matches: %t", condition, !want)
		}
	}
	for condition, want := range map[string]bool{"a": false, "!a": true, "in(a,b)": false, "!in(a,b)": true} {
		if s, _ := label.Parse(map[string]string{"absent": condition}); s.Matches(node) != want {
			t.Errorf("a node without the label and %q: %t", condition, !want)
		}
	}
	if !(label.Selector{}).Matches(node) {
		t.Error("no selector, no match")
	}
	both, _ := label.Parse(map[string]string{"zone": "eu-1", "gpu": "a100"})
	if both.Matches(node) {
		t.Error("one term of two is not enough")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, test := range []struct{ key, condition, says string }{
		{"zone", "", "empty value"}, {"zone", "!", "empty value"}, {"zone", "in()", "empty value"}, {"zone", "in(a,)", "empty value"},
		{"zone", "in(a", "closing parenthesis"}, {"zone", "a b", "character other than"}, {"zone", "-a", "begin and end"},
		{"zone", strings.Repeat("x", 64), "more than 63"}, {"", "a", "is empty"}, {"UP.io/x", "a", "DNS"}, {"/x", "a", "prefix"}, {"a/", "a", "is empty"},
	} {
		_, err := label.Parse(map[string]string{test.key: test.condition})
		if !errors.Is(err, spec.InvalidArgument) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s=%q: %v, want %q", test.key, test.condition, err, test.says)
		}
	}
	if _, err := label.NewSet(map[string]string{"zone": "eu 1"}); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a label with a space: %v", err)
	}
}

func TestSetsAreValues(t *testing.T) {
	s := set(t, map[string]string{label.NodeID: "abc", "b": "2", "a": "1"})
	rest := s.Without(label.NodeID)
	if s.String() != "a=1,b=2,ray.io/node-id=abc" || rest.String() != "a=1,b=2" || rest.Without("x").String() != "a=1,b=2" {
		t.Errorf("%q and %q", s, rest)
	}
	if !reflect.DeepEqual(set(t, s.Map()), s) {
		t.Error("there and back again differs")
	}
}

// FuzzSelector: a selector either has an error or prints as what it is parsed from, and never matches against its terms.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{"eu-1", "!eu-1", "in(a,b)", "!in(a, b)", "!!a", "in(in(a))", "in", "!in", "in(a", "in(,)", "\x00", "in(b,a,b)"} {
		f.Add("zone", s, "eu-1")
	}
	f.Fuzz(func(t *testing.T, key, condition, value string) {
		s, err := label.Parse(map[string]string{key: condition})
		if err != nil {
			if !errors.Is(err, spec.InvalidArgument) {
				t.Fatal(err)
			}
			return
		}
		again, err := label.Parse(s.Map())
		if err != nil || !reflect.DeepEqual(again, s) || again.String() != s.String() {
			t.Fatalf("%q became %v, then %v (%v)", condition, s, again, err)
		}
		node, err := label.NewSet(map[string]string{key: value})
		if err != nil {
			return
		}
		not := strings.TrimPrefix("!"+s.Map()[key], "!!")
		opposite, err := label.Parse(map[string]string{key: not})
		if err != nil || opposite.Matches(node) == s.Matches(node) {
			t.Fatalf("%q and %q agree about %q (%v)", condition, not, value, err)
		}
	})
}
