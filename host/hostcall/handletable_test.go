package hostcall

import "testing"

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
