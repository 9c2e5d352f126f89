package label

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// The labels that every node has, or may be given by what started it, under Ray's names.
const (
	NodeID           = "ray.io/node-id"
	AcceleratorType  = "ray.io/accelerator-type"
	MarketType       = "ray.io/market-type"
	NodeGroup        = "ray.io/node-group"
	AvailabilityZone = "ray.io/availability-zone"
)

// MaxLabels is how many labels a node, and how many terms a selector may have.
const MaxLabels = 64

// Set is a node's labels. The zero value has none. A Set is never written to once it is made.
type Set struct {
	pairs []pair // sorted by key
}

type pair struct{ key, value string }

// NewSet returns the labels of m.
func NewSet(m map[string]string) (Set, error) {
	const op = "read labels"
	if len(m) > MaxLabels {
		return Set{}, spec.Errorf(op, spec.LimitExceeded, "", "%d labels, at most %d", len(m), MaxLabels)
	}
	s := Set{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if why := badKey(key); why != "" {
			return Set{}, spec.Errorf(op, spec.InvalidArgument, key, "the label's name %s", why)
		}
		if why := badValue(m[key]); why != "" {
			return Set{}, spec.Errorf(op, spec.InvalidArgument, key, "the value %q %s", m[key], why)
		}
		s.pairs = append(s.pairs, pair{key, m[key]})
	}
	return s, nil
}

// Get returns the value of a label and whether there is one.
func (s Set) Get(key string) (string, bool) {
	i, ok := slices.BinarySearchFunc(s.pairs, key, func(p pair, key string) int { return strings.Compare(p.key, key) })
	if !ok {
		return "", false
	}
	return s.pairs[i].value, true
}

// Without returns the labels but key.
func (s Set) Without(key string) Set {
	i := slices.IndexFunc(s.pairs, func(p pair) bool { return p.key == key })
	if i < 0 {
		return s
	}
	return Set{slices.Delete(slices.Clone(s.pairs), i, i+1)}
}

// All yields the labels in order of name.
func (s Set) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, p := range s.pairs {
			if !yield(p.key, p.value) {
				return
			}
		}
	}
}

// Map returns the labels as a map of its own.
func (s Set) Map() map[string]string {
	m := make(map[string]string, len(s.pairs))
	for _, p := range s.pairs {
		m[p.key] = p.value
	}
	return m
}

// String prints a=1,b=2 in order of name. Equal sets print equally.
func (s Set) String() string {
	var b strings.Builder
	for i, p := range s.pairs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p.key + "=" + p.value)
	}
	return b.String()
}

const (
	maxName   = 63
	maxPrefix = 253
)

// badKey says what is wrong with a label's name, or nothing.
func badKey(key string) string {
	name := key
	if i := strings.LastIndexByte(key, '/'); i >= 0 {
		prefix := key[:i]
		name = key[i+1:]
		if prefix == "" || len(prefix) > maxPrefix {
			return "has a prefix that is not 1 to 253 characters long"
		}
		for part := range strings.SplitSeq(prefix, ".") {
			if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || part[0] == '-' || part[len(part)-1] == '-' {
				return "has a prefix that is no DNS name in small letters"
			}
		}
	}
	if name == "" {
		return "is empty"
	}
	return badValue(name)
}

// badValue says what is wrong with a label's value, or nothing. The empty value is one.
func badValue(v string) string {
	if v == "" {
		return ""
	}
	if len(v) > maxName {
		return "has more than 63 characters"
	}
	for i := range len(v) {
		if !alphanumeric(v[i]) && v[i] != '-' && v[i] != '_' && v[i] != '.' {
			return "has a character other than letters, digits, '-', '_' and '.'"
		}
	}
	if !alphanumeric(v[0]) || !alphanumeric(v[len(v)-1]) {
		return "does not begin and end with a letter or digit"
	}
	return ""
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
