package controltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

func atomic(t *testing.T, sub Subject) {
	s := open(t, sub)
	first := s.commit(control.Txn{Put: []control.Put{{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2")}}})
	if first < 1 {
		t.Fatalf("the first revision is %d", first)
	}
	for _, key := range []string{"a", "b"} {
		if item, _ := s.Get(s.ctx, key); item.Created != first || item.Revision != first {
			t.Fatalf("%s was created at %d and changed at %d, want %d", key, item.Created, item.Revision, first)
		}
	}
	_, err := s.Commit(s.ctx, control.Txn{
		If:     []control.Condition{{Key: "a", Revision: first}, {Key: "b"}},
		Put:    []control.Put{{Key: "a", Value: []byte("3")}, {Key: "c"}},
		Delete: []string{"b"},
	})
	s.refused(err, spec.Conflict)
	var e *spec.Error
	if !errors.As(err, &e) || e.ID != `"b"` {
		t.Fatalf("the error is about %q, want the key that had changed, b: %v", e.ID, err)
	}
	s.value("a", "1")
	s.value("b", "2")
	s.absent("c")
	second := s.commit(control.Txn{If: []control.Condition{{Key: "a", Revision: first}}, Put: []control.Put{{Key: "c"}}, Delete: []string{"b"}})
	if second <= first {
		t.Fatalf("revision %d after %d", second, first)
	}
	s.value("c", "")
	s.absent("b")
}

func conditions(t *testing.T, sub Subject) {
	s := open(t, sub)
	only := func(key string, rev control.Revision) error {
		_, err := s.Commit(s.ctx, control.Txn{If: []control.Condition{{Key: key, Revision: rev}}})
		return err
	}
	first := s.put("k", "1")
	second := s.put("k", "2")
	s.refused(only("k", first), spec.Conflict)
	s.refused(only("k", 0), spec.Conflict)
	s.refused(only("missing", first), spec.Conflict)
	if err := errors.Join(only("k", second), only("missing", 0)); err != nil {
		t.Fatal(err)
	}
	if item := s.value("k", "2"); item.Created != first || item.Revision != second {
		t.Fatalf("created at %d and changed at %d, want %d and %d", item.Created, item.Revision, first, second)
	}
	s.commit(control.Txn{Delete: []string{"k"}})
	s.refused(only("k", second), spec.Conflict)
	if err := only("k", 0); err != nil {
		t.Fatal(err)
	}
	third := s.put("k", "3")
	if item := s.value("k", "3"); item.Created != third {
		t.Fatalf("a key that was deleted came to be at %d, want %d", item.Created, third)
	}
}

func nothing(t *testing.T, sub Subject) {
	s := open(t, sub)
	first := s.put("k", "1")
	for _, txn := range []control.Txn{{}, {Delete: []string{"missing"}}, {If: []control.Condition{{Key: "k", Revision: first}}}} {
		if rev := s.commit(txn); rev != first {
			t.Fatalf("revision %d, want %d", rev, first)
		}
	}
	if second := s.put("k", "1"); second <= first {
		t.Fatalf("a put of the same value has revision %d, want a new one", second)
	}
}

func pages(t *testing.T, sub Subject) {
	s := open(t, sub)
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("p/%02d", i)
		want = append(want, key)
		s.put(key, strconv.Itoa(i))
	}
	for _, other := range []string{"p", "p0", "o/1", "p.", "q/1"} {
		s.put(other, "")
	}
	for _, limit := range []int{0, 1, 7, 25, 26, control.MaxPage + 1} {
		var got []string
		for _, item := range s.all("p/", control.Page{Limit: limit}) {
			got = append(got, item.Key)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("with pages of %d: %q", limit, got)
		}
	}
	l, err := s.List(s.ctx, "p/", control.Page{After: "p/20", Limit: 3})
	if err != nil || len(l.Items) != 3 || l.Items[0].Key != "p/21" || l.Next != "p/23" {
		t.Fatalf("behind p/20: %+v, %v", l, err)
	}
	if rev := s.put("p/new", ""); rev <= l.Revision {
		t.Fatalf("the list says it is of revision %d, and the next commit has %d", l.Revision, rev)
	}
	if all := s.all("", control.Page{}); len(all) != 31 {
		t.Fatalf("%d keys in all, want 31", len(all))
	}
	if l, err := s.List(s.ctx, "none", control.Page{}); err != nil || len(l.Items) != 0 || l.Next != "" {
		t.Fatalf("of nothing: %+v, %v", l, err)
	}
	// A page is full at MaxPage, however many are asked for.
	for from := 0; from < control.MaxPage+5; from += 105 {
		var txn control.Txn
		for i := from; i < from+105; i++ {
			txn.Put = append(txn.Put, control.Put{Key: fmt.Sprintf("many/%05d", i)})
		}
		s.commit(txn)
	}
	if l, err := s.List(s.ctx, "many/", control.Page{Limit: 1 << 30}); err != nil || len(l.Items) != control.MaxPage || l.Next == "" {
		t.Fatalf("a page of everything has %d items, next %q, %v", len(l.Items), l.Next, err)
	}
}

func hostile(t *testing.T, sub Subject) {
	s := open(t, sub)
	keys := []string{"\x00", "\x00\x00", "\xff", "\xff\xff", "a\x00b", "../../etc", "key with\nlines", "\xed\xa0\x80", "a/", "a//", "日本", strings.Repeat("k", control.MaxKeyBytes), strings.Repeat("\xff", control.MaxKeyBytes)}
	for _, key := range keys {
		s.put(key, key[:1]+"\x00\xff")
	}
	slices.Sort(keys)
	var got []string
	for _, item := range s.all("", control.Page{Limit: 2}) {
		got = append(got, item.Key)
		if string(item.Value) != item.Key[:1]+"\x00\xff" {
			t.Fatalf("the value of %q is %q", item.Key, item.Value)
		}
	}
	if !slices.Equal(got, keys) {
		t.Fatalf("listed %q", got)
	}
	if under := s.all("\xff", control.Page{}); len(under) != 3 {
		t.Fatalf("%d keys under ff, want 3", len(under))
	}
	for _, key := range keys {
		s.commit(control.Txn{Delete: []string{key}})
		s.absent(key)
	}
}

func limits(t *testing.T, sub Subject) {
	s := open(t, sub)
	long, big := strings.Repeat("k", control.MaxKeyBytes+1), make([]byte, control.MaxValueBytes+1)
	var many, heavy control.Txn
	for i := range control.MaxOps + 1 {
		many.Put = append(many.Put, control.Put{Key: fmt.Sprint(i)})
	}
	for i := range control.MaxTxnBytes/control.MaxValueBytes + 1 {
		heavy.Put = append(heavy.Put, control.Put{Key: fmt.Sprint(i), Value: big[1:]})
	}
	for name, txn := range map[string]control.Txn{
		"a long key":       {Put: []control.Put{{Key: long}}},
		"a long condition": {If: []control.Condition{{Key: long}}},
		"a long deletion":  {Delete: []string{long}},
		"a large value":    {Put: []control.Put{{Key: "k", Value: big}}},
		"many puts":        many,
		"much":             heavy,
	} {
		if _, err := s.Commit(s.ctx, txn); !errors.Is(err, spec.LimitExceeded) {
			t.Errorf("%s: got %v, want LimitExceeded", name, err)
		}
	}
	for name, txn := range map[string]control.Txn{
		"an empty key":              {Put: []control.Put{{}}},
		"an empty deletion":         {Delete: []string{""}},
		"a key that is put twice":   {Put: []control.Put{{Key: "k"}, {Key: "k"}}},
		"a key put and deleted":     {Put: []control.Put{{Key: "k"}}, Delete: []string{"k"}},
		"a negative revision":       {If: []control.Condition{{Key: "k", Revision: -1}}},
		"a term of an empty key":    {Term: control.Term{Epoch: 1}},
		"a term of a negative kind": {Term: control.Term{Key: "k", Epoch: -1}},
	} {
		if _, err := s.Commit(s.ctx, txn); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
	_, err := s.Get(s.ctx, "")
	s.refused(err, spec.InvalidArgument)
	_, err = s.List(s.ctx, long, control.Page{})
	s.refused(err, spec.LimitExceeded)
	for _, wrong := range []int64{0, -1, int64(control.MaxTTL) + 1} {
		_, err := s.Grant(s.ctx, time.Duration(wrong))
		s.refused(err, spec.InvalidArgument)
	}
	most := control.Txn{Put: many.Put[:control.MaxOps]}
	rev := s.commit(most)
	var check control.Txn
	for _, p := range most.Put {
		check.If = append(check.If, control.Condition{Key: p.Key, Revision: rev})
		check.Delete = append(check.Delete, p.Key)
	}
	s.commit(check)
	s.put("k", string(big[1:]))
}

func copies(t *testing.T, sub Subject) {
	s := open(t, sub)
	value := []byte("as it was")
	s.commit(control.Txn{Put: []control.Put{{Key: "k", Value: value}}})
	copy(value, "different")
	s.value("k", "as it was")
}

func cancelled(t *testing.T, sub Subject) {
	s := open(t, sub)
	s.put("k", "1")
	cause := errors.New("somebody had enough")
	ctx, cancel := context.WithCancelCause(s.ctx)
	cancel(cause)
	_, gerr := s.Get(ctx, "k")
	_, lerr := s.List(ctx, "", control.Page{})
	_, cerr := s.Commit(ctx, control.Txn{Put: []control.Put{{Key: "k", Value: []byte("2")}}})
	for _, err := range []error{gerr, lerr, cerr} {
		if !errors.Is(err, cause) {
			t.Errorf("got %v, want the cause", err)
		}
	}
	s.value("k", "1")
}

// races: each of several writers reads a counter and writes it one higher. The end is exactly the number of commits that
// were acknowledged.
func races(t *testing.T, sub Subject) {
	const writers, each = 8, 40
	s := open(t, sub)
	s.put("counter", "0")
	var mu sync.Mutex
	revisions := make(map[control.Revision]bool)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for done := 0; done < each; {
				item, err := s.Get(s.ctx, "counter")
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(item.Value))
				rev, err := s.Commit(s.ctx, control.Txn{
					If:  []control.Condition{{Key: "counter", Revision: item.Revision}},
					Put: []control.Put{{Key: "counter", Value: strconv.AppendInt(nil, int64(n+1), 10)}},
				})
				if errors.Is(err, spec.Conflict) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				done++
				mu.Lock()
				if revisions[rev] {
					t.Errorf("revision %d was given twice", rev)
				}
				revisions[rev] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	s.value("counter", strconv.Itoa(writers*each))
}
