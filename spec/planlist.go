package spec

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// The plans of what holds other values: pointers, slices, arrays and maps.

type pointerPlan struct {
	elem reflect.Type
	to   plan
}

func (l *pointerPlan) write(w *Writer, p unsafe.Pointer) error {
	at := *(*unsafe.Pointer)(p)
	if at == nil {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	return l.to.write(w, at)
}

func (l *pointerPlan) read(r *reader, p unsafe.Pointer) bool {
	if r.null() {
		return true
	}
	at := reflect.New(l.elem).UnsafePointer()
	*(*unsafe.Pointer)(p) = at
	return l.to.read(r, at)
}

type slicePlan struct {
	t    reflect.Type
	size uintptr // of an element
	elem plan
}

func (l *slicePlan) write(w *Writer, p unsafe.Pointer) error {
	s := (*slice)(p)
	if s.data == nil {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	return writeElements(w, l.elem, s.data, l.size, s.len)
}

func (l *slicePlan) read(r *reader, p unsafe.Pointer) bool {
	if r.null() {
		return true
	}
	n, ok := r.enter(majorArray, 1)
	if !ok {
		return false
	}
	reflect.NewAt(l.t, p).Elem().Set(reflect.MakeSlice(l.t, n, n))
	return readElements(r, l.elem, (*slice)(p).data, l.size, n)
}

// slice is how a slice lies in memory.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

// fixedPlan is that of an array.
type fixedPlan struct {
	n    int
	size uintptr // of an element
	elem plan
}

func (l *fixedPlan) write(w *Writer, p unsafe.Pointer) error {
	return writeElements(w, l.elem, p, l.size, l.n)
}

func (l *fixedPlan) read(r *reader, p unsafe.Pointer) bool {
	n, ok := r.enter(majorArray, 1)
	return ok && n == l.n && readElements(r, l.elem, p, l.size, n)
}

func writeElements(w *Writer, elem plan, p unsafe.Pointer, size uintptr, n int) error {
	if err := w.enter(); err != nil {
		return err
	}
	w.buf = appendHead(w.buf, majorArray, uint64(n))
	for i := range n {
		if err := elem.write(w, unsafe.Add(p, uintptr(i)*size)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	w.deep--
	return nil
}

func readElements(r *reader, elem plan, p unsafe.Pointer, size uintptr, n int) bool {
	for i := range n {
		if !elem.read(r, unsafe.Add(p, uintptr(i)*size)) {
			return false
		}
	}
	r.deep--
	return true
}

// mapPlan is that of a map whose keys are text.
type mapPlan struct {
	t    reflect.Type
	elem plan
}

func (l *mapPlan) write(w *Writer, p unsafe.Pointer) error {
	m := reflect.NewAt(l.t, p).Elem()
	if m.IsNil() {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return compareKeys(a.String(), b.String()) })
	w.buf = appendHead(w.buf, majorMap, uint64(len(keys)))
	v := reflect.New(l.t.Elem())
	for _, k := range keys {
		key := k.String()
		w.buf = append(appendHead(w.buf, majorText, uint64(len(key))), key...)
		v.Elem().Set(m.MapIndex(k))
		if err := l.elem.write(w, v.UnsafePointer()); err != nil {
			return fmt.Errorf("[%v]: %w", key, err)
		}
	}
	w.deep--
	return nil
}

// textMap is that of a map of a type that is met often, without reflection.
type textMap[V any] struct{ elem plan }

func (l textMap[V]) write(w *Writer, p unsafe.Pointer) error {
	m := *(*map[string]V)(p)
	if m == nil {
		w.buf = append(w.buf, cborNull)
		return nil
	}
	if err := w.enter(); err != nil {
		return err
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	w.buf = appendHead(w.buf, majorMap, uint64(len(keys)))
	v := new(V)
	for _, k := range keys {
		w.buf = append(appendHead(w.buf, majorText, uint64(len(k))), k...)
		*v = m[k]
		if err := l.elem.write(w, unsafe.Pointer(v)); err != nil {
			return fmt.Errorf("[%v]: %w", k, err)
		}
	}
	w.deep--
	return nil
}

func (l textMap[V]) read(r *reader, p unsafe.Pointer) bool {
	if r.null() {
		return true
	}
	n, ok := r.enter(majorMap, 2)
	if !ok {
		return false
	}
	m := make(map[string]V, n)
	v, zero := new(V), *new(V)
	for range n {
		key, ok := r.text()
		if *v = zero; !ok || !l.elem.read(r, unsafe.Pointer(v)) {
			return false
		}
		m[string(key)] = *v
	}
	*(*map[string]V)(p) = m
	r.deep--
	return len(m) == n // no key came twice
}

// newMapPlan returns the plan of a map with text keys.
func newMapPlan(t reflect.Type, e plan) plan {
	if t.Key() == reflect.TypeFor[string]() {
		switch t.Elem() {
		case reflect.TypeFor[int]():
			return textMap[int]{e}
		case reflect.TypeFor[float64]():
			return textMap[float64]{e}
		case reflect.TypeFor[string]():
			return textMap[string]{e}
		case reflect.TypeFor[any]():
			return textMap[any]{e}
		}
	}
	return &mapPlan{t, e}
}

// compareKeys orders texts as their encodings: shorter ones have a smaller head.
func compareKeys(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func (l *mapPlan) read(r *reader, p unsafe.Pointer) bool {
	if r.null() {
		return true
	}
	n, ok := r.enter(majorMap, 2)
	if !ok {
		return false
	}
	m := reflect.MakeMapWithSize(l.t, n)
	for range n {
		key, ok := r.text()
		v := reflect.New(l.t.Elem())
		if !ok || !l.elem.read(r, v.UnsafePointer()) {
			return false
		}
		k := reflect.New(l.t.Key()).Elem()
		k.SetString(string(key))
		m.SetMapIndex(k, v.Elem())
	}
	reflect.NewAt(l.t, p).Elem().Set(m)
	r.deep--
	return m.Len() == n // no key came twice
}
