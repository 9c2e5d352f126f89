//go:build wasip1

package ray

import (
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

// The imports of module ray_v1. A negative result is -(spec.Kind), and abiError then gives the whole error. No pointer
// is kept by the host after the call it was passed to. guest-sdk/abi.md says what each one does.

//go:wasmimport ray_v1 name
//go:noescape
func abiName(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 frame
//go:noescape
func abiFrame(ptr unsafe.Pointer, size uint32) int64

//go:wasmimport ray_v1 arg
func abiArg(index int32) int32

//go:wasmimport ray_v1 size
func abiSize(handle uint32) int64

//go:wasmimport ray_v1 read
//go:noescape
func abiRead(handle uint32, offset int64, ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 links
//go:noescape
func abiLinks(handle uint32, ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 ret
//go:noescape
func abiRet(ptr unsafe.Pointer, size uint32, handles unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 fail
//go:noescape
func abiFail(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 pieces
//go:noescape
func abiPieces(list unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 put
//go:noescape
func abiPut(ptr unsafe.Pointer, size uint32, handles unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 get
//go:noescape
func abiGet(handles unsafe.Pointer, n uint32, timeout int64) int32

//go:wasmimport ray_v1 get_value
//go:noescape
func abiGetValue(handle uint32, timeout int64, ptr unsafe.Pointer, size uint32) int64

//go:wasmimport ray_v1 view
//go:noescape
func abiView(handle uint32, timeout int64, at unsafe.Pointer) int64

//go:wasmimport ray_v1 draft
//go:noescape
func abiDraft(size uint32, at unsafe.Pointer) int32

//go:wasmimport ray_v1 seal
func abiSeal(at uint32) int32

//go:wasmimport ray_v1 unview
func abiUnview(at uint32) int32

//go:wasmimport ray_v1 wait
//go:noescape
func abiWait(handles unsafe.Pointer, n uint32, count uint32, timeout int64, ready unsafe.Pointer) int32

//go:wasmimport ray_v1 pass_value
//go:noescape
func abiPassValue(ptr unsafe.Pointer, size uint32, handles unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 pass_ref
func abiPassRef(handle uint32) int32

//go:wasmimport ray_v1 submit
//go:noescape
func abiSubmit(fn unsafe.Pointer, fnSize uint32, opts unsafe.Pointer, optsSize uint32, out unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 actor_create
//go:noescape
func abiActorCreate(class unsafe.Pointer, classSize uint32, opts unsafe.Pointer, optsSize uint32) int32

//go:wasmimport ray_v1 actor_call
//go:noescape
func abiActorCall(handle uint32, method unsafe.Pointer, methodSize uint32, opts unsafe.Pointer, optsSize uint32, out unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 actor_find
//go:noescape
func abiActorFind(name unsafe.Pointer, nameSize uint32, namespace unsafe.Pointer, namespaceSize uint32) int32

//go:wasmimport ray_v1 actor_kill
func abiActorKill(handle uint32, noRestart int32) int32

//go:wasmimport ray_v1 group_create
//go:noescape
func abiGroupCreate(opts unsafe.Pointer, optsSize uint32, id unsafe.Pointer, room uint32) int32

//go:wasmimport ray_v1 group_find
//go:noescape
func abiGroupFind(name unsafe.Pointer, nameSize uint32, namespace unsafe.Pointer, namespaceSize uint32, id unsafe.Pointer, room uint32) int32

//go:wasmimport ray_v1 group_table
//go:noescape
func abiGroupTable(group unsafe.Pointer, groupSize uint32, p unsafe.Pointer, room uint32) int32

//go:wasmimport ray_v1 resources
//go:noescape
func abiResources(p unsafe.Pointer, room uint32) int32

//go:wasmimport ray_v1 group_ready
//go:noescape
func abiGroupReady(group unsafe.Pointer, groupSize uint32) int32

//go:wasmimport ray_v1 group_remove
//go:noescape
func abiGroupRemove(group unsafe.Pointer, groupSize uint32) int32

//go:wasmimport ray_v1 actor_terminate
func abiActorTerminate(handle uint32) int32

//go:wasmimport ray_v1 actor_exit
func abiActorExit() int32

//go:wasmimport ray_v1 serve
func abiServe(call uint32) int32

//go:wasmimport ray_v1 done
func abiDone(status int32) int32

//go:wasmimport ray_v1 await
//go:noescape
func abiAwait(handles unsafe.Pointer, n uint32, count uint32, timeout int64, token uint32) int32

//go:wasmimport ray_v1 events
//go:noescape
func abiEvents(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 yield
//go:noescape
func abiYield(ptr unsafe.Pointer, size uint32, handles unsafe.Pointer, n uint32) int32

//go:wasmimport ray_v1 next
func abiNext(handle uint32, timeout int64) int32

//go:wasmimport ray_v1 cancel
func abiCancel(handle uint32, flags uint32) int32

//go:wasmimport ray_v1 release
func abiRelease(handle uint32) int32

//go:wasmimport ray_v1 log
//go:noescape
func abiLog(level int32, ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 self
//go:noescape
func abiSelf(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ray_v1 error
//go:noescape
func abiError(ptr unsafe.Pointer, size uint32) int32

// The same calls with Go's types: what the rest of the package uses, here and in host_other.go.

func hostName(p []byte) int32                           { return abiName(ptr(p), size(p)) }
func hostFrame(p []byte) int64                          { return abiFrame(ptr(p), size(p)) }
func hostArg(index int) int32                           { return abiArg(int32(index)) }
func hostSize(handle uint32) int64                      { return abiSize(handle) }
func hostRead(handle uint32, off int64, p []byte) int32 { return abiRead(handle, off, ptr(p), size(p)) }
func hostLinks(handle uint32, out []uint32) int32       { return abiLinks(handle, ptr(out), size(out)) }
func hostRet(p []byte, links []uint32) int32            { return abiRet(ptr(p), size(p), ptr(links), size(links)) }
func hostFail(p []byte) int32                           { return abiFail(ptr(p), size(p)) }
func hostPut(p []byte, links []uint32) int32            { return abiPut(ptr(p), size(p), ptr(links), size(links)) }

// piece is a part of a value, as the host reads it.
type piece struct{ at, size uint32 }

// pieceList is the list that the host reads when it takes the value.
var pieceList []piece

func hostPieces(pieces [][]byte) int32 {
	pieceList = pieceList[:0]
	for _, p := range pieces {
		pieceList = append(pieceList, piece{uint32(uintptr(ptr(p))), size(p)})
	}
	return abiPieces(ptr(pieceList), size(pieceList))
}

func hostGet(handles []uint32, timeout int64) int32 {
	return abiGet(ptr(handles), size(handles), timeout)
}
func hostGetValue(handle uint32, timeout int64, p []byte) int64 {
	return abiGetValue(handle, timeout, ptr(p), size(p))
}

// The host writes addresses of 32 bits, the lower half of a pointer.

func hostView(handle uint32, timeout int64) (at unsafe.Pointer, n int64) {
	n = abiView(handle, timeout, unsafe.Pointer(&at))
	return at, n
}

func hostDraft(size uint32) (at unsafe.Pointer, status int32) {
	status = abiDraft(size, unsafe.Pointer(&at))
	return at, status
}

func hostSeal(at uint32) int32   { return abiSeal(at) }
func hostUnview(at uint32) int32 { return abiUnview(at) }

func hostPassRef(handle uint32) int32              { return abiPassRef(handle) }
func hostRelease(handle uint32) int32              { return abiRelease(handle) }
func hostSelf(p []byte) int32                      { return abiSelf(ptr(p), size(p)) }
func hostError(p []byte) int32                     { return abiError(ptr(p), size(p)) }
func hostCancel(handle uint32, flags uint32) int32 { return abiCancel(handle, flags) }

func hostYield(p []byte, links []uint32) int32 {
	return abiYield(ptr(p), size(p), ptr(links), size(links))
}
func hostNext(handle uint32, timeout int64) int32 { return abiNext(handle, timeout) }

func hostWait(handles []uint32, count int, timeout int64, ready []byte) int32 {
	return abiWait(ptr(handles), size(handles), uint32(count), timeout, ptr(ready))
}

func hostPassValue(p []byte, links []uint32) int32 {
	return abiPassValue(ptr(p), size(p), ptr(links), size(links))
}

func hostSubmit(fn string, opts []byte, out []uint32) int32 {
	return abiSubmit(text(fn), uint32(len(fn)), ptr(opts), size(opts), ptr(out), size(out))
}

func hostActorCreate(class string, opts []byte) int32 {
	return abiActorCreate(text(class), uint32(len(class)), ptr(opts), size(opts))
}

func hostActorCall(actor uint32, method string, opts []byte, out []uint32) int32 {
	return abiActorCall(actor, text(method), uint32(len(method)), ptr(opts), size(opts), ptr(out), size(out))
}

func hostActorTerminate(actor uint32) int32 { return abiActorTerminate(actor) }
func hostActorExit() int32                  { return abiActorExit() }

func hostServe(call uint32) int32 { return abiServe(call) }
func hostDone(status int32) int32 { return abiDone(status) }
func hostEvents(p []byte) int32   { return abiEvents(ptr(p), size(p)) }

func hostAwait(handles []uint32, count int, timeout int64, token uint32) int32 {
	return abiAwait(ptr(handles), size(handles), uint32(count), timeout, token)
}

func hostActorFind(name, namespace string) int32 {
	return abiActorFind(text(name), uint32(len(name)), text(namespace), uint32(len(namespace)))
}

func hostActorKill(actor uint32, noRestart bool) int32 {
	var flag int32
	if noRestart {
		flag = 1
	}
	return abiActorKill(actor, flag)
}

func hostGroupCreate(opts, id []byte) int32 {
	return abiGroupCreate(ptr(opts), size(opts), ptr(id), size(id))
}

func hostGroupFind(name, namespace string, id []byte) int32 {
	return abiGroupFind(text(name), uint32(len(name)), text(namespace), uint32(len(namespace)), ptr(id), size(id))
}

func hostGroupTable(group string, p []byte) int32 {
	return abiGroupTable(text(group), uint32(len(group)), ptr(p), size(p))
}

func hostResources(p []byte) int32       { return abiResources(ptr(p), size(p)) }
func hostGroupReady(group string) int32  { return abiGroupReady(text(group), uint32(len(group))) }
func hostGroupRemove(group string) int32 { return abiGroupRemove(text(group), uint32(len(group))) }

func hostLog(level spec.LogLevel, p []byte) int32 { return abiLog(int32(level), ptr(p), size(p)) }

func ptr[E any](s []E) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }
func text(s string) unsafe.Pointer    { return unsafe.Pointer(unsafe.StringData(s)) }
func size[E any](s []E) uint32        { return uint32(len(s)) }
