package spec

import (
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// RegisterLink says how refs of type *T, of a program that is no guest, become links of a value and back, wherever inside
// it they stand. The tag is [TagRef] or [TagActor]; c is what [MarshalWith] or [UnmarshalWith] was given, which has the
// list of links. A nil *T is null. Call it while the program initialises.
func RegisterLink[T any](tag uint64, out func(c any, ref *T) (position uint64, err error), in func(c any, position uint64) (*T, error)) {
	s := &shadow{
		wire: reflect.TypeFor[*cbor.Tag](),
		to: func(c any, v reflect.Value) (reflect.Value, error) {
			if v.IsNil() {
				return reflect.Zero(reflect.TypeFor[*cbor.Tag]()), nil
			}
			at, err := out(c, v.Interface().(*T))
			return reflect.ValueOf(&cbor.Tag{Number: tag, Content: at}), err
		},
		from: func(c any, w, v reflect.Value) error {
			form := w.Interface().(*cbor.Tag)
			if form == nil {
				v.SetZero()
				return nil
			}
			ref, err := linked(c, tag, *form, in)
			v.Set(reflect.ValueOf(ref))
			return err
		},
	}
	s.link = func(c any, form cbor.Tag) (any, error) { return linked(c, tag, form, in) }
	s.tag = tag
	register(reflect.TypeFor[*T](), s)
}

func linked[T any](c any, tag uint64, form cbor.Tag, in func(any, uint64) (*T, error)) (*T, error) {
	at, ok := position(form)
	if !ok || form.Number != tag {
		return nil, fmt.Errorf("want a link with tag %d, got tag %d", tag, form.Number)
	}
	return in(c, at)
}

func position(form cbor.Tag) (uint64, bool) {
	switch at := form.Content.(type) {
	case int64:
		return uint64(at), at >= 0
	case uint64:
		return at, true
	}
	return 0, false
}

// anyFrom fills in an interface with what was decoded, links in it turned into refs.
func anyFrom(c any, w, v reflect.Value) error {
	if w.IsNil() {
		v.SetZero()
		return nil
	}
	x, err := relink(c, w.Interface())
	if err == nil {
		v.Set(reflect.ValueOf(x))
	}
	return err
}

// relink replaces the links in what the codec decodes into an any.
func relink(c any, x any) (_ any, err error) {
	switch x := x.(type) {
	case cbor.Tag:
		if s := linkOf(x.Number); s != nil {
			return s.link(c, x)
		}
		x.Content, err = relink(c, x.Content)
		return x, err
	case []any:
		for i := range x {
			if x[i], err = relink(c, x[i]); err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
		}
	case map[string]any:
		for k := range x {
			if x[k], err = relink(c, x[k]); err != nil {
				return nil, fmt.Errorf("[%s]: %w", k, err)
			}
		}
	}
	return x, nil
}

// linkOf returns the registered link of that tag.
func linkOf(tag uint64) *shadow {
	shadows.mu.Lock()
	defer shadows.mu.Unlock()
	for _, s := range shadows.registered {
		if s.link != nil && s.tag == tag {
			return s
		}
	}
	return nil
}
