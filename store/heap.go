package store

import (
	"sync"
	"sync/atomic"

	"github.com/raywasm/raywasm/spec"
)

// Heap holds objects in memory and counts what is reserved. It is safe for concurrent use.
type Heap struct {
	limit int64        // bytes
	used  atomic.Int64 // bytes reserved by all accounts

	mu      sync.RWMutex
	objects map[spec.ObjectID][]byte
}

// NewHeap returns an empty store of which at most limit bytes can be reserved.
func NewHeap(limit int64) *Heap {
	return &Heap{limit: limit, objects: make(map[spec.ObjectID][]byte)}
}

// Put keeps data, which the caller gives away and has reserved, under id. It fails with spec.AlreadyExists when the id
// is taken.
func (s *Heap) Put(id spec.ObjectID, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[id]; ok {
		return &spec.Error{Op: "store", Kind: spec.AlreadyExists, ID: "object " + id.String()}
	}
	s.objects[id] = data
	return nil
}

// Get returns the object's bytes, which must not be changed.
func (s *Heap) Get(id spec.ObjectID) ([]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	data, ok := s.objects[id]
	return data, ok
}

// Delete forgets the object; deleting an unknown one is no error. Bytes already handed out stay valid. What was
// reserved for it is the caller's to release.
func (s *Heap) Delete(id spec.ObjectID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, id)
}

// Used returns the bytes reserved, and how many objects are held.
func (s *Heap) Used() (bytes int64, objects int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.used.Load(), len(s.objects)
}
