package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

func object(n uint32) spec.ObjectID { return spec.DriverTaskID(spec.JobNumber(1)).Object(n) }

func TestPutKeepsWithinTheLimit(t *testing.T) {
	s := store.New(10)
	if err := s.Put(object(1), make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(object(2), make([]byte, 5)); !errors.Is(err, spec.ObjectStoreFull) {
		t.Fatalf("a second object over the limit: got %v, want ObjectStoreFull", err)
	}
	if err := s.Put(object(1), nil); !errors.Is(err, spec.AlreadyExists) {
		t.Fatalf("the same id again: got %v, want AlreadyExists", err)
	}
	if bytes, n := s.Used(); bytes != 6 || n != 1 {
		t.Fatalf("after refused puts: %d bytes in %d objects, want 6 in 1", bytes, n)
	}
	s.Delete(object(1))
	s.Delete(object(7))
	if bytes, n := s.Used(); bytes != 0 || n != 0 {
		t.Fatalf("after delete: %d bytes in %d objects, want none", bytes, n)
	}
}

func TestConcurrentUseBalances(t *testing.T) {
	s := store.New(1 << 20)
	var wg sync.WaitGroup
	for w := range uint32(8) {
		wg.Go(func() {
			for i := range uint32(200) {
				id := object(w*1000 + i)
				if err := s.Put(id, []byte{byte(w), byte(i)}); err != nil {
					t.Error(err)
					return
				}
				if b, ok := s.Get(id); !ok || b[0] != byte(w) || b[1] != byte(i) {
					t.Errorf("object %d of worker %d reads %v, %v", i, w, b, ok)
				}
				s.Delete(id)
			}
		})
	}
	wg.Wait()
	if bytes, n := s.Used(); bytes != 0 || n != 0 {
		t.Fatalf("%d bytes in %d objects are left", bytes, n)
	}
}

func ExampleStore() {
	s := store.New(spec.MiB)
	id := object(1)
	if err := s.Put(id, []byte("immutable")); err != nil {
		fmt.Println(err)
	}
	data, ok := s.Get(id)
	fmt.Printf("%s %v\n", data, ok)
	// Output: immutable true
}
