package main

import (
	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Keeper is an actor that keeps handles of its like.
type Keeper struct{ kept []ray.Handle[*Keeper] }

var (
	keepers    = ray.Actor0(NewKeeper)
	keepHandle = ray.Method1((*Keeper).KeepHandle)
)

// NewKeeper keeps nothing yet.
func NewKeeper() (*Keeper, error) { return &Keeper{}, nil }

// KeepHandle keeps a handle, and returns how many it has.
func (k *Keeper) KeepHandle(h ray.Handle[*Keeper]) (int, error) {
	k.kept = append(k.kept, h)
	return len(k.kept), nil
}
