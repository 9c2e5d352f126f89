package clusterfile

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file.
const (
	// MaxBytes bounds the file: one with 256 types is a tenth of it.
	MaxBytes = 1 << 20
	maxDepth = 32
)

// value is a YAML value and where it stands.
type value struct {
	at     place
	scalar any     // nil, bool, int64, float64 or string; of no meaning for a map or list
	fields []field // of a map
	items  []value // of a list
	kind   string  // "map", "list", or "value"
}

type field struct {
	key string
	at  place
	value
}

// place is where something stands, from 1.
type place struct{ line, column int }

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// fault is an error of the file itself, and where.
type fault struct {
	at   place
	text string
}

func (f fault) Error() string { return f.text }

// read parses data as one YAML document without references.
func read(data []byte) (v value, err error) {
	if len(data) > MaxBytes {
		return value{}, fault{place{1, 1}, fmt.Sprintf("the file has %d bytes, at most %d", len(data), MaxBytes)}
	}
	defer func() { // a fault of the YAML library is a fault of the file that brought it about, not the end of the program
		if r := recover(); r != nil {
			v, err = value{}, fault{place{1, 1}, fmt.Sprintf("this is not YAML that can be read: %v", r)}
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			return value{}, fault{placeOf(syntax.GetToken()), syntax.GetMessage()}
		}
		return value{}, fault{place{1, 1}, err.Error()}
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return value{}, fault{placeOf(doc.Body.GetToken()), "there is a second document: write one cluster to a file"}
		}
		body = doc.Body
	}
	if body == nil {
		return value{}, fault{place{1, 1}, "the file is empty"}
	}
	return convert(body, 0)
}

// convert makes a value of a node of the syntax tree.
func convert(n ast.Node, depth int) (value, error) {
	v := value{kind: "value"}
	if n == nil {
		return value{}, fault{place{1, 1}, "a value is missing"}
	}
	v.at = placeOf(n.GetToken())
	if depth > maxDepth {
		return value{}, fault{v.at, fmt.Sprintf("nested deeper than %d", maxDepth)}
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.BoolNode:
		v.scalar = n.Value
	case *ast.IntegerNode:
		switch i := n.Value.(type) {
		case int64:
			v.scalar = i
		case uint64:
			v.scalar = float64(i)
			if i <= 1<<63-1 {
				v.scalar = int64(i)
			}
		default:
			return value{}, fault{v.at, "this number is too large"}
		}
	case *ast.FloatNode:
		v.scalar = n.Value
	case *ast.StringNode:
		v.scalar = n.Value
	case *ast.LiteralNode:
		v.scalar = n.Value.Value
	case *ast.MappingNode:
		v.kind = "map"
		if len(n.Values) > 0 {
			v.at = placeOf(n.Values[0].Key.GetToken())
		}
		for _, pair := range n.Values {
			if err := v.add(pair, depth); err != nil {
				return value{}, err
			}
		}
	case *ast.MappingValueNode:
		v.kind = "map"
		v.at = placeOf(n.Key.GetToken())
		return v, v.add(n, depth)
	case *ast.SequenceNode:
		v.kind = "list"
		for _, item := range n.Values {
			one, err := convert(item, depth+1)
			if err != nil {
				return value{}, err
			}
			v.items = append(v.items, one)
		}
	case *ast.InfinityNode, *ast.NanNode:
		return value{}, fault{v.at, "this is not a finite number"}
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		return value{}, fault{v.at, "anchors, aliases, merges and tags are not read here: write the value out"}
	default:
		return value{}, fault{v.at, "this is not a value"}
	}
	return v, nil
}

func (v *value) add(pair *ast.MappingValueNode, depth int) error {
	key, err := convert(pair.Key, depth+1)
	if err != nil {
		return err
	}
	name, ok := key.scalar.(string)
	if i, isInt := key.scalar.(int64); isInt {
		name, ok = strconv.FormatInt(i, 10), true
	}
	if !ok || key.kind != "value" {
		return fault{key.at, "a key must be a string: write it in quotes"}
	}
	for _, f := range v.fields {
		if f.key == name {
			return fault{key.at, fmt.Sprintf("%s stands here a second time, after line %d: keep one", name, f.at.line)}
		}
	}
	of, err := convert(pair.Value, depth+1)
	if err != nil {
		return err
	}
	v.fields = append(v.fields, field{name, key.at, of})
	return nil
}

// plain returns v as maps, slices and scalars, as encoding/json would.
func (v *value) plain() any {
	switch v.kind {
	case "map":
		m := make(map[string]any, len(v.fields))
		for i := range v.fields {
			m[v.fields[i].key] = v.fields[i].plain()
		}
		return m
	case "list":
		s := make([]any, len(v.items))
		for i := range v.items {
			s[i] = v.items[i].plain()
		}
		return s
	}
	return v.scalar
}

// is names v for people.
func (v *value) is() string {
	switch s := v.scalar.(type) {
	case nil:
		if v.kind == "value" {
			return "nothing"
		}
		return "a " + v.kind
	case string:
		if len(s) > 40 {
			s = s[:40] + "…"
		}
		return strconv.Quote(s)
	default:
		return fmt.Sprint(s)
	}
}
