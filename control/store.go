package control

import (
	"context"
	"iter"
	"time"
)

// Store is the cluster's memory. It is safe for concurrent use. Any method fails with spec.RPC when the store cannot be
// reached and spec.LocalNodeDied when it was closed; if it was Commit, Grant or Revoke, its outcome is unknown.
type Store interface {
	// Get returns the item of a key. It sees every commit that was acknowledged before. Errors: spec.NotFound.
	Get(ctx context.Context, key string) (Item, error)

	// List returns items whose keys begin with prefix, in the order of their bytes, as far as the page goes. A page is of
	// one moment; the pages of one list may be of several.
	List(ctx context.Context, prefix string, page Page) (List, error)

	// Commit makes all of the transaction's changes if all of its conditions hold, and none otherwise. It returns the
	// revision that the changes have; of a transaction that changes nothing, the store's. Errors: spec.StaleEpoch;
	// spec.Conflict, whose ID is the first key that has another revision; spec.NotFound for a lease that is over; and those
	// of [Txn.Check]. An error of the context leaves open whether it was done.
	Commit(ctx context.Context, txn Txn) (Revision, error)

	// Watch yields every change of keys that begin with prefix, from a revision on, which may lie in the past or in the
	// future, and is the first if it is not positive: each revision once, in order, as they come. It goes on until the consumer breaks off, or yields an error and
	// ends: the cause of ctx; spec.Compacted when the history from there on is not kept any more, or the consumer is so slow
	// that it would not be (list, and watch from there).
	Watch(ctx context.Context, prefix string, from Revision) iter.Seq2[Change, error]

	// Grant makes a lease that lasts for ttl at least, and says for how long. Errors: spec.InvalidArgument for a ttl that is
	// not positive or over [MaxTTL].
	Grant(ctx context.Context, ttl time.Duration) (Lease, error)

	// KeepAlive lets the lease last for its TTL from now on. Errors: spec.NotFound when it is over.
	KeepAlive(ctx context.Context, id LeaseID) error

	// Revoke ends a lease: its keys are deleted, in one commit. Errors: spec.NotFound when it is over.
	Revoke(ctx context.Context, id LeaseID) error
}

// Revision is the number of a commit. The first is at least 1.
type Revision int64

// Item is a key with what the store has of it.
type Item struct {
	Key      string
	Value    []byte   // not to be changed: it may be the store's own
	Created  Revision // when the key came to be
	Revision Revision // of its last change
	Lease    LeaseID  // that it hangs on; 0 for none
}

// Page says which part of a list is wanted.
type Page struct {
	After string // begin behind this key; "" from the beginning
	Limit int    // how many items; 0 and more than MaxPage mean MaxPage
}

// List is a page of items.
type List struct {
	Items    []Item
	Revision Revision // of the store at that moment
	Next     string   // Page.After of the next page; "" if there is none
}

// Txn is a transaction. The zero value changes nothing.
type Txn struct {
	// Term is that of the leader who decided it, zero for whoever does not act as one. It is checked before anything else.
	Term Term
	// If holds what else must be true, checked in order.
	If []Condition
	// Put and Delete are the changes. A key is among them once at most. To delete what does not exist changes nothing.
	Put    []Put
	Delete []string
}

// Condition holds when the last change of the key has that revision. 0: the key does not exist.
type Condition struct {
	Key      string
	Revision Revision
}

// Put sets a key.
type Put struct {
	Key   string
	Value []byte
	Lease LeaseID // the key hangs on from now on; 0 for none
}

// Change is what one commit changed of the keys that are watched.
type Change struct {
	Revision Revision
	Events   []Event // at least one, by key
}

// Event is what became of one key.
type Event struct {
	Deleted bool
	Item    Item // of a deleted key: Key, and Revision, that of the deletion
}

// LeaseID names a lease; 0 is none.
type LeaseID int64

// Lease is a right to exist for some time.
type Lease struct {
	ID  LeaseID
	TTL time.Duration // how long it lasts after it was granted or kept alive
}
