package ray

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// inbound is the call that this instance is serving.
type inbound struct {
	entry *entry
	nargs int
}

// actor is the state of the actor that this instance is, once its constructor has run.
var actor any

var nameBuffer [spec.MaxNameBytes]byte

// serve runs one call for the host: 0 it returned, 1 it failed. The result or the error has then been handed over.
func serve(kind spec.CallKind, nargs int) (status int32) {
	if kind == spec.CallHook {
		return shutDown()
	}
	n := hostName(nameBuffer[:])
	if n < 0 || int(n) > len(nameBuffer) {
		return fail(spec.Errorf("call", spec.System, "", "the host gave no name"))
	}
	e := find(kind, nameBuffer[:n])
	if e == nil {
		return fail(missing(kind, string(nameBuffer[:n])))
	}
	if e.problem != nil {
		return fail(e.problem)
	}
	if err := e.invoke(nargs); err != nil {
		return fail(err)
	}
	return 0
}

// invoke runs the entry's function and turns a panic into an error.
func (e *entry) invoke(nargs int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == (exiting{}) {
				err = spec.Errorf(e.op(), spec.ActorDied, "", "the actor ended itself")
				return
			}
			err = panicked(e.op(), p)
		}
	}()
	return e.run(&inbound{e, nargs})
}

func (e *entry) op() string {
	if e.kind == spec.CallNew {
		return "create " + e.name
	}
	return "call " + e.fullName()
}

func fail(err error) int32 {
	hostFail(spec.MarshalError(err))
	return 1
}

// missing names what there is instead of the thing that was called.
func missing(kind spec.CallKind, name string) error {
	var names []string
	for _, e := range registry.entries {
		if e.kind == kind {
			names = append(names, e.fullName())
		}
	}
	slices.Sort(names)
	what := [...]string{spec.CallFunction: "function", spec.CallNew: "actor class", spec.CallMethod: "method"}
	if kind < 0 || int(kind) >= len(what) {
		return spec.Errorf("call "+name, spec.InvalidArgument, "", "unknown kind of call %d", kind)
	}
	if len(names) == 0 {
		return spec.Errorf("call "+name, spec.FunctionNotFound, "", "this module has no %s", what[kind])
	}
	return spec.Errorf("call "+name, spec.FunctionNotFound, "", "no such %s: there is %s", what[kind], strings.Join(names, ", "))
}

// args decodes the call's arguments into the given pointers.
func (in *inbound) args(into ...any) error {
	if in.nargs != len(into) {
		return spec.Errorf(in.entry.op(), spec.InvalidArgument, "", "it takes %s, got %d", in.entry.signature(), in.nargs)
	}
	if len(into) == 0 {
		return nil
	}
	lock()
	defer mu.Unlock()
	for i, v := range into {
		id := hostArg(i)
		err := check(id, in.entry.op())
		if err == nil {
			err = decode.one(uint32(id), v)
		}
		if err != nil {
			return ill(err, fmt.Sprintf("%s: argument %d", in.entry.op(), i+1), spec.InvalidArgument, v)
		}
	}
	return nil
}

// signature prints what a call takes: "2 arguments (string, int)".
func (e *entry) signature() string {
	params := e.params()
	names := make([]string, len(params))
	for i, t := range params {
		names[i] = t.String()
	}
	switch len(names) {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument (" + names[0] + ")"
	}
	return fmt.Sprintf("%d arguments (%s)", len(names), strings.Join(names, ", "))
}

// returns hands the function's result to the host.
func (in *inbound) returns(result any, err error) error {
	if err != nil {
		return failure(in.entry.op(), err)
	}
	lock()
	defer mu.Unlock()
	sweep()
	defer encode.done()
	if err := encode.value(result); err != nil {
		return unencodable(in.entry.op(), "result", result, err)
	}
	it := &encode.items[0]
	return check(hostRet(encode.bytes(it), encode.links(it)), in.entry.op())
}

// becomes makes this instance the actor that the constructor returned.
func (in *inbound) becomes(state any, err error) error {
	if err != nil {
		return failure(in.entry.op(), err)
	}
	if v := reflect.ValueOf(state); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return spec.Errorf(in.entry.op(), spec.InvalidResult, "", "the constructor returned nil and no error")
	}
	actor = state
	return nil
}

// receiver returns the actor's state as the method's receiver.
func receiver[T any](in *inbound) (T, error) {
	state, ok := actor.(T)
	if !ok {
		return state, spec.Errorf(in.entry.op(), spec.System, "", "this instance is no actor of that class but %s", typeOf(actor))
	}
	return state, nil
}
