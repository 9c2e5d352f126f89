package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// used checks what is reserved.
func used(t *testing.T, b *store.Bound, want int64) {
	t.Helper()
	if bytes := b.Used(); bytes != want {
		t.Fatalf("%d bytes are reserved, want %d", bytes, want)
	}
}

func TestReservationsKeepWithinTheLimit(t *testing.T) {
	b := store.NewBound(900, 0)
	a := b.Account()
	if err := a.Reserve(500); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{401, 1 << 62, 301} { // over the bound, far over it, over the account's share
		for _, a := range []*store.Account{a, a.Large()} {
			if err := a.Reserve(n); !errors.Is(err, spec.ObjectStoreFull) {
				t.Fatalf("%d bytes beside 500 of 900: got %v, want ObjectStoreFull", n, err)
			}
		}
		used(t, b, 500)
	}
	if err := a.Large().Reserve(300); err != nil {
		t.Fatalf("the account's whole share, 8/9: %v", err)
	}
	a.Release(800)
	used(t, b, 0)
	if a.Used() != 0 {
		t.Fatalf("the account holds %d bytes", a.Used())
	}
}

// What cannot be spilled gets no more room by a disk, and what can takes none from it.
func TestADiskIsForLargeObjectsAlone(t *testing.T) {
	b := store.NewBound(900, 9*900)
	a := b.Account()
	if err := a.Large().Reserve(8000); err != nil {
		t.Fatalf("8/9 of memory and disk: %v", err)
	}
	if err := a.Large().Reserve(1000); !errors.Is(err, spec.ObjectStoreFull) || !strings.Contains(err.Error(), "memory and disk") {
		t.Fatalf("more than that: %v", err)
	}
	if err := a.Reserve(800); err != nil {
		t.Fatalf("8/9 of the memory: %v", err)
	}
	if err := a.Reserve(1); !errors.Is(err, spec.ObjectStoreFull) {
		t.Fatalf("more than that: %v", err)
	}
	used(t, b, 8800)
	if a.Used() != 8800 {
		t.Fatalf("the account holds %d bytes", a.Used())
	}
	a.Release(800)
	a.Large().Release(8000)
	used(t, b, 0)
}

func TestAGreedyAccountLeavesSomethingForOthers(t *testing.T) {
	b := store.NewBound(spec.MiB, 0)
	greedy, late := b.Account(), b.Account()
	for greedy.Reserve(100) == nil {
	}
	if least := int64(spec.MiB * 8 / 10); greedy.Used() < least {
		t.Errorf("one account alone gets %d bytes, want %d at least", greedy.Used(), least)
	}
	if err := late.Reserve(spec.MiB / 20); err != nil {
		t.Errorf("a twentieth beside a greedy account: %v", err)
	}
	if greedy.Reserve(1) == nil {
		t.Error("the greedy account gets more although somebody came")
	}
}

func TestConcurrentUseBalances(t *testing.T) {
	const limit = 4000
	b := store.NewBound(limit, 0)
	var wg sync.WaitGroup
	for w := range uint64(8) {
		a := b.Account()
		random := rand.New(rand.NewPCG(1, w))
		wg.Go(func() {
			for range 2000 {
				n := random.Int64N(1000)
				if a.Reserve(n) != nil {
					continue
				}
				if bytes := b.Used(); bytes > limit {
					t.Errorf("%d bytes are reserved of %d", bytes, limit)
				}
				a.Release(n)
			}
		})
	}
	wg.Wait()
	used(t, b, 0)
}

func BenchmarkReserve(b *testing.B) {
	a := store.NewBound(spec.GiB, 0).Account()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a.Reserve(1000) == nil {
				a.Release(1000)
			}
		}
	})
}

func ExampleBound() {
	bound := store.NewBound(spec.MiB, 0)
	job := bound.Account()
	if err := job.Reserve(100 * spec.KiB); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bound.Used())
	job.Release(100 * spec.KiB)
	fmt.Println(errors.Is(job.Reserve(spec.MiB), spec.ObjectStoreFull))
	// Output:
	// 102400
	// true
}
