package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

func object(n uint32) spec.ObjectID { return spec.DriverTaskID(spec.JobNumber(1)).Object(n) }

// used checks what is reserved.
func used(t *testing.T, s *store.Heap, want int64) {
	t.Helper()
	if bytes, _ := s.Used(); bytes != want {
		t.Fatalf("%d bytes are reserved, want %d", bytes, want)
	}
}

func TestAnIDIsTakenOnce(t *testing.T) {
	s := store.NewHeap(10)
	if err := s.Put(object(1), []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(object(1), []byte("second")); !errors.Is(err, spec.AlreadyExists) {
		t.Fatalf("the same id again: got %v, want AlreadyExists", err)
	}
	if b, ok := s.Get(object(1)); !ok || string(b) != "first" {
		t.Fatalf("after a refused put: %q, %v", b, ok)
	}
	s.Delete(object(1))
	s.Delete(object(7))
	if _, ok := s.Get(object(1)); ok {
		t.Fatal("a deleted object is there")
	}
	if _, n := s.Used(); n != 0 {
		t.Fatalf("%d objects after delete", n)
	}
}

func TestReservationsKeepWithinTheLimit(t *testing.T) {
	s := store.NewHeap(900)
	a := s.Account()
	if err := a.Reserve(500); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{401, 1 << 62, 301} { // over the store, far over it, over the account's share
		if err := a.Reserve(n); !errors.Is(err, spec.ObjectStoreFull) {
			t.Fatalf("%d bytes beside 500 of 900: got %v, want ObjectStoreFull", n, err)
		}
		used(t, s, 500)
	}
	if err := a.Reserve(300); err != nil {
		t.Fatalf("the account's whole share, 8/9: %v", err)
	}
	a.Release(800)
	used(t, s, 0)
	if a.Used() != 0 {
		t.Fatalf("the account holds %d bytes", a.Used())
	}
}

func TestAGreedyAccountLeavesSomethingForOthers(t *testing.T) {
	s := store.NewHeap(spec.MiB)
	greedy, late := s.Account(), s.Account()
	for greedy.Reserve(100) == nil {
	}
	if least := int64(spec.MiB * 8 / 10); greedy.Used() < least {
		t.Errorf("one account alone gets %d bytes, want %d at least", greedy.Used(), least)
	}
	if err := late.Reserve(spec.MiB / 20); err != nil {
		t.Errorf("a twentieth of the store beside a greedy account: %v", err)
	}
	if greedy.Reserve(1) == nil {
		t.Error("the greedy account gets more although somebody came")
	}
}

func TestConcurrentUseBalances(t *testing.T) {
	const limit = 4000
	s := store.NewHeap(limit)
	var wg sync.WaitGroup
	for w := range uint32(8) {
		a := s.Account()
		random := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			for i := range uint32(2000) {
				n := random.Int64N(1000)
				if a.Reserve(n) != nil {
					continue
				}
				if bytes, _ := s.Used(); bytes > limit {
					t.Errorf("%d bytes are reserved of %d", bytes, limit)
				}
				id := object(w*10_000 + i)
				if err := s.Put(id, []byte{byte(w), byte(i)}); err != nil {
					t.Error(err)
				}
				if b, ok := s.Get(id); !ok || b[0] != byte(w) || b[1] != byte(i) {
					t.Errorf("object %d of worker %d reads %v, %v", i, w, b, ok)
				}
				s.Delete(id)
				a.Release(n)
			}
		})
	}
	wg.Wait()
	if bytes, n := s.Used(); bytes != 0 || n != 0 {
		t.Fatalf("%d bytes and %d objects are left", bytes, n)
	}
}

func BenchmarkReserve(b *testing.B) {
	a := store.NewHeap(spec.GiB).Account()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a.Reserve(1000) == nil {
				a.Release(1000)
			}
		}
	})
}

func ExampleHeap() {
	s := store.NewHeap(spec.MiB)
	job := s.Account()
	id, data := object(1), []byte("immutable")
	if err := job.Reserve(int64(len(data))); err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Put(id, data); err != nil {
		fmt.Println(err)
	}
	data, ok := s.Get(id)
	fmt.Printf("%s %v\n", data, ok)
	// Output: immutable true
}
