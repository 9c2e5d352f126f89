package controltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/control"
)

// watches: several watches, begun before, between and after the commits of several writers, see the same row.
func watches(t *testing.T, sub Subject) {
	const writers, each = 4, 60
	s := open(t, sub)
	start := s.put("w/start", "")
	var watchers sync.WaitGroup
	watch := func(from control.Revision, seen *[]control.Change) {
		watchers.Go(func() {
			for c, err := range s.Watch(s.ctx, "w/", from) {
				if err != nil {
					t.Errorf("watch from %d: %v", from, err)
					return
				}
				*seen = append(*seen, c)
				if c.Events[0].Item.Key == "w/stop" {
					return
				}
			}
		})
	}
	var before, between, future, after []control.Change
	watch(start, &before)
	var mu sync.Mutex
	wrote := make(map[control.Revision]string)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				key := fmt.Sprintf("w/%d/%d", w, i%7)
				txn := control.Txn{Put: []control.Put{{Key: key, Value: fmt.Append(nil, i)}}}
				if i%7 == 6 {
					txn = control.Txn{Delete: []string{fmt.Sprintf("w/%d/%d", w, 3)}}
					key = txn.Delete[0]
				}
				rev, err := s.Commit(s.ctx, txn)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				wrote[rev] = key
				mu.Unlock()
				if w == 0 && i == each/2 {
					watch(rev, &between)
					watch(rev+each/4, &future) // this writer alone comes to it
				}
			}
		})
	}
	all.Wait()
	stop := s.put("w/stop", "")
	watch(start, &after)
	watchers.Wait()
	wrote[start], wrote[stop] = "w/start", "w/stop"
	for name, seen := range map[string][]control.Change{"before": before, "between": between, "future": future, "after": after} {
		if len(seen) == 0 {
			t.Fatalf("the watch begun %s saw nothing", name)
		}
		count := 0
		for rev := range wrote {
			if rev >= seen[0].Revision {
				count++
			}
		}
		for i, c := range seen {
			if i > 0 && c.Revision <= seen[i-1].Revision {
				t.Fatalf("%s: revision %d after %d", name, c.Revision, seen[i-1].Revision)
			}
			if len(c.Events) != 1 || c.Events[0].Item.Key != wrote[c.Revision] || c.Events[0].Item.Revision != c.Revision {
				t.Fatalf("%s: revision %d changed %+v, want %q", name, c.Revision, c.Events, wrote[c.Revision])
			}
		}
		if len(seen) != count {
			t.Fatalf("%s: saw %d changes of %d", name, len(seen), count)
		}
	}
	if before[0].Revision != start || len(before) != len(after) {
		t.Fatalf("the watch from the start began at %d, want %d", before[0].Revision, start)
	}
}

func prefixes(t *testing.T, sub Subject) {
	s := open(t, sub)
	first := s.commit(control.Txn{Put: []control.Put{{Key: "x/2", Value: []byte("two")}, {Key: "y/1"}, {Key: "x/1"}}})
	s.put("y/2", "")
	last := s.commit(control.Txn{Delete: []string{"x/2"}, Put: []control.Put{{Key: "x/0"}, {Key: "z"}}})
	c := s.next("x/", first)
	if len(c.Events) != 2 || c.Events[0].Item.Key != "x/1" || c.Events[1].Item.Key != "x/2" || string(c.Events[1].Item.Value) != "two" {
		t.Fatalf("the first change is %+v", c)
	}
	c = s.next("x/", first+1)
	if c.Revision != last || len(c.Events) != 2 || c.Events[0].Item.Key != "x/0" || c.Events[0].Deleted || !c.Events[1].Deleted || c.Events[1].Item.Key != "x/2" || c.Events[1].Item.Revision != last {
		t.Fatalf("the second change is %+v", c)
	}
	if c = s.next("", first); len(c.Events) != 3 {
		t.Fatalf("of everything: %+v", c)
	}
}

func watchEnds(t *testing.T, sub Subject) {
	s := open(t, sub)
	rev := s.put("k", "1")
	for range s.Watch(s.ctx, "k", rev) {
		break
	}
	cause := errors.New("somebody had enough")
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	seen, failed := 0, error(nil)
	for c, err := range s.Watch(ctx, "k", rev) {
		if err != nil {
			failed = err
			continue
		}
		if seen++; c.Revision == rev {
			cancel(cause)
		}
	}
	if seen != 1 || !errors.Is(failed, cause) {
		t.Fatalf("saw %d changes and the end %v, want 1 and the cause", seen, failed)
	}
}

// model runs random programs against a map.
func model(t *testing.T, sub Subject) {
	for seed := range uint64(3) {
		program(t, sub, seed, 300, false)
	}
}

func modelReopened(t *testing.T, sub Subject) {
	for seed := range uint64(2) {
		program(t, sub, seed, 200, true)
	}
}

// program does random things and checks that the store says what a map says, each commit, each list, and the watch of
// them all.
func program(t *testing.T, sub Subject, seed uint64, steps int, reopening bool) {
	s := open(t, sub)
	random := rand.New(rand.NewPCG(seed, 1))
	key := func() string { return fmt.Sprintf("%c/%d", 'a'+random.IntN(3), random.IntN(6)) }
	items := make(map[string]control.Item)
	var changes []control.Change
	start := s.put("z", "") + 1
	items["z"] = control.Item{Key: "z", Created: start - 1, Revision: start - 1}
	for step := range steps {
		if reopening && random.IntN(20) == 0 {
			s.Store = sub.Reopen(t, s.Store)
		}
		var txn control.Txn
		for range random.IntN(3) {
			c := control.Condition{Key: key()}
			if random.IntN(8) > 0 {
				c.Revision = items[c.Key].Revision
			}
			txn.If = append(txn.If, c)
		}
		changed := make(map[string]bool)
		for range random.IntN(4) {
			k := key()
			if changed[k] {
				continue
			}
			changed[k] = true
			if random.IntN(3) == 0 {
				txn.Delete = append(txn.Delete, k)
			} else {
				txn.Put = append(txn.Put, control.Put{Key: k, Value: fmt.Append(nil, step)})
			}
		}
		holds := !slices.ContainsFunc(txn.If, func(c control.Condition) bool { return items[c.Key].Revision != c.Revision })
		rev, err := s.Commit(s.ctx, txn)
		if (err == nil) != holds {
			t.Fatalf("seed %d, step %d: %+v: got %v, and its conditions hold: %v", seed, step, txn, err, holds)
		}
		if err != nil {
			continue
		}
		change := control.Change{Revision: rev}
		for _, p := range txn.Put {
			item := control.Item{Key: p.Key, Value: p.Value, Created: rev, Revision: rev}
			if old, ok := items[p.Key]; ok {
				item.Created = old.Created
			}
			items[p.Key] = item
			change.Events = append(change.Events, control.Event{Item: item})
		}
		for _, k := range txn.Delete {
			if _, ok := items[k]; ok {
				delete(items, k)
				change.Events = append(change.Events, control.Event{Deleted: true, Item: control.Item{Key: k, Revision: rev}})
			}
		}
		if len(change.Events) > 0 {
			slices.SortFunc(change.Events, func(a, b control.Event) int { return compare(a.Item, b.Item) })
			changes = append(changes, change)
		}
		if step%10 == 0 {
			want := make([]control.Item, 0, len(items))
			for _, item := range items {
				want = append(want, item)
			}
			slices.SortFunc(want, compare)
			if got := s.all("", control.Page{Limit: 1 + random.IntN(9)}); !slices.EqualFunc(got, want, same) {
				t.Fatalf("seed %d, step %d: listed %+v, want %+v", seed, step, got, want)
			}
		}
	}
	if reopening { // the history may have begun anew
		return
	}
	i := 0
	for c, err := range s.Watch(s.ctx, "", start) {
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if c.Revision != changes[i].Revision || !slices.EqualFunc(c.Events, changes[i].Events, func(a, b control.Event) bool { return a.Deleted == b.Deleted && same(a.Item, b.Item) }) {
			t.Fatalf("seed %d: change %d is %+v, want %+v", seed, i, c, changes[i])
		}
		if i++; i == len(changes) {
			return
		}
	}
}

func compare(a, b control.Item) int { return strings.Compare(a.Key, b.Key) }

func same(a, b control.Item) bool {
	return a.Key == b.Key && string(a.Value) == string(b.Value) && a.Created == b.Created && a.Revision == b.Revision && a.Lease == b.Lease
}
