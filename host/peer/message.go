package peer

import (
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
)

// Message is one thing that a node tells another: exactly one of the fields is set.
type Message struct {
	Report   *Report     `cbor:"1,keyasint,omitempty"`
	Job      *Job        `cbor:"2,keyasint,omitempty"`
	JobEnd   *JobEnd     `cbor:"3,keyasint,omitempty"`
	JobEnded *JobEnd     `cbor:"4,keyasint,omitempty"`
	Run      *Run        `cbor:"5,keyasint,omitempty"`
	Began    *Began      `cbor:"6,keyasint,omitempty"`
	Moved    *Moved      `cbor:"7,keyasint,omitempty"`
	Ran      *Ran        `cbor:"8,keyasint,omitempty"`
	Stop     *Stop       `cbor:"9,keyasint,omitempty"`
	Count    *Count      `cbor:"10,keyasint,omitempty"`
	State    *State      `cbor:"11,keyasint,omitempty"`
	Lost     *Lost       `cbor:"12,keyasint,omitempty"`
	Drop     *Drop       `cbor:"13,keyasint,omitempty"`
	Cancel   *Cancel     `cbor:"14,keyasint,omitempty"`
	Ask      *Ask        `cbor:"15,keyasint,omitempty"`
	Answer   *Answer     `cbor:"16,keyasint,omitempty"`
	Copied   *Copied     `cbor:"17,keyasint,omitempty"`
	Group    *Group      `cbor:"18,keyasint,omitempty"`
	Reply    *GroupReply `cbor:"19,keyasint,omitempty"`
	NewActor *NewActor   `cbor:"20,keyasint,omitempty"`
	ActorEnd *ActorEnd   `cbor:"21,keyasint,omitempty"`
	Output   *Output     `cbor:"22,keyasint,omitempty"`
	JobCopy  *JobEnd     `cbor:"24,keyasint,omitempty"`
}

// Report says what a node has and what of it is free. Version grows with each.
type Report struct {
	Version  uint64            `cbor:"1,keyasint"`
	Total    spec.Resources    `cbor:"2,keyasint"`
	Free     spec.Resources    `cbor:"3,keyasint"`
	GPUs     []spec.Quantity   `cbor:"4,keyasint,omitempty"` // what is free of each
	Labels   map[string]string `cbor:"5,keyasint,omitempty"`
	Draining bool              `cbor:"6,keyasint,omitempty"`
	Held     []Hold            `cbor:"7,keyasint,omitempty"` // for placement groups; it is not free
}

// Hold is what a node holds for an attempt to place a group: of each bundle the GPUs.
type Hold struct {
	Group   spec.GroupID       `cbor:"1,keyasint"`
	Attempt group.Attempt      `cbor:"2,keyasint"`
	On      []resource.Devices `cbor:"3,keyasint"`
}

// Job says what a job is, before the first Run of it. Home is the node where its driver is.
type Job struct {
	ID        spec.JobID  `cbor:"1,keyasint"`
	Namespace string      `cbor:"2,keyasint"`
	Env       []string    `cbor:"3,keyasint,omitempty"` // K=V, sorted
	Home      spec.NodeID `cbor:"4,keyasint"`
	Weight    float64     `cbor:"5,keyasint,omitempty"` // of its share of the receiver; 0: 1
	Files     string      `cbor:"6,keyasint,omitempty"` // the working directory, which is to be at the same place everywhere
	Output    bool        `cbor:"7,keyasint,omitempty"` // the home wants what its tasks write
}

// Output is a line that a task has written, for the job's home.
type Output struct {
	Job    spec.JobID  `cbor:"1,keyasint"`
	Task   spec.TaskID `cbor:"2,keyasint"`
	Name   string      `cbor:"3,keyasint"`
	Stderr bool        `cbor:"4,keyasint,omitempty"`
	Text   []byte      `cbor:"5,keyasint"`
}

// Module names a module and says how it is loaded.
type Module struct {
	Digest  spec.Digest `cbor:"1,keyasint"`
	Engine  string      `cbor:"2,keyasint"`
	Trusted bool        `cbor:"3,keyasint,omitempty"`
}

// JobEnd says that a job is to end, or has ended, where the message goes or comes from. As JobCopy it says to the job's home
// that the sender has a copy of it now, of which another node told it.
type JobEnd struct {
	ID spec.JobID `cbor:"1,keyasint"`
}

// Run asks to make one attempt of a task. The references among its arguments have been carried before ([Count]), once for
// each time that they occur, and go over to the attempt.
type Run struct {
	Number    uint64            `cbor:"1,keyasint"` // the sender's, of the attempt
	Job       spec.JobID        `cbor:"2,keyasint"`
	Module    Module            `cbor:"3,keyasint"`
	Task      spec.TaskID       `cbor:"4,keyasint"`
	Parent    spec.TaskID       `cbor:"5,keyasint"`
	Attempt   int32             `cbor:"6,keyasint,omitempty"`
	Name      string            `cbor:"7,keyasint"`
	Function  string            `cbor:"8,keyasint"`
	Args      []Arg             `cbor:"9,keyasint,omitempty"`
	Returns   int32             `cbor:"10,keyasint"`
	Need      spec.Resources    `cbor:"11,keyasint"`
	Memory    int64             `cbor:"12,keyasint,omitempty"` // cap of the sandbox, bytes; 0: the default
	Priority  int32             `cbor:"13,keyasint,omitempty"`
	Left      time.Duration     `cbor:"14,keyasint,omitempty"` // until its deadline; 0: it has none
	Placement *spec.Placement   `cbor:"15,keyasint,omitempty"`
	Hops      int32             `cbor:"16,keyasint,omitempty"` // how often it was moved
	Actor     bool              `cbor:"17,keyasint,omitempty"` // it is a method of the actor that the task's id names, which the receiver owns
	Options   *spec.TaskOptions `cbor:"18,keyasint,omitempty"` // then: what its caller said; the function is named without its class
}

// Arg is an argument: a value, or the object whose value it is.
type Arg struct {
	Value *Value         `cbor:"1,keyasint,omitempty"`
	Ref   *spec.ObjectID `cbor:"2,keyasint,omitempty"`
}

// Value is a value with what it refers to.
type Value struct {
	Data  []byte `cbor:"1,keyasint"`
	Links []Link `cbor:"2,keyasint,omitempty"`
}

// Link is a reference. It travels as the bytes of the object's or the actor's id.
type Link spec.Link

// Group is what the node of a placement group's creator asks of a node that has bundles of it, see [group.Message].
type Group struct {
	Verb      group.Verb    `cbor:"1,keyasint"`
	ID        spec.GroupID  `cbor:"2,keyasint"`
	Attempt   group.Attempt `cbor:"3,keyasint"`
	Namespace string        `cbor:"4,keyasint,omitempty"` // whose quota it is of
	Bundles   []Bundle      `cbor:"5,keyasint,omitempty"`
	Removed   bool          `cbor:"6,keyasint,omitempty"`
}

// Bundle is one that is to be reserved.
type Bundle struct {
	Index int            `cbor:"1,keyasint"`
	Need  spec.Resources `cbor:"2,keyasint"`
}

// GroupReply is the answer, see [group.Reply].
type GroupReply struct {
	Verb    group.ReplyVerb    `cbor:"1,keyasint"`
	ID      spec.GroupID       `cbor:"2,keyasint"`
	Attempt group.Attempt      `cbor:"3,keyasint"`
	On      []resource.Devices `cbor:"4,keyasint,omitempty"`
	Report  *Report            `cbor:"5,keyasint,omitempty"`
}

// Began says that an attempt has what it needs and runs.
type Began struct {
	Number uint64 `cbor:"1,keyasint"`
}

// Moved says that an attempt was not begun and is not going to be: there is no room for it, or it was called back. To is a
// node that has room, as far as the sender knows; zero for none.
type Moved struct {
	Number uint64      `cbor:"1,keyasint"`
	To     spec.NodeID `cbor:"2,keyasint"`
}

// Ran says what came of an attempt: its results, or an error in the form of spec.MarshalError.
type Ran struct {
	Number  uint64   `cbor:"1,keyasint"`
	Results []Result `cbor:"2,keyasint,omitempty"`
	Err     []byte   `cbor:"3,keyasint,omitempty"`
	CPU     int64    `cbor:"4,keyasint,omitempty"` // nanoseconds that its sandbox computed
}

// Result is one result. If Size is not 0 its bytes, so many, are with the sender, who keeps them until [Drop].
type Result struct {
	Value Value `cbor:"1,keyasint"`
	Size  int64 `cbor:"2,keyasint,omitempty"`
}

// Stop says that an attempt is not wanted any more. Below: what it submitted is not, and nothing is said of it itself.
type Stop struct {
	Number uint64 `cbor:"1,keyasint"`
	Err    []byte `cbor:"2,keyasint,omitempty"`
	Below  bool   `cbor:"3,keyasint,omitempty"`
	Force  bool   `cbor:"4,keyasint,omitempty"`
}

// Count is a message of the protocol of borrowers, see [owner.Borrows].
type Count struct {
	Op    owner.BorrowOp `cbor:"1,keyasint"`
	Link  Link           `cbor:"2,keyasint"`
	Owner spec.NodeID    `cbor:"3,keyasint"`
}

// State is what an object's owner tells a borrower when it is there: an error, a value, or where its bytes are. The
// references in its value have been carried before.
type State struct {
	ID    spec.ObjectID `cbor:"1,keyasint"`
	Made  int           `cbor:"2,keyasint,omitempty"` // how often its bytes were made
	Err   []byte        `cbor:"3,keyasint,omitempty"`
	Value Value         `cbor:"4,keyasint"`
	Size  int64         `cbor:"5,keyasint,omitempty"` // of its bytes; 0: they are in Value
	At    []spec.NodeID `cbor:"6,keyasint,omitempty"` // who has them, or had
}

// Lost tells an object's owner that its bytes, as they were made that time, come from nowhere.
type Lost struct {
	ID   spec.ObjectID `cbor:"1,keyasint"`
	Made int           `cbor:"2,keyasint"`
}

// Drop says that a result's bytes are not wanted any more.
type Drop struct {
	ID spec.ObjectID `cbor:"1,keyasint"`
}

// Cancel asks an object's owner to cancel the task that makes it.
type Cancel struct {
	ID        spec.ObjectID `cbor:"1,keyasint"`
	Force     bool          `cbor:"3,keyasint,omitempty"`
	Recursive bool          `cbor:"4,keyasint,omitempty"`
}

// Copied tells an object's owner that the sender has all of its bytes now, or has none of them any more.
type Copied struct {
	ID   spec.ObjectID `cbor:"1,keyasint"`
	Gone bool          `cbor:"2,keyasint,omitempty"`
}

// Ask is a question: exactly one of the fields beside Number is set. It is answered once.
type Ask struct {
	Number uint64        `cbor:"1,keyasint"` // the sender's
	Source *Source       `cbor:"2,keyasint,omitempty"`
	Chunk  *Chunk        `cbor:"3,keyasint,omitempty"`
	Module *Piece        `cbor:"4,keyasint,omitempty"`
	Actor  *spec.ActorID `cbor:"5,keyasint,omitempty"` // what is it?
	Name   *Name         `cbor:"6,keyasint,omitempty"` // which actor has it? Its handle is carried before the answer
}

// Name is an actor's.
type Name struct {
	Namespace string `cbor:"1,keyasint"`
	Name      string `cbor:"2,keyasint"`
}

// Source asks an object's owner who has its bytes. Failed is the one that was named before and could not give them, and Why.
type Source struct {
	ID     spec.ObjectID `cbor:"1,keyasint"`
	Failed spec.NodeID   `cbor:"2,keyasint"`
	Why    []byte        `cbor:"3,keyasint,omitempty"`
}

// Chunk asks for a chunk of an object of Size bytes, and with Sums for the checksums of all.
type Chunk struct {
	ID    spec.ObjectID `cbor:"1,keyasint"`
	Size  int64         `cbor:"2,keyasint"`
	Chunk int64         `cbor:"3,keyasint"`
	Sums  bool          `cbor:"4,keyasint,omitempty"`
}

// Piece asks for some of a module's bytes, from an offset on.
type Piece struct {
	Digest spec.Digest `cbor:"1,keyasint"`
	From   int64       `cbor:"2,keyasint"`
}

// Answer is the answer.
type Answer struct {
	Number uint64        `cbor:"1,keyasint"`
	Err    []byte        `cbor:"2,keyasint,omitempty"`
	Node   spec.NodeID   `cbor:"3,keyasint"`           // of a Source
	Data   []byte        `cbor:"4,keyasint,omitempty"` // of a Chunk or a Piece
	Size   int64         `cbor:"5,keyasint,omitempty"` // of a Piece: of the module
	Sums   []uint32      `cbor:"6,keyasint,omitempty"` // of a Chunk
	Actor  *Actor        `cbor:"7,keyasint,omitempty"` // of an Actor
	Found  *spec.ActorID `cbor:"8,keyasint,omitempty"` // of a Name
}

// Actor says what an actor is.
type Actor struct {
	Module  Module            `cbor:"1,keyasint"`
	Class   string            `cbor:"2,keyasint"`
	Options spec.ActorOptions `cbor:"3,keyasint"`
}

// NewActor asks to create an actor, of which the sender counts a handle already.
type NewActor struct {
	ID      spec.ActorID      `cbor:"1,keyasint"`
	Job     spec.JobID        `cbor:"2,keyasint"`
	Parent  spec.TaskID       `cbor:"3,keyasint"`
	Module  Module            `cbor:"4,keyasint"`
	Class   string            `cbor:"5,keyasint"`
	Args    []Arg             `cbor:"6,keyasint,omitempty"`
	Options spec.ActorOptions `cbor:"7,keyasint"`
}

// ActorEnd asks to end an actor: at once, or when it has served the calls that wait.
type ActorEnd struct {
	ID         spec.ActorID `cbor:"1,keyasint"`
	By         spec.TaskID  `cbor:"2,keyasint"`
	NoRestart  bool         `cbor:"3,keyasint,omitempty"`
	Gracefully bool         `cbor:"4,keyasint,omitempty"`
}
