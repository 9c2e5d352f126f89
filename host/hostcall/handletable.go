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
