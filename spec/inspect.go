package spec

import (
	"fmt"
	"reflect"
	"strings"
)

// Inspection is what [InspectSerializability] found.
type Inspection struct {
	Type     string
	Problems []Problem // why the value cannot travel; none if it can
	Dropped  []Problem // what stays behind though the value travels
}

// Problem is one place in a value: where, of which type, and what is the matter.
type Problem struct {
	Path string // "value.Jobs[2].Done"
	Type string
	Why  string
}

// OK reports whether the value can travel.
func (i *Inspection) OK() bool { return len(i.Problems) == 0 }

// String prints the inspection for a person.
func (i *Inspection) String() string {
	var b strings.Builder
	if i.OK() {
		fmt.Fprintf(&b, "a %s can be serialized\n", i.Type)
	} else {
		fmt.Fprintf(&b, "a %s cannot be serialized:\n", i.Type)
	}
	for _, p := range i.Problems {
		fmt.Fprintf(&b, "  %s (%s): %s\n", p.Path, p.Type, p.Why)
	}
	for _, p := range i.Dropped {
		fmt.Fprintf(&b, "  %s (%s) stays behind: %s\n", p.Path, p.Type, p.Why)
	}
	return b.String()
}

// InspectSerializability tells which parts of v cannot be serialized and why: Ray's inspect_serializability. A value with
// problems ends its Marshal with an error of kind [Unserializable], or never ends it, if it contains itself.
func InspectSerializability(v any) *Inspection {
	i := &Inspection{Type: typeName(v)}
	in := inspector{found: i, above: make(map[uintptr]bool)}
	in.look("value", reflect.ValueOf(v), 0)
	if i.OK() {
		if _, err := Marshal(v); err != nil { // a marshaler of the value's own, or text that is not UTF-8
			in.problem("value", i.Type, strings.TrimPrefix(err.Error(), "encode "+i.Type+": "))
		}
	}
	return i
}

// maxProblems bounds a report: a slice of a million channels is one mistake.
const maxProblems = 100

type inspector struct {
	found *Inspection
	above map[uintptr]bool // pointers, maps and slices on the way to here
}

func (in *inspector) problem(path, typ, why string) {
	if len(in.found.Problems) < maxProblems {
		in.found.Problems = append(in.found.Problems, Problem{path, typ, why})
	}
}

func (in *inspector) look(path string, v reflect.Value, depth int) {
	if !v.IsValid() || len(in.found.Problems) == maxProblems {
		return
	}
	t := v.Type()
	if depth > MaxNesting {
		in.problem(path, t.String(), fmt.Sprintf("more than %d levels (MaxNesting)", MaxNesting))
		return
	}
	if s := shadowOf(t); s != nil && s.err != nil {
		in.problem(path, t.String(), s.err.Error())
		return
	} else if registered(t) {
		w, err := s.to(nil, v)
		if err != nil {
			in.problem(path, t.String(), "its serializer says: "+err.Error())
			return
		}
		in.look(path, w, depth)
		return
	}
	if marshalsItself(t) {
		return
	}
	switch t.Kind() {
	case reflect.Chan:
		in.problem(path, t.String(), "a channel means something in its own program only; pass a ref or an actor handle")
	case reflect.Func:
		in.problem(path, t.String(), "a function cannot travel; pass its name, or make it remote")
	case reflect.UnsafePointer, reflect.Uintptr:
		if t.Kind() == reflect.UnsafePointer {
			in.problem(path, t.String(), "an address means something in its own program only")
		}
	case reflect.Complex64, reflect.Complex128:
		in.problem(path, t.String(), "CBOR has no complex numbers; pass two floats, or register a serializer")
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			in.lookType(path, t)
			return
		}
		at := v.Pointer()
		if t.Kind() == reflect.Slice && v.Len() == 0 {
			at = 0
		}
		if at != 0 && in.above[at] {
			in.problem(path, t.String(), "it contains itself; use keys or refs instead of pointers")
			return
		}
		if at != 0 && t.Elem().Kind() != reflect.Uint8 {
			in.above[at] = true
			defer delete(in.above, at)
		}
		in.lookInto(path, v, depth)
	case reflect.Array:
		in.lookInto(path, v, depth)
	case reflect.Interface:
		in.look(path, v.Elem(), depth)
	case reflect.Struct:
		for i := range t.NumField() {
			in.lookField(path, t.Field(i), v.Field(i), depth)
		}
	}
}

func (in *inspector) lookInto(path string, v reflect.Value, depth int) {
	switch t := v.Type(); t.Kind() {
	case reflect.Pointer:
		in.look(path, v.Elem(), depth)
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			in.look(fmt.Sprintf("%s[key %v]", path, it.Key()), it.Key(), depth+1)
			in.look(fmt.Sprintf("%s[%v]", path, it.Key()), it.Value(), depth+1)
		}
	default:
		if plainKind(t.Elem().Kind()) {
			return
		}
		for i := range v.Len() {
			in.look(fmt.Sprintf("%s[%d]", path, i), v.Index(i), depth+1)
		}
		if v.Len() == 0 {
			in.lookType(path, t)
		}
	}
}

func (in *inspector) lookField(path string, f reflect.StructField, v reflect.Value, depth int) {
	path += "." + f.Name
	tag, ok := f.Tag.Lookup("cbor")
	if !ok {
		tag = f.Tag.Get("json")
	}
	switch {
	case tag == "-":
		in.found.Dropped = append(in.found.Dropped, Problem{path, f.Type.String(), `its tag is "-"`})
	case !f.IsExported() && !(f.Anonymous && f.Type.Kind() == reflect.Struct):
		if f.Name != "_" && len(in.found.Dropped) < maxProblems {
			in.found.Dropped = append(in.found.Dropped, Problem{path, f.Type.String(), "the field is not exported"})
		}
	default:
		in.look(path, v, depth+1)
	}
}

// lookType finds types that the codec refuses even where there is no value of them.
func (in *inspector) lookType(path string, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		if marshalsItself(t) || registered(t) {
			return
		}
		t = t.Elem()
	}
	if !marshalsItself(t) && !registered(t) {
		switch t.Kind() {
		case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
			in.look(path, reflect.Zero(t), 0)
		}
	}
}

// plainKind reports whether every value of a kind can be serialized.
func plainKind(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 && k != reflect.Uintptr
}

// registered reports whether a type has a serializer of its own.
func registered(t reflect.Type) bool {
	shadows.mu.Lock()
	defer shadows.mu.Unlock()
	return shadows.registered[t] != nil
}
