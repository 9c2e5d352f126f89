package controltest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

func expiry(t *testing.T, sub Subject) {
	s := open(t, sub)
	granted := time.Now()
	l := s.grant()
	rev := s.commit(control.Txn{Put: []control.Put{{Key: "node/1", Lease: l.ID}, {Key: "node/2", Lease: l.ID}, {Key: "stays"}}})
	if item := s.value("node/1", ""); item.Lease != l.ID {
		t.Fatalf("the key hangs on %x, want %x", item.Lease, l.ID)
	}
	c := s.next("node/", rev+1)
	if took := time.Since(granted); took < ttl {
		t.Fatalf("the lease ended after %v, before its TTL", took)
	}
	if len(c.Events) != 2 || !c.Events[0].Deleted || !c.Events[1].Deleted {
		t.Fatalf("the end of the lease changed %+v", c)
	}
	s.absent("node/1")
	s.value("stays", "")
	s.refused(s.KeepAlive(s.ctx, l.ID), spec.NotFound)
	s.refused(s.Revoke(s.ctx, l.ID), spec.NotFound)
	_, err := s.Commit(s.ctx, control.Txn{Put: []control.Put{{Key: "late", Lease: l.ID}}})
	s.refused(err, spec.NotFound)
	s.absent("late")
}

// alive: of two leases one is kept alive until the other one is long over.
func alive(t *testing.T, sub Subject) {
	s := open(t, sub)
	kept, left := s.grant(), s.grant()
	rev := s.commit(control.Txn{Put: []control.Put{{Key: "kept", Lease: kept.ID}, {Key: "left", Lease: left.ID}}})
	tick := time.NewTicker(ttl / 5)
	defer tick.Stop()
	for range 15 { // three TTLs
		<-tick.C
		if err := s.KeepAlive(s.ctx, kept.ID); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.next("left", rev+1); !c.Events[0].Deleted {
		t.Fatalf("the lease that was left is still there: %+v", c)
	}
	s.value("kept", "")
}

func revoke(t *testing.T, sub Subject) {
	s := open(t, sub)
	l := s.grant()
	rev := s.commit(control.Txn{Put: []control.Put{{Key: "a", Lease: l.ID}, {Key: "b", Lease: l.ID}}})
	if err := s.Revoke(s.ctx, l.ID); err != nil {
		t.Fatal(err)
	}
	if c := s.next("", rev+1); len(c.Events) != 2 {
		t.Fatalf("the end of the lease changed %+v", c)
	}
	s.absent("a")
	s.absent("b")
	s.refused(s.Revoke(s.ctx, l.ID), spec.NotFound)
	for _, unknown := range []control.LeaseID{l.ID, 12345, -1} {
		_, err := s.Commit(s.ctx, control.Txn{Put: []control.Put{{Key: "c", Lease: unknown}}})
		s.refused(err, spec.NotFound)
	}
	empty := s.grant()
	before := s.put("d", "")
	if err := s.Revoke(s.ctx, empty.ID); err != nil {
		t.Fatal(err)
	}
	if now := s.commit(control.Txn{}); now != before {
		t.Fatalf("the end of a lease without keys made revision %d of %d", now, before)
	}
}

func detach(t *testing.T, sub Subject) {
	s := open(t, sub)
	one, two := s.grant(), s.grant()
	s.commit(control.Txn{Put: []control.Put{{Key: "free", Lease: one.ID}, {Key: "moved", Lease: one.ID}, {Key: "again", Lease: one.ID}}})
	s.commit(control.Txn{Put: []control.Put{{Key: "free"}, {Key: "moved", Lease: two.ID}}, Delete: []string{"again"}})
	s.put("again", "")
	if err := s.Revoke(s.ctx, one.ID); err != nil {
		t.Fatal(err)
	}
	s.value("free", "")
	s.value("moved", "")
	s.value("again", "")
	if err := s.Revoke(s.ctx, two.ID); err != nil {
		t.Fatal(err)
	}
	s.value("free", "")
	s.absent("moved")
}

// election: candidates race for it, each resigns or loses its lease when it has led, until all have.
func election(t *testing.T, sub Subject) {
	const candidates = 6
	s := open(t, sub)
	var mu sync.Mutex
	leading, epochs := 0, make(map[control.Revision]bool)
	last := control.Revision(0)
	var all sync.WaitGroup
	for i := range candidates {
		all.Go(func() {
			l, err := s.Grant(s.ctx, control.MaxTTL)
			if err != nil {
				t.Error(err)
				return
			}
			name := fmt.Sprint("candidate ", i)
			term, err := control.Campaign(s.ctx, s, "test", []byte(name), l.ID)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			if leading++; leading != 1 || term.Epoch <= last || epochs[term.Epoch] {
				t.Errorf("%d lead, with epoch %d after %d", leading, term.Epoch, last)
			}
			last, epochs[term.Epoch] = term.Epoch, true
			mu.Unlock()
			again, err := control.Campaign(s.ctx, s, "test", []byte(name), l.ID)
			if err != nil || again != term {
				t.Errorf("a leader's campaign: %v, %v, want its term %v", again, err, term)
			}
			if who, now, err := control.Leader(s.ctx, s, "test"); err != nil || string(who) != name || now != term {
				t.Errorf("%q leads in %v, %v, want %q in %v", who, now, err, name, term)
			}
			mu.Lock()
			leading--
			mu.Unlock()
			if i%2 == 0 {
				err = control.Resign(s.ctx, s, term)
			} else {
				err = s.Revoke(s.ctx, l.ID)
			}
			if err != nil {
				t.Error(err)
			}
			if err := control.Resign(s.ctx, s, term); err != nil {
				t.Errorf("resigned again: %v", err)
			}
		})
	}
	all.Wait()
	if len(epochs) != candidates {
		t.Fatalf("%d of %d have led", len(epochs), candidates)
	}
	if _, _, err := control.Leader(s.ctx, s, "test"); !errors.Is(err, spec.NotFound) {
		t.Fatalf("nobody leads: got %v, want NotFound", err)
	}
}

// fencing: while leaders change, all who ever led go on writing in their term. Each value that is stored is of the term
// that was on at that revision.
func fencing(t *testing.T, sub Subject) {
	const leaders, each = 5, 30
	s := open(t, sub)
	start := s.put("decision", "")
	var writers sync.WaitGroup
	var terms []control.Term
	for range leaders {
		l := s.grant()
		term, err := control.Campaign(s.ctx, s, "test", nil, l.ID)
		if err != nil {
			t.Fatal(err)
		}
		terms = append(terms, term)
		reached := make(chan struct{})
		writers.Go(func() {
			once := sync.OnceFunc(func() { close(reached) })
			defer once()
			for i := range each {
				if i == each/2 {
					once()
				}
				_, err := s.Commit(s.ctx, control.Txn{Term: term, Put: []control.Put{{Key: "decision", Value: fmt.Append(nil, term.Epoch)}}})
				if err != nil && !errors.Is(err, spec.StaleEpoch) {
					t.Error(err)
				}
			}
		})
		<-reached // it is writing
		if err := s.Revoke(s.ctx, l.ID); err != nil {
			t.Fatal(err)
		}
	}
	writers.Wait()
	end := s.put("end", "")
	on, stored := control.Revision(0), 0
	for c, err := range s.Watch(s.ctx, "", start+1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Events {
			switch {
			case e.Item.Key == control.ElectionKey("test") && e.Deleted:
				on = 0
			case e.Item.Key == control.ElectionKey("test"):
				on = c.Revision
			case e.Item.Key == "decision":
				if stored++; string(e.Item.Value) != fmt.Sprint(on) {
					t.Fatalf("revision %d stored a decision of term %s in term %d", c.Revision, e.Item.Value, on)
				}
			}
		}
		if c.Revision == end {
			break
		}
	}
	if stored < leaders {
		t.Fatalf("%d decisions of %d leaders were stored", stored, leaders)
	}
	_, err := s.Commit(s.ctx, control.Txn{Term: terms[0], If: []control.Condition{{Key: "nonsense", Revision: 77}}})
	s.refused(err, spec.StaleEpoch)
}

func reopen(t *testing.T, sub Subject) {
	s := open(t, sub)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 50 {
				if _, err := s.Commit(s.ctx, control.Txn{Put: []control.Put{{Key: fmt.Sprintf("%d/%d", w, i), Value: fmt.Append(nil, w*i)}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	l := s.grant()
	s.commit(control.Txn{Put: []control.Put{{Key: "leased", Lease: l.ID}}, Delete: []string{"1/1"}})
	last := s.put("last", "")
	before := s.all("", control.Page{})
	s.Store = sub.Reopen(t, s.Store)
	after := s.all("", control.Page{})
	if len(before) != len(after) {
		t.Fatalf("%d items before and %d after", len(before), len(after))
	}
	for i := range before {
		if !same(before[i], after[i]) {
			t.Fatalf("%+v became %+v", before[i], after[i])
		}
	}
	s.absent("1/1")
	if rev := s.put("next", ""); rev <= last {
		t.Fatalf("revision %d after %d", rev, last)
	}
	if err := s.KeepAlive(s.ctx, l.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(s.ctx, l.ID); err != nil {
		t.Fatal(err)
	}
	s.absent("leased")
	s.Store = sub.Reopen(t, s.Store)
	s.absent("leased")
	s.value("next", "")
}
