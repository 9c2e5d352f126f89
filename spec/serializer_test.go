package spec_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/raywasm/raywasm/spec"
)

// pool stands for a type of somebody else's: it holds what cannot travel, and can be made anew from its size.
type pool struct {
	work chan func()
	size int
}

func newPool(size int) (*pool, error) {
	if size < 0 {
		return nil, errors.New("negative size")
	}
	return &pool{work: make(chan func()), size: size}, nil
}

// celsius is registered by value, and closed cannot be encoded.
type (
	celsius struct{ degrees float64 }
	closed  struct{ Name string }
)

func init() {
	spec.RegisterSerializer(func(p *pool) (int, error) {
		if p == nil {
			return 0, errors.New("no pool")
		}
		return p.size, nil
	}, newPool)
	spec.RegisterSerializer(func(c celsius) (string, error) { return strings.Repeat("*", int(c.degrees)), nil },
		func(s string) (celsius, error) { return celsius{float64(len(s))}, nil })
	spec.RegisterSerializer(func(closed) (int, error) { return 0, errors.New("it is closed") },
		func(int) (closed, error) { return closed{}, errors.New("it is closed") })
}

type office struct {
	Name  string `cbor:"name,omitempty"`
	Pool  *pool
	Temps map[string][]celsius
	Pair  [2]celsius
	Next  *struct{ T celsius }
	Any   any
	note  string
}

type node struct {
	Value any
	Next  *node
}

type chain struct {
	Pool *pool
	Next *chain
}

func TestRegisteredTypesTravelWhereverTheyStand(t *testing.T) {
	five, _ := newPool(5)
	in := office{Name: "x", Pool: five, Temps: map[string][]celsius{"a": {{1}, {2}}, "b": nil}, Pair: [2]celsius{{3}, {4}},
		Next: &struct{ T celsius }{celsius{6}}, Any: []any{celsius{2}, 1}, note: "stays"}
	form, err := spec.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := spec.Marshal(map[string]any{"name": "x", "Pool": 5, "Temps": map[string]any{"a": []string{"*", "**"}, "b": nil},
		"Pair": []string{"***", "****"}, "Next": map[string]any{"T": "******"}, "Any": []any{"**", 1}})
	if !reflect.DeepEqual(form, want) {
		t.Errorf("form\n%x, want\n%x", form, want)
	}
	out := office{note: "was here"}
	if err := spec.Unmarshal(form, &out); err != nil {
		t.Fatal(err)
	}
	if out.Pool == nil || out.Pool.size != 5 || out.Pool.work == nil {
		t.Errorf("the pool came as %+v", out.Pool)
	}
	in.Pool, out.Pool, in.note, in.Any = nil, nil, "was here", []any{"**", int64(1)}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("came as\n%+v, want\n%+v", out, in)
	}
}

func TestWhatASerializerSaysIsHeard(t *testing.T) {
	_, err := spec.Marshal(map[string][]closed{"k": {{}}})
	if !errors.Is(err, spec.Unserializable) || !strings.Contains(err.Error(), "[k]: [0]: it is closed") {
		t.Errorf("encode: %v", err)
	}
	form, _ := spec.Marshal(map[string]any{"Pool": -1})
	if err := spec.Unmarshal(form, new(office)); !errors.Is(err, spec.InvalidArgument) || !strings.Contains(err.Error(), ".Pool: negative size") {
		t.Errorf("decode: %v", err)
	}
	if _, err := spec.Marshal(chain{}); !errors.Is(err, spec.Unserializable) || !strings.Contains(err.Error(), "recursive") {
		t.Errorf("a recursive type: %v", err)
	}
	if _, err := spec.Marshal(struct{ celsius }{}); !errors.Is(err, spec.Unserializable) || !strings.Contains(err.Error(), "embeds") {
		t.Errorf("an embedded one: %v", err)
	}
}

func TestOtherTypesTravelAsBefore(t *testing.T) {
	for _, v := range []any{node{1, &node{"x", nil}}, cbor.Tag{Number: 4, Content: []any{1, 2}}, map[int]any{1: nil}, []any{nil}, struct{}{}, nil} {
		form, err := spec.Marshal(v)
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		plain, _ := cbor.CoreDetEncOptions().EncMode()
		if want, _ := plain.Marshal(v); !reflect.DeepEqual(form, want) {
			t.Errorf("%v: %x, want %x", v, form, want)
		}
	}
	for name, register := range map[string]func(){
		"twice": func() {
			spec.RegisterSerializer(func(celsius) (int, error) { return 0, nil }, func(int) (celsius, error) { return celsius{}, nil })
		},
		"a builtin": func() {
			spec.RegisterSerializer(func(string) (int, error) { return 0, nil }, func(int) (string, error) { return "", nil })
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: registered", name)
				}
			}()
			register()
		}()
	}
}
