package label

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// Selector is what a node's labels must fulfil. The zero value is fulfilled by every node. It is never written to once
// it is made.
type Selector struct {
	terms []term // sorted by key
	text  string // canonical
}

// term is a condition on one label.
type term struct {
	key    string
	values []string // sorted, distinct, at least one
	not    bool     // none of the values
}

// Strategy is selectors to try in order. An empty one is fulfilled by every node.
type Strategy []Selector

// Parse reads a selector: by label's name, a condition as in the package's comment.
func Parse(m map[string]string) (Selector, error) {
	const op = "read a label selector"
	if len(m) > MaxLabels {
		return Selector{}, spec.Errorf(op, spec.LimitExceeded, "", "%d terms, at most %d", len(m), MaxLabels)
	}
	var s Selector
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if why := badKey(key); why != "" {
			return Selector{}, spec.Errorf(op, spec.InvalidArgument, key, "the label's name %s", why)
		}
		t, err := parseTerm(key, m[key])
		if err != nil {
			return Selector{}, err
		}
		s.terms = append(s.terms, t)
		if text.Len() > 0 {
			text.WriteString(", ")
		}
		text.WriteString(key + "=" + t.condition())
	}
	s.text = text.String()
	return s, nil
}

// ParseStrategy reads a selector and the fallbacks to try after it.
func ParseStrategy(first map[string]string, fallbacks ...map[string]string) (Strategy, error) {
	if len(fallbacks) >= MaxLabels {
		return nil, spec.Errorf("read a fallback strategy", spec.LimitExceeded, "", "%d fallbacks, at most %d", len(fallbacks), MaxLabels-1)
	}
	var all Strategy
	for _, m := range append([]map[string]string{first}, fallbacks...) {
		s, err := Parse(m)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func parseTerm(key, text string) (term, error) {
	bad := func(format string, args ...any) (term, error) {
		return term{}, spec.Errorf("read a label selector", spec.InvalidArgument, key, format, args...)
	}
	t := term{key: key}
	rest := strings.TrimSpace(text)
	if after, ok := strings.CutPrefix(rest, "!"); ok {
		t.not, rest = true, strings.TrimSpace(after)
	}
	if inner, ok := strings.CutPrefix(rest, "in("); ok {
		inner, ok = strings.CutSuffix(inner, ")")
		if !ok {
			return bad("%q has no closing parenthesis: write in(a,b)", text)
		}
		for v := range strings.SplitSeq(inner, ",") {
			t.values = append(t.values, strings.TrimSpace(v))
		}
		slices.Sort(t.values)
		t.values = slices.Compact(t.values)
	} else {
		t.values = []string{rest}
	}
	for _, v := range t.values {
		if v == "" {
			return bad("%q has an empty value: write v, !v, in(a,b) or !in(a,b)", text)
		}
		if why := badValue(v); why != "" {
			return bad("the value %q %s", v, why)
		}
	}
	return t, nil
}

// condition prints the term as Parse reads it.
func (t term) condition() string {
	text := t.values[0]
	if len(t.values) > 1 {
		text = "in(" + strings.Join(t.values, ",") + ")"
	}
	if t.not {
		text = "!" + text
	}
	return text
}

// Matches reports whether labels fulfil every term.
func (s Selector) Matches(labels Set) bool {
	for _, t := range s.terms {
		v, ok := labels.Get(t.key)
		if (ok && slices.Contains(t.values, v)) == t.not {
			return false
		}
	}
	return true
}

// IsZero reports whether every node fulfils s.
func (s Selector) IsZero() bool { return len(s.terms) == 0 }

// Equalities yields the labels that a node must have to fulfil s: the terms that name one value.
func (s Selector) Equalities() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, t := range s.terms {
			if !t.not && len(t.values) == 1 && !yield(t.key, t.values[0]) {
				return
			}
		}
	}
}

// Names reports whether a term of s is about the label key.
func (s Selector) Names(key string) bool {
	return slices.ContainsFunc(s.terms, func(t term) bool { return t.key == key })
}

// Map returns the selector as Parse reads it.
func (s Selector) Map() map[string]string {
	m := make(map[string]string, len(s.terms))
	for _, t := range s.terms {
		m[t.key] = t.condition()
	}
	return m
}

// String prints "zone=in(a,b), gpu=!a100" in order of name. Equal selectors print equally.
func (s Selector) String() string { return s.text }
