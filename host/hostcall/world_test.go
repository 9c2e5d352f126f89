package hostcall

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// fakeHost is a Caller that counts strictly: what the session holds, and whether it only counts what somebody still
// holds. Its tasks have finished when they are submitted, but for the function "never".
type fakeHost struct {
	t       testing.TB
	session map[spec.Link]int // what the session owns
	own     map[spec.Link]int // what the host itself holds: arguments of tasks, contents of objects
	objects map[spec.ObjectID]*fakeObject
	actors  map[string]spec.ActorID
	next    uint32
	used    int64                   // bytes that the session has reserved
	room    int64                   // how many it may
	block   context.CancelCauseFunc // called where a wait would never end

	calls   []spec.Call // submitted, of functions and methods; constructors with the class as function
	kills   int         // and terminations
	exits   int
	views   int      // that are open
	drafts  int      // that are neither sealed nor given up
	awaits  []uint32 // tokens of waits that have begun
	cancels []string
	logs    []string
}

type fakeObject struct {
	value   spec.Value
	err     error
	pending bool
	large   bool
}

func newFakeHost(t testing.TB) *fakeHost {
	return &fakeHost{t: t, session: map[spec.Link]int{}, own: map[spec.Link]int{}, objects: map[spec.ObjectID]*fakeObject{}, actors: map[string]spec.ActorID{}, room: spec.GiB}
}

func (h *fakeHost) caller() Caller {
	return Caller{Objects: h, Views: h, Counts: h, Memory: (*fakeMemory)(h), Tasks: h, Streams: h, Actors: fakeActors{h}, Groups: fakeGroups{h}, Context: h}
}

// Yield takes a value and forgets it. Next gives the object once more.
func (h *fakeHost) Yield(context.Context, spec.Value) error { return nil }

func (h *fakeHost) Next(_ context.Context, id spec.ObjectID, _ time.Duration) (spec.ObjectID, error) {
	h.given(spec.ObjectLink(id))
	return id, nil
}

// object makes an object that the session does not know yet.
func (h *fakeHost) object(o fakeObject) spec.ObjectID {
	h.next++
	id := spec.DriverTaskID(spec.JobNumber(1)).Object(h.next)
	h.objects[id] = &o
	for _, l := range o.value.Links {
		h.own[l]++
	}
	return id
}

func (h *fakeHost) actor() spec.ActorID {
	h.next++
	return spec.NewActorID(spec.DriverTaskID(spec.JobNumber(1)), uint64(h.next))
}

// given counts a link for the session, as all that return an id do.
func (h *fakeHost) given(l spec.Link) { h.session[l]++ }

func (h *fakeHost) Retain(links []spec.Link) {
	for _, l := range links {
		if h.session[l]+h.own[l] == 0 {
			h.t.Errorf("the session counts %v, which nobody holds", l)
		}
		h.session[l]++
	}
}

func (h *fakeHost) Release(links []spec.Link) {
	for _, l := range links {
		if h.session[l] == 0 {
			h.t.Errorf("the session releases %v more often than it counted it", l)
			continue
		}
		h.session[l]--
	}
}

// balanced checks that the session, now closed, holds nothing.
func (h *fakeHost) balanced() {
	h.t.Helper()
	for l, n := range h.session {
		if n != 0 {
			h.t.Errorf("%d references to %v are left", n, l)
		}
	}
	if h.views != 0 || h.drafts != 0 {
		h.t.Errorf("%d views and %d drafts are left", h.views, h.drafts)
	}
	if h.used != 0 {
		h.t.Errorf("%d bytes are left reserved", h.used)
	}
}

// fakeMemory is the room that a fakeHost has.
type fakeMemory fakeHost

func (m *fakeMemory) Reserve(n int64) error {
	if m.used+n > m.room {
		return spec.Errorf("reserve", spec.ObjectStoreFull, "", "%d of %d bytes are reserved, %d more do not fit", m.used, m.room, n)
	}
	m.used += n
	return nil
}

func (m *fakeMemory) Release(n int64) {
	if m.used -= n; n < 0 || m.used < 0 {
		m.t.Errorf("the session releases %d bytes and has reserved %d", n, m.used+n)
	}
}

func (h *fakeHost) Put(_ context.Context, v spec.Value) (spec.ObjectID, error) {
	if bytes.Equal(v.Data, []byte("full")) {
		return spec.ObjectID{}, spec.Errorf("put", spec.ObjectStoreFull, "", "there is no room")
	}
	id := h.object(fakeObject{value: v})
	h.given(spec.ObjectLink(id))
	return id, nil
}

func (h *fakeHost) Place(ctx context.Context, parts [][]byte, links []spec.Link) (spec.ObjectID, error) {
	return h.Put(ctx, spec.Value{Data: bytes.Join(parts, nil), Links: links})
}

// errStopped is the cause of a call's end.
var errStopped = errors.New("the call was stopped")

func (h *fakeHost) Get(ctx context.Context, ids []spec.ObjectID, timeout time.Duration, values []spec.Value) error {
	for i, id := range ids {
		o := h.objects[id]
		switch {
		case o.err != nil:
			return o.err
		case o.pending && timeout < 0:
			h.block(errStopped)
			return &spec.Error{Op: "get", Kind: spec.System, Err: context.Cause(ctx)}
		case o.pending:
			return spec.Errorf("get", spec.GetTimeout, "", "not there after %v", timeout)
		}
		if values[i] = o.value; o.large {
			values[i].Data = nil
		}
	}
	return nil
}

// View waits as Get does.
func (h *fakeHost) View(ctx context.Context, id spec.ObjectID, timeout time.Duration, _ bool) (View, error) {
	if err := h.Get(ctx, []spec.ObjectID{id}, timeout, make([]spec.Value, 1)); err != nil {
		return View{}, err
	}
	o, region := h.objects[id], store.NoRegion
	if o.large {
		region = store.Region{FD: 3}
	}
	h.views++
	return View{store.NewView(o.value.Data, region, 0, func() { h.views-- }), o.value.Links}, nil
}

// Draft makes one that is never written: there is no memory to map.
func (h *fakeHost) Draft(_ context.Context, size int64) (Draft, error) {
	h.drafts++
	return &fakeDraft{h, size}, nil
}

type fakeDraft struct {
	*fakeHost
	size int64
}

func (d *fakeDraft) Region() store.Region { return store.Region{FD: 4} }

func (d *fakeDraft) Seal() (spec.ObjectID, func(), error) {
	d.drafts--
	d.views++
	id := d.object(fakeObject{value: spec.Value{Data: make([]byte, d.size)}, large: true})
	d.given(spec.ObjectLink(id))
	return id, func() { d.views-- }, nil
}

func (d *fakeDraft) Abort() { d.drafts-- }

// fakeWindows are in the upper half of the memory, a page each. Of what is mapped nothing is seen.
type fakeWindows struct {
	w      *world
	opened map[uint32]fakeWindow
}

type fakeWindow struct {
	show    engine.Shown
	release func()
}

func (f *fakeWindows) Open(show engine.Shown, release func()) (uint32, error) {
	if show.Len() == 0 {
		return 0, spec.InvalidArgument
	}
	for at := uint32(memoryBytes - windowBytes); at >= memoryBytes/2; at -= windowBytes {
		if _, taken := f.opened[at]; !taken {
			f.opened[at] = fakeWindow{show, release}
			clear(f.w.memory[at:][:windowBytes])
			copy(f.w.memory[at:], show.Bytes)
			return at, nil
		}
	}
	return 0, spec.OutOfMemory
}

func (f *fakeWindows) Turn(at uint32, show engine.Shown) error {
	x, ok := f.opened[at]
	if !ok || show.Len() != x.show.Len() {
		f.w.t.Errorf("a window at %d is turned to show %d bytes", at, show.Len())
	}
	f.opened[at] = fakeWindow{show, x.release}
	return nil
}

func (f *fakeWindows) Close(at uint32) error {
	x, ok := f.opened[at]
	if !ok {
		return spec.NotFound
	}
	delete(f.opened, at)
	clear(f.w.memory[at:][:windowBytes])
	x.release()
	return nil
}

// returns is the end of the guest's call.
func (f *fakeWindows) returns() {
	for at := range f.opened {
		_ = f.Close(at) // it is there
	}
}

func (h *fakeHost) Wait(ctx context.Context, ids []spec.ObjectID, count int, timeout time.Duration) ([]bool, error) {
	ready := make([]bool, len(ids))
	n := 0
	for i, id := range ids {
		if ready[i] = !h.objects[id].pending; ready[i] {
			n++
		}
	}
	if n < count && timeout < 0 {
		h.block(errStopped)
		return nil, context.Cause(ctx)
	}
	return ready, nil
}

// submitted holds the arguments, as a task does, and makes the results: each contains what the arguments refer to.
func (h *fakeHost) submitted(call spec.Call) []spec.ObjectID {
	h.calls = append(h.calls, call)
	var links []spec.Link
	for _, a := range call.Args {
		if a.IsRef {
			links = append(links, spec.ObjectLink(a.Ref))
		} else {
			links = append(links, a.Value.Links...)
		}
	}
	for _, l := range links {
		if h.session[l]+h.own[l] == 0 {
			h.t.Errorf("%s is passed %v, which nobody holds", call.Function, l)
		}
		h.own[l]++
	}
	n := int32(1)
	if call.Options.Returns != nil {
		n = *call.Options.Returns
	}
	ids := make([]spec.ObjectID, n)
	for i := range ids {
		o := fakeObject{value: spec.Value{Data: []byte(call.Function), Links: links}}
		switch call.Function {
		case "never":
			o = fakeObject{pending: true}
		case "bad":
			o = fakeObject{err: spec.Errorf("run bad", spec.TaskError, "", "it is bad")}
		}
		ids[i] = h.object(o)
		h.given(spec.ObjectLink(ids[i]))
	}
	return ids
}

func (h *fakeHost) Submit(_ context.Context, call spec.Call) ([]spec.ObjectID, error) {
	if call.Function == "missing" {
		return nil, spec.Errorf("submit", spec.FunctionNotFound, "missing", "there is no such function")
	}
	return h.submitted(call), nil
}

func (h *fakeHost) Cancel(_ context.Context, _ spec.ObjectID, force, recursive bool) error {
	h.cancels = append(h.cancels, fmt.Sprint(force, recursive))
	return nil
}

func (h *fakeHost) Self() spec.Self { return spec.Self{Job: "01000000", Namespace: "ns", Attempt: 2} }

func (h *fakeHost) Log(level spec.LogLevel, text string) {
	h.logs = append(h.logs, fmt.Sprintf("%d %s", level, text))
}

// Await never has to wait for what is there.
func (h *fakeHost) Await(ids []spec.ObjectID, count int, timeout time.Duration, token uint32) (bool, error) {
	there := len(ids) > 0
	for _, id := range ids {
		there = there && !h.objects[id].pending
	}
	if !there {
		h.awaits = append(h.awaits, token)
	}
	return there, nil
}

type fakeActors struct{ *fakeHost }

func (h fakeActors) Create(_ context.Context, class string, args []spec.Arg, opts spec.ActorOptions) (spec.ActorID, error) {
	if class == "missing" {
		return spec.ActorID{}, spec.FunctionNotFound // a bare kind is an error too
	}
	for _, id := range h.submitted(spec.Call{Function: class, Args: args}) {
		h.session[spec.ObjectLink(id)]-- // a constructor has no result to give
	}
	id, ok := h.actors[opts.Name]
	if !ok || !opts.GetIfExists {
		id = h.actor()
	}
	if opts.Name != "" {
		h.actors[opts.Name] = id
	}
	h.given(spec.ActorLink(id))
	return id, nil
}

func (h fakeActors) Find(_ context.Context, name, _ string) (spec.ActorID, error) {
	id, ok := h.actors[name]
	if !ok {
		return id, errors.New("a plain error") // of kind System
	}
	h.given(spec.ActorLink(id))
	return id, nil
}

func (h fakeActors) Call(_ context.Context, _ spec.ActorID, call spec.Call) ([]spec.ObjectID, error) {
	if call.Function == "missing" {
		return nil, &spec.Error{Op: "an error without a kind"}
	}
	return h.submitted(call), nil
}

func (h fakeActors) Kill(_ context.Context, _ spec.ActorID, _ bool) error {
	h.kills++
	return nil
}

func (h *fakeHost) Resources() spec.ClusterResources {
	return spec.ClusterResources{Total: spec.Resources{CPU: 4 * spec.Unit}, Available: spec.Resources{CPU: spec.Unit}}
}

// fakeGroup is the only placement group there is.
var fakeGroup = spec.NewGroupID(spec.DriverTaskID(spec.JobNumber(1)), 1)

type fakeGroups struct{ *fakeHost }

func (h fakeGroups) CreateGroup(_ context.Context, opts spec.GroupOptions) (spec.GroupID, error) {
	return fakeGroup, opts.Check()
}

func (h fakeGroups) FindGroup(_ context.Context, name, _ string) (spec.GroupID, error) {
	if name != "f" {
		return spec.GroupID{}, spec.NotFound
	}
	return fakeGroup, nil
}

func (h fakeGroups) GroupTable(_ context.Context, id spec.GroupID) (spec.GroupTable, error) {
	if id != fakeGroup {
		return spec.GroupTable{}, spec.NotFound
	}
	return spec.GroupTable{Name: "f", State: "CREATED", Bundles: []spec.PlacedBundle{{Resources: spec.Resources{CPU: spec.Unit}, Node: "n"}}}, nil
}

func (h fakeGroups) GroupReady(_ context.Context, id spec.GroupID) (spec.ObjectID, error) {
	object := h.object(fakeObject{value: spec.Value{Data: []byte{0xf5}}})
	h.given(spec.ObjectLink(object))
	return object, nil
}

func (h fakeGroups) RemoveGroup(_ context.Context, id spec.GroupID) error {
	if id != fakeGroup {
		return spec.NotFound
	}
	return nil
}

func (h fakeActors) Terminate(_ context.Context, _ spec.ActorID) error {
	h.kills++
	return nil
}

func (h fakeActors) Exit(context.Context) error {
	h.exits++
	return nil
}

// world is a guest in front of a session: a memory and the functions by name.
type world struct {
	t         testing.TB
	host      *fakeHost
	session   *Session
	guest     engine.Guest
	windows   *fakeWindows
	whole     []byte // the memory with what lies around it
	memory    []byte
	before    []byte // a copy, for checks
	ctx       context.Context
	functions map[string]*engine.HostFunc
	used      uint32 // memory that bytes and list have filled
}

const (
	memoryBytes = 16 * spec.KiB
	margin      = 64 // bytes around the memory
	windowBytes = spec.KiB
	canary      = 0xa5 // what they are
)

var around = bytes.Repeat([]byte{canary}, margin)

// newWorld makes a world whose session is closed and checked at the end of the test.
func newWorld(t testing.TB) *world {
	w := &world{t: t, host: newFakeHost(t), whole: bytes.Repeat([]byte{canary}, margin+memoryBytes+margin)}
	w.memory = w.whole[margin : margin+memoryBytes : margin+memoryBytes]
	clear(w.memory)
	w.before = make([]byte, memoryBytes)
	ctx, cancel := context.WithCancelCause(t.Context())
	w.ctx, w.host.block = ctx, cancel
	w.session = NewSession(w.host.caller())
	w.guest.Owner = w.session
	w.guest.Bind(func() []byte { return w.memory })
	w.windows = &fakeWindows{w, make(map[uint32]fakeWindow)}
	w.guest.Windows = w.windows
	w.functions = make(map[string]*engine.HostFunc)
	all := Funcs()
	for i := range all {
		w.functions[all[i].Name] = &all[i]
	}
	t.Cleanup(w.close)
	return w
}

func (w *world) close() {
	w.windows.returns()
	w.session.Close()
	w.session.Close()
	w.host.balanced()
}

// invoke calls a function with what lies on the stack, and checks what it did to the memory.
func (w *world) invoke(name string, args ...uint64) (int64, error) {
	f := w.functions[name]
	stack := make([]uint64, max(len(f.Params), 1))
	copy(stack, args)
	copy(w.before, w.memory)
	opened := slices.Collect(maps.Keys(w.windows.opened))
	err := f.Func(w.ctx, &w.guest, stack)
	if !bytes.Equal(w.whole[:margin], around) || !bytes.Equal(w.whole[margin+memoryBytes:], around) {
		w.t.Fatalf("%s(%x) wrote outside the memory", name, args)
	}
	result := int64(stack[0])
	if f.Results[0] == wasmbin.I32 {
		if stack[0]>>32 != 0 {
			w.t.Errorf("%s(%x) returned %#x as 32 bits", name, args, stack[0])
		}
		result = int64(int32(uint32(stack[0])))
	}
	if err == nil && result < 0 && !spec.Kind(-result).Valid() {
		w.t.Errorf("%s(%x) returned %d, which is no kind", name, args, result)
	}
	from, to := w.writable(name, args)
	if err != nil || result < 0 {
		from, to = 0, 0
	}
	for at := range w.windows.opened { // its own business
		copy(w.before[at:][:windowBytes], w.memory[at:])
	}
	for _, at := range opened {
		if _, open := w.windows.opened[at]; !open && result == 0 && (name == "done" || name == "unview" && uint32(args[0]) == at) {
			clear(w.before[at:][:windowBytes])
		}
	}
	if !bytes.Equal(w.before[:from], w.memory[:from]) || !bytes.Equal(w.before[to:], w.memory[to:]) {
		w.t.Errorf("%s(%x) returned %d, %v and wrote outside %d to %d", name, args, result, err, from, to)
	}
	return result, err
}

// writable is where a function that succeeds may write.
func (w *world) writable(name string, args []uint64) (from, to int64) {
	i := slices.IndexFunc(functions, func(f function) bool { return f.Name == name })
	for j, p := range functions[i].Params {
		size := int64(0)
		switch p.Type {
		case Buffer:
			size = int64(uint32(args[j+1]))
		case NewHandles:
			size = int64(uint32(args[j+1])) * handleBytes
		case Flags:
			size = int64(uint32(args[1]))
		case NewAddress:
			size = addressBytes
		default:
			continue
		}
		from = min(int64(uint32(args[j])), memoryBytes)
		return from, min(from+size, memoryBytes)
	}
	return 0, 0
}

// junk is what an engine may leave above a 32-bit number.
const junk = 0xdead_beef << 32

// call calls a function that ends with a result.
func (w *world) call(name string, args ...int64) int64 {
	w.t.Helper()
	stack := make([]uint64, len(args))
	for i, a := range args {
		stack[i] = uint64(a)
		if w.functions[name].Params[i] == wasmbin.I32 {
			stack[i] = junk | uint64(uint32(a))
		}
	}
	result, err := w.invoke(name, stack...)
	if err != nil {
		w.t.Fatalf("%s ended the guest: %v", name, err)
	}
	return result
}

// must is call for a function that has to succeed.
func (w *world) must(name string, args ...int64) int64 {
	w.t.Helper()
	result := w.call(name, args...)
	if result < 0 {
		w.t.Fatalf("%s: %v", name, w.session.last)
	}
	return result
}

// refused is call for a function that has to fail with that kind, and checks what error tells of it.
func (w *world) refused(kind spec.Kind, name string, args ...int64) {
	w.t.Helper()
	if got := w.call(name, args...); got != -int64(kind) {
		w.t.Errorf("%s returned %d, want %v (%d)", name, got, kind, -int64(kind))
		return
	}
	const at, room = memoryBytes / 2, memoryBytes / 2
	n := w.must("error", at, room)
	e, err := spec.UnmarshalError(w.memory[at : at+n])
	if err != nil || e.Kind != kind {
		w.t.Errorf("error tells of %v, %v, want %v", e, err, kind)
	}
}

// bytes places b in the memory and returns its pointer and size.
func (w *world) bytes(b []byte) (ptr, size int64) {
	if int(w.used)+len(b) > memoryBytes/2 {
		w.used = 0
	}
	ptr = int64(w.used)
	w.used += uint32(copy(w.memory[ptr:], b))
	return ptr, int64(len(b))
}

func (w *world) text(s string) (ptr, size int64) { return w.bytes([]byte(s)) }

// list places handles in the memory.
func (w *world) list(handles ...int64) (ptr, n int64) {
	var b []byte
	for _, h := range handles {
		b = binary.LittleEndian.AppendUint32(b, uint32(h))
	}
	ptr, _ = w.bytes(b)
	return ptr, int64(len(handles))
}

// form places the CBOR of v in the memory.
func (w *world) form(v any) (ptr, size int64) {
	b, err := spec.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.bytes(b)
}

// handleIn reads a handle that was written.
func (w *world) handleIn(ptr int64, i int) int64 {
	return int64(binary.LittleEndian.Uint32(w.memory[ptr+int64(i)*handleBytes:]))
}

// put puts a value that contains links.
func (w *world) put(data string, links ...int64) int64 {
	w.t.Helper()
	ptr, size := w.text(data)
	at, n := w.list(links...)
	return w.must("put", ptr, size, at, n)
}

// draft makes a draft and returns its address.
func (w *world) draft(size int64) int64 {
	w.t.Helper()
	const at = memoryBytes / 4
	w.must("draft", size, at)
	return w.handleIn(at, 0)
}

// submit submits what was passed and returns the handle of its only result.
func (w *world) submit(function string) int64 {
	w.t.Helper()
	const out = memoryBytes - 64
	ptr, size := w.text(function)
	if n := w.must("submit", ptr, size, 0, 0, out, 1); n != 1 {
		w.t.Fatalf("%s has %d results", function, n)
	}
	return w.handleIn(out, 0)
}

// read reads all of a value.
func (w *world) read(handle int64) string {
	w.t.Helper()
	size := w.must("size", handle)
	const at = memoryBytes / 2
	if n := w.must("read", handle, 0, at, size); n != size {
		w.t.Errorf("read gave %d of %d bytes", n, size)
	}
	return string(w.memory[at : at+size])
}

// linksOf gives the handles of what a value contains.
func (w *world) linksOf(handle int64) []int64 {
	w.t.Helper()
	n := w.must("links", handle, 0, 0)
	const at = memoryBytes / 2
	w.must("links", handle, at, n)
	all := make([]int64, n)
	for i := range all {
		all[i] = w.handleIn(at, i)
	}
	return all
}

// get waits for objects for ever.
func (w *world) get(handles ...int64) int64 {
	w.t.Helper()
	ptr, n := w.list(handles...)
	return w.call("get", ptr, n, -1)
}

// held is how many references the session has to what a handle stands for.
func (w *world) held(handle int64) int {
	return w.host.session[w.session.handles.at(uint32(handle)).link]
}

// values are arguments that are passed by value.
func values(all ...spec.Value) []spec.Arg {
	args := make([]spec.Arg, len(all))
	for i, v := range all {
		args[i] = spec.ValueArg(v)
	}
	return args
}
