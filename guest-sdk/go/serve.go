package ray

import (
	"encoding/binary"
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
	took  int    // how many arguments
	frame []byte // the arguments to come, each behind its size; nil if they are to be read one by one
	err   error  // of taking them
}

// actor is the state of the actor that this instance is, once its constructor has run.
var actor any

// inbox takes the frame of a call. One that does not fit is read in parts.
var inbox [2048]byte

// spare is an inbound to be used again.
var spare = new(inbound)

// serve runs one call for the host: 0 it returned, 1 it failed. The result or the error has then been handed over.
func serve(kind spec.CallKind, nargs int) (status int32) {
	if kind == spec.CallHook {
		return shutDown()
	}
	name, args := receive()
	if name == nil {
		return fail(spec.Errorf("call", spec.System, "", "the host gave no name"))
	}
	e := find(kind, name)
	if e == nil {
		return fail(missing(kind, string(name)))
	}
	if e.problem != nil {
		return fail(e.problem)
	}
	in := spare
	if spare = nil; in == nil {
		in = new(inbound)
	}
	*in = inbound{entry: e, nargs: nargs, frame: args}
	err := e.invoke(in)
	spare = in
	closeWindows(0)
	if err != nil {
		return fail(err)
	}
	return 0
}

// receive pulls the call's name and, if they are small, its arguments.
func receive() (name, args []byte) {
	if n := hostFrame(inbox[:]); n >= sizeBytes && n <= int64(len(inbox)) {
		return item0(inbox[:n])
	}
	if n := hostName(inbox[:]); n > 0 && int(n) <= len(inbox) {
		return inbox[:n], nil
	}
	return nil, nil
}

// sizeBytes is the size of a size in a frame.
const sizeBytes = 4

// item0 splits a frame behind its first item.
func item0(frame []byte) (first, rest []byte) {
	n := int(binary.LittleEndian.Uint32(frame)) + sizeBytes
	return frame[sizeBytes:n:n], frame[n:]
}

// invoke runs the entry's function and turns a panic into an error.
func (e *entry) invoke(in *inbound) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p == (exiting{}) {
				err = spec.Errorf(e.op(), spec.ActorDied, "", "the actor ended itself")
				return
			}
			err = panicked(e.op(), p)
		}
	}()
	return e.run(in)
}

func (e *entry) op() string {
	if e.kind == spec.CallNew {
		return "create " + e.name
	}
	return "call " + e.full
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
			names = append(names, e.full)
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

// takes checks the number of arguments.
func (in *inbound) takes(n int) {
	if in.nargs != n {
		in.err = spec.Errorf(in.entry.op(), spec.InvalidArgument, "", "it takes %s, got %d", in.entry.signature(), in.nargs)
	}
}

// take decodes the next argument. After an error it does nothing.
func take[T any](in *inbound) (v T) {
	if in.err != nil {
		return v
	}
	if in.frame != nil {
		b, rest := item0(in.frame)
		if spec.ReadPlain(b, &v) {
			in.frame = rest
			in.took++
			return v
		}
	}
	p := new(T)
	in.takeSlowly(p)
	return *p
}

// takeSlowly decodes the next argument, a large one or one for the codec.
func (in *inbound) takeSlowly(v any) {
	lock()
	defer mu.Unlock()
	i := in.took
	in.took++
	decode.arg = i
	err := in.decodeNext(i, v)
	if err != nil {
		in.err = ill(err, fmt.Sprintf("%s: argument %d", in.entry.op(), i+1), spec.InvalidArgument, v)
	}
}

// decodeNext decodes argument i. mu is held.
func (in *inbound) decodeNext(i int, v any) error {
	var b []byte
	if in.frame != nil {
		b, in.frame = item0(in.frame)
	}
	if view, ok := v.(interface{ viewArgument(i int) error }); ok {
		return view.viewArgument(i)
	}
	if b != nil {
		return decode.into(b, false, v)
	}
	id := hostArg(i)
	if err := check(id, in.entry.op()); err != nil {
		return err
	}
	return decode.readLarge(uint32(id), v)
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
func returns[R any](in *inbound, result R, err error) error {
	if err != nil {
		return failure(in.entry.op(), err)
	}
	begin()
	pass(result)
	return in.finish()
}

// finish hands over the result that was passed since begin.
func (in *inbound) finish() (err error) {
	if encode.err != nil {
		err = unencodable(in.entry.op(), "result", encode.badType, encode.err)
	} else if status := encode.hand(&encode.items[0], hostRet); status < 0 {
		err = lastError(spec.Kind(-status), in.entry.op())
	}
	encode.done()
	mu.Unlock()
	return err
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
