package ray

import (
	"reflect"
	"runtime"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// entry is one thing that the host may call in this module: a function, a class's constructor or a method.
type entry struct {
	kind    spec.CallKind
	class   string // of a constructor or a method
	name    string // "countWords"; of a method "Inc", of a constructor its class
	full    string // the name that a call carries: "countWords", "Counter", "Counter.Inc"
	fn      reflect.Type
	run     func(*inbound) error
	task    spec.TaskOptions  // of a function or method
	actor   spec.ActorOptions // of a constructor
	problem error             // why it cannot be called; described and returned instead of running
}

// params returns the types of the arguments that a caller passes: without a method's receiver.
func (e *entry) params() []reflect.Type {
	var types []reflect.Type
	for i := range e.fn.NumIn() {
		if i > 0 || e.kind != spec.CallMethod {
			types = append(types, e.fn.In(i))
		}
	}
	return types
}

// registry holds the entries in order of their making. It fills while the program's packages initialise and is sealed
// by the first call from the host: a worker runs no more of the program than its initialisation, so what is made
// remote later would be missing there.
var registry struct {
	mu      mutex
	entries []*entry
	index   []*entry // of the entries as they are named now, by slotOf; nil when one was renamed or added
	sealed  bool
}

// slotOf is where the index, whose length is a power of two, has the entry of that name, or the next one after it.
func slotOf(kind spec.CallKind, name []byte, size int) int {
	h := uint32(kind)
	for _, c := range name {
		h = (h ^ uint32(c)) * 16777619 // FNV-1a
	}
	return int(h>>7^h) & (size - 1)
}

// register makes fn callable by the host under the name of its symbol; run is what calls it.
func register(e *entry, fn any) *entry {
	e.fn = reflect.TypeOf(fn)
	switch e.kind {
	case spec.CallFunction:
		e.rename(symbol(fn))
	case spec.CallNew:
		e.class = className(e.fn.Out(0))
		e.rename(e.class)
	case spec.CallMethod:
		e.class = className(e.fn.In(0))
		name := symbol(fn)
		e.rename(name[strings.LastIndexByte(name, '.')+1:])
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if registry.sealed && e.problem == nil {
		e.problem = spec.Errorf("make remote", spec.FunctionNotFound, e.full,
			"it was made remote while the program already ran, so workers do not know it: "+
				"make it remote in a package-level variable")
	}
	registry.entries = append(registry.entries, e)
	registry.index = nil
	return e
}

// rename gives the entry its name, or a problem if it is none.
func (e *entry) rename(name string) {
	e.name, e.full = name, name
	if e.kind == spec.CallMethod {
		e.full = e.class + "." + name
	}
	switch {
	case name == "" || len(name) > spec.MaxNameBytes:
		e.problem = spec.Errorf("make remote", spec.InvalidArgument, e.fn.String(), "a name has 1 to %d bytes", spec.MaxNameBytes)
	case isClosure(name):
		e.problem = spec.Errorf("make remote", spec.InvalidArgument, name,
			`a function literal or a generic function has no name of its own: give it one with .As("name")`)
	}
}

// as renames the entry on its author's word.
func (e *entry) as(name string) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if registry.sealed {
		return // a name that only this instance knew would be of no use
	}
	e.problem = nil
	e.rename(name)
	registry.index = nil
}

// find returns the entry of that kind and name, nil if there is none.
func find(kind spec.CallKind, name []byte) *entry {
	registry.mu.Lock()
	registry.sealed = true
	if registry.index == nil {
		reindex()
	}
	index := registry.index
	registry.mu.Unlock()
	for i := slotOf(kind, name, len(index)); ; i = (i + 1) & (len(index) - 1) {
		if e := index[i]; e == nil || e.kind == kind && e.full == string(name) {
			return e
		}
	}
}

// reindex builds the index; of two entries with one name the second gets a problem, and so does the first, which could
// otherwise be called in its place.
func reindex() {
	size := 8
	for size < 2*len(registry.entries) {
		size *= 2
	}
	registry.index = make([]*entry, size)
	for _, e := range registry.entries {
		i := slotOf(e.kind, []byte(e.full), size)
		for registry.index[i] != nil && (registry.index[i].kind != e.kind || registry.index[i].full != e.full) {
			i = (i + 1) & (size - 1)
		}
		if first := registry.index[i]; first != nil {
			first.problem = spec.Errorf("make remote", spec.AlreadyExists, e.full,
				`two functions have this name: give one another with .As("name")`)
			e.problem = first.problem
			continue
		}
		registry.index[i] = e
	}
}

// symbol returns the name of fn as the linker knows it, shortened: "main.countWords" is "countWords", and
// "example.com/words/text.Count" is "text.Count". A method expression "main.(*Counter).Inc" is "(*Counter).Inc".
func symbol(fn any) string {
	f := runtime.FuncForPC(reflect.ValueOf(fn).Pointer())
	if f == nil {
		return ""
	}
	name := f.Name()
	generic := strings.IndexByte(name, '[') // what follows may have paths of its own
	if generic < 0 {
		generic = len(name)
	}
	slash := strings.LastIndexByte(name[:generic], '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return name
	}
	return qualified(name[:slash+dot], name[slash+dot+1:])
}

// className names the class of an actor after its type: "*main.Counter" is "Counter", "*bank.Account" is
// "bank.Account".
func className(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return qualified(t.PkgPath(), t.Name())
}

// qualified puts the last element of a package's path before a name, but for package main. An element that is only a
// version, as in "example.com/text/v2", is passed over.
func qualified(path, name string) string {
	elements := strings.Split(strings.ReplaceAll(path, "%2e", "."), "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 && len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = elements[len(elements)-2]
	}
	if last == "main" || last == "" {
		return name
	}
	return last + "." + name
}

// isClosure tells the compiler's names for function literals ("init.func1", "glob..func2"), for instances of generic
// functions ("double[...]") and for method values ("Inc-fm") from names that people gave.
func isClosure(name string) bool {
	if strings.Contains(name, "[...]") || strings.HasSuffix(name, "-fm") {
		return true
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	digits := strings.TrimPrefix(last, "func")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}
