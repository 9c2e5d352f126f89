package hostcall

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// validCall prepares the world for a call of that function and returns arguments with which it succeeds.
func validCall(w *world, name string) []int64 {
	if args, ok := validWindows[name]; ok {
		return args(w)
	}
	return validCalls(w)[name]
}

// validWindows are those functions that a sandbox which serves several calls at once does not offer.
var validWindows = map[string]func(w *world) []int64{
	"view":   func(w *world) []int64 { return []int64{w.put("an object"), 0, memoryBytes / 4} },
	"draft":  func(*world) []int64 { return []int64{spec.MaxInlineBytes + 1, memoryBytes / 4} },
	"seal":   func(w *world) []int64 { return []int64{w.draft(spec.MaxInlineBytes + 1)} },
	"unview": func(w *world) []int64 { return []int64{w.draft(5)} },
}

// validCalls prepares the world and returns, for every other function, arguments with which it succeeds.
func validCalls(w *world) map[string][]int64 {
	inner := spec.ObjectLink(w.host.object(fakeObject{value: spec.Value{Data: []byte("inner")}}))
	w.host.own[inner]++
	w.session.Concurrent(w.host.caller(), w.host)
	w.session.Deliver([]Event{{spec.EventReady, 1}, {spec.EventCancelled, 2}})
	w.session.Start(w.host.caller(), "function", values(spec.Value{Data: []byte("argument"), Links: []spec.Link{inner}}))
	object := w.put("an object")
	outer := w.put("with a link", object)
	w.get(outer)
	name, nameSize := w.text("f")
	opts, optsSize := w.form(&spec.ActorOptions{Name: "f"})
	actor := w.must("actor_create", name, nameSize, opts, optsSize)
	returns := int32(2)
	opts, optsSize = w.form(&spec.TaskOptions{Returns: &returns})
	list, n := w.list(object, outer, object)
	data, size := w.text("some bytes")
	fault, faultSize := w.bytes(spec.MarshalError(spec.Errorf("call f", spec.TaskError, "", "it failed")))
	group, groupSize := w.text(fakeGroup.String())
	groupOpts, groupOptsSize := w.form(&spec.GroupOptions{Bundles: []spec.Bundle{{Resources: spec.Resources{CPU: spec.Unit}}}})
	out := int64(memoryBytes / 2)
	return map[string][]int64{
		"name": {out, 100}, "frame": {out, 100}, "arg": {0}, "ret": {data, size, list, n}, "fail": {fault, faultSize},
		"size": {outer}, "read": {outer, 2, out, 5}, "links": {outer, out, 4},
		"pieces": {list, 1}, "put": {data, size, list, n}, "get": {list, n, 0}, "get_value": {outer, 0, out, 100}, "wait": {list, n, 2, 0, out}, "release": {object},
		"pass_value": {data, size, list, n}, "pass_ref": {object}, "submit": {name, nameSize, opts, optsSize, out, 2}, "cancel": {outer, 3},
		"actor_create": {name, nameSize, 0, 0}, "actor_call": {actor, name, nameSize, opts, optsSize, out, 2}, "actor_find": {name, nameSize, name, nameSize}, "actor_kill": {actor, 1}, "actor_terminate": {actor}, "actor_exit": {},
		"serve": {0}, "done": {0}, "await": {list, n, 2, -1, 7}, "events": {out, 100},
		"yield": {data, size, list, n}, "next": {outer, 0},
		"group_create": {groupOpts, groupOptsSize, out, 36}, "group_find": {name, nameSize, 0, 0, out, 100}, "group_table": {group, groupSize, out, 1000}, "group_ready": {group, groupSize}, "group_remove": {group, groupSize},
		"self": {out, 1000}, "resources": {out, 1000}, "log": {0, data, size}, "error": {out, 1000},
	}
}

// hostile are numbers that go wrong where they are believed: at the edges of the memory, of 31 and 32 bits, and such that
// four times them is small again.
var hostile = []int64{0, 1, -1, -4, memoryBytes - 1, memoryBytes, memoryBytes + 1, memoryBytes / 4, memoryBytes/4 + 1,
	1<<31 - 1, 1 << 31, 1 << 30, 1<<30 + 1, 1 << 22, argumentBit | 1<<indexBits, spec.MaxLinks, spec.MaxValueBytes}

// mostAllocated bounds what one call may allocate, in bytes, whatever it claims: a multiple of the memory there is, for
// every 4 bytes of which may be a handle.
const mostAllocated = (20 + HandleBytes/handleBytes) * memoryBytes

func TestValidCalls(t *testing.T) {
	if n := len(validCalls(newWorld(t))) + len(validWindows); n != len(functions) {
		t.Fatalf("valid arguments for %d of %d functions", n, len(functions))
	}
	for _, f := range functions {
		w := newWorld(t)
		w.must(f.Name, validCall(w, f.Name)...)
	}
}

// TestHostileArguments: every function with every hostile number in place of each argument, and of each two neighbours.
func TestHostileArguments(t *testing.T) {
	for _, f := range functions {
		t.Run(f.Name, func(t *testing.T) {
			refusals := 0
			try := func(change func(args []int64)) {
				w := newWorld(t)
				args := validCall(w, f.Name)
				change(args)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				result := w.call(f.Name, args...)
				runtime.ReadMemStats(&after)
				if spent := after.TotalAlloc - before.TotalAlloc; spent > mostAllocated {
					t.Errorf("%s%v = %d allocated %d bytes", f.Name, args, result, spent)
				}
				if result < 0 {
					refusals++
				}
				w.close()
			}
			for i := range f.Params {
				for _, a := range hostile {
					if i+1 == len(f.Params) {
						try(func(args []int64) { args[i] = a })
						continue
					}
					for _, b := range hostile {
						try(func(args []int64) { args[i], args[i+1] = a, b })
					}
				}
			}
			if refusals == 0 && f.Name != "actor_kill" && f.Name != "done" && len(f.Params) > 0 {
				t.Error("nothing hostile was refused")
			}
		})
	}
}

// A guest without a memory has nothing to point to.
func TestWithoutMemory(t *testing.T) {
	w := newWorld(t)
	valid := validCalls(w)
	w.guest.Bind(nil)
	for name, args := range valid {
		stack := make([]uint64, max(len(args), 1)) // the result's place
		for i, a := range args {
			stack[i] = uint64(a)
		}
		if err := w.functions[name].Func(w.ctx, &w.guest, stack); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fuzzFunction calls one function of a prepared world with any numbers at all, over a memory whose beginning is any bytes
// at all.
func fuzzFunction(f *testing.F, name string) {
	i := slices.IndexFunc(functions, func(x function) bool { return x.Name == name })
	params := functions[i].Params
	seed := func(args []int64) {
		var all [7]uint64
		for i, a := range args {
			all[i] = uint64(a)
		}
		f.Add(all[0], all[1], all[2], all[3], all[4], all[5], all[6], []byte{})
	}
	w := newWorld(f)
	valid := validCall(w, name)
	seed(valid)
	for i := range valid {
		for _, h := range hostile {
			args := slices.Clone(valid)
			args[i] = h
			seed(args)
		}
	}
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h uint64, memory []byte) {
		w := newWorld(t)
		validCall(w, name)
		copy(w.memory, memory)
		_, _ = w.invoke(name, []uint64{a, b, c, d, e, g, h}[:len(params)]...)
	})
}

func FuzzName(f *testing.F)           { fuzzFunction(f, "name") }
func FuzzArg(f *testing.F)            { fuzzFunction(f, "arg") }
func FuzzRet(f *testing.F)            { fuzzFunction(f, "ret") }
func FuzzFail(f *testing.F)           { fuzzFunction(f, "fail") }
func FuzzSize(f *testing.F)           { fuzzFunction(f, "size") }
func FuzzRead(f *testing.F)           { fuzzFunction(f, "read") }
func FuzzLinks(f *testing.F)          { fuzzFunction(f, "links") }
func FuzzPieces(f *testing.F)         { fuzzFunction(f, "pieces") }
func FuzzPut(f *testing.F)            { fuzzFunction(f, "put") }
func FuzzGet(f *testing.F)            { fuzzFunction(f, "get") }
func FuzzWait(f *testing.F)           { fuzzFunction(f, "wait") }
func FuzzRelease(f *testing.F)        { fuzzFunction(f, "release") }
func FuzzPassValue(f *testing.F)      { fuzzFunction(f, "pass_value") }
func FuzzPassRef(f *testing.F)        { fuzzFunction(f, "pass_ref") }
func FuzzSubmit(f *testing.F)         { fuzzFunction(f, "submit") }
func FuzzCancel(f *testing.F)         { fuzzFunction(f, "cancel") }
func FuzzActorCreate(f *testing.F)    { fuzzFunction(f, "actor_create") }
func FuzzActorCall(f *testing.F)      { fuzzFunction(f, "actor_call") }
func FuzzActorFind(f *testing.F)      { fuzzFunction(f, "actor_find") }
func FuzzActorKill(f *testing.F)      { fuzzFunction(f, "actor_kill") }
func FuzzServe(f *testing.F)          { fuzzFunction(f, "serve") }
func FuzzDone(f *testing.F)           { fuzzFunction(f, "done") }
func FuzzAwait(f *testing.F)          { fuzzFunction(f, "await") }
func FuzzEvents(f *testing.F)         { fuzzFunction(f, "events") }
func FuzzActorTerminate(f *testing.F) { fuzzFunction(f, "actor_terminate") }
func FuzzResources(f *testing.F)      { fuzzFunction(f, "resources") }
func FuzzSelf(f *testing.F)           { fuzzFunction(f, "self") }
func FuzzLog(f *testing.F)            { fuzzFunction(f, "log") }
func FuzzError(f *testing.F)          { fuzzFunction(f, "error") }
func FuzzFrame(f *testing.F)          { fuzzFunction(f, "frame") }
func FuzzView(f *testing.F)           { fuzzFunction(f, "view") }
func FuzzDraft(f *testing.F)          { fuzzFunction(f, "draft") }
func FuzzSeal(f *testing.F)           { fuzzFunction(f, "seal") }
func FuzzUnview(f *testing.F)         { fuzzFunction(f, "unview") }
func FuzzGetValue(f *testing.F)       { fuzzFunction(f, "get_value") }
func FuzzYield(f *testing.F)          { fuzzFunction(f, "yield") }
func FuzzNext(f *testing.F)           { fuzzFunction(f, "next") }
func FuzzGroupCreate(f *testing.F)    { fuzzFunction(f, "group_create") }
func FuzzGroupFind(f *testing.F)      { fuzzFunction(f, "group_find") }
func FuzzGroupTable(f *testing.F)     { fuzzFunction(f, "group_table") }
func FuzzGroupReady(f *testing.F)     { fuzzFunction(f, "group_ready") }
func FuzzGroupRemove(f *testing.F)    { fuzzFunction(f, "group_remove") }

// FuzzSequence plays sequences of calls: each step is a function and a byte for each argument, which picks a number that
// is right more often than not. After every step the memory, and at the end the counts, must be in order.
func FuzzSequence(f *testing.F) {
	for i := range functions { // each function some times, with several choices
		var script []byte
		for step := range 12 {
			script = append(script, byte((i+step*5)%len(functions)))
			for k := range 7 {
				script = append(script, byte(step*31+k*7+i))
			}
		}
		f.Add(script)
		script = slices.Clone(script)
		script[0] |= 0x80
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		w := newWorld(t)
		alone := len(script) > 0 && script[0]&0x80 != 0 // as a sandbox that serves one call at a time
		valid := validCalls(w)
		if alone {
			w.session.Close()
			w.session.Open(w.host.caller())
			w.session.Begin("a call", nil)
			for name, args := range validWindows {
				valid[name] = args(w)
			}
		}
		var known []int64 // handles seen so far, open or not
		for len(script) > 0 && w.ctx.Err() == nil {
			step := script[0]
			script = script[1:]
			if int(step)%(len(functions)+2) >= len(functions) {
				w.windows.returns()
				if step&1 == 0 {
					w.session.Begin(fmt.Sprint("call ", step), values(spec.Value{Data: []byte{step}}))
				} else {
					w.session.End()
				}
				continue
			}
			fn := functions[int(step)%(len(functions)+2)]
			args := make([]uint64, len(fn.Params))
			for i, p := range fn.Params {
				pick := byte(0)
				if len(script) > 0 {
					pick, script = script[0], script[1:]
				}
				switch {
				case pick < 8:
					args[i] = uint64(hostile[int(pick)%len(hostile)])
				case pick < 16:
					args[i] = uint64(pick)
				case p.Type == Handle && len(known) > 0:
					args[i] = uint64(known[int(pick)%len(known)])
				default:
					if args[i] = uint64(hostile[int(pick)%len(hostile)]); len(valid[fn.Name]) > i {
						args[i] = uint64(valid[fn.Name][i])
					}
				}
				if p.Type == Handles && len(known) > 0 { // fill the list
					for k := range 3 {
						binary.LittleEndian.PutUint32(w.memory[min(args[i], memoryBytes/2)+uint64(k*handleBytes):], uint32(known[(int(pick)+k)%len(known)]))
					}
				}
			}
			result, err := w.invoke(fn.Name, args...)
			if err == nil && result > 0 {
				switch fn.Name {
				case "arg", "put", "seal", "next", "actor_create", "actor_find", "group_ready":
					known = append(known, result)
				case "submit", "actor_call", "links":
					if ptr := uint32(args[slices.IndexFunc(fn.Params, func(p Param) bool { return p.Type == NewHandles })]); ptr < memoryBytes-8 {
						known = append(known, w.handleIn(int64(ptr), 0), w.handleIn(int64(ptr), 1))
					}
				}
			}
		}
	})
}
