package checkpoints_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/checkpoints"
	"github.com/raywasm/raywasm/wal/faults"
)

// small makes segments so small that the log is swept all the time.
var small = checkpoints.Options{SegmentBytes: 2000}

// known is what a plain program remembers of an actor.
type known struct {
	checkpoint []byte
	upTo       uint64
	calls      []checkpoints.Call
}

// world is the actors of a random program, and what each may be like after a crash: as it was when the last write was
// acknowledged, or as the write that was under way would have made it.
type world map[spec.ActorID]known

// step does one random thing and returns the world that it makes. The store's error is returned with it.
func (w world) step(random *rand.Rand, s *checkpoints.Store) (world, error) {
	a := actor(random.Uint64N(6))
	now, after := w[a], world{}
	for id, k := range w {
		after[id] = k
	}
	ctx := context.Background()
	switch random.IntN(10) {
	case 0:
		delete(after, a)
		return after, s.Delete(ctx, a)
	case 1, 2, 3, 4:
		upTo := now.upTo + random.Uint64N(uint64(len(now.calls))+1)
		state := make([]byte, random.IntN(400))
		for i := range state {
			state[i] = byte(random.Uint32())
		}
		after[a] = known{state, upTo, now.calls[upTo-now.upTo:]}
		return after, s.Save(ctx, a, state, upTo)
	}
	c := call(random.Uint64(), fmt.Sprint("method", random.IntN(100)))
	if random.IntN(2) == 0 {
		c.Result = nil
	}
	after[a] = known{now.checkpoint, now.upTo, append(slices.Clip(now.calls), c)}
	at, err := s.Append(ctx, a, c)
	if want := now.upTo + uint64(len(now.calls)) + 1; err == nil && at != want {
		return after, fmt.Errorf("call got position %d, want %d", at, want)
	}
	return after, err
}

// is says how what the store has differs from the world, "" if it does not.
func (w world) is(s *checkpoints.Store) string {
	n := 0
	for a := range s.Actors() {
		if _, ok := w[a]; !ok {
			return fmt.Sprintf("actor %v is there", a)
		}
		n++
	}
	if n != len(w) {
		return fmt.Sprintf("%d actors are there, want %d", n, len(w))
	}
	for a, want := range w {
		got, err := s.Load(a)
		if err != nil {
			return err.Error()
		}
		if got.UpTo != want.upTo || !bytes.Equal(got.Checkpoint, want.checkpoint) || (got.Checkpoint == nil) != (want.checkpoint == nil) ||
			!slices.EqualFunc(got.Calls, want.calls, sameCall) {
			return fmt.Sprintf("actor %v has a checkpoint of %d bytes up to %d and %d calls, want %d up to %d and %d", a, len(got.Checkpoint), got.UpTo, len(got.Calls), len(want.checkpoint), want.upTo, len(want.calls))
		}
	}
	return ""
}

func sameCall(a, b checkpoints.Call) bool {
	return a.Caller == b.Caller && a.Seq == b.Seq && a.Method == b.Method && bytes.Equal(a.Args, b.Args) && bytes.Equal(a.Result, b.Result) && (a.Result == nil) == (b.Result == nil)
}

func openDisk(t *testing.T, disk *faults.Disk, o checkpoints.Options) *checkpoints.Store {
	t.Helper()
	s, err := checkpoints.OpenDir(disk, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // of a disk that was cut
	return s
}

// TestRandomPrograms runs long programs that are killed now and then, on segments so small that most records are moved
// several times.
func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 1))
		disk := faults.New()
		s := openDisk(t, disk, small)
		w := world{}
		most := int64(0)
		for i := range 1500 {
			var err error
			if w, err = w.step(random, s); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
			most = max(most, s.Usage().Bytes)
			if random.IntN(100) == 0 {
				disk = disk.Killed()
				s = openDisk(t, disk, small)
			}
			if i%25 == 0 {
				if wrong := w.is(s); wrong != "" {
					t.Fatalf("seed %d, step %d: %s", seed, i, wrong)
				}
			}
		}
		if u := s.Usage(); most > 60_000 || u.Damaged != nil {
			t.Fatalf("seed %d: the directory grew to %d bytes, %+v", seed, most, u)
		}
	}
}

// TestEveryCut runs a program with the power cut at its steps, every seventh of them so that each byte of a record is one
// in some record: each actor is as it was acknowledged, or as the write that was under way makes it.
func TestEveryCut(t *testing.T) {
	const length, stride = 40, 7
	small := checkpoints.Options{SegmentBytes: 1000}
	program := func(disk *faults.Disk) (acknowledged, next world) {
		random := rand.New(rand.NewPCG(11, 1))
		acknowledged, next = world{}, world{}
		s, err := checkpoints.OpenDir(disk, small)
		if err != nil {
			return acknowledged, next
		}
		defer s.Close()
		for range length {
			if next, err = acknowledged.step(random, s); err != nil {
				return acknowledged, next
			}
			acknowledged = next
		}
		return acknowledged, next
	}
	whole := faults.New()
	if program(whole); !slices.Contains(names(whole), "0000000000000004.wal") || slices.Contains(names(whole), "0000000000000001.wal") {
		t.Fatalf("the program was not swept: there is %q", names(whole))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for cut := int64(0); cut < whole.Steps(); cut += stride {
		disk := faults.New()
		disk.CutAfter(cut)
		acknowledged, next := program(disk)
		for _, after := range []*faults.Disk{disk.Killed(), disk.PoweredOff(random)} {
			s, err := checkpoints.OpenDir(after, small)
			if err != nil {
				t.Fatalf("cut at step %d: %v", cut, err)
			}
			if wrong, also := acknowledged.is(s), next.is(s); wrong != "" && also != "" {
				t.Fatalf("cut at step %d: %s; or %s", cut, wrong, also)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func names(d *faults.Disk) []string {
	all, _ := d.Names() // it never fails
	return all
}

// TestEveryFlippedBit: whatever bit is wrong in a store that was closed, no value that it gives is.
func TestEveryFlippedBit(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 1))
	disk := faults.New()
	s := openDisk(t, disk, checkpoints.Options{})
	w := world{}
	for range 25 {
		var err error
		if w, err = w.step(random, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := names(disk)[0]
	found := 0
	for offset := range disk.Contents(name) {
		damaged := disk.Killed()
		damaged.Flip(name, int64(offset), offset%8)
		s, err := checkpoints.OpenDir(damaged, checkpoints.Options{})
		if err != nil {
			if k := spec.KindOf(err); k != spec.Corrupted && k != spec.Unsupported {
				t.Fatalf("bit at %d: got %v, want Corrupted", offset, err)
			}
			found++
			continue
		}
		if wrong := w.is(s); wrong != "" {
			t.Fatalf("bit at %d: %s", offset, wrong)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if all := len(disk.Contents(name)); found < all-40 { // but for the closing mark
		t.Fatalf("%d flipped bits of %d were found", found, all)
	}
}

// TestDamageIsOfOneActor: in a segment that is not the last, a damaged record is the end of its actor only.
func TestDamageIsOfOneActor(t *testing.T) {
	disk := faults.New()
	s := openDisk(t, disk, small)
	for n := range uint64(10) {
		if err := s.Save(t.Context(), actor(n), bytes.Repeat([]byte{byte(n)}, 300), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	first := names(disk)[0]
	disk.Flip(first, int64(bytes.Index(disk.Contents(first), bytes.Repeat([]byte{3}, 100))), 2)
	s = openDisk(t, disk, small)
	for n := range uint64(10) {
		saved, err := s.Load(actor(n))
		if n == 3 && !errors.Is(err, spec.Corrupted) || n != 3 && (err != nil || saved.Checkpoint[0] != byte(n)) {
			t.Fatalf("actor %d: %d bytes, %v", n, len(saved.Checkpoint), err)
		}
	}
	if err := s.Delete(t.Context(), actor(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(actor(3)); !errors.Is(err, spec.NotFound) {
		t.Fatalf("deleted: got %v, want NotFound", err)
	}
}

func TestAFailedWriteFailsWhatFollows(t *testing.T) {
	disk := faults.New()
	s := openDisk(t, disk, checkpoints.Options{})
	if _, err := s.Append(t.Context(), actor(1), call(1, "before")); err != nil {
		t.Fatal(err)
	}
	disk.SetCapacity(s.Usage().Bytes + 50)
	var all []*checkpoints.Pending
	for i := range uint64(5) {
		all = append(all, s.Begin(actor(1), call(i, "refused")))
	}
	all = append(all, s.BeginSave(actor(2), make([]byte, 100), 0))
	for i, p := range all {
		if err := p.Wait(t.Context()); !errors.Is(err, spec.OutOfDisk) {
			t.Fatalf("write %d: got %v, want OutOfDisk", i, err)
		}
	}
	disk.SetCapacity(-1)
	if at, err := s.Append(t.Context(), actor(1), call(9, "after")); err != nil || at != 2 {
		t.Fatalf("with room again: position %d, %v, want 2", at, err)
	}
	expect(t, s, actor(1), "", 0, "before", "after")
}

func TestTheLimitHolds(t *testing.T) {
	const limit = 200_000
	s := openDisk(t, faults.New(), checkpoints.Options{Limit: limit})
	state := make([]byte, 1000)
	refused := 0
	for i := range uint64(2000) {
		err := s.Save(t.Context(), actor(i%100), state, 0)
		if errors.Is(err, spec.OutOfDisk) {
			refused++
			err = s.Delete(t.Context(), actor(i%100))
		}
		if err != nil {
			t.Fatal(err)
		}
		if u := s.Usage(); u.Bytes > limit {
			t.Fatalf("the directory has %d bytes: %+v", u.Bytes, u)
		}
	}
	if refused == 0 {
		t.Fatal("nothing was refused: this test shows nothing")
	}
}

// TestManyWriters: actors of several goroutines do not mind each other, nor the sweeper.
func TestManyWriters(t *testing.T) {
	disk := faults.New()
	s := openDisk(t, disk, checkpoints.Options{SegmentBytes: 20_000})
	var all sync.WaitGroup
	for n := range uint64(8) {
		all.Go(func() {
			upTo := uint64(0)
			for i := range uint64(300) {
				at, err := s.Append(t.Context(), actor(n), call(i, "count"))
				if err != nil || at != i+1 {
					t.Errorf("actor %d, call %d: position %d, %v", n, i, at, err)
					return
				}
				if i%7 == n%7 {
					if err := s.Save(t.Context(), actor(n), fmt.Append(nil, at), at); err != nil {
						t.Error(err)
						return
					}
					upTo = at
				}
				saved, err := s.Load(actor(n))
				if err != nil || saved.UpTo != upTo || uint64(len(saved.Calls)) != at-upTo || upTo > 0 && string(saved.Checkpoint) != fmt.Sprint(upTo) {
					t.Errorf("actor %d after call %d: %q up to %d and %d calls, %v", n, i, saved.Checkpoint, saved.UpTo, len(saved.Calls), err)
					return
				}
			}
		})
	}
	all.Wait()
	if first := names(disk)[0]; first == "0000000000000001.wal" {
		t.Fatal("the log was never swept: this test shows less than it should")
	}
}

func TestAScratchStoreBeginsEmpty(t *testing.T) {
	o := small
	o.Scratch = true
	disk := faults.New()
	s := openDisk(t, disk, o)
	if err := s.Save(t.Context(), actor(1), []byte("asleep"), 0); err != nil {
		t.Fatal(err)
	}
	expect(t, s, actor(1), "asleep", 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := names(disk); len(left) > 0 {
		t.Fatalf("there is %q", left)
	}
}
