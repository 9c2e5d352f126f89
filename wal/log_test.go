package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
	"github.com/raywasm/raywasm/wal/faults"
)

// options make segments so small that every test has several.
var options = wal.Options{Purpose: "test", SegmentBytes: 400}

// open returns the log and the metas of the records that it replayed.
func open(dir wal.Dir, o wal.Options) (*wal.Log, []string, []wal.Place, error) {
	var metas []string
	var places []wal.Place
	log, err := wal.Open(dir, o, func(p wal.Place, r wal.Record) error {
		metas, places = append(metas, string(r.Meta)), append(places, p)
		return nil
	})
	return log, metas, places, err
}

func mustOpen(t *testing.T, dir wal.Dir, o wal.Options) (*wal.Log, []string, []wal.Place) {
	t.Helper()
	log, metas, places, err := open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return log, metas, places
}

// record is number n of a row: its body follows from its meta.
func record(n int) wal.Record {
	return wal.Record{Meta: fmt.Appendf(nil, "m%d", n), Body: body(fmt.Sprintf("m%d", n))}
}

func body(meta string) []byte {
	random := rand.New(rand.NewPCG(7, uint64(len(meta))+uint64(meta[len(meta)-1])))
	b := make([]byte, random.IntN(120))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return append(b, meta...)
}

// fill appends batches of 1 to 3 records until something fails, and returns how many records were acknowledged.
func fill(log *wal.Log, batches int) (acknowledged int, err error) {
	for i := range batches {
		var records []wal.Record
		for range 1 + i%3 {
			records = append(records, record(acknowledged+len(records)))
		}
		if _, err := log.Append(records, nil); err != nil {
			return acknowledged, err
		}
		acknowledged += len(records)
	}
	return acknowledged, nil
}

// check reads all that was replayed.
func check(t *testing.T, log *wal.Log, metas []string, places []wal.Place) {
	t.Helper()
	for i, p := range places {
		r, err := log.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Meta) != metas[i] || !bytes.Equal(r.Body, body(metas[i])) {
			t.Fatalf("record %d reads %q with a body of %d bytes, want %q", i, r.Meta, len(r.Body), metas[i])
		}
	}
}

// row checks that metas are m0, m1, ... without a gap, and at least n of them.
func row(t *testing.T, metas []string, n int) {
	t.Helper()
	for i, m := range metas {
		if m != fmt.Sprintf("m%d", i) {
			t.Fatalf("record %d is %q", i, m)
		}
	}
	if len(metas) < n {
		t.Fatalf("%d records are there of %d that were acknowledged", len(metas), n)
	}
}

func TestRecordsComeBackInTheirOrder(t *testing.T) {
	for _, bodies := range []bool{false, true} {
		o := options
		o.Bodies = bodies
		disk := faults.New()
		log, _, _ := mustOpen(t, disk, o)
		n, err := fill(log, 20)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		seen := 0
		log, err = wal.Open(disk, o, func(_ wal.Place, r wal.Record) error {
			if seen++; bodies != bytes.Equal(r.Body, body(string(r.Meta))) {
				t.Errorf("with Bodies %v, replay got a body of %d bytes", bodies, len(r.Body))
			}
			return nil
		})
		if err != nil || seen != n {
			t.Fatalf("%d of %d records came back, %v", seen, n, err)
		}
		if first, last := log.Span(); first != 1 || last < 3 {
			t.Fatalf("the segments are %d to %d, want several", first, last)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEveryCut runs the same program with the power cut at every one of its steps. What was acknowledged is there
// afterwards, what was not is there whole or not at all, and the log goes on.
func TestEveryCut(t *testing.T) {
	program := func(disk *faults.Disk) (acknowledged int, err error) {
		log, _, _, err := open(disk, options)
		if err != nil {
			return 0, err
		}
		if acknowledged, err = fill(log, 12); err != nil {
			return acknowledged, err
		}
		return acknowledged, log.Close()
	}
	whole := faults.New()
	if _, err := program(whole); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for cut := range whole.Steps() {
		disk := faults.New()
		disk.CutAfter(cut)
		acknowledged, err := program(disk)
		if !errors.Is(err, faults.ErrCut) {
			t.Fatalf("cut at step %d: got %v", cut, err)
		}
		for _, after := range []*faults.Disk{disk.Killed(), disk.PoweredOff(random), disk.PoweredOff(random)} {
			log, metas, places := mustOpen(t, after, options)
			row(t, metas, acknowledged)
			if len(metas) > acknowledged+3 {
				t.Fatalf("%d records are there, and %d were acknowledged", len(metas), acknowledged)
			}
			check(t, log, metas, places)
			if _, err := log.Append([]wal.Record{record(len(metas))}, nil); err != nil {
				t.Fatal(err)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			log, again, places := mustOpen(t, after, options)
			row(t, again, len(metas)+1)
			check(t, log, again, places)
		}
	}
}

// TestEveryFlippedBit: whatever bit is wrong in a log that was closed, it is found, by Open or by Read.
func TestEveryFlippedBit(t *testing.T) {
	disk := faults.New()
	log, _, _ := mustOpen(t, disk, options)
	n, err := fill(log, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	names, _ := disk.Names()
	for at, name := range names {
		for offset := range disk.Contents(name) {
			damaged := disk.Killed()
			damaged.Flip(name, int64(offset), offset%8)
			log, metas, places, err := open(damaged, options)
			if err != nil {
				if k := spec.KindOf(err); k != spec.Corrupted && k != spec.Unsupported {
					t.Fatalf("bit at %d of %s: got %v, want Corrupted", offset, name, err)
				}
				continue
			}
			row(t, metas, n)
			wrong := 0
			for i, p := range places {
				r, err := log.Read(p)
				switch {
				case errors.Is(err, spec.Corrupted):
					wrong++
				case err != nil || !bytes.Equal(r.Body, body(metas[i])):
					t.Fatalf("bit at %d of %s: record %d reads %q, %v", offset, name, i, r.Body, err)
				}
			}
			// The closing mark is the one thing that can be damaged without a loss.
			mark := at == len(names)-1 && offset >= len(disk.Contents(name))-32
			if wrong == 0 && !mark {
				t.Fatalf("bit at %d of %s was not found", offset, name)
			}
		}
	}
}

func TestAMissingSegmentIsFound(t *testing.T) {
	disk := faults.New()
	log, _, _ := mustOpen(t, disk, options)
	if _, err := fill(log, 20); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Remove("0000000000000002.wal"); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := open(disk, options); !errors.Is(err, spec.Corrupted) {
		t.Fatalf("got %v, want Corrupted", err)
	}
}

// TestDataIsNoBatch: a guest that knows the form puts a batch into its data; a crash in the middle of that record is no
// damage all the same.
func TestDataIsNoBatch(t *testing.T) {
	forge := faults.New()
	log, _, _ := mustOpen(t, forge, wal.Options{Purpose: "test"})
	if _, err := fill(log, 9); err != nil {
		t.Fatal(err)
	}
	forged := forge.Contents("0000000000000001.wal")
	disk := faults.New()
	log, _, _ = mustOpen(t, disk, wal.Options{Purpose: "test"})
	disk.CutAfter(int64(len(forged)))
	if _, err := log.Append([]wal.Record{{Meta: []byte("evil"), Body: forged}}, nil); !errors.Is(err, faults.ErrCut) {
		t.Fatalf("got %v, want the cut", err)
	}
	if _, metas, _ := mustOpen(t, disk.Killed(), wal.Options{Purpose: "test"}); len(metas) != 0 {
		t.Fatalf("replayed %q", metas)
	}
}

func TestAFullDiskIsAnErrorAndNoEnd(t *testing.T) {
	disk := faults.New()
	log, _, _ := mustOpen(t, disk, options)
	n, err := fill(log, 4)
	if err != nil {
		t.Fatal(err)
	}
	disk.SetCapacity(log.Bytes() + 60)
	big := []wal.Record{{Meta: []byte("big"), Body: make([]byte, 300)}}
	for range 3 {
		if _, err := log.Append(big, nil); !errors.Is(err, spec.OutOfDisk) {
			t.Fatalf("got %v, want OutOfDisk", err)
		}
	}
	disk.SetCapacity(-1)
	if _, err := log.Append([]wal.Record{record(n)}, nil); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	_, metas, _ := mustOpen(t, disk.Killed(), options)
	row(t, metas, n+1)
}

func TestAFailedSyncIsTheEnd(t *testing.T) {
	disk := faults.New()
	log, _, _ := mustOpen(t, disk, options)
	disk.FailSync()
	for range 2 {
		if _, err := log.Append([]wal.Record{record(0)}, nil); !errors.Is(err, faults.ErrSync) {
			t.Fatalf("got %v, want the failed sync", err)
		}
	}
}

func TestDroppedSegmentsAreGone(t *testing.T) {
	disk := faults.New()
	log, _, _ := mustOpen(t, disk, options)
	places, err := log.Append([]wal.Record{record(0)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fill(log, 20); err != nil {
		t.Fatal(err)
	}
	before := log.Bytes()
	_, last := log.Span()
	if err := log.DropBefore(last - 1); err != nil {
		t.Fatal(err)
	}
	if first, _ := log.Span(); first != last-1 || log.Bytes() >= before {
		t.Fatalf("the first segment is %d, want %d; %d bytes of %d are left", first, last-1, log.Bytes(), before)
	}
	if _, err := log.Read(places[0]); !errors.Is(err, spec.NotFound) {
		t.Fatalf("a dropped record: got %v, want NotFound", err)
	}
	if err := log.DropBefore(last + 5); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log, metas, places := mustOpen(t, disk, options)
	if first, _ := log.Span(); first != last {
		t.Fatalf("the first segment is %d, want the last, %d", first, last)
	}
	check(t, log, metas, places)
}

func TestALogOfAnotherKindIsNotOpened(t *testing.T) {
	disk := faults.New()
	log, _, _ := mustOpen(t, disk, options)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := open(disk, wal.Options{Purpose: "other"}); !errors.Is(err, spec.InvalidArgument) || !strings.Contains(err.Error(), `"test"`) {
		t.Fatalf("got %v, want InvalidArgument and what it holds", err)
	}
}

func TestAScratchLogLeavesNothing(t *testing.T) {
	o := options
	o.Scratch = true
	disk := faults.New()
	disk.SetContents("0000000000000009.wal", []byte("left behind"))
	log, metas, _ := mustOpen(t, disk, o)
	if _, err := fill(log, 9); err != nil || len(metas) != 0 {
		t.Fatalf("replayed %q, %v", metas, err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if names, _ := disk.Names(); len(names) != 0 {
		t.Fatalf("there is %q", names)
	}
}

func TestLargeRecords(t *testing.T) {
	path := t.TempDir()
	dir, err := wal.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	log, _, _ := mustOpen(t, dir, wal.Options{Purpose: "test", SegmentBytes: spec.MiB})
	large := make([]byte, 3*spec.MiB)
	random := rand.New(rand.NewPCG(3, 3))
	for i := range large {
		large[i] = byte(random.Uint32())
	}
	var places []wal.Place
	for range 2 {
		if places, err = log.Append([]wal.Record{{Body: large}, {Meta: []byte("small")}, {Body: large[:spec.MiB]}}, places); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range places {
		want := [][]byte{large, {}, large[:spec.MiB]}[i%3]
		if r, err := log.Read(p); err != nil || !bytes.Equal(r.Body, want) {
			t.Fatalf("record %d: %d bytes, %v", i, len(r.Body), err)
		}
	}
	if _, err := log.Append([]wal.Record{{Meta: make([]byte, wal.MaxMetaBytes+1)}}, nil); !errors.Is(err, spec.LimitExceeded) {
		t.Fatalf("too much meta: got %v, want LimitExceeded", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if dir, err = wal.OpenDir(path); err != nil {
		t.Fatal(err)
	}
	log, metas, again := mustOpen(t, dir, wal.Options{Purpose: "test", SegmentBytes: spec.MiB})
	if len(metas) != 6 || again[4] != places[4] {
		t.Fatalf("replayed %d records, the fifth at %v, want 6, at %v", len(metas), again[4], places[4])
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryIsOpenedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	dir, err := wal.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wal.OpenDir(path)
	if !errors.Is(err, spec.AlreadyExists) || !strings.Contains(err.Error(), fmt.Sprintf("process %d has it open", os.Getpid())) {
		t.Fatalf("opened twice: got %v, want AlreadyExists and our process", err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	if dir, err = wal.OpenDir(path); err != nil {
		t.Fatalf("after it was closed: %v", err)
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzOpen opens a directory with any bytes in its only segment: it is an error, or a log that works.
func FuzzOpen(f *testing.F) {
	disk := faults.New()
	log, _, _, err := open(disk, wal.Options{Purpose: "test"})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := fill(log, 5); err != nil {
		f.Fatal(err)
	}
	good := disk.Contents("0000000000000001.wal")
	f.Add(good)
	f.Add(good[:len(good)-5])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		disk := faults.New()
		disk.SetContents("0000000000000001.wal", b)
		log, metas, places, err := open(disk, wal.Options{Purpose: "test"})
		if err != nil {
			return
		}
		for _, p := range places {
			if _, err := log.Read(p); err != nil {
				t.Fatalf("what was replayed from the last segment does not read: %v", err)
			}
		}
		if _, err := log.Append([]wal.Record{{Meta: []byte("more")}}, nil); err != nil {
			t.Fatal(err)
		}
		if _, again, _, err := open(disk, wal.Options{Purpose: "test"}); err != nil || len(again) != len(metas)+1 {
			t.Fatalf("opened again: %d records after %d, %v", len(again), len(metas), err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			dir, err := wal.OpenDir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			log, err := wal.Open(dir, wal.Options{}, nil)
			if err != nil {
				b.Fatal(err)
			}
			records := []wal.Record{{Body: make([]byte, size)}}
			var places []wal.Place
			for b.Loop() {
				if places, err = log.Append(records, places[:0]); err != nil {
					b.Fatal(err)
				}
			}
			if err := log.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func Example() {
	dir := faults.New() // or wal.OpenDir("/var/lib/...")
	log, err := wal.Open(dir, wal.Options{Purpose: "greetings"}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	places, err := log.Append([]wal.Record{{Meta: []byte("en"), Body: []byte("hello")}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := log.Read(places[0])
	fmt.Printf("%s: %s %v\n", r.Meta, r.Body, err)
	fmt.Println(log.Close())
	// Output:
	// en: hello <nil>
	// <nil>
}
