package controltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

// Subject is the implementation under test.
type Subject struct {
	// Open returns an empty store, which ends with the test.
	Open func(t *testing.T) control.Store
	// Reopen closes a store that Open or Reopen returned, or kills it, and opens what is left. nil: it keeps nothing.
	Reopen func(t *testing.T, s control.Store) control.Store
}

// Case is one of the suite.
type Case struct {
	Name    string
	Durable bool // it needs Reopen
	Run     func(t *testing.T, s Subject)
}

// ttl is that of the leases that end in the tests, and patience bounds every wait.
const (
	ttl      = time.Second
	patience = 30 * time.Second
)

// Cases returns the suite.
func Cases() []Case {
	return []Case{
		{"a commit is done whole or not at all", false, atomic},
		{"a condition is about the last change of its key", false, conditions},
		{"a commit that changes nothing has no revision of its own", false, nothing},
		{"a list is in the order of bytes, page by page", false, pages},
		{"keys and values are any bytes", false, hostile},
		{"what is too large is refused", false, limits},
		{"what the caller does with its bytes later changes nothing", false, copies},
		{"of those that race for a key one wins each time", false, races},
		{"a watch sees every revision once and in order", false, watches},
		{"a watch sees only its prefix, and commits whole", false, prefixes},
		{"a watch that breaks off or whose context ends is over", false, watchEnds},
		{"a lease ends with its keys, in one commit", false, expiry},
		{"a lease that is kept alive goes on", false, alive},
		{"a revoked lease takes its keys along, and no new ones", false, revoke},
		{"a key hangs on the lease of its last put", false, detach},
		{"one candidate leads at a time, with ever higher epochs", false, election},
		{"nobody writes after its term", false, fencing},
		{"an ended context is an error", false, cancelled},
		{"it does what a plain map does", false, model},
		{"what was acknowledged is there after it was opened again", true, reopen},
		{"it does what a plain map does, opened again and again", true, modelReopened},
	}
}

// Run runs the cases that fit the subject.
func Run(t *testing.T, s Subject) {
	for _, c := range Cases() {
		if !c.Durable || s.Reopen != nil {
			t.Run(c.Name, func(t *testing.T) { c.Run(t, s) })
		}
	}
}

// subject is a store with short ways to say what must succeed.
type subject struct {
	control.Store
	t   *testing.T
	ctx context.Context
}

func open(t *testing.T, s Subject) subject {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errors.New("the test waited too long"))
	t.Cleanup(cancel)
	return subject{s.Open(t), t, ctx}
}

func (s subject) commit(txn control.Txn) control.Revision {
	s.t.Helper()
	rev, err := s.Commit(s.ctx, txn)
	if err != nil {
		s.t.Fatalf("commit: %v", err)
	}
	return rev
}

func (s subject) put(key, value string) control.Revision {
	s.t.Helper()
	return s.commit(control.Txn{Put: []control.Put{{Key: key, Value: []byte(value)}}})
}

func (s subject) grant() control.Lease {
	s.t.Helper()
	l, err := s.Grant(s.ctx, ttl)
	if err != nil || l.ID == 0 || l.TTL < ttl {
		s.t.Fatalf("grant: %+v, %v", l, err)
	}
	return l
}

// value checks a key's value.
func (s subject) value(key, want string) control.Item {
	s.t.Helper()
	item, err := s.Get(s.ctx, key)
	if err != nil || item.Key != key || string(item.Value) != want {
		s.t.Fatalf("get %q: %q, %v, want %q", key, item.Value, err, want)
	}
	return item
}

func (s subject) absent(key string) {
	s.t.Helper()
	if item, err := s.Get(s.ctx, key); !errors.Is(err, spec.NotFound) {
		s.t.Fatalf("get %q: %q, %v, want NotFound", key, item.Value, err)
	}
}

// refused checks the kind of an error.
func (s subject) refused(err error, want spec.Kind) {
	s.t.Helper()
	if !errors.Is(err, want) {
		s.t.Fatalf("got %v, want %v", err, want)
	}
}

// all lists everything under a prefix.
func (s subject) all(prefix string, page control.Page) []control.Item {
	s.t.Helper()
	var items []control.Item
	for {
		l, err := s.List(s.ctx, prefix, page)
		if err != nil {
			s.t.Fatalf("list %q: %v", prefix, err)
		}
		items = append(items, l.Items...)
		if l.Next == "" {
			return items
		}
		page.After = l.Next
	}
}

// next returns the first change of a watch.
func (s subject) next(prefix string, from control.Revision) control.Change {
	s.t.Helper()
	for c, err := range s.Watch(s.ctx, prefix, from) {
		if err != nil {
			s.t.Fatalf("watch %q: %v", prefix, err)
		}
		return c
	}
	s.t.Fatalf("the watch of %q ended", prefix)
	return control.Change{}
}
