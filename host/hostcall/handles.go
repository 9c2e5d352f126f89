package hostcall

import "github.com/raywasm/raywasm/spec"

// A handle has 31 bits, so that it fits beside the errors in a status, and is never 0:
//
//	 30 29        23 22                     0
//	┌──┬────────────┬────────────────────────┐
//	│ 0│ generation │ slot, from 1           │   an object or an actor
//	├──┼────────────┴───────────┬────────────┤
//	│ 1│ call                   │ index      │   an argument of the current call
//	└──┴────────────────────────┴────────────┘
//	 30 29                    14 13         0
//
// A slot's generation grows with each release and a session's call with each Begin, so that a number which outlived what
// it stood for is noticed. Both wrap: that is a help for guests with a bug, not a wall. The wall is that no number of one
// session means anything in another.
const (
	slotBits  = 23
	indexBits = 14

	slotMask  = 1<<slotBits - 1
	indexMask = 1<<indexBits - 1
	genMask   = 1<<(30-slotBits) - 1
	callMask  = 1<<(30-indexBits) - 1

	argumentBit = 1 << 30
	statusBit   = 1 << 31 // never set in a handle

	_ = uint(slotMask - spec.MaxHandles)      // every handle has a slot
	_ = uint(indexMask + 1 - spec.MaxArgs)    // every argument an index
	_ = uint(spec.MaxHandles - spec.MaxLinks) // a value's links fit
)

// handles is the table of one session's objects and actors.
type handles struct {
	slots []slot // the first is never used
	free  uint32 // the first free slot, 0 for none
	open  int
}

// slot is one place of the table.
type slot struct {
	link  spec.Link
	held  bool
	ready bool // get has returned the object's value
	gen   uint8
	next  uint32 // the next free slot, when this one is
	value spec.Value
}

// firstSlots is how many slots the first handle makes.
const firstSlots = 8

// lacks is by how many slots the table must grow for n more handles, 0 if there are enough: it doubles, at least.
func (t *handles) lacks(n int) int {
	have := cap(t.slots)
	need := 1 + t.open + n // the first is never used
	if need <= have {
		return 0
	}
	return max(need, firstSlots, min(2*have, spec.MaxHandles+1)) - have
}

// grow makes the table longer by so many slots.
func (t *handles) grow(more int) {
	slots := make([]slot, max(len(t.slots), 1), cap(t.slots)+more)
	copy(slots, t.slots)
	t.slots = slots
}

// room is how many handles can still be given.
func (t *handles) room() int { return spec.MaxHandles - t.open }

// give makes a handle, which takes over one count of the link. There must be room, made by roomFor.
func (t *handles) give(l spec.Link) uint32 {
	at := t.free
	if at != 0 {
		t.free = t.slots[at].next
	} else {
		at = uint32(len(t.slots))
		t.slots = append(t.slots, slot{})
	}
	s := &t.slots[at]
	s.link, s.held = l, true
	t.open++
	return uint32(s.gen)<<slotBits | at
}

// at returns the slot of an open handle, nil for any other number. It is valid until the next give.
func (t *handles) at(handle uint32) *slot {
	i := handle & slotMask
	if handle&(argumentBit|statusBit) != 0 || i == 0 || int(i) >= len(t.slots) {
		return nil
	}
	s := &t.slots[i]
	if !s.held || uint32(s.gen) != handle>>slotBits {
		return nil
	}
	return s
}

// take closes an open handle; its count is the caller's to release.
func (t *handles) take(handle uint32) (spec.Link, bool) {
	s := t.at(handle)
	if s == nil {
		return spec.Link{}, false
	}
	l := s.link
	*s = slot{gen: (s.gen + 1) & genMask, next: t.free}
	t.free = handle & slotMask
	t.open--
	return l, true
}

// unknown is the error for a number that is no open handle.
func unknown(handle uint32) error {
	return spec.Errorf("", spec.ReferenceCounting, "", "%d is no open handle: it was released, its call is over, or it was never given out", handle)
}

// held returns the slot of an object or an actor.
func (s *Session) held(handle uint32) (*slot, error) {
	if at := s.handles.at(handle); at != nil {
		return at, nil
	}
	if _, ok := s.argument(handle); ok {
		return nil, spec.Errorf("", spec.InvalidArgument, "", "handle %d is an argument's value, not a ref or an actor", handle)
	}
	return nil, unknown(handle)
}

// object returns the slot of an object.
func (s *Session) object(handle uint32) (*slot, error) {
	at, err := s.held(handle)
	if err == nil && at.link.IsActor {
		return nil, spec.Errorf("", spec.InvalidArgument, "", "handle %d is an actor's, not a ref", handle)
	}
	return at, err
}

// actor returns the id of an actor.
func (s *Session) actor(handle uint32) (spec.ActorID, error) {
	at, err := s.held(handle)
	if err != nil {
		return spec.ActorID{}, err
	}
	if !at.link.IsActor {
		return spec.ActorID{}, spec.Errorf("", spec.InvalidArgument, "", "handle %d is a ref, not an actor's", handle)
	}
	return at.link.Actor, nil
}

// argument returns the value of an argument of the current call.
func (s *Session) argument(handle uint32) (*spec.Arg, bool) {
	i := int(handle & indexMask)
	if handle&(argumentBit|statusBit) != argumentBit || handle>>indexBits&callMask != s.number&callMask || i >= len(s.args) {
		return nil, false
	}
	return &s.args[i], true
}

// value returns what can be read: an argument, or an object that get has returned. The bytes of a large one are away.
func (s *Session) value(handle uint32) (*spec.Value, error) {
	if a, ok := s.argument(handle); ok {
		return &a.Value, nil
	}
	at, err := s.object(handle)
	if err != nil {
		return nil, err
	}
	if !at.ready {
		return nil, spec.Errorf("", spec.ObjectNotAvailable, "", "the object of handle %d was not got yet: call get first", handle)
	}
	return &at.value, nil
}
