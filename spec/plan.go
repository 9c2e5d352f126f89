package spec

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/fxamacker/cbor/v2"
)

// plan is how the values of one Go type are written as CBOR and read from it, worked out once for each type: which
// fields a struct has, where they lie in it, how their names are encoded. It writes the codec's bytes, and what it reads
// the codec reads to the same. What it does not know is left to the codec: single values inside ([leaf]), or, when
// reading, all of a value that is in a form that no plan writes. So it never has to explain what is wrong with one.
type plan interface {
	// write appends the item of the value at p.
	write(w *Writer, p unsafe.Pointer) error
	// read reads an item into p, where a zero value lies; false leaves the whole value to the codec.
	read(r *reader, p unsafe.Pointer) bool
}

// plans holds what was compiled: a plan for each reflect.Type.
var plans sync.Map

// planOf returns the plan of a type.
func planOf(t reflect.Type) plan {
	if p, ok := plans.Load(t); ok {
		return p.(plan)
	}
	p := compiler{}.compile(t)
	if p == nil {
		p = &leaf{t}
	}
	plans.Store(t, p)
	return p
}

// compiler makes the plan of a type and of those in it. It makes none, nil, for types that the codec refuses to write, nor
// for those that contain them: it is the codec who says so. Here are the named types that are or were being made.
type compiler map[reflect.Type]*later

// later is the plan of a type that may contain itself.
type later struct {
	plan // nil for a refused one
	done bool
}

func (c compiler) compile(t reflect.Type) plan {
	if t.Implements(reflect.TypeFor[typed]()) && nativeLittle {
		return newArrayPlan(t)
	}
	if registered(t) || marshalsItself(t) || t.PkgPath() == reflect.TypeFor[cbor.Tag]().PkgPath() {
		return &leaf{t}
	}
	if s := shadowOf(t); s != nil && s.err != nil {
		return &leaf{t} // which says why
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolPlan{}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intPlan(t.Size())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintPlan(t.Size())
	case reflect.Float32, reflect.Float64:
		return floatPlan(t.Size())
	case reflect.String:
		return textPlan{}
	case reflect.Interface:
		return &anyPlan{leaf{t}}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return nil
	}
	if t.Name() == "" {
		return c.container(t)
	}
	if l := c[t]; l != nil && l.done {
		return l.plan
	} else if l != nil {
		return l
	}
	l := new(later)
	c[t] = l
	l.plan, l.done = c.container(t), true
	return l.plan
}

// container makes the plan of a type that holds other values.
func (c compiler) container(t reflect.Type) plan {
	k := t.Kind()
	switch {
	case k == reflect.Struct:
		return c.structure(t)
	case k == reflect.Uintptr, k == reflect.Pointer && t.Name() != "": // a pointer can be to itself
		return &leaf{t}
	case k == reflect.Slice && t.Elem() == reflect.TypeFor[byte]():
		return bytesPlan{}
	}
	e := c.compile(t.Elem())
	switch {
	case e == nil:
		return nil
	case k == reflect.Pointer:
		return &pointerPlan{t.Elem(), e}
	case t.Elem().Kind() == reflect.Uint8: // a byte string, too
	case k == reflect.Slice:
		return &slicePlan{t, t.Elem().Size(), e}
	case k == reflect.Array:
		return &fixedPlan{t.Len(), t.Elem().Size(), e}
	case k == reflect.Map && t.Key().Kind() == reflect.String && !marshalsItself(t.Key()):
		return newMapPlan(t, e)
	}
	return &leaf{t}
}

// leaf leaves a value to the codec.
type leaf struct{ t reflect.Type }

func (l *leaf) write(w *Writer, p unsafe.Pointer) error {
	b, err := w.codec.encode(reflect.NewAt(l.t, p).Elem().Interface())
	w.buf = append(w.buf, b...)
	return err
}

func (l *leaf) read(r *reader, p unsafe.Pointer) bool {
	if !r.checked { // the codec sees how deep its own part is, and no more
		if r.checked = r.codec.dec.Wellformed(r.whole) == nil; !r.checked {
			return false
		}
	}
	rest, err := r.codec.decodeFirst(r.rest, reflect.NewAt(l.t, p).Interface())
	r.rest = rest
	return err == nil
}

// anyPlan writes what an interface holds by the plan of its type.
type anyPlan struct{ leaf }

func (a *anyPlan) write(w *Writer, p unsafe.Pointer) error {
	v := reflect.NewAt(a.t, p).Elem()
	if v.IsNil() {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	inside := reflect.New(v.Elem().Type())
	inside.Elem().Set(v.Elem())
	return planOf(v.Elem().Type()).write(w, inside.UnsafePointer())
}
