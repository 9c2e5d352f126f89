package ray

import (
	"reflect"

	"github.com/raywasm/raywasm/spec"
)

// sdk is what this package calls itself in a module's description.
const sdk = "go 0.1"

// describe hands the host the description of the module, or the first mistake in it.
func describe() int32 {
	find(spec.CallFunction, nil) // seals and indexes
	d, err := description(registry.entries)
	if err != nil {
		return fail(err)
	}
	form, err := spec.Marshal(d)
	if err == nil {
		err = check(hostRet(form, nil), "describe")
	}
	if err != nil {
		return fail(err)
	}
	warm(registry.entries)
	return 0
}

// description lists functions, and classes with their methods. A method whose class has no constructor here is left
// out: no actor of this module can have it.
func description(entries []*entry) (*spec.Description, error) {
	d := &spec.Description{ABI: spec.ABIVersion, SDK: sdk, Main: true}
	classes := make(map[string]int)
	for _, e := range entries {
		if e.problem != nil {
			return nil, e.problem
		}
		switch e.kind {
		case spec.CallFunction:
			d.Functions = append(d.Functions, e.describe())
		case spec.CallNew:
			classes[e.class] = len(d.Classes)
			constructor := e.describe()
			constructor.Result = ""
			d.Classes = append(d.Classes, spec.Class{Name: e.class, New: constructor, Options: e.actor, Hook: e.fn.Out(0).Implements(reflect.TypeFor[Shutdowner]())})
		}
	}
	for _, e := range entries {
		if i, ok := classes[e.class]; ok && e.kind == spec.CallMethod {
			d.Classes[i].Methods = append(d.Classes[i].Methods, e.describe())
		}
	}
	return d, d.Check()
}

func (e *entry) describe() spec.Function {
	f := spec.Function{Name: e.name, Options: e.task}
	for _, t := range e.params() {
		f.Params = append(f.Params, t.String())
	}
	if result := e.fn.Out(0); result != reflect.TypeFor[None]() {
		f.Result = result.String()
	}
	return f
}

// None is the result of a function that has none to give but an error:
//
//	func save(text string) (ray.None, error)
type None struct{}

// MarshalCBOR encodes None as null.
func (None) MarshalCBOR() ([]byte, error) { return []byte{0xf6}, nil }

// UnmarshalCBOR accepts any value and drops it.
func (*None) UnmarshalCBOR([]byte) error { return nil }
