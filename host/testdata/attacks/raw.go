package main

import (
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

// The imports of ray_v1 with numbers for pointers, so that a call can claim what it likes.

//go:wasmimport ray_v1 name
func rawName(ptr, size uint32) int32

//go:wasmimport ray_v1 arg
func rawArg(index int32) int32

//go:wasmimport ray_v1 ret
func rawRet(ptr, size, handles, n uint32) int32

//go:wasmimport ray_v1 fail
func rawFail(ptr, size uint32) int32

//go:wasmimport ray_v1 size
func rawSize(handle uint32) int64

//go:wasmimport ray_v1 read
func rawRead(handle uint32, offset int64, ptr, size uint32) int32

//go:wasmimport ray_v1 links
func rawLinks(handle, ptr, size uint32) int32

//go:wasmimport ray_v1 put
func rawPut(ptr, size, handles, n uint32) int32

//go:wasmimport ray_v1 pieces
func rawPieces(list, n uint32) int32

//go:wasmimport ray_v1 get
func rawGet(handles, n uint32, timeout int64) int32

//go:wasmimport ray_v1 wait
func rawWait(handles, n, count uint32, timeout int64, ready uint32) int32

//go:wasmimport ray_v1 release
func rawRelease(handle uint32) int32

//go:wasmimport ray_v1 pass_value
func rawPassValue(ptr, size, handles, n uint32) int32

//go:wasmimport ray_v1 pass_ref
func rawPassRef(handle uint32) int32

//go:wasmimport ray_v1 submit
func rawSubmit(fn, fnSize, opts, optsSize, out, n uint32) int32

//go:wasmimport ray_v1 cancel
func rawCancel(handle, flags uint32) int32

//go:wasmimport ray_v1 yield
func rawYield(ptr, size, handles, n uint32) int32

//go:wasmimport ray_v1 next
func rawNext(handle uint32, timeout int64) int32

//go:wasmimport ray_v1 actor_create
func rawActorCreate(class, classSize, opts, optsSize uint32) int32

//go:wasmimport ray_v1 actor_call
func rawActorCall(actor, method, methodSize, opts, optsSize, out, n uint32) int32

//go:wasmimport ray_v1 actor_find
func rawActorFind(name, nameSize, namespace, namespaceSize uint32) int32

//go:wasmimport ray_v1 actor_kill
func rawActorKill(actor uint32, noRestart int32) int32

//go:wasmimport ray_v1 group_create
func rawGroupCreate(opts, optsSize, ptr, size uint32) int32

//go:wasmimport ray_v1 group_find
func rawGroupFind(name, nameSize, namespace, namespaceSize, ptr, size uint32) int32

//go:wasmimport ray_v1 group_table
func rawGroupTable(group, groupSize, ptr, size uint32) int32

//go:wasmimport ray_v1 group_ready
func rawGroupReady(group, groupSize uint32) int32

//go:wasmimport ray_v1 group_remove
func rawGroupRemove(group, groupSize uint32) int32

//go:wasmimport ray_v1 resources
func rawResources(ptr, size uint32) int32

//go:wasmimport ray_v1 self
func rawSelf(ptr, size uint32) int32

//go:wasmimport ray_v1 log
func rawLog(level int32, ptr, size uint32) int32

//go:wasmimport ray_v1 error
func rawError(ptr, size uint32) int32

//go:wasmimport ray_v1 frame
func rawFrame(ptr, size uint32) int64

//go:wasmimport ray_v1 get_value
func rawGetValue(handle uint32, timeout int64, ptr, size uint32) int64

//go:wasmimport ray_v1 view
func rawView(handle uint32, timeout int64, at uint32) int64

//go:wasmimport ray_v1 draft
func rawDraft(size, at uint32) int32

//go:wasmimport ray_v1 seal
func rawSeal(at uint32) int32

//go:wasmimport ray_v1 unview
func rawUnview(at uint32) int32

//go:wasmimport ray_v1 actor_terminate
func rawActorTerminate(actor uint32) int32

//go:wasmimport ray_v1 actor_exit
func rawActorExit() int32

//go:wasmimport ray_v1 serve
func rawServe(call uint32) int32

//go:wasmimport ray_v1 done
func rawDone(status int32) int32

//go:wasmimport ray_v1 await
func rawAwait(handles, n, count uint32, timeout int64, token uint32) int32

//go:wasmimport ray_v1 events
func rawEvents(ptr, size uint32) int32

// putPiece puts a value of one byte and a piece.
func putPiece(ptr, size uint32) int64 {
	list := [2]uint32{ptr, size}
	if status := rawPieces(uint32(uintptr(unsafe.Pointer(&list))), 1); status < 0 {
		return int64(status)
	}
	return int64(rawPut(uint32(uintptr(unsafe.Pointer(&list))), 1, 0, 0))
}

// claim is one call that claims what is not so.
type claim struct {
	name string
	call func() int64
}

// lies are lengths and counts that go wrong where they are believed: at the edges of 31 and 32 bits, and such that four
// times them is small again.
var lies = []uint32{1<<32 - 1, 1 << 31, 1<<31 - 1, 1 << 30, 1<<30 + 1, 3 << 30}

// claims returns calls of every function, each with a lie in one place.
func claims(lie uint32) []claim {
	const at = 1024 // some address inside the memory
	never := int64(-1)
	return []claim{
		{"name", func() int64 { return int64(rawName(at, lie)) }},
		{"frame", func() int64 { return rawFrame(at, lie) }},
		{"arg", func() int64 { return int64(rawArg(int32(lie))) }},
		{"ret of a size", func() int64 { return int64(rawRet(at, lie, 0, 0)) }},
		{"ret with links", func() int64 { return int64(rawRet(at, 1, at, lie)) }},
		{"fail", func() int64 { return int64(rawFail(at, lie)) }},
		{"size", func() int64 { return rawSize(lie) }},
		{"read", func() int64 { return int64(rawRead(lie, 0, at, 1)) }},
		{"read of a size", func() int64 { return int64(rawRead(uint32(rawArg(0)), 0, at, lie)) }},
		{"links", func() int64 { return int64(rawLinks(lie, at, 1)) }},
		{"pieces", func() int64 { return int64(rawPieces(at, lie)) }},
		{"pieces at an address", func() int64 { return int64(rawPieces(lie, 1)) }},
		{"pieces, of which one is of a size", func() int64 { return putPiece(at, lie) }},
		{"pieces, of which one is at an address", func() int64 { return putPiece(lie, 1) }},
		{"put of a size", func() int64 { return int64(rawPut(at, lie, 0, 0)) }},
		{"put with links", func() int64 { return int64(rawPut(at, 1, at, lie)) }},
		{"get", func() int64 { return int64(rawGet(at, lie, never)) }},
		{"get_value", func() int64 { return rawGetValue(lie, never, at, 1) }},
		{"get_value of a size", func() int64 { return rawGetValue(uint32(rawArg(0)), never, at, lie) }},
		{"wait", func() int64 { return int64(rawWait(at, lie, lie, never, at)) }},
		{"wait beyond the list", func() int64 { return int64(rawWait(at, 1, lie, never, at)) }},
		{"release", func() int64 { return int64(rawRelease(lie)) }},
		{"pass_value of a size", func() int64 { return int64(rawPassValue(at, lie, 0, 0)) }},
		{"pass_value with links", func() int64 { return int64(rawPassValue(at, 1, at, lie)) }},
		{"pass_ref", func() int64 { return int64(rawPassRef(lie)) }},
		{"submit", func() int64 { return int64(rawSubmit(at, lie, 0, 0, at, 1)) }},
		{"submit with options", func() int64 { return int64(rawSubmit(at, 1, at, lie, at, 1)) }},
		{"submit for results", func() int64 { return int64(rawSubmit(at, 1, 0, 0, at, lie)) }},
		{"yield of a size", func() int64 { return int64(rawYield(at, lie, 0, 0)) }},
		{"yield with links", func() int64 { return int64(rawYield(at, 1, at, lie)) }},
		{"next", func() int64 { return int64(rawNext(lie, 0)) }},
		{"cancel", func() int64 { return int64(rawCancel(lie, 0)) }},
		{"actor_create", func() int64 { return int64(rawActorCreate(at, lie, 0, 0)) }},
		{"actor_create with options", func() int64 { return int64(rawActorCreate(at, 1, at, lie)) }},
		{"actor_call", func() int64 { return int64(rawActorCall(lie, at, 1, 0, 0, at, 1)) }},
		{"actor_find", func() int64 { return int64(rawActorFind(at, lie, 0, 0)) }},
		{"actor_find in a namespace", func() int64 { return int64(rawActorFind(at, 1, at, lie)) }},
		{"actor_kill", func() int64 { return int64(rawActorKill(lie, 1)) }},
		{"view", func() int64 { return rawView(lie, never, at) }},
		{"view at an address", func() int64 { return rawView(uint32(rawArg(0)), never, lie) }},
		{"draft", func() int64 { return int64(rawDraft(lie, at)) }},
		{"draft at an address", func() int64 { return int64(rawDraft(1, lie)) }},
		{"seal", func() int64 { return int64(rawSeal(lie)) }},
		{"seal of its own memory", func() int64 { return int64(rawSeal(at)) }},
		{"unview", func() int64 { return int64(rawUnview(lie)) }},
		{"unview of its own memory", func() int64 { return int64(rawUnview(at)) }},
		{"actor_terminate", func() int64 { return int64(rawActorTerminate(lie)) }},
		{"actor_exit, being a task", func() int64 { return int64(rawActorExit()) }},
		{"serve", func() int64 { return int64(rawServe(lie)) }},
		{"done", func() int64 { return int64(rawDone(int32(lie))) }},
		{"await", func() int64 { return int64(rawAwait(at, lie, lie, never, lie)) }},
		{"events", func() int64 { return int64(rawEvents(at, lie)) }},
		{"group_create", func() int64 { return int64(rawGroupCreate(at, lie, at, 36)) }},
		{"group_create of a size", func() int64 { return int64(rawGroupCreate(at, 1, at, lie)) }},
		{"group_find", func() int64 { return int64(rawGroupFind(at, lie, 0, 0, at, 36)) }},
		{"group_find in a namespace", func() int64 { return int64(rawGroupFind(at, 1, at, lie, at, 36)) }},
		{"group_find of a size", func() int64 { return int64(rawGroupFind(at, 1, 0, 0, at, lie)) }},
		{"group_ready", func() int64 { return int64(rawGroupReady(at, lie)) }},
		{"group_remove", func() int64 { return int64(rawGroupRemove(at, lie)) }},
		{"group_table", func() int64 { return int64(rawGroupTable(at, lie, at, 1)) }},
		{"resources", func() int64 { return int64(rawResources(at, lie)) }},
		{"self", func() int64 { return int64(rawSelf(at, lie)) }},
		{"log", func() int64 { return int64(rawLog(0, at, lie)) }},
		{"error", func() int64 { return int64(rawError(at, lie)) }},
	}
}

// refusal is what a negative status says.
func refusal(status int64) error { return spec.Kind(-status) }
