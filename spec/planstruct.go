package spec

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// structPlan is that of a struct as a map of its exported fields, in the order of their keys.
type structPlan struct {
	fields  []fieldPlan
	omitted bool // some fields may be left out
}

type fieldPlan struct {
	name   string
	key    []byte // its name's item
	offset uintptr
	value  plan
	omit   func(p unsafe.Pointer) bool // whether the value at p is left out; nil for never
}

// maxFields is how many fields a structPlan has at most: it notes those that came in the bits of a word.
const maxFields = 64

// structure makes the plan of a struct. What is rarely found in one leaves it to the codec: embedded types, forms other
// than a map with text keys, and values with methods of their own that are to be left out when they are empty.
func (c compiler) structure(t reflect.Type) plan {
	s, refused := new(structPlan), false
	p := plan(s)
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("cbor")
		if tag == "" {
			tag = f.Tag.Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous, f.Name == "_" && tag != "":
			p = &leaf{t}
		case !f.IsExported() || tag == "-":
			continue
		}
		if name == "" {
			name = f.Name
		}
		field := fieldPlan{name: name, key: append(appendHead(nil, majorText, uint64(len(name))), name...), offset: f.Offset, value: c.compile(f.Type)}
		refused = refused || field.value == nil
		for o := range strings.SplitSeq(options, ",") {
			switch o {
			case "omitempty", "omitzero":
				if field.omit != nil || !canOmit(f.Type) {
					p = &leaf{t}
				}
				s.omitted, field.omit = true, omit(f.Type, o == "omitempty")
			case "keyasint":
				p = &leaf{t}
			}
		}
		s.fields = append(s.fields, field)
	}
	slices.SortFunc(s.fields, func(a, b fieldPlan) int { return compareKeys(a.name, b.name) })
	for i := 1; i < len(s.fields); i++ {
		if s.fields[i-1].name == s.fields[i].name {
			p = &leaf{t}
		}
	}
	if len(s.fields) > maxFields {
		p = &leaf{t}
	}
	if refused {
		return nil
	}
	return p
}

// canOmit reports whether omit knows when a value of type t is left out.
func canOmit(t reflect.Type) bool {
	_, zeroer := t.MethodByName("IsZero")
	return !zeroer && !marshalsItself(t) && !registered(t) && t.Kind() != reflect.Struct && t.Kind() != reflect.Array
}

// omit returns what says whether the value at p, of type t, is empty or zero.
func omit(t reflect.Type, empty bool) func(p unsafe.Pointer) bool {
	if empty && (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) {
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().Len() == 0 }
	}
	if empty && (t.Kind() == reflect.Float64 || t.Kind() == reflect.Float32) {
		return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().Float() == 0 } // -0 is
	}
	return func(p unsafe.Pointer) bool { return reflect.NewAt(t, p).Elem().IsZero() }
}

func (s *structPlan) write(w *Writer, p unsafe.Pointer) error {
	if err := w.enter(); err != nil {
		return err
	}
	n := len(s.fields)
	if s.omitted {
		for i := range s.fields {
			if f := &s.fields[i]; f.omit != nil && f.omit(unsafe.Add(p, f.offset)) {
				n--
			}
		}
	}
	w.buf = appendHead(w.buf, majorMap, uint64(n))
	for i := range s.fields {
		f := &s.fields[i]
		at := unsafe.Add(p, f.offset)
		if f.omit != nil && f.omit(at) {
			continue
		}
		w.buf = append(w.buf, f.key...)
		if err := f.value.write(w, at); err != nil {
			return fmt.Errorf(".%s: %w", f.name, err)
		}
	}
	w.deep--
	return nil
}

// read reads the fields, which come in their order if a plan has written them, or the codec. A key that is none of the
// fields', or comes twice, is left to the codec.
func (s *structPlan) read(r *reader, p unsafe.Pointer) bool {
	n, ok := r.enter(majorMap, 2)
	if !ok || n > len(s.fields) {
		return false
	}
	var came uint64
	next := 0
	for range n {
		i := s.find(r, next)
		if i < 0 || came&(1<<i) != 0 {
			return false
		}
		came |= 1 << i
		f := &s.fields[i]
		r.rest = r.rest[len(f.key):]
		if !f.value.read(r, unsafe.Add(p, f.offset)) {
			return false
		}
		next = i + 1
	}
	r.deep--
	return true
}

// find returns the field whose key comes now, from the next one on; -1 if none does.
func (s *structPlan) find(r *reader, next int) int {
	for k := range s.fields {
		i := next + k
		if i >= len(s.fields) {
			i -= len(s.fields)
		}
		if bytes.HasPrefix(r.rest, s.fields[i].key) {
			return i
		}
	}
	return -1
}
