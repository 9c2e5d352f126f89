package store

import (
	"sync/atomic"

	"github.com/raywasm/raywasm/spec"
)

// Share bounds an account: to Share times what is left of the store. One job alone gets 8/9 of the store, two greedy
// ones 8/17 each; the smaller the share, the more is left for a job that comes last.
const Share = 8

// Account is what one job has reserved of a store. It is safe for concurrent use.
type Account struct {
	store *Heap
	used  atomic.Int64 // bytes
}

// Account opens an account, with nothing reserved.
func (s *Heap) Account() *Account { return &Account{store: s} }

// Reserve takes n bytes, at least 0, or none: it fails with spec.ObjectStoreFull when the store has no room for them,
// or the account has its share. Reservations at the same moment may overdraw a share, never the store.
func (a *Account) Reserve(n int64) error {
	s := a.store
	for {
		used := s.used.Load()
		left := s.limit - used - n
		if left < 0 || (a.used.Load()+n)/Share > left {
			return a.full(n, s.limit-used)
		}
		if s.used.CompareAndSwap(used, used+n) {
			a.used.Add(n)
			return nil
		}
	}
}

// full says that n bytes do not fit, with free bytes left in the store.
func (a *Account) full(n, free int64) error {
	return spec.Errorf("reserve memory", spec.ObjectStoreFull, "",
		"it needs %s; the job holds %s of the object store's memory of %s, of which %s are free, and no job gets more than %d times what it leaves free: release refs that are not needed, let queued calls finish, or raise the object store's memory",
		spec.FormatBytes(n), spec.FormatBytes(a.used.Load()), spec.FormatBytes(a.store.limit), spec.FormatBytes(free), Share)
}

// Release gives n reserved bytes back.
func (a *Account) Release(n int64) {
	a.used.Add(-n)
	a.store.used.Add(-n)
}

// Used returns the bytes reserved.
func (a *Account) Used() int64 { return a.used.Load() }
