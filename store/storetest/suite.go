package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// Limit is how much memory the stores under test have, in bytes.
const Limit = 4 * spec.MiB

// Suite says what is tested.
type Suite struct {
	// Open returns an empty store of Limit that refuses within a second what nothing can help, and is closed by the test's
	// cleanup.
	Open func(t *testing.T) store.Store
	// Spills says that primary copies leave memory when it is short.
	Spills bool
}

// Object returns the id of the n-th object.
func Object(n int) spec.ObjectID { return spec.DriverTaskID(spec.JobNumber(1)).Object(uint32(n)) }

// Bytes returns the bytes of the n-th object.
func Bytes(n, size int) []byte {
	b := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16), 1})
	_, _ = random.Read(b) // never fails
	return b
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	ctx := context.Background()
	put := func(t *testing.T, st store.Store, n, size int, kind store.Copy) {
		t.Helper()
		if err := store.Put(ctx, st, Object(n), Bytes(n, size), kind); err != nil {
			t.Fatalf("put object %d of %d bytes: %v", n, size, err)
		}
	}
	get := func(t *testing.T, st store.Store, n, size int) *store.View {
		t.Helper()
		v, err := st.Get(ctx, Object(n))
		if err != nil {
			t.Fatalf("get object %d: %v", n, err)
		}
		if !bytes.Equal(v.Bytes, Bytes(n, size)) {
			t.Fatalf("object %d reads differently", n)
		}
		return v
	}
	gone := func(t *testing.T, st store.Store, n int) {
		t.Helper()
		if v, err := st.Get(ctx, Object(n)); !errors.Is(err, spec.NotFound) {
			t.Fatalf("object %d is there: %v, %v", n, v, err)
		}
	}
	empty := func(t *testing.T, st store.Store) {
		t.Helper()
		until(func() bool { u := st.Usage(); return u.Disk == 0 && u.Objects == 0 }) // what was being spilled goes when that is done
		if u := st.Usage(); u.Used != 0 || u.Objects+u.Drafts+u.Waiting != 0 || u.Primary+u.Secondary+u.Viewed+u.Spilled+u.Fallback != 0 {
			t.Fatalf("in the end there is %+v", u)
		}
	}

	t.Run("what is put is got", func(t *testing.T) {
		st := s.Open(t)
		sizes := []int{1, 63, 64, 4095, 4096, 4097, 16 << 10, 16<<10 + 1, 100 << 10, spec.MiB + 5}
		for n, size := range sizes {
			put(t, st, n, size, store.Primary)
		}
		for n, size := range sizes {
			v, again := get(t, st, n, size), get(t, st, n, size)
			v.Release()
			v.Release() // twice is fine
			if !bytes.Equal(again.Bytes, Bytes(n, size)) {
				t.Errorf("object %d after another view was released", n)
			}
			again.Release()
			st.Delete(Object(n))
			gone(t, st, n)
		}
		st.Delete(Object(100))
		empty(t, st)
	})
	t.Run("a draft that is cleared shows nothing of what was there before", func(t *testing.T) {
		st := s.Open(t)
		for _, size := range []int{1, 5000, 16<<10 + 1, 100_001, spec.MiB + 5} {
			for n := range 3 { // of which one is given up with something in it
				d, err := st.Create(ctx, Object(n), int64(size), store.Primary)
				if err != nil {
					t.Fatal(err)
				}
				copy(d.Bytes, Bytes(n, size))
				if n == 1 {
					d.Abort()
				} else if err := d.Seal(); err != nil {
					t.Fatal(err)
				}
			}
			st.Delete(Object(0))
			var drafts []*store.Draft
			for n := range 2 {
				d, err := st.Create(ctx, Object(10+n), int64(size), store.Primary)
				if err != nil {
					t.Fatal(err)
				}
				d.Clear()
				page := d.Bytes
				if d.Region != store.NoRegion { // to its end, where a mapping shows it
					page = unsafe.Slice(unsafe.SliceData(d.Bytes), (size+4095)/4096*4096)
				}
				if len(bytes.Trim(page, "\x00")) > 0 {
					t.Errorf("draft %d of %d bytes is not all zeros", n, size)
				}
				drafts = append(drafts, d)
			}
			get(t, st, 2, size).Release() // the neighbour is as it was
			for _, d := range drafts {
				d.Abort()
			}
			st.Delete(Object(2))
		}
		empty(t, st)
	})
	t.Run("a draft is nobody's until it is sealed", func(t *testing.T) {
		st := s.Open(t)
		d, err := st.Create(ctx, Object(1), 100_000, store.Primary)
		if err != nil {
			t.Fatal(err)
		}
		gone(t, st, 1)
		if _, err := st.Create(ctx, Object(1), 10, store.Primary); !errors.Is(err, spec.AlreadyExists) {
			t.Errorf("the id of a draft: %v", err)
		}
		copy(d.Bytes, Bytes(1, 100_000))
		if err := d.Seal(); err != nil {
			t.Fatal(err)
		}
		d.Abort() // too late
		get(t, st, 1, 100_000).Release()
		if err := store.Put(ctx, st, Object(1), []byte("another"), store.Primary); !errors.Is(err, spec.AlreadyExists) {
			t.Errorf("the id of an object: %v", err)
		}
		get(t, st, 1, 100_000).Release()
		d, err = st.Create(ctx, Object(2), 100_000, store.Primary)
		if err != nil {
			t.Fatal(err)
		}
		d.Abort()
		gone(t, st, 2)
		put(t, st, 2, 10, store.Primary)
		st.Delete(Object(1))
		st.Delete(Object(2))
		empty(t, st)
	})
	t.Run("what cannot be is refused", func(t *testing.T) {
		st := s.Open(t)
		for _, size := range []int64{0, -1, -1 << 63} {
			if _, err := st.Create(ctx, Object(1), size, store.Primary); !errors.Is(err, spec.InvalidArgument) {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if _, err := st.Create(ctx, Object(1), 1<<62, store.Primary); err == nil {
			t.Error("an object larger than any memory")
		}
		if err := st.Mark(Object(1), store.Secondary); !errors.Is(err, spec.NotFound) {
			t.Errorf("to mark nothing: %v", err)
		}
		empty(t, st)
	})
	t.Run("a deleted object stays as long as it is viewed", func(t *testing.T) {
		st := s.Open(t)
		put(t, st, 1, spec.MiB, store.Primary)
		v := get(t, st, 1, spec.MiB)
		st.Delete(Object(1))
		gone(t, st, 1)
		for n := 2; n < 8; n++ {
			put(t, st, n, spec.MiB/2, store.Secondary)
		}
		if !bytes.Equal(v.Bytes, Bytes(1, spec.MiB)) {
			t.Error("its bytes changed")
		}
		v.Release()
		for n := 2; n < 8; n++ {
			st.Delete(Object(n))
		}
		empty(t, st)
	})
	t.Run("secondary copies are evicted", func(t *testing.T) {
		st := s.Open(t)
		for n := range 4 {
			put(t, st, n, spec.MiB, store.Secondary)
		}
		if err := st.Mark(Object(0), store.Primary); err != nil {
			t.Fatal(err)
		}
		v := get(t, st, 1, spec.MiB)
		get(t, st, 2, spec.MiB).Release() // used later than 3
		put(t, st, 4, spec.MiB, store.Secondary)
		gone(t, st, 3)
		for n := range 3 {
			get(t, st, n, spec.MiB).Release()
		}
		if !bytes.Equal(v.Bytes, Bytes(1, spec.MiB)) {
			t.Error("what was viewed changed")
		}
		v.Release()
		for n := range 5 {
			st.Delete(Object(n))
		}
		empty(t, st)
	})
	t.Run("what is sealed with a view is not evicted before it is viewed", func(t *testing.T) {
		st := s.Open(t)
		d, err := st.Create(ctx, Object(1), 2*spec.MiB, store.Secondary)
		if err != nil {
			t.Fatal(err)
		}
		copy(d.Bytes, Bytes(1, 2*spec.MiB))
		done := make(chan error, 1)
		go func() {
			done <- patiently(func() error { return store.Put(ctx, st, Object(2), Bytes(2, 3*spec.MiB), store.Secondary) })
		}()
		until(func() bool { return st.Usage().Waiting == 1 }) // for what would be evicted
		v, err := d.SealView()
		if err != nil {
			t.Fatal(err)
		}
		d.Abort() // too late
		if !bytes.Equal(v.Bytes, Bytes(1, 2*spec.MiB)) {
			t.Error("its bytes changed")
		}
		v.Release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		gone(t, st, 1)
		st.Delete(Object(2))
		empty(t, st)
	})
	t.Run("who needs memory waits for it", func(t *testing.T) {
		st := s.Open(t)
		put(t, st, 1, Limit-spec.MiB, store.Primary)
		v := get(t, st, 1, Limit-spec.MiB)
		done := make(chan error, 1)
		go func() {
			done <- patiently(func() error { return store.Put(ctx, st, Object(2), Bytes(2, 2*spec.MiB), store.Primary) })
		}()
		until(func() bool { return st.Usage().Waiting == 1 })
		st.Delete(Object(1))
		v.Release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		get(t, st, 2, 2*spec.MiB).Release()
		st.Delete(Object(2))
		empty(t, st)
	})
	t.Run("whoever gives up leaves nothing", func(t *testing.T) {
		st := s.Open(t)
		put(t, st, 1, Limit-spec.MiB, store.Primary)
		v := get(t, st, 1, Limit-spec.MiB)
		cause := errors.New("not wanted any more")
		ctx, cancel := context.WithCancelCause(ctx)
		done := make(chan error, 1)
		go func() {
			done <- patiently(func() error {
				_, err := st.Create(ctx, Object(2), 2*spec.MiB, store.Primary)
				return err
			})
		}()
		until(func() bool { return st.Usage().Waiting == 1 })
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("it ends with %v", err)
		}
		v.Release()
		st.Delete(Object(1))
		empty(t, st)
	})
	t.Run("full of what is in use", func(t *testing.T) {
		st := s.Open(t)
		put(t, st, 1, Limit-spec.MiB, store.Primary)
		v := get(t, st, 1, Limit-spec.MiB)
		if _, err := st.Create(ctx, Object(2), 2*spec.MiB, store.Primary); !errors.Is(err, spec.ObjectStoreFull) {
			t.Errorf("it ends with %v", err)
		}
		v.Release()
		get(t, st, 1, Limit-spec.MiB).Release()
		st.Delete(Object(1))
		empty(t, st)
	})
	t.Run("concurrent use balances", func(t *testing.T) {
		st := s.Open(t)
		var all sync.WaitGroup
		for w := range 4 {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			all.Go(func() {
				for i := range 150 {
					n, size := w*1000+i, 1+random.IntN(1<<(1+random.IntN(19)))
					if err := store.Put(ctx, st, Object(n), Bytes(n, size), store.Copy(random.IntN(2))); err != nil {
						t.Errorf("put: %v", err)
						return
					}
					for back := range min(i, 3) {
						v, err := st.Get(ctx, Object(n-back))
						if errors.Is(err, spec.NotFound) {
							continue // evicted
						}
						if err != nil || !bytes.Equal(v.Bytes, Bytes(n-back, len(v.Bytes))) {
							t.Errorf("object %d of worker %d: %v", i-back, w, err)
							return
						}
						v.Release()
					}
					if i >= 3 {
						st.Delete(Object(n - 3))
					}
				}
				for i := range 150 {
					st.Delete(Object(w*1000 + i))
				}
			})
		}
		all.Wait()
		empty(t, st)
	})
	t.Run("an id is taken once", func(t *testing.T) {
		st := s.Open(t)
		var all sync.WaitGroup
		won := make(chan int, 8)
		for w := range cap(won) {
			all.Go(func() {
				if err := store.Put(ctx, st, Object(1), Bytes(w, 1000), store.Primary); err == nil {
					won <- w
				} else if !errors.Is(err, spec.AlreadyExists) {
					t.Errorf("it ends with %v", err)
				}
			})
		}
		all.Wait()
		close(won)
		first, second := <-won, 0
		for range won {
			second++
		}
		v, err := st.Get(ctx, Object(1))
		if err != nil || second != 0 || !bytes.Equal(v.Bytes, Bytes(first, 1000)) {
			t.Fatalf("%d more than one took it; %v", second, err)
		}
		v.Release()
	})
	if !s.Spills {
		return
	}
	t.Run("four times the memory comes back", func(t *testing.T) {
		st := s.Open(t)
		const size = 300_000
		count := 4 * Limit / size
		for n := range count {
			put(t, st, n, size, store.Primary)
			if u := st.Usage(); u.Used > Limit {
				t.Fatalf("%d bytes are in use", u.Used)
			}
		}
		random := rand.New(rand.NewPCG(2, 2))
		for _, n := range random.Perm(count) {
			get(t, st, n, size).Release()
		}
		if u := st.Usage(); u.Spills == 0 || u.Restores == 0 || u.Disk == 0 {
			t.Errorf("nothing was spilled: %+v", u)
		}
		order := random.Perm(count)
		for _, n := range order[:count/2] {
			st.Delete(Object(n))
		}
		for _, n := range order[count/2:] { // some of them from files that were compacted
			get(t, st, n, size).Release()
		}
		for _, n := range order[count/2:] {
			st.Delete(Object(n))
		}
		empty(t, st)
	})
	t.Run("many get the same object at once", func(t *testing.T) {
		st := s.Open(t)
		put(t, st, 0, spec.MiB, store.Primary)
		for n := 1; n < 6; n++ {
			put(t, st, n, spec.MiB, store.Primary)
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				v, err := st.Get(ctx, Object(0))
				if err != nil || !bytes.Equal(v.Bytes, Bytes(0, spec.MiB)) {
					t.Errorf("it reads differently: %v", err)
					return
				}
				v.Release()
			})
		}
		all.Wait()
		if u := st.Usage(); u.Restores != 1 {
			t.Errorf("it was restored %d times", u.Restores)
		}
		for n := range 6 {
			st.Delete(Object(n))
		}
		empty(t, st)
	})
}

// FailAtAnyStep holds a store to its promises whose disk fails: everything that was put is got or, while the disk fails, an
// error. open returns a store of Limit whose disk calls step before each of its operations, and fails if that does; it
// waits until the disk works again. Each of the first operations fails in turn, and the two that follow it.
func FailAtAnyStep(t *testing.T, open func(t *testing.T, step func() error) store.Store) {
	ctx := context.Background()
	for k := range 30 {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			var steps atomic.Int32
			st := open(t, func() error {
				if n := int(steps.Add(1)); n > 2*k && n <= 2*k+3 {
					return errors.New("input/output error")
				}
				return nil
			})
			for n := range 10 {
				if err := store.Put(ctx, st, Object(n), Bytes(n, spec.MiB), store.Primary); err != nil {
					t.Fatalf("put %d: %v", n, err)
				}
				if n >= 6 {
					st.Delete(Object(n - 6))
				}
			}
			for n := 4; n < 10; n++ {
				v, err := st.Get(ctx, Object(n))
				for tries := 0; errors.Is(err, spec.System) && tries < 4; tries++ {
					v, err = st.Get(ctx, Object(n)) // it could not be read then
				}
				if err != nil || !bytes.Equal(v.Bytes, Bytes(n, spec.MiB)) {
					t.Fatalf("get %d: %v", n, err)
				}
				v.Release()
			}
		})
	}
}

// patiently puts until it is not refused: on a busy machine it may have waited too long for a test that goes on.
func patiently(put func() error) error {
	err := put()
	for errors.Is(err, spec.ObjectStoreFull) {
		err = put()
	}
	return err
}

// until waits for a condition that others bring about.
func until(condition func() bool) {
	for !condition() {
		runtime.Gosched()
	}
}
