package hostcall

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// HandleTable is what a session's handles stood for at one moment: it makes another session in which the same numbers mean
// the same. It counts nothing: who keeps it counts its links.
type HandleTable struct {
	table  handles
	number uint32
}

// HandleTable returns what the session's handles stand for, between two calls.
func (s *Session) HandleTable() *HandleTable {
	h := &HandleTable{table: s.handles, number: s.began}
	h.table.slots = slices.Clone(s.handles.slots)
	return h
}

// Holds reports whether the session has handles, between two calls.
func (s *Session) Holds() bool { return s.handles.open > 0 }

// Bytes returns what it takes.
func (h *HandleTable) Bytes() int64 { return HandleBytes * int64(cap(h.table.slots)) }

// Links returns what its handles stand for, one link for each.
func (h *HandleTable) Links() []spec.Link {
	links := make([]spec.Link, 0, h.table.open)
	for i := range h.table.slots {
		if s := &h.table.slots[i]; s.held {
			links = append(links, s.link)
		}
	}
	return links
}

// Take gives a new session the handles, each of which counts for itself. It fails with spec.ObjectStoreFull when there is
// no room for them.
func (s *Session) Take(h *HandleTable) error {
	if err := s.hold(h.Bytes()); err != nil {
		return err
	}
	s.handles, s.began = h.table, h.number
	s.handles.slots = slices.Clone(h.table.slots)
	s.countIn(h.Links())
	return nil
}

// HandleForm is a HandleTable in a form that outlives its process.
type HandleForm struct {
	Number uint32     `cbor:"1,keyasint"` // of the last call
	Slots  []SlotForm `cbor:"2,keyasint,omitempty"`
}

// SlotForm is one place of it.
type SlotForm struct {
	Generation uint8      `cbor:"1,keyasint,omitempty"`
	Link       *spec.Link `cbor:"2,keyasint,omitempty"` // nil: it is free
	Ready      bool       `cbor:"3,keyasint,omitempty"` // its object's value can be read
}

// Form returns the table's form.
func (h *HandleTable) Form() HandleForm {
	f := HandleForm{Number: h.number}
	for i := range h.table.slots {
		s := SlotForm{Generation: h.table.slots[i].gen}
		if held := &h.table.slots[i]; held.held {
			s.Link, s.Ready = &held.link, held.ready
		}
		f.Slots = append(f.Slots, s)
	}
	return f
}

// Table returns the table of a form of which nothing is known. value gives the value of an object that can be read.
// Errors: spec.Corrupted.
func (f HandleForm) Table(value func(spec.ObjectID) (spec.Value, error)) (*HandleTable, error) {
	if len(f.Slots) > spec.MaxHandles+1 || len(f.Slots) > 0 && f.Slots[0].Link != nil {
		return nil, spec.Errorf("read handles", spec.Corrupted, "", "there are %d of them, at most %d, and none is number 0", len(f.Slots), spec.MaxHandles)
	}
	h := &HandleTable{number: f.Number}
	h.table.slots = make([]slot, len(f.Slots))
	for i := len(f.Slots) - 1; i > 0; i-- {
		s, form := &h.table.slots[i], f.Slots[i]
		s.gen = form.Generation & genMask
		if form.Link == nil {
			s.next, h.table.free = h.table.free, uint32(i)
			continue
		}
		s.link, s.held = *form.Link, true
		h.table.open++
		if form.Ready && !s.link.IsActor {
			var err error
			if s.value, err = value(s.link.Object); err != nil {
				return nil, err
			}
			s.ready = true
		}
	}
	return h, nil
}
