package spec

import (
	"encoding"
	"fmt"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// RegisterSerializer says how values of type T, which the program perhaps does not own, travel: as a W, which encode makes
// of a T and decode makes a T of. It counts wherever a T stands inside a value: in fields, elements, maps and behind
// pointers. It is Ray's register_serializer. Call it while the program initialises, in every program that meets such
// values; a type is registered once. W is of a type that can be serialized, and no T.
func RegisterSerializer[T, W any](encode func(T) (W, error), decode func(W) (T, error)) {
	register(reflect.TypeFor[T](), &shadow{
		wire: reflect.TypeFor[W](),
		to: func(_ any, v reflect.Value) (reflect.Value, error) {
			w, err := encode(v.Interface().(T))
			return reflect.ValueOf(&w).Elem(), err
		},
		from: func(_ any, w, v reflect.Value) error {
			x, err := decode(w.Interface().(W))
			if err == nil {
				v.Set(reflect.ValueOf(&x).Elem())
			}
			return err
		},
	})
}

func register(t reflect.Type, s *shadow) {
	if named := t; named.PkgPath() == "" && (named.Kind() != reflect.Pointer || named.Elem().PkgPath() == "") {
		panic("spec: no serializer can be registered for " + t.String() + ": it is no type of a package's")
	}
	shadows.mu.Lock()
	defer shadows.mu.Unlock()
	if shadows.registered[t] != nil {
		panic("spec: a serializer for " + t.String() + " is registered already")
	}
	if shadows.registered == nil {
		shadows.registered = make(map[reflect.Type]*shadow)
	}
	shadows.registered[t] = s
	shadows.made = make(map[reflect.Type]*shadow)
	plans.Clear()
}

// shadow is how values of a type that contains registered ones travel: as values of the type wire, which is the same with
// each registered type replaced.
type shadow struct {
	wire reflect.Type
	// c is what MarshalWith and UnmarshalWith were given.
	to   func(c any, v reflect.Value) (reflect.Value, error)
	from func(c any, w, v reflect.Value) error   // v can be set
	tag  uint64                                  // of a link
	link func(c any, form cbor.Tag) (any, error) // of a link: what stands for form in an interface
	soft bool                                    // only what an interface inside holds may need it
	err  error                                   // why there is none though there ought to be
}

// shadows holds what was registered, and what followed from it: nil for a type that needs no shadow.
var shadows struct {
	mu         sync.Mutex
	registered map[reflect.Type]*shadow
	made       map[reflect.Type]*shadow
}

// shadowOf returns the shadow of a type, nil if its values travel as they are.
func shadowOf(t reflect.Type) *shadow {
	if t == nil {
		return nil
	}
	shadows.mu.Lock()
	defer shadows.mu.Unlock()
	if len(shadows.registered) == 0 {
		return nil
	}
	return makeShadow(t, nil)
}

// outgoing returns v in the form in which the codec encodes it: v itself unless a registered type is inside. c is passed to
// the functions of [RegisterLink].
func outgoing(c, v any) (any, error) {
	s := shadowOf(reflect.TypeOf(v))
	if s == nil {
		return v, nil
	}
	if s.err != nil {
		return nil, s.err
	}
	w, err := s.to(c, reflect.ValueOf(v))
	if err != nil {
		return nil, err
	}
	return w.Interface(), nil
}

// incoming returns what the codec decodes into in place of v, a non-nil pointer, and what then fills in v.
func incoming(c, v any) (into any, fill func() error, err error) {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return v, nil, nil // the codec says what is wrong with it
	}
	s := shadowOf(target.Type().Elem())
	if s == nil {
		return v, nil, nil
	}
	if s.err != nil {
		return nil, nil, s.err
	}
	w := reflect.New(s.wire)
	return w.Interface(), func() error { return s.from(c, w.Elem(), target.Elem()) }, nil
}

var (
	marshalers = []reflect.Type{reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.TextMarshaler](),
		reflect.TypeFor[cbor.Unmarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()}
	anyType = reflect.TypeFor[any]()
)

// marshalsItself reports whether a type has methods that the codec calls.
func marshalsItself(t reflect.Type) bool {
	for _, m := range marshalers {
		if t.Implements(m) || t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(m) {
			return true
		}
	}
	return false
}

// makeShadow makes the shadow of t. above are the types that t is part of. shadows.mu is held.
func makeShadow(t reflect.Type, above []reflect.Type) *shadow {
	if s := shadows.registered[t]; s != nil {
		return s
	}
	if s, ok := shadows.made[t]; ok {
		return s
	}
	if marshalsItself(t) || t.PkgPath() == reflect.TypeFor[cbor.Tag]().PkgPath() {
		return nil
	}
	for _, a := range above {
		if a == t { // a recursive type: no shadow, unless one of its other parts needs one
			return nil
		}
	}
	above = append(above, t)
	var s *shadow
	switch t.Kind() {
	case reflect.Struct:
		s = structShadow(t, above)
	case reflect.Pointer:
		if e := makeShadow(t.Elem(), above); e != nil {
			s = pointerShadow(e)
		}
	case reflect.Slice, reflect.Array:
		if e := makeShadow(t.Elem(), above); e != nil {
			s = listShadow(t, e)
		}
	case reflect.Map:
		if e := makeShadow(t.Elem(), above); e != nil {
			s = mapShadow(t, e)
		}
	case reflect.Interface:
		s = &shadow{wire: t, soft: true, to: anyTo, from: anyFrom}
		if t != anyType {
			s = nil // the codec cannot decode into it anyway
		}
	}
	if s != nil && s.soft && recursive(t, t, nil) {
		s = nil
	}
	if s != nil && s.err == nil && recursive(t, t, nil) {
		s = &shadow{err: fmt.Errorf("type %v is recursive and contains a type with a registered serializer: give it a MarshalCBOR and an UnmarshalCBOR", t)}
	}
	if len(above) == 1 || s != nil { // nil may be for want of what is above
		shadows.made[t] = s
	}
	return s
}

// recursive reports whether a value of type t can contain a root. seen are the types looked at.
func recursive(root, t reflect.Type, seen []reflect.Type) bool {
	for _, s := range seen {
		if s == t {
			return false
		}
	}
	seen = append(seen, t)
	inside := func(e reflect.Type) bool { return e == root || recursive(root, e, seen) }
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if inside(t.Field(i).Type) {
				return true
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return inside(t.Elem())
	}
	return false
}

// anyTo gives what an interface holds its own shadow.
func anyTo(c any, v reflect.Value) (reflect.Value, error) {
	if v.IsNil() {
		return v, nil
	}
	shadows.mu.Lock()
	s := makeShadow(v.Elem().Type(), nil)
	shadows.mu.Unlock()
	switch {
	case s == nil:
		return v, nil
	case s.err != nil:
		return v, s.err
	}
	return s.to(c, v.Elem())
}

func pointerShadow(e *shadow) *shadow {
	if e.err != nil {
		return e
	}
	wire := reflect.PointerTo(e.wire)
	return &shadow{wire: wire, soft: e.soft,
		to: func(c any, v reflect.Value) (reflect.Value, error) {
			if v.IsNil() {
				return reflect.Zero(wire), nil
			}
			w, err := e.to(c, v.Elem())
			if err != nil {
				return w, err
			}
			p := reflect.New(e.wire)
			p.Elem().Set(w)
			return p, nil
		},
		from: func(c any, w, v reflect.Value) error {
			if w.IsNil() {
				v.SetZero()
				return nil
			}
			p := reflect.New(v.Type().Elem())
			v.Set(p)
			return e.from(c, w.Elem(), p.Elem())
		}}
}

func listShadow(t reflect.Type, e *shadow) *shadow {
	if e.err != nil {
		return e
	}
	wire := reflect.SliceOf(e.wire)
	isArray := t.Kind() == reflect.Array
	return &shadow{wire: wire, soft: e.soft,
		to: func(c any, v reflect.Value) (reflect.Value, error) {
			if !isArray && v.IsNil() {
				return reflect.Zero(wire), nil
			}
			list := reflect.MakeSlice(wire, v.Len(), v.Len())
			for i := range v.Len() {
				w, err := e.to(c, v.Index(i))
				if err != nil {
					return list, fmt.Errorf("[%d]: %w", i, err)
				}
				list.Index(i).Set(w)
			}
			return list, nil
		},
		from: func(c any, w, v reflect.Value) error {
			switch {
			case isArray && w.Len() != v.Len():
				return fmt.Errorf("%d elements for a %v", w.Len(), t)
			case !isArray && w.IsNil():
				v.SetZero()
				return nil
			case !isArray:
				v.Set(reflect.MakeSlice(t, w.Len(), w.Len()))
			}
			for i := range w.Len() {
				if err := e.from(c, w.Index(i), v.Index(i)); err != nil {
					return fmt.Errorf("[%d]: %w", i, err)
				}
			}
			return nil
		}}
}

func mapShadow(t reflect.Type, e *shadow) *shadow {
	if e.err != nil {
		return e
	}
	wire := reflect.MapOf(t.Key(), e.wire)
	return &shadow{wire: wire, soft: e.soft,
		to: func(c any, v reflect.Value) (reflect.Value, error) {
			if v.IsNil() {
				return reflect.Zero(wire), nil
			}
			m := reflect.MakeMapWithSize(wire, v.Len())
			for it := v.MapRange(); it.Next(); {
				w, err := e.to(c, it.Value())
				if err != nil {
					return m, fmt.Errorf("[%v]: %w", it.Key(), err)
				}
				m.SetMapIndex(it.Key(), w)
			}
			return m, nil
		},
		from: func(c any, w, v reflect.Value) error {
			if w.IsNil() {
				v.SetZero()
				return nil
			}
			v.Set(reflect.MakeMapWithSize(t, w.Len()))
			for it := w.MapRange(); it.Next(); {
				x := reflect.New(t.Elem()).Elem()
				if err := e.from(c, it.Value(), x); err != nil {
					return fmt.Errorf("[%v]: %w", it.Key(), err)
				}
				v.SetMapIndex(it.Key(), x)
			}
			return nil
		}}
}

// structShadow is nil if no field needs one. Fields that are not exported stay behind, as with the codec.
func structShadow(t reflect.Type, above []reflect.Type) (s *shadow) {
	var fields []reflect.StructField
	var places []int // of fields in t
	var parts []*shadow
	needed, soft := false, true
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			if part := makeShadow(f.Type, above); f.Anonymous && part != nil && !part.soft {
				return &shadow{err: fmt.Errorf("type %v embeds %v, which contains a type with a registered serializer: give it a name", t, f.Type)}
			}
			continue
		}
		part := makeShadow(f.Type, above)
		if part != nil {
			if part.err != nil {
				return part
			}
			if f.Anonymous && part.soft {
				return nil
			}
			if f.Anonymous {
				return &shadow{err: fmt.Errorf("type %v embeds %v, which contains a type with a registered serializer: give it a name", t, f.Type)}
			}
			needed, soft = true, soft && part.soft
			f.Type = part.wire
		}
		f.Offset, f.Index = 0, nil
		fields, places, parts = append(fields, f), append(places, i), append(parts, part)
	}
	if !needed {
		return nil
	}
	defer func() {
		if p := recover(); p != nil { // of embedded types with methods
			s = &shadow{err: fmt.Errorf("type %v with a registered serializer inside: %v", t, p)}
		}
	}()
	wire := reflect.StructOf(fields)
	return &shadow{wire: wire, soft: soft,
		to: func(c any, v reflect.Value) (reflect.Value, error) {
			w := reflect.New(wire).Elem()
			for k, i := range places {
				x := v.Field(i)
				if parts[k] != nil {
					var err error
					if x, err = parts[k].to(c, x); err != nil {
						return w, fmt.Errorf(".%s: %w", fields[k].Name, err)
					}
				}
				if x.IsValid() {
					w.Field(k).Set(x)
				}
			}
			return w, nil
		},
		from: func(c any, w, v reflect.Value) error {
			for k, i := range places {
				if parts[k] == nil {
					v.Field(i).Set(w.Field(k))
				} else if err := parts[k].from(c, w.Field(k), v.Field(i)); err != nil {
					return fmt.Errorf(".%s: %w", fields[k].Name, err)
				}
			}
			return nil
		}}
}
