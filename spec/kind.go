package spec

// Kind classifies an error. The list is closed and append-only; a kind's number crosses the guest ABI (negated, as a
// status) and its name crosses every other boundary. Each exception of Ray has one kind, and [Kind.Parent] gives Ray's
// class relation, so that errors.Is(err, [ActorError]) is true of an [ActorDied].
//
// A Kind is itself an error: it is what errors.Is and errors.As find.
type Kind uint8

// The kinds. The comment names Ray's exception where there is one.
const (
	// AnyError is the root: every kind descends from it. RayError.
	AnyError Kind = iota + 1

	// TaskError: the function returned an error or panicked. RayTaskError.
	TaskError
	// ActorError: an actor could not serve a call. RayActorError.
	ActorError
	// ActorDied: the actor is dead and will not come back. ActorDiedError.
	ActorDied
	// ActorUnavailable: the actor is restarting or out of reach; the call may or may not have run. ActorUnavailableError.
	ActorUnavailable
	// TaskCancelled: the task was cancelled. TaskCancelledError.
	TaskCancelled
	// TaskUnschedulable: no node can ever run the task. TaskUnschedulableError.
	TaskUnschedulable
	// ActorUnschedulable: no node can ever run the actor. ActorUnschedulableError.
	ActorUnschedulable
	// WorkerCrashed: the sandbox ended before the call returned. WorkerCrashedError.
	WorkerCrashed
	// NodeDied: the node that ran the task died. NodeDiedError.
	NodeDied
	// LocalNodeDied: the node of the caller is gone or closing. LocalRayletDiedError.
	LocalNodeDied
	// OutOfMemory: the sandbox or the node reached its memory limit. OutOfMemoryError.
	OutOfMemory
	// OutOfDisk: the local disk is too full to spill. OutOfDiskError.
	OutOfDisk
	// ObjectStoreFull: an object does not fit the object store. ObjectStoreFullError.
	ObjectStoreFull
	// ObjectLost: no copy of the object is left. ObjectLostError.
	ObjectLost
	// ObjectFetchTimedOut: the object's copies could not be reached in time. ObjectFetchTimedOutError.
	ObjectFetchTimedOut
	// OwnerDied: the owner of the object is gone. OwnerDiedError.
	OwnerDied
	// ReferenceCounting: a reference was used after its count had reached zero. ReferenceCountingAssertionError.
	ReferenceCounting
	// ObjectFreed: the object was freed by hand. ObjectFreedError.
	ObjectFreed
	// ReconstructionFailed: the object could not be rebuilt. ObjectReconstructionFailedError.
	ReconstructionFailed
	// ReconstructionAttemptsExceeded: rebuilding used up max_retries. ObjectReconstructionFailedMaxAttemptsExceededError.
	ReconstructionAttemptsExceeded
	// ReconstructionLineageEvicted: the lineage was dropped to bound memory. ObjectReconstructionFailedLineageEvictedError.
	ReconstructionLineageEvicted
	// GetTimeout: get reached its timeout. GetTimeoutError.
	GetTimeout
	// ObjectNotAvailable: the object is not in the local store. PlasmaObjectNotAvailable.
	ObjectNotAvailable
	// PendingCallsLimitExceeded: the actor's queue is full. PendingCallsLimitExceeded.
	PendingCallsLimitExceeded
	// RuntimeEnvSetup: the environment could not be prepared. RuntimeEnvSetupError.
	RuntimeEnvSetup
	// TaskPlacementGroupRemoved: the task's placement group was removed. TaskPlacementGroupRemoved.
	TaskPlacementGroupRemoved
	// ActorPlacementGroupRemoved: the actor's placement group was removed. ActorPlacementGroupRemoved.
	ActorPlacementGroupRemoved
	// ActorExited: the actor left of its own accord while the call ran. AsyncioActorExit.
	ActorExited
	// EndOfStream: a streaming task has no more results. ObjectRefStreamEndOfStreamError.
	EndOfStream
	// CrossLanguage: an error of another language has no form here. CrossLanguageError.
	CrossLanguage
	// Unserializable: a value cannot be serialized. UnserializableException.
	Unserializable
	// UserCode: code of the user failed outside a task. UserCodeException.
	UserCode
	// RPC: a message to another node failed. RpcError.
	RPC
	// System: raywasm itself failed. RaySystemError.
	System
	// Channel: a channel of a compiled graph failed. RayChannelError.
	Channel
	// ChannelTimeout: a channel timed out. RayChannelTimeoutError.
	ChannelTimeout
	// GraphCapacityExceeded: a compiled graph is full. RayCgraphCapacityExceeded.
	GraphCapacityExceeded
	// Unauthenticated: the token is missing or wrong. AuthenticationError.
	Unauthenticated

	// GuestTrap: the guest executed a trap (unreachable, out-of-bounds access, division by zero, ...).
	GuestTrap
	// GuestExit: the guest ended itself (os.Exit) before the call returned.
	GuestExit
	// StackOverflow: the guest called too deep.
	StackOverflow
	// DeadlineExceeded: the task reached its deadline.
	DeadlineExceeded
	// InvalidModule: the bytes are not an acceptable WebAssembly module.
	InvalidModule
	// UnknownImport: the module imports what this host does not offer.
	UnknownImport
	// FunctionNotFound: the module has no such function, class or method.
	FunctionNotFound
	// InvalidArgument: the caller passed something malformed.
	InvalidArgument
	// InvalidResult: the guest returned something malformed.
	InvalidResult
	// LimitExceeded: a limit of this package was reached.
	LimitExceeded
	// NotFound: there is no such thing (named actor, job, object).
	NotFound
	// AlreadyExists: the name is taken.
	AlreadyExists
	// PermissionDenied: the caller may not do this.
	PermissionDenied
	// Unsupported: this host does not do that.
	Unsupported
	// Conflict: what a commit was conditional on has changed; nothing was written.
	Conflict
	// StaleEpoch: a leader's term is over, so its commit was refused; nothing was written.
	StaleEpoch
	// Compacted: the history that was asked for is not kept any more.
	Compacted
	// Corrupted: what is on disk is not what was written there.
	Corrupted

	kindEnd // keep last
)

// kinds gives each kind its name on the wire and its parent.
var kinds = [kindEnd]struct {
	name   string
	parent Kind
}{
	AnyError:                       {"Error", 0},
	TaskError:                      {"TaskError", AnyError},
	ActorError:                     {"ActorError", AnyError},
	ActorDied:                      {"ActorDied", ActorError},
	ActorUnavailable:               {"ActorUnavailable", ActorError},
	TaskCancelled:                  {"TaskCancelled", AnyError},
	TaskUnschedulable:              {"TaskUnschedulable", AnyError},
	ActorUnschedulable:             {"ActorUnschedulable", AnyError},
	WorkerCrashed:                  {"WorkerCrashed", AnyError},
	NodeDied:                       {"NodeDied", AnyError},
	LocalNodeDied:                  {"LocalNodeDied", AnyError},
	OutOfMemory:                    {"OutOfMemory", AnyError},
	OutOfDisk:                      {"OutOfDisk", AnyError},
	ObjectStoreFull:                {"ObjectStoreFull", AnyError},
	ObjectLost:                     {"ObjectLost", AnyError},
	ObjectFetchTimedOut:            {"ObjectFetchTimedOut", ObjectLost},
	OwnerDied:                      {"OwnerDied", ObjectLost},
	ReferenceCounting:              {"ReferenceCounting", ObjectLost},
	ObjectFreed:                    {"ObjectFreed", ObjectLost},
	ReconstructionFailed:           {"ReconstructionFailed", ObjectLost},
	ReconstructionAttemptsExceeded: {"ReconstructionAttemptsExceeded", ObjectLost},
	ReconstructionLineageEvicted:   {"ReconstructionLineageEvicted", ObjectLost},
	GetTimeout:                     {"GetTimeout", AnyError},
	ObjectNotAvailable:             {"ObjectNotAvailable", AnyError},
	PendingCallsLimitExceeded:      {"PendingCallsLimitExceeded", AnyError},
	RuntimeEnvSetup:                {"RuntimeEnvSetup", AnyError},
	TaskPlacementGroupRemoved:      {"TaskPlacementGroupRemoved", AnyError},
	ActorPlacementGroupRemoved:     {"ActorPlacementGroupRemoved", AnyError},
	ActorExited:                    {"ActorExited", AnyError},
	EndOfStream:                    {"EndOfStream", AnyError},
	CrossLanguage:                  {"CrossLanguage", AnyError},
	Unserializable:                 {"Unserializable", AnyError},
	UserCode:                       {"UserCode", AnyError},
	RPC:                            {"RPC", AnyError},
	System:                         {"System", AnyError},
	Channel:                        {"Channel", System},
	ChannelTimeout:                 {"ChannelTimeout", System},
	GraphCapacityExceeded:          {"GraphCapacityExceeded", AnyError},
	Unauthenticated:                {"Unauthenticated", AnyError},
	GuestTrap:                      {"GuestTrap", WorkerCrashed},
	GuestExit:                      {"GuestExit", WorkerCrashed},
	StackOverflow:                  {"StackOverflow", GuestTrap},
	DeadlineExceeded:               {"DeadlineExceeded", TaskCancelled},
	InvalidModule:                  {"InvalidModule", AnyError},
	UnknownImport:                  {"UnknownImport", InvalidModule},
	FunctionNotFound:               {"FunctionNotFound", AnyError},
	InvalidArgument:                {"InvalidArgument", AnyError},
	InvalidResult:                  {"InvalidResult", AnyError},
	LimitExceeded:                  {"LimitExceeded", AnyError},
	NotFound:                       {"NotFound", AnyError},
	AlreadyExists:                  {"AlreadyExists", AnyError},
	PermissionDenied:               {"PermissionDenied", AnyError},
	Unsupported:                    {"Unsupported", AnyError},
	Conflict:                       {"Conflict", AnyError},
	StaleEpoch:                     {"StaleEpoch", Conflict},
	Compacted:                      {"Compacted", AnyError},
	Corrupted:                      {"Corrupted", System},
}

var kindByName = func() map[string]Kind {
	m := make(map[string]Kind, kindEnd)
	for k := AnyError; k < kindEnd; k++ {
		m[kinds[k].name] = k
	}
	return m
}()

// Kinds returns every kind in numeric order.
func Kinds() []Kind {
	all := make([]Kind, 0, kindEnd-1)
	for k := AnyError; k < kindEnd; k++ {
		all = append(all, k)
	}
	return all
}

// Valid reports whether k is one of the list.
func (k Kind) Valid() bool { return k >= AnyError && k < kindEnd }

// Parent returns the next more general kind, and 0 for [AnyError] and for numbers outside the list.
func (k Kind) Parent() Kind {
	if !k.Valid() {
		return 0
	}
	return kinds[k].parent
}

// Error returns the kind's name, the same that crosses the wire.
func (k Kind) Error() string {
	if !k.Valid() {
		return "Error"
	}
	return kinds[k].name
}

// Is makes errors.Is true for the kind itself and all its ancestors.
func (k Kind) Is(target error) bool {
	t, ok := target.(Kind)
	if !ok {
		return false
	}
	for ; k != 0; k = k.Parent() {
		if k == t {
			return true
		}
	}
	return false
}

// MarshalText writes the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.Error()), nil }

// UnmarshalText reads a name. A name this version does not know becomes [AnyError], so that a newer peer's error is
// still an error.
func (k *Kind) UnmarshalText(b []byte) error {
	*k = AnyError
	if known, ok := kindByName[string(b)]; ok {
		*k = known
	}
	return nil
}
