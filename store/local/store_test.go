package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/spill"
	"github.com/raywasm/raywasm/store/storetest"
)

func open(tb testing.TB, cfg local.Config) *local.Store {
	tb.Helper()
	s, err := local.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func disk(tb testing.TB, files spill.FS, dirs ...string) *spill.Disk {
	tb.Helper()
	var targets []spill.Target
	for _, d := range dirs {
		target, err := spill.OpenDir(d, 0, files)
		if err != nil {
			tb.Fatal(err)
		}
		targets = append(targets, target)
	}
	return spill.NewDisk(zaptest.NewLogger(tb), 0, targets...)
}

// small is a configuration in which everything happens with little memory.
var small = local.Config{Limit: storetest.Limit, MinSpill: spec.MiB / 2, Grace: 20 * time.Millisecond, Pause: time.Millisecond, Keep: spec.MiB}

func TestMemoryAlone(t *testing.T) {
	storetest.Run(t, storetest.Suite{Open: func(t *testing.T) store.Store { return open(t, small) }})
}

func TestMemoryAndOneDirectory(t *testing.T) {
	storetest.Run(t, storetest.Suite{Spills: true, Open: func(t *testing.T) store.Store {
		cfg := small
		cfg.Disk = disk(t, spill.OS{}, t.TempDir())
		return open(t, cfg)
	}})
}

func TestMemoryAndManyDirectories(t *testing.T) {
	storetest.Run(t, storetest.Suite{Spills: true, Open: func(t *testing.T) store.Store {
		cfg := small
		cfg.Disk = disk(t, &storetest.Files{}, t.TempDir(), t.TempDir(), t.TempDir())
		cfg.MinSpill, cfg.Batches = 1, 1 // a file for every object
		return open(t, cfg)
	}})
}

func TestResidentMemoryComesBack(t *testing.T) {
	s := open(t, small)
	for n := range 4 {
		if err := store.Put(t.Context(), s, storetest.Object(n), storetest.Bytes(n, 900_000), store.Primary); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 4 {
		s.Delete(storetest.Object(n))
	}
	// What is punched is out of use until it is done, and an object of all the memory waits for it.
	if err := store.Put(t.Context(), s, storetest.Object(9), storetest.Bytes(9, storetest.Limit), store.Primary); err != nil {
		t.Fatal(err)
	}
	s.Delete(storetest.Object(9))
	for s.Usage().Resident > small.Keep { // until it is punched, too
		runtime.Gosched()
	}
}

// TestPagesComeBackWhereverTheyAre: what was freed is part of a much longer free run, of which little has pages.
func TestPagesComeBackWhereverTheyAre(t *testing.T) {
	s := open(t, local.Config{Limit: 64 * spec.MiB, Keep: spec.MiB})
	for n := range 8 {
		if err := store.Put(t.Context(), s, storetest.Object(n), storetest.Bytes(n, spec.MiB), store.Primary); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{3, 0, 7, 5, 1, 6, 2, 4} {
		s.Delete(storetest.Object(n))
	}
	for s.Usage().Resident > spec.MiB {
		runtime.Gosched()
	}
}

// TestWhatDoesNotFitIsWrittenToDiskDirectly: memory is full of what is viewed, and one object is larger than all of it.
func TestWhatDoesNotFitIsWrittenToDiskDirectly(t *testing.T) {
	cfg := small
	cfg.FallbackDir = t.TempDir()
	s := open(t, cfg)
	sizes := map[int]int{1: storetest.Limit, 2: spec.MiB, 3: 2 * storetest.Limit}
	var views []*store.View
	for n := 1; n <= 3; n++ {
		if err := store.Put(t.Context(), s, storetest.Object(n), storetest.Bytes(n, sizes[n]), store.Primary); err != nil {
			t.Fatal(err)
		}
		v, err := s.Get(t.Context(), storetest.Object(n))
		if err != nil || string(v.Bytes) != string(storetest.Bytes(n, sizes[n])) {
			t.Fatalf("object %d: %v", n, err)
		}
		views = append(views, v)
	}
	if u := s.Usage(); u.Fallback != spec.MiB+2*storetest.Limit || u.Fallbacks != 2 {
		t.Errorf("%+v", u)
	}
	for n, v := range views {
		s.Delete(storetest.Object(n + 1))
		v.Release()
	}
	if u := s.Usage(); u.Fallback != 0 || u.Used != 0 {
		t.Errorf("in the end there is %+v", u)
	}
}

// TestADiskThatIsFullLosesNothing: who needs room is told so, what is there stays, and when there is room again it goes on.
func TestADiskThatIsFullLosesNothing(t *testing.T) {
	full := 0.99
	files := &storetest.Files{Used: func() float64 { return full }}
	cfg := small
	cfg.Disk = disk(t, files, t.TempDir())
	s := open(t, cfg)
	put := func(n int) error {
		return store.Put(t.Context(), s, storetest.Object(n), storetest.Bytes(n, spec.MiB), store.Primary)
	}
	for n := range 4 {
		if err := put(n); err != nil {
			t.Fatal(err)
		}
	}
	err := put(4)
	if !errors.Is(err, spec.OutOfDisk) || !strings.Contains(err.Error(), "99.0 % of the disk") {
		t.Fatalf("with a full disk: %v", err)
	}
	for n := range 4 {
		v, err := s.Get(t.Context(), storetest.Object(n))
		if err != nil || string(v.Bytes) != string(storetest.Bytes(n, spec.MiB)) {
			t.Fatalf("object %d: %v", n, err)
		}
		v.Release()
	}
	files.Break(func(*storetest.Files) { full = 0.1 })
	for err = put(4); errors.Is(err, spec.OutOfDisk); err = put(4) { // the disk is tried again after a pause
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsALostObjectAndNeverAWrongValue(t *testing.T) {
	for what, damage := range map[string]func([]byte) int{
		"a bit is altered": func(b []byte) int { b[len(b)/2] ^= 4; return len(b) },
		"cut short":        func(b []byte) int { return len(b) - 1 },
		"zeros":            func(b []byte) int { clear(b); return len(b) },
	} {
		t.Run(what, func(t *testing.T) {
			files := &storetest.Files{}
			cfg := small
			cfg.Disk = disk(t, files, t.TempDir())
			s := open(t, cfg)
			for n := range 6 {
				if err := store.Put(t.Context(), s, storetest.Object(n), storetest.Bytes(n, spec.MiB), store.Primary); err != nil {
					t.Fatal(err)
				}
			}
			files.Break(func(f *storetest.Files) { f.Read = damage })
			if v, err := s.Get(t.Context(), storetest.Object(0)); !errors.Is(err, spec.ObjectLost) {
				t.Fatalf("a damaged object: %v, %v", v, err)
			}
			files.Break(func(f *storetest.Files) { f.Read = nil })
			if v, err := s.Get(t.Context(), storetest.Object(0)); !errors.Is(err, spec.NotFound) {
				t.Fatalf("a lost object: %v, %v", v, err)
			}
			v, err := s.Get(t.Context(), storetest.Object(1))
			if err != nil || string(v.Bytes) != string(storetest.Bytes(1, spec.MiB)) {
				t.Fatalf("another object: %v", err)
			}
			v.Release()
		})
	}
}

// TestAnObjectOf8GiB is written in place, read, spilled, and read again: with RAYWASM_LONG=1, for it takes that much memory
// and disk.
func TestAnObjectOf8GiB(t *testing.T) {
	if os.Getenv("RAYWASM_LONG") == "" {
		t.Skip("it takes 9 GiB of memory: set RAYWASM_LONG=1")
	}
	const size, piece = 8 * spec.GiB, 64 * spec.MiB
	s := open(t, local.Config{Limit: 9 * spec.GiB, Disk: disk(t, spill.OS{}, t.TempDir())})
	pattern := storetest.Bytes(1, piece)
	took := func(what string, began time.Time) { t.Logf("%s: %v", what, time.Since(began).Round(time.Millisecond)) }
	began := time.Now()
	d, err := s.Create(t.Context(), storetest.Object(1), size, store.Primary)
	if err != nil {
		t.Fatal(err)
	}
	for off := 0; off < size; off += piece {
		pattern[0] = byte(off / piece)
		copy(d.Bytes[off:], pattern)
	}
	if err := d.Seal(); err != nil {
		t.Fatal(err)
	}
	took("written in place", began)
	read := func() {
		t.Helper()
		began := time.Now()
		v, err := s.Get(t.Context(), storetest.Object(1))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Release()
		took("got", began)
		for off := 0; off < size; off += piece {
			if pattern[0] = byte(off / piece); string(v.Bytes[off:off+piece]) != string(pattern) {
				t.Fatalf("it reads differently at %d", off)
			}
		}
	}
	read()
	began = time.Now()
	d, err = s.Create(t.Context(), storetest.Object(2), 2*spec.GiB, store.Primary)
	if err != nil {
		t.Fatal(err)
	}
	took("spilled", began)
	d.Abort()
	read()
	if u := s.Usage(); u.Restores != 1 {
		t.Errorf("%+v", u)
	}
}

func TestADiskThatFailsAtAnyStep(t *testing.T) {
	for _, dirs := range []int{1, 3} {
		t.Run(fmt.Sprint(dirs), func(t *testing.T) {
			storetest.FailAtAnyStep(t, func(t *testing.T, step func() error) store.Store {
				var paths []string
				for range dirs {
					paths = append(paths, t.TempDir())
				}
				cfg := small
				cfg.Disk = disk(t, &storetest.Files{Before: func(string) error { return step() }}, paths...)
				cfg.Grace = time.Minute // the disk is tried again meanwhile
				return open(t, cfg)
			})
		})
	}
}

func TestASlowDisk(t *testing.T) {
	storetest.Run(t, storetest.Suite{Spills: true, Open: func(t *testing.T) store.Store {
		cfg := small
		cfg.Disk = disk(t, &storetest.Files{Before: func(string) error {
			for range 300 { // everybody else comes first
				runtime.Gosched()
			}
			return nil
		}}, t.TempDir())
		return open(t, cfg)
	}})
}

func ExampleOpen() {
	s, err := local.Open(local.Config{Limit: 64 * spec.MiB})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	ctx, id := context.Background(), storetest.Object(1)
	if err := store.Put(ctx, s, id, []byte("immutable"), store.Primary); err != nil {
		fmt.Println(err)
	}
	v, err := s.Get(ctx, id)
	fmt.Printf("%s %v\n", v.Bytes, err)
	v.Release()
	s.Delete(id)
	// Output: immutable <nil>
}
