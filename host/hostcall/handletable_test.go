package hostcall

import (
	"reflect"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// TestHandlesAreHandedOver: another session in which the same numbers mean the same, counted for itself, released ones not.
func TestHandlesAreHandedOver(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	first, second, third := w.put("first"), w.put("second"), w.put("third")
	w.must("release", second)
	w.session.End()
	table := w.session.HandleTable()
	w.host.Retain(table.Links()) // who keeps a table counts its links
	w.must("release", third)     // what becomes of the first session does not matter

	successor := NewSession(w.host.caller())
	if err := successor.Take(table); err != nil {
		t.Fatal(err)
	}
	w.host.Release(table.Links())
	w.session.Close()
	w.session, w.guest.Owner = successor, successor
	if w.get(first, third) != 0 || w.read(first) != "first" || w.read(third) != "third" {
		t.Error("a handle means something else in the session that took it")
	}
	w.must("release", first)
	w.must("release", third)
	if again := w.put("again"); again == second || again == first || again == third {
		t.Errorf("handle %d is given again at once", again)
	}
}

// TestWithoutRoomNothingIsHandedOver: and nothing is counted then.
func TestWithoutRoomNothingIsHandedOver(t *testing.T) {
	w := newWorld(t)
	for range 2 * Allowance / HandleBytes {
		w.put("x")
	}
	table := w.session.HandleTable()
	w.host.room = w.host.used
	successor := NewSession(w.host.caller())
	if err := successor.Take(table); err == nil {
		t.Error("a session took handles without room for them")
	}
	successor.Close()
}

// TestHandlesOutliveTheirProcess: as bytes they make a table in which the same numbers mean the same, and what was got can be
// read.
func TestHandlesOutliveTheirProcess(t *testing.T) {
	w := newWorld(t)
	w.session.Begin("f", nil)
	first, second, third := w.put("first"), w.put("second"), w.put("third")
	if w.get(first) != 0 {
		t.Fatal("get failed")
	}
	w.must("release", second)
	w.session.End()
	form := w.session.HandleTable().Form()
	var read HandleForm
	b, err := spec.Marshal(form)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Unmarshal(b, &read); err != nil || !reflect.DeepEqual(read, form) {
		t.Fatalf("%+v is read as %+v, %v", form, read, err)
	}
	table, err := read.Table(func(spec.ObjectID) (spec.Value, error) { return spec.Value{Data: []byte("kept")}, nil })
	if err != nil {
		t.Fatal(err)
	}
	w.host.Retain(table.Links())
	successor := NewSession(w.host.caller())
	if err := successor.Take(table); err != nil {
		t.Fatal(err)
	}
	w.host.Release(table.Links())
	w.session.Close()
	w.session, w.guest.Owner = successor, successor
	if w.read(first) != "kept" {
		t.Errorf("what was got reads %q", w.read(first))
	}
	if w.get(third) != 0 || w.read(third) != "third" {
		t.Error("a handle means something else in the session that took it")
	}
	w.must("release", first)
	w.must("release", third)
	if again := w.put("again"); again == second {
		t.Errorf("handle %d is given again at once", again)
	}
}

// FuzzHandleForm: whatever a file says, it is an error or a table in which every handle is good.
func FuzzHandleForm(f *testing.F) {
	link := spec.ObjectLink(spec.ObjectID{1})
	for _, form := range []HandleForm{{}, {Number: 7, Slots: []SlotForm{{}, {Generation: 200, Link: &link, Ready: true}, {Generation: 3}}}, {Slots: []SlotForm{{Link: &link}}}} {
		b, err := spec.Marshal(form)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var form HandleForm
		if spec.Unmarshal(b, &form) != nil {
			return
		}
		table, err := form.Table(func(spec.ObjectID) (spec.Value, error) { return spec.Value{}, nil })
		if err != nil {
			return
		}
		links := len(table.Links())
		for range len(form.Slots) {
			if table.table.room() > 0 && table.table.lacks(1) == 0 {
				h := table.table.give(link)
				if table.table.at(h) == nil {
					t.Fatalf("handle %d is none", h)
				}
				links++
			}
		}
		if len(table.Links()) != links {
			t.Fatalf("%d links, want %d", len(table.Links()), links)
		}
	})
}
