package spec

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
)

// Ids have Ray's sizes and nesting, so that tools that know Ray's can read ours: an actor id ends with its job's id,
// a task id ends with the id of the actor it runs on (or of no actor, which still names the job), and an object id is
// its creating task's id followed by an index.
type (
	// NodeID names one raywasm process.
	NodeID [28]byte
	// JobID names one job: a driver and all it caused.
	JobID [4]byte
	// ActorID names an actor: 12 unique bytes, then the job. All-ones unique bytes mean "no actor".
	ActorID [16]byte
	// TaskID names one task: 8 unique bytes, then the actor. Retries keep the id.
	TaskID [24]byte
	// ObjectID names an object: the task that created it, then a little-endian index.
	ObjectID [28]byte
	// Digest names bytes (a module, a bundle) by their SHA-256.
	Digest [sha256.Size]byte
)

// The index part of an [ObjectID] says how the object came to be: 1 to MaxReturns for a task's results in order, then
// a range reserved for streamed results, then a range for puts. Ray divides its index space the same way.
const (
	// MaxReturns is how many results one task may declare.
	MaxReturns = 1 << 16
	// FirstStreamIndex is the index of a task's first streamed result.
	FirstStreamIndex = MaxReturns + 1
	// FirstPutIndex is the index of a task's first put; 100,000,000 stream indexes lie below it.
	FirstPutIndex = FirstStreamIndex + 100_000_000
)

// NewNodeID returns a fresh random node id.
func NewNodeID() NodeID {
	var id NodeID
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	return id
}

// JobNumber returns the id of a node's n-th job, in Ray's little-endian form: job 1 prints as 01000000.
func JobNumber(n uint32) JobID {
	var id JobID
	binary.LittleEndian.PutUint32(id[:], n)
	return id
}

// Number is the inverse of JobNumber.
func (id JobID) Number() uint32 { return binary.LittleEndian.Uint32(id[:]) }

// noActor fills the unique part of the id that stands for "no actor" of a job.
const noActor = 0xff

// NoActor returns the id that stands for "no actor" within job.
func NoActor(job JobID) ActorID {
	var id ActorID
	for i := range id[:12] {
		id[i] = noActor
	}
	copy(id[12:], job[:])
	return id
}

// IsNone reports whether id stands for "no actor".
func (id ActorID) IsNone() bool { return id == NoActor(id.Job()) }

// Job returns the job that created the actor.
func (id ActorID) Job() JobID { return JobID(id[12:]) }

// NewActorID returns the id of the index-th actor that parent creates. It is a function of its arguments, so a retried
// task names the same actors.
func NewActorID(parent TaskID, index uint64) ActorID {
	var id ActorID
	sum := derive('a', parent, index)
	copy(id[:12], sum[:])
	job := parent.Job()
	copy(id[12:], job[:])
	return id
}

// DriverTaskID returns the id of a job's driver, which is a task like any other.
func DriverTaskID(job JobID) TaskID {
	var id TaskID
	for i := range id[:8] {
		id[i] = noActor
	}
	actor := NoActor(job)
	copy(id[8:], actor[:])
	return id
}

// NewTaskID returns the id of the index-th task that parent submits, to run on actor (or [NoActor]). It is a function
// of its arguments, so a retried task names the same children.
func NewTaskID(parent TaskID, index uint64, actor ActorID) TaskID {
	var id TaskID
	sum := derive('t', parent, index)
	copy(id[:8], sum[:])
	copy(id[8:], actor[:])
	return id
}

// derive hashes what an id is made of. The leading byte keeps actors and tasks apart.
func derive(what byte, parent TaskID, index uint64) [sha256.Size]byte {
	var b [1 + len(parent) + 8]byte
	b[0] = what
	copy(b[1:], parent[:])
	binary.LittleEndian.PutUint64(b[1+len(parent):], index)
	return sha256.Sum256(b[:])
}

// Actor returns the actor the task runs on, or its job's [NoActor].
func (id TaskID) Actor() ActorID { return ActorID(id[8:]) }

// Job returns the job the task belongs to.
func (id TaskID) Job() JobID { return id.Actor().Job() }

// Object returns the id of the task's object with the given index.
func (id TaskID) Object(index uint32) ObjectID {
	var o ObjectID
	copy(o[:], id[:])
	binary.LittleEndian.PutUint32(o[len(id):], index)
	return o
}

// Task returns the task that created the object.
func (id ObjectID) Task() TaskID { return TaskID(id[:24]) }

// Index returns the object's place among those its task created.
func (id ObjectID) Index() uint32 { return binary.LittleEndian.Uint32(id[24:]) }

// IsPut reports whether the object was made by put rather than returned by its task.
func (id ObjectID) IsPut() bool { return id.Index() >= FirstPutIndex }

// DigestOf returns the SHA-256 of b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

func (id NodeID) String() string   { return hex.EncodeToString(id[:]) }
func (id JobID) String() string    { return hex.EncodeToString(id[:]) }
func (id ActorID) String() string  { return hex.EncodeToString(id[:]) }
func (id TaskID) String() string   { return hex.EncodeToString(id[:]) }
func (id ObjectID) String() string { return hex.EncodeToString(id[:]) }

// String prints the digest in the form OCI uses: "sha256:" and 64 hex digits.
func (d Digest) String() string { return "sha256:" + hex.EncodeToString(d[:]) }

// Short is the first 12 hex digits, for people.
func (d Digest) Short() string { return hex.EncodeToString(d[:6]) }

// ParseDigest reads the form that [Digest.String] prints.
func ParseDigest(s string) (Digest, error) {
	const prefix = "sha256:"
	var d Digest
	if len(s) != len(prefix)+hex.EncodedLen(len(d)) || s[:len(prefix)] != prefix {
		return d, Errorf("parse digest", InvalidArgument, s, "a digest is %q and 64 hex digits", prefix)
	}
	if _, err := hex.Decode(d[:], []byte(s[len(prefix):])); err != nil {
		return d, &Error{Op: "parse digest", Kind: InvalidArgument, ID: s, Err: err}
	}
	return d, nil
}

// ParseNodeID reads 56 hex digits.
func ParseNodeID(s string) (NodeID, error) { return parseID[NodeID]("node", s) }

// ParseJobID reads eight hex digits.
func ParseJobID(s string) (JobID, error) { return parseID[JobID]("job", s) }

// ParseActorID reads 32 hex digits.
func ParseActorID(s string) (ActorID, error) { return parseID[ActorID]("actor", s) }

// ParseTaskID reads 48 hex digits.
func ParseTaskID(s string) (TaskID, error) { return parseID[TaskID]("task", s) }

// ParseObjectID reads 56 hex digits.
func ParseObjectID(s string) (ObjectID, error) { return parseID[ObjectID]("object", s) }

func parseID[T NodeID | JobID | ActorID | TaskID | ObjectID | GroupID](what, s string) (T, error) {
	var id T
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, &Error{Op: "parse " + what + " id", Kind: InvalidArgument, ID: s, Err: fmt.Errorf("want %d hex digits", 2*len(id))}
	}
	reflect.Copy(reflect.ValueOf(&id).Elem(), reflect.ValueOf(b))
	return id, nil
}
