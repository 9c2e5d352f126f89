package store

import (
	"sync/atomic"

	"github.com/raywasm/raywasm/spec"
)

// Share bounds an account: to Share times what is left of its bound. One job alone gets 8/9, two greedy ones 8/17 each;
// the smaller the share, the more is left for a job that comes last.
const Share = 8

// Bound is what the guests of a node may make it keep: so many bytes in memory and, where objects are spilled, so many
// more of what can be. It is safe for concurrent use.
type Bound struct {
	of    string       // what is bounded, for people
	limit int64        // bytes
	used  atomic.Int64 // bytes reserved by all accounts
	large *Bound       // of what can be spilled; nil: nothing can be
}

// NewBound returns a bound of memory bytes, and of memory and disk bytes for large objects. Without a disk, which is 0
// then, both are one.
func NewBound(memory, disk int64) *Bound {
	b := &Bound{of: "memory", limit: memory}
	if disk > 0 {
		b.large = &Bound{of: "memory and disk", limit: memory + disk}
	}
	return b
}

// Used returns the bytes reserved.
func (b *Bound) Used() int64 {
	n := b.used.Load()
	if b.large != nil {
		n += b.large.Used()
	}
	return n
}

// Account is what one job has reserved of a bound. It is safe for concurrent use.
type Account struct {
	bound *Bound
	used  atomic.Int64 // bytes
	large *Account
}

// Account opens an account, with nothing reserved.
func (b *Bound) Account() *Account {
	a := &Account{bound: b}
	if b.large != nil {
		a.large = b.large.Account()
	}
	return a
}

// Large is the job's account of the bytes of large objects: a itself where they cannot be spilled.
func (a *Account) Large() *Account {
	if a.large != nil {
		return a.large
	}
	return a
}

// Reserve takes n bytes, at least 0, or none: it fails with spec.ObjectStoreFull when there is no room for them, or the
// account has its share. Reservations at the same moment may overdraw a share, never the bound.
func (a *Account) Reserve(n int64) error {
	b := a.bound
	for {
		used := b.used.Load()
		left := b.limit - used - n
		if left < 0 || (a.used.Load()+n)/Share > left {
			return a.full(n, b.limit-used)
		}
		if b.used.CompareAndSwap(used, used+n) {
			a.used.Add(n)
			return nil
		}
	}
}

// full says that n bytes do not fit, with free bytes left.
func (a *Account) full(n, free int64) error {
	return spec.Errorf("reserve memory", spec.ObjectStoreFull, "",
		"it needs %s; the job holds %s of the object store's %s of %s, of which %s are free, and no job gets more than %d times what it leaves free: release refs that are not needed, let queued calls finish, or raise the object store's memory",
		spec.FormatBytes(n), spec.FormatBytes(a.used.Load()), a.bound.of, spec.FormatBytes(a.bound.limit), spec.FormatBytes(free), Share)
}

// Release gives n reserved bytes back.
func (a *Account) Release(n int64) {
	a.used.Add(-n)
	a.bound.used.Add(-n)
}

// Used returns the bytes reserved, those of large objects among them.
func (a *Account) Used() int64 {
	n := a.used.Load()
	if a.large != nil {
		n += a.large.Used()
	}
	return n
}
