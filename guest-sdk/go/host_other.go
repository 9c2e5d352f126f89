//go:build !wasip1

package ray

import (
	"unsafe"

	"github.com/raywasm/raywasm/spec"
)

// abi is the guest ABI with Go's types. Off WebAssembly it stands between the package and whoever plays the host: nobody
// ([outside]), or a test's fake.
type abi interface {
	name(p []byte) int32
	frame(p []byte) int64
	arg(index int) int32
	size(handle uint32) int64
	read(handle uint32, off int64, p []byte) int32
	links(handle uint32, out []uint32) int32
	ret(p []byte, links []uint32) int32
	fail(p []byte) int32
	pieces(pieces [][]byte) int32
	put(p []byte, links []uint32) int32
	get(handles []uint32, timeout int64) int32
	getValue(handle uint32, timeout int64, p []byte) int64
	view(handle uint32, timeout int64) (at unsafe.Pointer, n int64)
	draft(size uint32) (at unsafe.Pointer, status int32)
	seal(at uint32) int32
	unview(at uint32) int32
	wait(handles []uint32, count int, timeout int64, ready []byte) int32
	passValue(p []byte, links []uint32) int32
	passRef(handle uint32) int32
	submit(fn string, opts []byte, out []uint32) int32
	actorCreate(class string, opts []byte) int32
	actorCall(actor uint32, method string, opts []byte, out []uint32) int32
	actorFind(name, namespace string) int32
	actorKill(actor uint32, noRestart bool) int32
	groupCreate(opts, id []byte) int32
	groupFind(name, namespace string, id []byte) int32
	groupTable(group string, p []byte) int32
	groupReady(group string) int32
	groupRemove(group string) int32
	actorTerminate(actor uint32) int32
	actorExit() int32
	serveCall(call uint32) int32
	await(handles []uint32, count int, timeout int64, token uint32) int32
	yield(p []byte, links []uint32) int32
	next(handle uint32, timeout int64) int32
	cancel(handle uint32, flags uint32) int32
	release(handle uint32) int32
	log(level spec.LogLevel, p []byte) int32
	self(p []byte) int32
	resources(p []byte) int32
	error(p []byte) int32
}

var world abi = outside{}

func hostName(p []byte) int32                           { return world.name(p) }
func hostArg(index int) int32                           { return world.arg(index) }
func hostSize(handle uint32) int64                      { return world.size(handle) }
func hostRead(handle uint32, off int64, p []byte) int32 { return world.read(handle, off, p) }
func hostLinks(handle uint32, out []uint32) int32       { return world.links(handle, out) }
func hostRet(p []byte, links []uint32) int32            { return world.ret(p, links) }
func hostFail(p []byte) int32                           { return world.fail(p) }
func hostPieces(pieces [][]byte) int32                  { return world.pieces(pieces) }
func hostPut(p []byte, links []uint32) int32            { return world.put(p, links) }
func hostGet(handles []uint32, timeout int64) int32     { return world.get(handles, timeout) }
func hostPassValue(p []byte, links []uint32) int32      { return world.passValue(p, links) }
func hostPassRef(handle uint32) int32                   { return world.passRef(handle) }
func hostActorCreate(class string, opts []byte) int32   { return world.actorCreate(class, opts) }
func hostActorFind(name, namespace string) int32        { return world.actorFind(name, namespace) }
func hostActorTerminate(actor uint32) int32             { return world.actorTerminate(actor) }
func hostServe(call uint32) int32                       { return world.serveCall(call) }
func hostAwait(handles []uint32, count int, timeout int64, token uint32) int32 {
	return world.await(handles, count, timeout, token)
}
func hostActorExit() int32                                { return world.actorExit() }
func hostFrame(p []byte) int64                            { return world.frame(p) }
func hostActorKill(actor uint32, noRestart bool) int32    { return world.actorKill(actor, noRestart) }
func hostGroupCreate(opts, id []byte) int32               { return world.groupCreate(opts, id) }
func hostGroupTable(group string, p []byte) int32         { return world.groupTable(group, p) }
func hostGroupReady(group string) int32                   { return world.groupReady(group) }
func hostGroupRemove(group string) int32                  { return world.groupRemove(group) }
func hostCancel(handle uint32, flags uint32) int32        { return world.cancel(handle, flags) }
func hostYield(p []byte, links []uint32) int32            { return world.yield(p, links) }
func hostNext(handle uint32, timeout int64) int32         { return world.next(handle, timeout) }
func hostRelease(handle uint32) int32                     { return world.release(handle) }
func hostLog(level spec.LogLevel, p []byte) int32         { return world.log(level, p) }
func hostResources(p []byte) int32                        { return world.resources(p) }
func hostSelf(p []byte) int32                             { return world.self(p) }
func hostError(p []byte) int32                            { return world.error(p) }
func hostSubmit(fn string, opts []byte, o []uint32) int32 { return world.submit(fn, opts, o) }

func hostGetValue(handle uint32, timeout int64, p []byte) int64 {
	return world.getValue(handle, timeout, p)
}

func hostView(handle uint32, timeout int64) (unsafe.Pointer, int64) {
	return world.view(handle, timeout)
}
func hostDraft(size uint32) (unsafe.Pointer, int32) { return world.draft(size) }
func hostSeal(at uint32) int32                      { return world.seal(at) }
func hostUnview(at uint32) int32                    { return world.unview(at) }

func hostWait(handles []uint32, count int, timeout int64, ready []byte) int32 {
	return world.wait(handles, count, timeout, ready)
}

func hostGroupFind(name, namespace string, id []byte) int32 {
	return world.groupFind(name, namespace, id)
}

func hostActorCall(actor uint32, method string, opts []byte, out []uint32) int32 {
	return world.actorCall(actor, method, opts, out)
}

// outside answers when there is no host: every call fails and says why.
type outside struct{}

const refusal = -int32(spec.Unsupported)

func (outside) name([]byte) int32                                { return refusal }
func (outside) frame([]byte) int64                               { return int64(refusal) }
func (outside) getValue(uint32, int64, []byte) int64             { return int64(refusal) }
func (outside) arg(int) int32                                    { return refusal }
func (outside) size(uint32) int64                                { return int64(refusal) }
func (outside) read(uint32, int64, []byte) int32                 { return refusal }
func (outside) links(uint32, []uint32) int32                     { return refusal }
func (outside) ret([]byte, []uint32) int32                       { return refusal }
func (outside) fail([]byte) int32                                { return refusal }
func (outside) pieces([][]byte) int32                            { return refusal }
func (outside) put([]byte, []uint32) int32                       { return refusal }
func (outside) get([]uint32, int64) int32                        { return refusal }
func (outside) view(uint32, int64) (unsafe.Pointer, int64)       { return nil, int64(refusal) }
func (outside) draft(uint32) (unsafe.Pointer, int32)             { return nil, refusal }
func (outside) seal(uint32) int32                                { return refusal }
func (outside) unview(uint32) int32                              { return refusal }
func (outside) wait([]uint32, int, int64, []byte) int32          { return refusal }
func (outside) passValue([]byte, []uint32) int32                 { return refusal }
func (outside) passRef(uint32) int32                             { return refusal }
func (outside) submit(string, []byte, []uint32) int32            { return refusal }
func (outside) actorCreate(string, []byte) int32                 { return refusal }
func (outside) actorCall(uint32, string, []byte, []uint32) int32 { return refusal }
func (outside) actorFind(string, string) int32                   { return refusal }
func (outside) actorKill(uint32, bool) int32                     { return refusal }
func (outside) groupCreate([]byte, []byte) int32                 { return refusal }
func (outside) groupFind(string, string, []byte) int32           { return refusal }
func (outside) groupTable(string, []byte) int32                  { return refusal }
func (outside) groupReady(string) int32                          { return refusal }
func (outside) resources([]byte) int32                           { return refusal }
func (outside) groupRemove(string) int32                         { return refusal }
func (outside) actorTerminate(uint32) int32                      { return refusal }
func (outside) serveCall(uint32) int32                           { return refusal }
func (outside) await([]uint32, int, int64, uint32) int32         { return refusal }
func (outside) actorExit() int32                                 { return refusal }
func (outside) cancel(uint32, uint32) int32                      { return refusal }
func (outside) yield([]byte, []uint32) int32                     { return refusal }
func (outside) next(uint32, int64) int32                         { return refusal }
func (outside) release(uint32) int32                             { return refusal }
func (outside) log(spec.LogLevel, []byte) int32                  { return refusal }
func (outside) self([]byte) int32                                { return refusal }

func (outside) error(p []byte) int32 {
	return int32(copyOut(p, spec.MarshalError(spec.Errorf("", spec.Unsupported, "",
		"this program runs inside raywasm: raywasm submit DIR"))))
}

// copyOut is the pull convention: what fits is copied, the whole length is returned.
func copyOut(dst, src []byte) int {
	if len(src) <= len(dst) {
		copy(dst, src)
	}
	return len(src)
}
