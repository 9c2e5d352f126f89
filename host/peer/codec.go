package peer

import (
	"errors"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/sched/resource"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/transfer"
)

// Limits of what one message says.
const (
	// MaxFrame bounds a frame: a message with an answer's part, or with arguments that travel in line, and its frame.
	MaxFrame = 64 * spec.MiB
	// MaxPart bounds what one Answer brings: a chunk of an object, or a piece of a module.
	MaxPart = transfer.ChunkBytes
	// MaxMessages bounds the messages of a frame.
	MaxMessages = 4096
	// maxAt bounds how many nodes are named as having an object: there may be more.
	maxAt = 64
	// maxGPUs bounds the GPUs of a node.
	maxGPUs = 1 << 16
	// maxEnv bounds the bytes of a job's environment.
	maxEnv = spec.MiB
)

// Encode returns the frame of messages. They are this program's own: there are no errors.
func Encode(messages []Message) []byte {
	frame, err := spec.Marshal(messages)
	if err != nil {
		panic("peer: " + err.Error()) // only functions and channels cannot be encoded, and no message has any
	}
	return frame
}

// Decode reads a frame and checks its messages. Error: spec.InvalidArgument, which says what is wrong with which message.
func Decode(frame []byte) ([]Message, error) {
	const op = "read a peer's message"
	if len(frame) > MaxFrame {
		return nil, spec.Errorf(op, spec.LimitExceeded, "", "a frame of %d bytes, at most %d", len(frame), MaxFrame)
	}
	var messages []Message
	if err := spec.Unmarshal(frame, &messages); err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, Err: err}
	}
	if len(messages) > MaxMessages {
		return nil, spec.Errorf(op, spec.LimitExceeded, "", "a frame of %d messages, at most %d", len(messages), MaxMessages)
	}
	for i := range messages {
		if what, err := messages[i].check(); err != nil {
			return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: what, Err: err}
		}
	}
	return messages, nil
}

// checker is what each kind of message is.
type checker interface{ check() error }

// check reports what is wrong with a message, and which it is.
func (m *Message) check() (what string, err error) {
	var one checker
	count := 0
	set := func(name string, is bool, c checker) {
		if is {
			what, one = name, c
			count++
		}
	}
	set("report", m.Report != nil, m.Report)
	set("job", m.Job != nil, m.Job)
	set("job's end", m.JobEnd != nil, m.JobEnd)
	set("end of a job", m.JobEnded != nil, m.JobEnded)
	set("copy of a job", m.JobCopy != nil, m.JobCopy)
	set("run", m.Run != nil, m.Run)
	set("began", m.Began != nil, m.Began)
	set("moved", m.Moved != nil, m.Moved)
	set("ran", m.Ran != nil, m.Ran)
	set("stop", m.Stop != nil, m.Stop)
	set("count", m.Count != nil, m.Count)
	set("state", m.State != nil, m.State)
	set("lost", m.Lost != nil, m.Lost)
	set("drop", m.Drop != nil, m.Drop)
	set("cancel", m.Cancel != nil, m.Cancel)
	set("ask", m.Ask != nil, m.Ask)
	set("answer", m.Answer != nil, m.Answer)
	set("copied", m.Copied != nil, m.Copied)
	set("placement group", m.Group != nil, m.Group)
	set("new actor", m.NewActor != nil, m.NewActor)
	set("output", m.Output != nil, m.Output)
	set("end of an actor", m.ActorEnd != nil, m.ActorEnd)
	set("answer of a placement group", m.Reply != nil, m.Reply)
	if count != 1 {
		return "message", errors.New("it is none or several of the messages that there are")
	}
	return what, one.check()
}

var (
	errTooMany  = errors.New("it has more entries than its limit")
	errName     = errors.New("a name is longer than spec.MaxNameBytes")
	errNegative = errors.New("a number is negative")
	errNothing  = errors.New("it is to reserve nothing")
	errNobody   = errors.New("it is of a node without an id")
	errError    = errors.New("its error is not the form of one")
)

func (r *Report) check() error {
	if err := r.Total.Check(); err != nil {
		return err
	}
	if err := r.Free.Check(); err != nil {
		return err
	}
	if len(r.GPUs) > maxGPUs {
		return errTooMany
	}
	for _, h := range r.Held {
		if err := checkDevices(h.On); err != nil {
			return err
		}
	}
	return nil
}

// checkDevices bounds the GPUs of bundles.
func checkDevices(on []resource.Devices) error {
	if len(on) > spec.MaxBundles {
		return errTooMany
	}
	for _, d := range on {
		if len(d) > maxGPUs {
			return errTooMany
		}
	}
	return nil
}

func (g *Group) check() error {
	if len(g.Bundles) > spec.MaxBundles {
		return errTooMany
	}
	if len(g.Namespace) > spec.MaxNameBytes {
		return errName
	}
	if g.Verb < group.Prepare || g.Verb > group.Cancel {
		return errors.New("it is none of the things to ask for")
	}
	if g.Verb == group.Prepare && len(g.Bundles) == 0 {
		return errNothing
	}
	seen := make(map[int]bool, len(g.Bundles))
	for _, b := range g.Bundles {
		if b.Index < 0 || b.Index >= spec.MaxBundles || seen[b.Index] {
			return errors.New("there is no such bundle, or it is named twice")
		}
		seen[b.Index] = true
		if b.Need.IsZero() {
			return errNothing
		}
		if err := b.Need.Check(); err != nil {
			return err
		}
	}
	return nil
}

func (g *GroupReply) check() error {
	if g.Report != nil {
		if err := g.Report.check(); err != nil {
			return err
		}
	}
	return checkDevices(g.On)
}

func (j *Job) check() error {
	bytes := 0
	for _, e := range j.Env {
		bytes += len(e)
	}
	switch {
	case bytes > maxEnv:
		return errTooMany
	case len(j.Namespace) > spec.MaxNameBytes || len(j.Files) > maxEnv:
		return errName
	case !(j.Weight >= 0):
		return errNegative
	case j.Home == spec.NodeID{}:
		return errNobody
	}
	return nil
}

func (*JobEnd) check() error { return nil }

func (r *Run) check() error {
	switch {
	case len(r.Name) > spec.MaxNameBytes || len(r.Function) > spec.MaxNameBytes || len(r.Module.Engine) > spec.MaxNameBytes:
		return errName
	case r.Returns > spec.MaxReturns:
		return errTooMany
	case r.Returns < 0 || r.Attempt < 0 || r.Memory < 0 || r.Left < 0 || r.Hops < 0:
		return errNegative
	case r.Task.Job() != r.Job:
		return errors.New("its task is another job's")
	case r.Actor == r.Task.Actor().IsNone():
		return errors.New("it is a method of no actor, or a function of one")
	}
	if err := checkArgs(r.Args); err != nil {
		return err
	}
	if r.Actor != (r.Options != nil) {
		return errors.New("it has the options of a method, or has none")
	}
	if r.Options != nil {
		if err := r.Options.Check(); err != nil {
			return err
		}
	}
	if r.Placement != nil {
		if err := r.Placement.Check(); err != nil {
			return err
		}
	}
	return r.Need.Check()
}

func checkArgs(args []Arg) error {
	if len(args) > spec.MaxArgs {
		return errTooMany
	}
	for _, a := range args {
		if (a.Value == nil) == (a.Ref == nil) {
			return errors.New("an argument is a value and a reference, or neither")
		}
		if a.Value != nil {
			if err := a.Value.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *NewActor) check() error {
	switch {
	case len(a.Class) > spec.MaxNameBytes || len(a.Module.Engine) > spec.MaxNameBytes:
		return errName
	case a.ID.IsNone() || a.ID.Job() != a.Job:
		return errors.New("its id is none, or another job's")
	}
	if err := a.Options.Check(); err != nil {
		return err
	}
	return checkArgs(a.Args)
}

func (*ActorEnd) check() error { return nil }

func (o *Output) check() error {
	switch {
	case len(o.Name) > spec.MaxNameBytes:
		return errName
	case len(o.Text) > spec.MaxOutputLine:
		return errTooMany
	}
	return nil
}

func (v *Value) check() error {
	if len(v.Links) > spec.MaxLinks {
		return errTooMany
	}
	return nil
}

func (*Began) check() error { return nil }
func (*Moved) check() error { return nil }

func (r *Ran) check() error {
	if len(r.Results) > spec.MaxReturns {
		return errTooMany
	}
	for _, x := range r.Results {
		if x.Size < 0 || x.Size > 0 && len(x.Value.Data) > 0 {
			return errors.New("a result has bytes here and elsewhere, or less than none")
		}
		if err := x.Value.check(); err != nil {
			return err
		}
	}
	return checkError(r.Err)
}

func (s *Stop) check() error { return checkError(s.Err) }

func (c *Count) check() error {
	switch c.Op {
	case owner.Carry:
		if c.Owner == (spec.NodeID{}) {
			return errNobody
		}
		return nil
	case owner.Hold, owner.Held, owner.Gone, owner.Unhold, owner.Received:
		return nil
	}
	return errors.New("it is no message of borrowers")
}

func (s *State) check() error {
	switch {
	case s.Size < 0 || s.Made < 0:
		return errNegative
	case len(s.At) > maxAt:
		return errTooMany
	case s.Size > 0 && len(s.Value.Data) > 0:
		return errors.New("its bytes are here and elsewhere")
	}
	if err := s.Value.check(); err != nil {
		return err
	}
	return checkError(s.Err)
}

func (*Lost) check() error   { return nil }
func (*Drop) check() error   { return nil }
func (*Cancel) check() error { return nil }
func (*Copied) check() error { return nil }

func (a *Ask) check() error {
	count := 0
	for _, set := range [...]bool{a.Source != nil, a.Chunk != nil, a.Module != nil, a.Actor != nil, a.Name != nil} {
		if set {
			count++
		}
	}
	switch {
	case count != 1:
		return errors.New("it asks for nothing, or for several things")
	case a.Chunk != nil && (a.Chunk.Size < 1 || a.Chunk.Chunk < 0), a.Module != nil && a.Module.From < 0:
		return errNegative
	case a.Source != nil:
		return checkError(a.Source.Why)
	}
	return nil
}

func (a *Answer) check() error {
	if len(a.Data) > MaxPart || a.Size < 0 {
		return errTooMany
	}
	if a.Actor != nil {
		if err := a.Actor.Options.Check(); err != nil {
			return err
		}
	}
	return checkError(a.Err)
}

// checkError reports whether b is an error's form, or empty.
func checkError(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := spec.UnmarshalError(b); err != nil {
		return errError
	}
	return nil
}

// Error reads an error that was checked; nil for none.
func Error(b []byte) *spec.Error {
	if len(b) == 0 {
		return nil
	}
	e, err := spec.UnmarshalError(b)
	if err != nil {
		return spec.Errorf("read a peer's error", spec.System, "", "%v", err)
	}
	return e
}

// MarshalBinary writes the id.
func (l Link) MarshalBinary() ([]byte, error) {
	if l.IsActor {
		return l.Actor[:], nil
	}
	return l.Object[:], nil
}

// UnmarshalBinary reads it: which of the two it is, is known by its length.
func (l *Link) UnmarshalBinary(b []byte) error {
	switch len(b) {
	case len(spec.ObjectID{}):
		*l = Link(spec.ObjectLink(spec.ObjectID(b)))
	case len(spec.ActorID{}):
		*l = Link(spec.ActorLink(spec.ActorID(b)))
	default:
		return errors.New("a reference is neither to an object nor to an actor")
	}
	return nil
}

// ValueOf returns the form of a value.
func ValueOf(v spec.Value) Value {
	links := make([]Link, len(v.Links))
	for i, l := range v.Links {
		links[i] = Link(l)
	}
	return Value{Data: v.Data, Links: links}
}

// Spec is the opposite of ValueOf.
func (v Value) Spec() spec.Value {
	if len(v.Links) == 0 {
		return spec.Value{Data: v.Data}
	}
	links := make([]spec.Link, len(v.Links))
	for i, l := range v.Links {
		links[i] = spec.Link(l)
	}
	return spec.Value{Data: v.Data, Links: links}
}
