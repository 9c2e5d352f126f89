package spec

import "time"

// Limits. Every one has a unit and a reason; whoever enforces one says its name in the error.
const (
	KiB = 1 << 10
	MiB = 1 << 20
	GiB = 1 << 30

	// MaxModuleBytes bounds a WebAssembly binary: a Go guest is 2 to 20 MB, CRuby with its library 31 MB.
	MaxModuleBytes = 128 * MiB
	// MaxInlineBytes is the size up to which a value travels inside messages; larger ones live in the object store.
	// It is Ray's max_direct_call_object_size.
	MaxInlineBytes = 100 * KiB
	// MaxValueBytes bounds one serialized value that a guest passes through its memory: a wasm32 memory is 4 GiB and
	// the value has to fit beside its reader.
	MaxValueBytes = 2 * GiB
	// MaxPieces bounds the pieces in which a guest hands over one value: each is looked at. A value with more buffers than it
	// has pieces for is encoded with a copy of the rest.
	MaxPieces = 1024
	// MaxFormBytes bounds the encoded form of options, descriptions and errors: they are small by nature.
	MaxFormBytes = 4 * MiB
	// MaxNameBytes bounds the names of functions, classes, actors, namespaces and resources.
	MaxNameBytes = 1 * KiB
	// MaxArgs bounds the arguments of one call. Ray's envelope is 10,000.
	MaxArgs = 16_384
	// MaxHandles bounds the open handles of one sandbox: 10,000 refs in one object is Ray's envelope, a driver may
	// hold a million.
	MaxHandles = 4 << 20
	// MaxWindows bounds the objects that one sandbox sees in place at the same time: each splits a mapping of the process,
	// which has 65,530 by default.
	MaxWindows = 64
	// MaxLinks bounds the refs and actor handles contained in one value.
	MaxLinks = 1 << 20
	// MaxFunctions bounds what one module may describe: its functions, classes and methods together.
	MaxFunctions = 16_384
	// MaxNesting bounds the depth of CBOR values; Go's own JSON stops at 10,000, fxamacker/cbor at 65,535.
	MaxNesting = 256
	// MaxErrorText bounds each text of an error in bytes; a stack of a deep recursion is cut here.
	MaxErrorText = 64 * KiB
	// MaxErrorDepth bounds the chain of causes that crosses a boundary.
	MaxErrorDepth = 16
	// MaxErrorCauses bounds the causes of one error that cross a boundary, all together: errors can be joined.
	MaxErrorCauses = 64
	// StderrTail is how many bytes of a sandbox's stderr its crash report keeps.
	StderrTail = 4 * KiB
	// MaxLogBytes bounds one log record of a guest.
	MaxLogBytes = 64 * KiB
	// MaxOutputLine bounds one line of guest output before it is cut in two.
	MaxOutputLine = 64 * KiB

	// DefaultSandboxMemory caps the linear memory of a sandbox whose task or actor named no memory.
	DefaultSandboxMemory = 1 * GiB
	// MaxSandboxMemory is the most a wasm32 memory can be.
	MaxSandboxMemory = 4 * GiB

	// MaxPendingTasks bounds the calls of one job that have not finished, waiting ones included: a million queued tasks
	// are usual, a guest that submits in a loop must end.
	MaxPendingTasks = 4_000_000
	// MaxRunningTasks bounds the functions of one job that run at once, those that wait for others included: each has a
	// sandbox, which costs the host some 200 KiB beside the guest's own memory. Those beyond are held back until one ends.
	MaxRunningTasks = 8192
	// MaxNestedTasks bounds them when every one of them waits for others: then more have to run, and a recursion through
	// tasks is no deeper. Ray's envelope is 10,000 running tasks on a whole cluster.
	MaxNestedTasks = 10_000
	// MaxActors bounds the actors that one job has made and to which there are handles. Ray's envelope is 40,000 on a
	// whole cluster.
	MaxActors = 2_000_000
	// MaxPlacementGroups bounds the placement groups of one job that were not removed.
	MaxPlacementGroups = 10_000

	// MaxKeptBytes and MaxKeptObjects bound what is kept of the objects that a durable actor refers to: they are written with
	// each of its checkpoints.
	MaxKeptBytes   = 1 * MiB
	MaxKeptObjects = 1000
	// PendingCallsWarning is how many calls wait for an actor when an operator is warned of it, for the first time. As in Ray.
	PendingCallsWarning = 5000
	// MaxConcurrency bounds the calls of one actor that run at once: each has a goroutine or the like in the guest and a
	// record in the host.
	MaxConcurrency = 65_536
	// DefaultConcurrency is how many calls of an actor's default group run at once if only its other groups are said, as
	// in Ray.
	DefaultConcurrency = 1000
	// MaxGroups bounds an actor's concurrency groups.
	MaxGroups = 64
	// ShutdownGrace is how long an actor's hook may run before the actor is ended, as in Ray.
	ShutdownGrace = 30 * time.Second

	// DefaultMaxRetries is how often a task is run again after a system failure, as in Ray.
	DefaultMaxRetries = 3
	// MaxRetryDelay bounds the time before a retry, as Ray does after a lack of memory.
	MaxRetryDelay = time.Minute
	// MaxRetryOn bounds the kinds and types of errors that a call names to be retried.
	MaxRetryOn = 64
	// MaxResourceKinds bounds the custom resources of one request.
	MaxResourceKinds = 64

	// Forever is the timeout of a wait without one.
	Forever time.Duration = -1
)
