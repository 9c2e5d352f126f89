package local_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/controltest"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/wal"
	"github.com/raywasm/raywasm/wal/faults"
)

func open(t *testing.T, dir wal.Dir) *local.Store {
	t.Helper()
	s, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func conform(t *testing.T, subject func() controltest.Subject) {
	for _, c := range controltest.Cases() {
		s := subject()
		if c.Durable && s.Reopen == nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { c.Run(t, s) }) })
	}
}

func TestInMemory(t *testing.T) {
	conform(t, func() controltest.Subject {
		return controltest.Subject{Open: func(t *testing.T) control.Store { return open(t, nil) }}
	})
}

// TestOnDisk opens again what a killed process would have left.
func TestOnDisk(t *testing.T) {
	conform(t, func() controltest.Subject {
		var disk *faults.Disk
		return controltest.Subject{
			Open: func(t *testing.T) control.Store {
				disk = faults.New()
				return open(t, disk)
			},
			Reopen: func(t *testing.T, _ control.Store) control.Store {
				disk = disk.Killed()
				return open(t, disk)
			},
		}
	})
}

func TestInADirectory(t *testing.T) {
	conform(t, func() controltest.Subject {
		var path string
		opened := func(t *testing.T) control.Store {
			dir, err := wal.OpenDir(path)
			if err != nil {
				t.Fatal(err)
			}
			return open(t, dir)
		}
		return controltest.Subject{
			Open: func(t *testing.T) control.Store { path = t.TempDir(); return opened(t) },
			Reopen: func(t *testing.T, s control.Store) control.Store {
				if err := s.(*local.Store).Close(); err != nil {
					t.Fatal(err)
				}
				return opened(t)
			},
		}
	})
}

// TestEveryCut runs a program with the power cut at every one of its steps. What was acknowledged is there afterwards.
func TestEveryCut(t *testing.T) {
	program := func(disk *faults.Disk) (acknowledged int, err error) {
		s, err := local.Open(disk)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		for i := range 8 {
			_, err := s.Commit(t.Context(), control.Txn{Put: []control.Put{{Key: fmt.Sprint("k", i)}, {Key: "last", Value: fmt.Append(nil, i)}}})
			if err != nil {
				return acknowledged, err
			}
			acknowledged++
		}
		return acknowledged, nil
	}
	whole := faults.New()
	if _, err := program(whole); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for cut := range whole.Steps() - 40 { // the end is the closing mark
		disk := faults.New()
		disk.CutAfter(cut)
		acknowledged, _ := program(disk)
		for _, after := range []*faults.Disk{disk.Killed(), disk.PoweredOff(random)} {
			s := open(t, after)
			l, err := s.List(t.Context(), "k", control.Page{})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(l.Items); n < acknowledged || n > acknowledged+1 {
				t.Fatalf("cut at step %d: %d commits are there, and %d were acknowledged", cut, n, acknowledged)
			} else if n > 0 {
				if last, err := s.Get(t.Context(), "last"); err != nil || string(last.Value) != fmt.Sprint(n-1) {
					t.Fatalf("cut at step %d: the last value is %q, %v, want %d", cut, last.Value, err, n-1)
				}
			}
		}
	}
}

func TestAFailedWriteChangesNothing(t *testing.T) {
	disk := faults.New()
	s := open(t, disk)
	ctx := t.Context()
	put := func(key string) error {
		_, err := s.Commit(ctx, control.Txn{Put: []control.Put{{Key: key, Value: make([]byte, 1000)}}})
		return err
	}
	if err := put("before"); err != nil {
		t.Fatal(err)
	}
	disk.SetCapacity(1500)
	if err := put("refused"); !errors.Is(err, spec.OutOfDisk) {
		t.Fatalf("on a full disk: got %v, want OutOfDisk", err)
	}
	if _, err := s.Get(ctx, "refused"); !errors.Is(err, spec.NotFound) {
		t.Fatalf("what was refused: got %v, want NotFound", err)
	}
	disk.SetCapacity(-1)
	if err := put("after"); err != nil {
		t.Fatal(err)
	}
	l, err := s.List(ctx, "", control.Page{})
	if err != nil || len(l.Items) != 2 || l.Revision != 2 {
		t.Fatalf("there are %d items at revision %d, %v, want 2 at 2", len(l.Items), l.Revision, err)
	}
}

// TestTheLogIsBounded overwrites a few keys until the log would have been many times what is alive in it.
func TestTheLogIsBounded(t *testing.T) {
	path := t.TempDir()
	dir, err := wal.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	ctx := t.Context()
	lease, err := s.Grant(ctx, control.MaxTTL)
	if err != nil {
		t.Fatal(err)
	}
	cold := control.Txn{Put: []control.Put{{Key: "cold/1", Value: []byte("1"), Lease: lease.ID}, {Key: "cold/2", Value: []byte("2")}}}
	if _, err := s.Commit(ctx, cold); err != nil {
		t.Fatal(err)
	}
	value := make([]byte, control.MaxValueBytes)
	wrote, most := int64(0), int64(0)
	for i := range 400 {
		var txn control.Txn
		for k := range 15 {
			txn.Put = append(txn.Put, control.Put{Key: fmt.Sprint("hot/", (i*15+k)%40), Value: value})
			wrote += int64(len(value))
		}
		if _, err := s.Commit(ctx, txn); err != nil {
			t.Fatal(err)
		}
		most = max(most, s.LogBytes())
	}
	if bound := int64(80 * spec.MiB); most > bound || wrote < 4*bound {
		t.Fatalf("the log had up to %s of %s that were written, want %s at most", spec.FormatBytes(most), spec.FormatBytes(wrote), spec.FormatBytes(bound))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if dir, err = wal.OpenDir(path); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	l, err := s.List(ctx, "", control.Page{})
	if err != nil || len(l.Items) != 42 || l.Revision != 401 || string(l.Items[1].Value) != "2" || l.Items[0].Lease != lease.ID || l.Items[0].Created != 1 {
		t.Fatalf("afterwards there are %d items at revision %d, %v", len(l.Items), l.Revision, err)
	}
	if err := s.KeepAlive(ctx, lease.ID); err != nil {
		t.Fatal(err)
	}
}

func TestAnOldHistoryIsCompacted(t *testing.T) {
	s := open(t, nil)
	ctx := t.Context()
	value := make([]byte, control.MaxValueBytes)
	for i := range 300 {
		if _, err := s.Commit(ctx, control.Txn{Put: []control.Put{{Key: fmt.Sprint(i), Value: value}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range s.Watch(ctx, "", 1) {
		if !errors.Is(err, spec.Compacted) {
			t.Fatalf("got %v, want Compacted", err)
		}
	}
	for c, err := range s.Watch(ctx, "", 300) {
		if err != nil || c.Revision != 300 {
			t.Fatalf("the newest change: %d, %v", c.Revision, err)
		}
		break
	}
}

func TestAClosedStoreFails(t *testing.T) {
	s := open(t, nil)
	ctx := t.Context()
	watched := make(chan error)
	go func() {
		for _, err := range s.Watch(ctx, "", 1) {
			watched <- err
		}
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, gerr := s.Get(ctx, "k")
	_, cerr := s.Commit(ctx, control.Txn{})
	for _, err := range []error{<-watched, gerr, cerr, s.KeepAlive(ctx, 1)} {
		if !errors.Is(err, spec.LocalNodeDied) {
			t.Errorf("after Close: got %v, want LocalNodeDied", err)
		}
	}
}

func Example() {
	s, err := local.Open(nil) // or a directory: wal.OpenDir(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	name := control.Txn{If: []control.Condition{{Key: "name/counter"}}, Put: []control.Put{{Key: "name/counter", Value: []byte("actor 7")}}}
	ctx := context.Background()
	fmt.Println(s.Commit(ctx, name))
	fmt.Println(s.Commit(ctx, name))
	// Output:
	// 1 <nil>
	// 0 commit "name/counter": its revision is 1, not 0 as the commit expected: read it again (Conflict)
}
