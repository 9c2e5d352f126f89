//go:build !wasip1

package ray

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

// fakeWorld plays the host in one process: tasks run when somebody waits for them, in this very program, through serve.
// Handles begin at 0 and are never used twice, so that a stale one is noticed.
type fakeWorld struct {
	t       testing.TB
	serve   func(kind spec.CallKind, nargs int, on *thing) (status int32)
	base    int      // the first handle of this world: what earlier tests left to the collector is not its business
	handles []*thing // from base on; nil once released
	passing []*thing
	frames  []*frame
	failed  []byte // the form of the last error
	actors  map[string]*thing
	stuck   map[string]bool // functions that never end
	logs    []string
	puts    int
	calls   int // host calls of any kind
	options map[string][]byte
	killed  map[*thing]bool
	group   *spec.GroupOptions // the only one; nil for none
	exits   int
	cancels []uint32 // flags
	waits   []int64  // timeouts of get and wait, in nanoseconds
	windows map[uint32][]byte
	alone   bool // there are no windows
	behind  [][]byte
}

// thing is an object or an actor.
type thing struct {
	data  []byte
	links []*thing
	err   []byte
	task  func() // makes the object; nil once run
	stuck bool
	items []*thing // of a generator
	taken int      // of items

	class string // of an actor
	state any    // of an actor: what its sandbox is
	boot  *thing
	last  *thing // its latest call
}

// frame is one call that is being served.
type frame struct {
	name   string
	args   []*thing
	opened []int32
	result *thing
	items  []*thing
	err    []byte
}

var nextHandle int

// newWorld replaces the world for one test.
func newWorld(t testing.TB) *fakeWorld {
	w := &fakeWorld{t: t, actors: map[string]*thing{}, stuck: map[string]bool{}, options: map[string][]byte{}, killed: map[*thing]bool{}}
	w.base, world = nextHandle, w
	w.serve = serveHere
	graveyard.ids, young = nil, newYoung()
	t.Cleanup(func() {
		world = outside{}
		actor = nil
	})
	return w
}

// open is how many handles the guest holds.
func (w *fakeWorld) open() (n int) {
	for _, th := range w.handles {
		if th != nil {
			n++
		}
	}
	return n
}

func (w *fakeWorld) give(th *thing) int32 {
	w.handles = append(w.handles, th)
	nextHandle++
	return int32(nextHandle - 1)
}

func (w *fakeWorld) at(id uint32) *thing {
	w.calls++
	if i := int(id) - w.base; i < 0 || i >= len(w.handles) || w.handles[i] == nil {
		w.t.Errorf("the guest used handle %d, which it does not hold", id)
		return &thing{err: spec.MarshalError(spec.ReferenceCounting)}
	}
	return w.handles[int(id)-w.base]
}

func (w *fakeWorld) refuse(err error) int32 {
	w.failed = spec.MarshalError(err)
	return -int32(spec.KindOf(err))
}

func (w *fakeWorld) refuseForm(form []byte) int32 {
	e, err := spec.UnmarshalError(form)
	if err != nil {
		w.t.Errorf("an error form does not decode: %v", err)
		return -int32(spec.System)
	}
	w.failed = form
	return -int32(e.Kind)
}

func (w *fakeWorld) top() *frame { return w.frames[len(w.frames)-1] }

func (w *fakeWorld) pinned(ids []uint32) (links []*thing) {
	for _, id := range ids {
		links = append(links, w.at(id))
	}
	return links
}

func (w *fakeWorld) name(p []byte) int32 { return int32(copyOut(p, []byte(w.top().name))) }

func (w *fakeWorld) frame(p []byte) int64 {
	var b []byte
	items := [][]byte{[]byte(w.top().name)}
	for _, th := range w.top().args {
		items = append(items, th.data)
	}
	for _, it := range items {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(it))), it...)
	}
	return int64(copyOut(p, b))
}

func (w *fakeWorld) getValue(id uint32, timeout int64, p []byte) int64 {
	if status := w.get([]uint32{id}, timeout); status < 0 {
		return int64(status)
	}
	return int64(copyOut(p, w.at(id).data))
}

// view shows a copy, which is as private as a mapping.
func (w *fakeWorld) view(id uint32, timeout int64) (unsafe.Pointer, int64) {
	if w.alone {
		return nil, int64(w.refuse(spec.Unsupported))
	}
	if status := w.get([]uint32{id}, timeout); status < 0 {
		return nil, int64(status)
	}
	data := w.at(id).data
	return w.window(append(make([]byte, 0, len(data)+8), data...)), int64(len(data))
}

func (w *fakeWorld) window(b []byte) unsafe.Pointer {
	at := unsafe.Pointer(unsafe.SliceData(b))
	if w.windows == nil {
		w.windows = make(map[uint32][]byte)
	}
	w.windows[uint32(uintptr(at))] = b
	return at
}

func (w *fakeWorld) draft(size uint32) (unsafe.Pointer, int32) {
	if w.alone {
		return nil, w.refuse(spec.Unsupported)
	}
	return w.window(make([]byte, size)), 0
}

func (w *fakeWorld) seal(at uint32) int32 {
	return w.give(&thing{data: append([]byte(nil), w.windows[at]...)})
}

func (w *fakeWorld) unview(at uint32) int32 {
	if w.windows[at] == nil {
		w.t.Errorf("the guest closes a window at %d that is not there", at)
	}
	delete(w.windows, at)
	return 0
}

// arg gives a handle that lasts as long as the call.
func (w *fakeWorld) arg(i int) int32 {
	id := w.give(w.top().args[i])
	w.top().opened = append(w.top().opened, id)
	return id
}

func (w *fakeWorld) size(id uint32) int64 { return int64(len(w.at(id).data)) }

func (w *fakeWorld) read(id uint32, off int64, p []byte) int32 {
	return int32(copy(p, w.at(id).data[off:]))
}

func (w *fakeWorld) links(id uint32, out []uint32) int32 {
	links := w.at(id).links
	if len(links) <= len(out) {
		for i, th := range links {
			out[i] = uint32(w.give(th))
		}
	}
	return int32(len(links))
}

func (w *fakeWorld) ret(p []byte, links []uint32) int32 {
	w.top().result = &thing{data: w.whole(p), links: w.pinned(links)}
	return 0
}

func (w *fakeWorld) fail(p []byte) int32 {
	w.top().err = append([]byte(nil), p...)
	return 0
}

func (w *fakeWorld) pieces(pieces [][]byte) int32 {
	w.behind = pieces
	return 0
}

// whole returns a copy of the value that begins with p and goes on in pieces.
func (w *fakeWorld) whole(p []byte) []byte {
	b := slices.Concat(append([][]byte{p}, w.behind...)...)
	w.behind = nil
	return b
}

func (w *fakeWorld) put(p []byte, links []uint32) int32 {
	w.puts++
	return w.give(&thing{data: w.whole(p), links: w.pinned(links)})
}

func (w *fakeWorld) passValue(p []byte, links []uint32) int32 {
	w.passing = append(w.passing, &thing{data: w.whole(p), links: w.pinned(links)})
	return 0
}

func (w *fakeWorld) passRef(id uint32) int32 {
	w.passing = append(w.passing, w.at(id))
	return 0
}

func (w *fakeWorld) take() []*thing {
	args := w.passing
	w.passing = nil
	return args
}

// serveHere runs a call in this very program; on is the actor that it is for.
func serveHere(kind spec.CallKind, nargs int, on *thing) int32 {
	if on == nil {
		return serve(kind, nargs)
	}
	saved := actor
	defer func() { actor = saved }()
	actor = on.state
	status := serve(kind, nargs)
	on.state = actor
	return status
}

// run serves one call in a frame of its own, for the actor if there is one.
func (w *fakeWorld) run(kind spec.CallKind, name string, args []*thing, on *thing) *thing {
	for _, a := range args {
		w.make(a)
		if a.err != nil {
			return &thing{err: a.err}
		}
	}
	f := &frame{name: name, args: args}
	w.frames = append(w.frames, f)
	status := w.serve(kind, len(args), on)
	w.frames = w.frames[:len(w.frames)-1]
	for _, id := range f.opened {
		w.handles[int(id)-w.base] = nil
	}
	if (status != 0) != (f.err != nil) {
		w.t.Errorf("%s: status %d, but error form %x", name, status, f.err)
	}
	if f.err != nil {
		return &thing{err: f.err, items: append(f.items, &thing{err: f.err})}
	}
	if f.items != nil {
		count, _ := spec.Marshal(len(f.items))
		return &thing{data: count, items: f.items}
	}
	if f.result == nil {
		return &thing{data: []byte{0xf6}}
	}
	return f.result
}

func (w *fakeWorld) make(th *thing) {
	if th.task != nil {
		task := th.task
		th.task = nil
		task()
	}
}

func (w *fakeWorld) submit(fn string, opts []byte, out []uint32) int32 {
	w.calls++
	w.options[fn] = append([]byte(nil), opts...)
	args := w.take()
	if fn == "missing" {
		return w.refuse(spec.Errorf("submit", spec.FunctionNotFound, fn, "the module has no such function"))
	}
	th := &thing{stuck: w.stuck[fn]}
	th.task = func() {
		r := w.run(spec.CallFunction, fn, args, nil)
		th.data, th.links, th.err, th.items = r.data, r.links, r.err, r.items
	}
	out[0] = uint32(w.give(th))
	return 1
}

func (w *fakeWorld) actorCreate(class string, opts []byte) int32 {
	var o spec.ActorOptions
	if len(opts) > 0 {
		if err := spec.Unmarshal(opts, &o); err != nil {
			return w.refuse(err)
		}
	}
	w.options[class] = append([]byte(nil), opts...)
	args := w.take()
	if th := w.actors[o.Name]; th != nil && o.GetIfExists {
		return w.give(th)
	}
	a := &thing{class: class}
	a.boot = &thing{}
	a.boot.task = func() { a.boot.err = w.run(spec.CallNew, class, args, a).err }
	if o.Name != "" {
		w.actors[o.Name] = a
	}
	return w.give(a)
}

func (w *fakeWorld) actorCall(id uint32, name string, _ []byte, out []uint32) int32 {
	a := w.at(id)
	args := w.take()
	if w.killed[a] {
		return w.refuse(spec.Errorf("call "+name, spec.ActorDied, "", "it was killed"))
	}
	th := &thing{}
	earlier := a.last
	a.last = th
	th.task = func() {
		if earlier != nil {
			w.make(earlier) // calls run in order
		}
		w.make(a.boot)
		if th.err = a.boot.err; th.err == nil {
			r := w.run(spec.CallMethod, a.class+"."+name, args, a)
			th.data, th.links, th.err = r.data, r.links, r.err
		}
	}
	out[0] = uint32(w.give(th))
	return 1
}

func (w *fakeWorld) actorFind(name, namespace string) int32 {
	if th := w.actors[name]; th != nil && namespace == "" {
		return w.give(th)
	}
	return w.refuse(spec.Errorf("find actor", spec.NotFound, name, "there is no such actor"))
}

func (w *fakeWorld) actorKill(id uint32, noRestart bool) int32 {
	w.killed[w.at(id)] = noRestart
	return 0
}

// The world has room for one placement group, which is called by its id.
func (w *fakeWorld) groupCreate(opts, id []byte) int32 {
	var o spec.GroupOptions
	if err := spec.Unmarshal(opts, &o); err != nil {
		return w.refuse(err)
	}
	if err := o.Check(); err != nil {
		return w.refuse(err)
	}
	w.group = &o
	return int32(copy(id, groupID))
}

func (w *fakeWorld) groupFind(name, namespace string, id []byte) int32 {
	if w.group == nil || w.group.Name != name || w.group.Namespace != namespace {
		return w.refuse(spec.Errorf("find", spec.NotFound, name, "there is no such placement group"))
	}
	return int32(copy(id, groupID))
}

func (w *fakeWorld) groupTable(group string, p []byte) int32 {
	if w.group == nil {
		return w.refuse(spec.Errorf("read", spec.NotFound, group, "there is no such placement group"))
	}
	t := spec.GroupTable{Name: w.group.Name, Strategy: w.group.Strategy, State: "CREATED"}
	for _, b := range w.group.Bundles {
		t.Bundles = append(t.Bundles, spec.PlacedBundle{Resources: b.Resources, Node: "n"})
	}
	form, _ := spec.Marshal(&t)
	return int32(copyOut(p, form))
}

func (w *fakeWorld) groupReady(group string) int32 {
	if group != groupID {
		return w.refuse(spec.Errorf("read", spec.InvalidArgument, group, "it is no id"))
	}
	th := &thing{data: []byte{0xf5}}
	if w.group == nil {
		th.err = spec.MarshalError(spec.Errorf("wait for", spec.TaskPlacementGroupRemoved, group, "it was removed"))
	}
	return w.give(th)
}

func (w *fakeWorld) groupRemove(group string) int32 {
	w.group = nil
	return 0
}

// groupID is the id of the only group.
var groupID = strings.Repeat("0a", 18)

func (w *fakeWorld) actorTerminate(id uint32) int32 {
	w.killed[w.at(id)] = true
	return 0
}

func (w *fakeWorld) actorExit() int32 {
	w.exits++
	return 0
}

// The fake serves one call at a time.
func (w *fakeWorld) serveCall(uint32) int32                   { return -int32(spec.Unsupported) }
func (w *fakeWorld) await([]uint32, int, int64, uint32) int32 { return -int32(spec.Unsupported) }

func (w *fakeWorld) cancel(id uint32, flags uint32) int32 {
	th := w.at(id)
	w.cancels = append(w.cancels, flags)
	th.stuck, th.task, th.err = false, nil, spec.MarshalError(spec.Errorf("call", spec.TaskCancelled, "", "it was cancelled"))
	return 0
}

func (w *fakeWorld) get(ids []uint32, timeout int64) int32 {
	w.waits = append(w.waits, timeout)
	for _, id := range ids {
		th := w.at(id)
		if th.stuck {
			return w.refuse(spec.Errorf("get", spec.GetTimeout, "", "not ready after %v", time.Duration(timeout)))
		}
		w.make(th)
		if th.err != nil {
			return w.refuseForm(th.err)
		}
	}
	return 0
}

func (w *fakeWorld) wait(ids []uint32, count int, timeout int64, ready []byte) int32 {
	w.waits = append(w.waits, timeout)
	n := 0
	for i, id := range ids {
		if th := w.at(id); !th.stuck && n < count {
			w.make(th)
			ready[i] = 1
			n++
		}
	}
	return int32(n)
}

func (w *fakeWorld) release(id uint32) int32 {
	if int(id) >= w.base {
		w.at(id)
		w.handles[int(id)-w.base] = nil
	}
	return 0
}

func (w *fakeWorld) log(level spec.LogLevel, p []byte) int32 {
	w.logs = append(w.logs, levelName(level)+" "+string(p))
	return 0
}

func levelName(l spec.LogLevel) string {
	switch l {
	case spec.LogDebug:
		return "debug"
	case spec.LogInfo:
		return "info"
	case spec.LogWarn:
		return "warn"
	}
	return "error"
}

func (w *fakeWorld) self(p []byte) int32 {
	form, _ := spec.Marshal(&spec.Self{Job: "01000000", Task: "16310a0f", Namespace: "default", Attempt: 2,
		Resources: spec.Resources{CPU: spec.Unit}, Deadline: 1_700_000_000_000_000_000})
	return int32(copyOut(p, form))
}

func (w *fakeWorld) resources(p []byte) int32 {
	form, _ := spec.Marshal(&spec.ClusterResources{Total: spec.Resources{CPU: 4 * spec.Unit}, Available: spec.Resources{CPU: spec.Unit, Custom: map[string]spec.Quantity{strings.Repeat("long", 200): 1}}})
	return int32(copyOut(p, form))
}

func (w *fakeWorld) error(p []byte) int32 { return int32(copyOut(p, w.failed)) }

// describeModule runs describe, the body of ray_describe, and returns what it said.
func (w *fakeWorld) describeModule(describe func() int32) (*spec.Description, error) {
	f := &frame{}
	w.frames = append(w.frames, f)
	defer func() { w.frames = w.frames[:len(w.frames)-1] }()
	if describe() != 0 {
		e, err := spec.UnmarshalError(f.err)
		return nil, errors.Join(err, e)
	}
	var d spec.Description
	return &d, spec.Unmarshal(f.result.data, &d)
}
