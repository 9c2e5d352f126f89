package store

import (
	"sync"

	"github.com/raywasm/raywasm/spec"
)

// Store holds objects in memory up to a limit. It is safe for concurrent use.
type Store struct {
	limit int64 // bytes

	mu      sync.RWMutex
	used    int64 // bytes
	objects map[spec.ObjectID][]byte
}

// New returns an empty store of at most limit bytes.
func New(limit int64) *Store {
	return &Store{limit: limit, objects: make(map[spec.ObjectID][]byte)}
}

// Put keeps data, which the caller gives away, under id. It fails with spec.ObjectStoreFull when the store has no room
// and with spec.AlreadyExists when the id is taken.
func (s *Store) Put(id spec.ObjectID, data []byte) error {
	const op = "store"
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[id]; ok {
		return &spec.Error{Op: op, Kind: spec.AlreadyExists, ID: "object " + id.String()}
	}
	if free := s.limit - s.used; int64(len(data)) > free {
		return spec.Errorf(op, spec.ObjectStoreFull, "object "+id.String(),
			"it has %s and %s of %s are free: release refs that are not needed, or raise the object store's memory",
			spec.FormatBytes(int64(len(data))), spec.FormatBytes(free), spec.FormatBytes(s.limit))
	}
	s.used += int64(len(data))
	s.objects[id] = data
	return nil
}

// Get returns the object's bytes, which must not be changed.
func (s *Store) Get(id spec.ObjectID) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	data, ok := s.objects[id]
	return data, ok
}

// Delete forgets the object; deleting an unknown one is no error. Bytes already handed out stay valid.
func (s *Store) Delete(id spec.ObjectID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= int64(len(s.objects[id]))
	delete(s.objects, id)
}

// Used returns the bytes held, and how many objects hold them.
func (s *Store) Used() (bytes int64, objects int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.used, len(s.objects)
}
