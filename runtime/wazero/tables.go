package wazero

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// wazero fills the tables of an instance entry by entry: for each of the 2,400 functions of a small Go program it
// evaluates an expression and makes an object, which is most of what a new instance takes. But the tables of a module's
// instances differ in one address only. So wazero fills them in the first instance, what they hold before anything has
// run is noted, and every later instance gets a copy with its own address in it.
//
// Why that is sound, in wazero 1.12. A table is a []uintptr of addresses (internal/wasm/table.go), each 0 or that of a
// functionInstance (internal/engine/wazevo/module_engine.go): where the code is, which is the same for all instances, the
// address of the instance's module context, the type and the index. Machine code and LookupFunction read those through
// the table; the list of them that the module's engine has is only there to keep them alive, which instance.functions
// does here. A function that is imported is described in the module context itself. Segments whose content is copied are
// made empty: applyElements passes over those, and nothing else reads them once a module is compiled.
//
// All of that is checked at the first instance, types and offsets by reflection, and every entry against what wazero itself
// says of its function. Where anything is not so, or the interpreter runs, wazero fills the tables itself.

// functionInstance is wazevo's type of that name. Nothing in it is for the garbage collector to follow: code is not on
// the heap, and the module context lives as long as the instance.
type functionInstance struct {
	executable, moduleContextOpaquePtr uintptr
	typeID, indexInModule              uint32
}

// tableEntry is an entry of a table that is not null.
type tableEntry struct {
	table, at int
	function  functionInstance // of the module's own, in the first instance
	imported  bool
	offset    uintptr // of one that is imported, in the module context
}

// tables is what the tables of a module's instances hold.
type tables struct {
	mu      sync.Mutex  // held while the first instance is made
	known   atomic.Bool // entries does not change any more
	entries []tableEntry
	own     int // how many of them are functions of the module's own
	fields  fields
}

// fields are where an instance has what its tables need: offsets in wasm.ModuleInstance, moduleEngine and
// wasm.TableInstance.
type fields struct{ engine, context, tables, references uintptr }

// instantiate makes an instance with its tables filled. What comes with it must live as long as it.
func (t *tables) instantiate(make func() (api.Module, error)) (api.Module, []functionInstance, error) {
	if !t.known.Load() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !t.known.Load() {
			mod, err := make()
			if err == nil {
				t.note(mod)
				t.known.Store(true)
			}
			return mod, nil, err
		}
	}
	mod, err := make()
	if err != nil || len(t.entries) == 0 {
		return mod, nil, err
	}
	return mod, t.fill(mod), nil
}

// fill fills the tables of an instance.
func (t *tables) fill(mod api.Module) []functionInstance {
	context, list := t.fields.of(mod)
	functions := make([]functionInstance, 0, t.own)
	for k := range t.entries {
		e := &t.entries[k]
		entry := &t.fields.entriesOf(list[e.table])[e.at]
		if e.imported {
			*entry = context + e.offset
			continue
		}
		f := e.function
		f.moduleContextOpaquePtr = context
		functions = append(functions, f)
		*entry = uintptr(unsafe.Pointer(&functions[len(functions)-1]))
	}
	return functions
}

// of returns the address of an instance's module context, and its tables.
func (f *fields) of(mod api.Module) (context uintptr, tables []unsafe.Pointer) {
	m := behind(&mod)
	engine := behind((*any)(unsafe.Add(m, f.engine)))
	return *(*uintptr)(unsafe.Add(engine, f.context)), *(*[]unsafe.Pointer)(unsafe.Add(m, f.tables))
}

// entriesOf returns the entries of a table.
func (f *fields) entriesOf(table unsafe.Pointer) []uintptr {
	return *(*[]uintptr)(unsafe.Add(table, f.references))
}

// behind returns the pointer that an interface holds.
func behind[T any](i *T) unsafe.Pointer { return (*[2]unsafe.Pointer)(unsafe.Pointer(i))[1] }

// note notes what is in the tables of an instance of which nothing has run, and empties the segments that filled them, or
// does neither.
func (t *tables) note(mod api.Module) {
	in := internalsOf(mod)
	if in == nil || !in.foundAgain(mod) {
		return
	}
	var entries []tableEntry
	own := 0
	for n, table := range in.tables {
		for at, address := range table {
			e := tableEntry{table: n, at: at}
			switch {
			case address == 0:
				continue
			case address-in.context < in.contextSize:
				e.imported, e.offset = true, address-in.context
			default:
				e.function = *functionAt(address)
				if !in.knows(e.function) {
					return
				}
				own++
			}
			entries = append(entries, e)
		}
	}
	t.entries, t.own, t.fields = entries, own, in.fields
	for _, s := range in.active {
		s.SetZero()
	}
}

func functionAt(address uintptr) *functionInstance {
	return *(**functionInstance)(unsafe.Pointer(&address))
}

// internals is what there is to know of an instance of wazero's compiler.
type internals struct {
	fields               fields
	tables               [][]uintptr
	context, contextSize uintptr         // the module context
	active               []reflect.Value // what the active segments hold
	first, end           uint32          // the module's own functions
	reference            func(function uint32) uintptr
}

// knows reports whether wazero says the same of a function.
func (in *internals) knows(f functionInstance) bool {
	return in.first <= f.indexInModule && f.indexInModule < in.end && f == *functionAt(in.reference(f.indexInModule))
}

// foundAgain reports whether the same is found by offsets.
func (in *internals) foundAgain(mod api.Module) bool {
	context, list := in.fields.of(mod)
	return context == in.context && slices.EqualFunc(list, in.tables, func(table unsafe.Pointer, entries []uintptr) bool {
		found := in.fields.entriesOf(table)
		return unsafe.SliceData(found) == unsafe.SliceData(entries) && len(found) == len(entries)
	})
}

// internalsOf returns nil for an instance that is not what this file was written for, or that has run something.
func internalsOf(mod api.Module) (in *internals) {
	defer func() {
		if recover() != nil { // reflect's: a name or type is not as it was
			in = nil
		}
	}()
	m := reflect.ValueOf(mod).Elem()
	source := m.FieldByName("Source").Elem()
	if !source.FieldByName("StartSection").IsNil() || source.FieldByName("ImportTableCount").Uint() > 0 {
		return nil
	}
	engine := m.FieldByName("Engine").Elem().Elem()
	if !alike(engine.FieldByName("localFunctionInstances").Type().Elem().Elem(), reflect.TypeFor[functionInstance]()) {
		return nil
	}
	in = &internals{
		context:     engine.FieldByName("opaquePtr").Pointer(),
		contextSize: uintptr(engine.FieldByName("opaque").Len()),
		first:       uint32(source.FieldByName("ImportFunctionCount").Uint()),
		reference:   m.FieldByName("Engine").Interface().(interface{ FunctionInstanceReference(uint32) uintptr }).FunctionInstanceReference,
	}
	in.fields = fields{
		engine: offset(m, "Engine"), context: offset(engine, "opaquePtr"),
		tables: offset(m, "Tables"), references: offset(reflect.Zero(m.FieldByName("Tables").Type().Elem().Elem()), "References"),
	}
	in.end = in.first + uint32(source.FieldByName("FunctionSection").Len())
	list := m.FieldByName("Tables")
	for n := range list.Len() {
		in.tables = append(in.tables, list.Index(n).Elem().FieldByName("References").Interface().([]uintptr))
	}
	segments := source.FieldByName("ElementSection")
	for n := range segments.Len() {
		if s := segments.Index(n); s.FieldByName("Mode").Uint() == 0 {
			in.active = append(in.active, s.FieldByName("Init"))
		}
	}
	return in
}

// offset returns where a struct has a field.
func offset(s reflect.Value, field string) uintptr {
	f, ok := s.Type().FieldByName(field)
	if !ok || len(f.Index) != 1 {
		panic(field)
	}
	return f.Offset
}

// alike reports whether the fields of two structs have the same names, offsets and sizes.
func alike(a, b reflect.Type) bool {
	if a.NumField() != b.NumField() || a.Size() != b.Size() {
		return false
	}
	for n := range a.NumField() {
		f, g := a.Field(n), b.Field(n)
		if f.Name != g.Name || f.Offset != g.Offset || f.Type.Size() != g.Type.Size() {
			return false
		}
	}
	return true
}
