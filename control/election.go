package control

import (
	"context"
	"errors"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// An election is a key, "leader/" and its name. Who creates it leads; it hangs on the leader's lease, so that it goes with
// the leader. The revision that created it is the epoch: it grows from leader to leader, and is the same for as long as
// one leads.

// Term is one leader's time in office. Put into a transaction it lets it through only while it lasts.
type Term struct {
	Key   string   // of the election
	Epoch Revision // of the term: a later leader's is higher, whatever else happens
}

// ElectionKey returns the key of an election.
func ElectionKey(election string) string { return "leader/" + election }

// Campaign waits until the candidate leads and returns the term. value says who it is, for those who look. The term lasts
// until the lease ends or [Resign]. A candidate that already leads, on that lease, gets its term again: so a campaign
// whose outcome is unknown is simply repeated. Errors: the cause of ctx; spec.NotFound when the lease is over; and those
// of the store.
func Campaign(ctx context.Context, s Store, election string, value []byte, lease LeaseID) (Term, error) {
	key := ElectionKey(election)
	for {
		rev, err := s.Commit(ctx, Txn{If: []Condition{{Key: key}}, Put: []Put{{Key: key, Value: value, Lease: lease}}})
		if err == nil {
			return Term{key, rev}, nil
		}
		if !errors.Is(err, spec.Conflict) {
			return Term{}, err
		}
		now, err := s.List(ctx, key, Page{Limit: 1}) // the key is the first that begins with it
		switch {
		case err != nil:
			return Term{}, err
		case len(now.Items) == 0 || now.Items[0].Key != key:
			continue
		case now.Items[0].Lease == lease && lease != 0:
			return Term{key, now.Items[0].Revision}, nil
		}
		if err := changes(ctx, s, key, now.Revision+1); err != nil {
			return Term{}, err
		}
	}
}

// changes returns when the key has changed, in that revision or later.
func changes(ctx context.Context, s Store, key string, from Revision) error {
	for change, err := range s.Watch(ctx, key, from) {
		switch {
		case errors.Is(err, spec.Compacted): // much has happened, so look again
			return nil
		case err != nil:
			return err
		case slices.ContainsFunc(change.Events, func(e Event) bool { return e.Item.Key == key }):
			return nil
		}
	}
	return nil
}

// Resign ends a term. To end one that is over is no error.
func Resign(ctx context.Context, s Store, t Term) error {
	_, err := s.Commit(ctx, Txn{Term: t, Delete: []string{t.Key}})
	if errors.Is(err, spec.StaleEpoch) {
		return nil
	}
	return err
}

// Leader returns who leads: what it gave as its value, and its term. Errors: spec.NotFound when nobody does.
func Leader(ctx context.Context, s Store, election string) ([]byte, Term, error) {
	item, err := s.Get(ctx, ElectionKey(election))
	return item.Value, Term{item.Key, item.Revision}, err
}
