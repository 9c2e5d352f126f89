package hostcall

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// Caller is what a session may do, and on whose behalf. What is nil is denied; of the zero Caller everything is, so that
// a module which describes itself has no effect on anything. Counts and Memory must be there if Objects, Tasks or
// Actors are.
type Caller struct {
	Objects Objects
	Views   Views
	Counts  Counts
	Memory  Memory
	Tasks   Tasks
	Streams Streams
	Actors  Actors
	Groups  Groups
	Context Context
}

// Objects makes objects and waits for them. ids are not kept.
type Objects interface {
	// Put makes an object of a value, which the callee may keep, and counts it once for the caller.
	Put(ctx context.Context, v spec.Value) (spec.ObjectID, error)
	// Place is Put of a large value: its bytes are those of parts, one after another, which lie in the guest's memory. The
	// callee copies them before it returns.
	Place(ctx context.Context, parts [][]byte, links []spec.Link) (spec.ObjectID, error)
	// Get waits for all objects and gives their values in order, or returns the first error among them. A negative timeout
	// is none; after a timeout the error is of kind spec.GetTimeout. There is a place in values for each of ids. The bytes of
	// large values are not among them: they are viewed.
	Get(ctx context.Context, ids []spec.ObjectID, timeout time.Duration, values []spec.Value) error
	// Wait waits until count of the objects are there, failed ones among them, and reports for each whether it is. A
	// negative timeout is none; a timeout is no error.
	Wait(ctx context.Context, ids []spec.ObjectID, count int, timeout time.Duration) ([]bool, error)
}

// Views shows objects where they lie.
type Views interface {
	// View waits for an object as Objects.Get does and returns a view of its value, to be released. What is not in the store
	// has no region. keep: for longer than a moment, for which it is reserved; that fails with spec.ObjectStoreFull.
	View(ctx context.Context, id spec.ObjectID, timeout time.Duration, keep bool) (View, error)
	// Draft makes room for an object of size bytes, all zeros, that can be mapped and written; nil if it could only be
	// copied.
	Draft(ctx context.Context, size int64) (Draft, error)
}

// View is a view of a value.
type View struct {
	*store.View
	Links []spec.Link // what it contains
}

// Draft is an object that is written in place.
type Draft interface {
	Region() store.Region
	// Seal makes it an object, counted once for the caller, whose bytes stay where they are until release is called.
	Seal() (id spec.ObjectID, release func(), err error)
	Abort()
}

// Counts counts references. links are not kept. All callers that one session gets count in the same place.
type Counts interface {
	Retain(links []spec.Link)
	Release(links []spec.Link)
}

// Memory is what a guest may make its host keep, in bytes. A session keeps that of its first caller.
type Memory interface {
	// Reserve takes n bytes; it fails with spec.ObjectStoreFull when there is no room for them.
	Reserve(n int64) error
	Release(n int64)
}

// Tasks submits and cancels calls of functions.
type Tasks interface {
	// Submit begins a call, whose arguments the callee may keep and counts for itself. Each result is counted once for
	// the caller.
	Submit(ctx context.Context, call spec.Call) ([]spec.ObjectID, error)
	// Cancel cancels the task that makes the object, and with recursive what that task submitted.
	Cancel(ctx context.Context, id spec.ObjectID, force, recursive bool) error
}

// Streams gives and takes the results of generators.
type Streams interface {
	// Yield gives one more result of the call that is served. The callee may keep the value, and counts its links.
	Yield(ctx context.Context, v spec.Value) error
	// Next waits for the next result of the generator whose call declares the object, and counts it once for the caller. A
	// negative timeout is none. Errors: spec.EndOfStream, spec.GetTimeout.
	Next(ctx context.Context, id spec.ObjectID, timeout time.Duration) (spec.ObjectID, error)
}

// Actors makes, finds and uses actors.
type Actors interface {
	// Create makes an actor, or finds the living one if the options say so, and counts it once for the caller. The
	// callee may keep the arguments and counts them for itself.
	Create(ctx context.Context, class string, args []spec.Arg, opts spec.ActorOptions) (spec.ActorID, error)
	// Find returns a living actor by name and counts it once for the caller. An empty namespace is the job's.
	Find(ctx context.Context, name, namespace string) (spec.ActorID, error)
	// Call is Submit for a method, named without its class.
	Call(ctx context.Context, id spec.ActorID, call spec.Call) ([]spec.ObjectID, error)
	// Kill ends the actor; without noRestart it may restart.
	Kill(ctx context.Context, id spec.ActorID, noRestart bool) error
	// Terminate ends the actor when it has served the calls that wait.
	Terminate(ctx context.Context, id spec.ActorID) error
	// Exit ends the actor that the caller is a method of, once that method has returned.
	Exit(ctx context.Context) error
}

// Groups makes, finds and ends placement groups.
type Groups interface {
	// CreateGroup makes a group, whose options were checked.
	CreateGroup(ctx context.Context, opts spec.GroupOptions) (spec.GroupID, error)
	// FindGroup returns the group of a name. An empty namespace is the job's.
	FindGroup(ctx context.Context, name, namespace string) (spec.GroupID, error)
	// GroupTable tells of a group.
	GroupTable(ctx context.Context, id spec.GroupID) (spec.GroupTable, error)
	// GroupReady makes an object that is there when the group has its place, and counts it once for the caller.
	GroupReady(ctx context.Context, id spec.GroupID) (spec.ObjectID, error)
	// RemoveGroup ends a group and what runs in it.
	RemoveGroup(ctx context.Context, id spec.GroupID) error
}

// Context tells where the guest runs and takes its log.
type Context interface {
	Self() spec.Self
	Resources() spec.ClusterResources
	// Log takes a record. text is valid UTF-8 of at most spec.MaxLogBytes.
	Log(level spec.LogLevel, text string)
}

// denied is the answer to a function that the session's caller does not offer.
func denied(function string) error {
	return spec.Errorf("", spec.PermissionDenied, "", "%s is not allowed here: a module that is asked to describe itself only answers, and a session that is closed does nothing", function)
}
