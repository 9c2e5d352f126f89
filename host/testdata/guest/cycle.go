package main

import (
	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Keeper is an actor that keeps handles of its like, and objects.
type Keeper struct {
	kept    []ray.Handle[*Keeper]
	objects []ray.Ref[[]byte]
}

var (
	keepers    = ray.Actor0(NewKeeper)
	keepHandle = ray.Method1((*Keeper).KeepHandle)
	keepObject = ray.Method1((*Keeper).KeepObject)
)

// NewKeeper keeps nothing yet.
func NewKeeper() (*Keeper, error) { return &Keeper{}, nil }

// KeepHandle keeps a handle, and returns how many it has.
func (k *Keeper) KeepHandle(h ray.Handle[*Keeper]) (int, error) {
	k.kept = append(k.kept, h)
	return len(k.kept), nil
}

// KeepObject keeps an object of so many bytes, and returns how many it has.
func (k *Keeper) KeepObject(size int) (int, error) {
	ref, err := ray.Put(make([]byte, size))
	k.objects = append(k.objects, ref)
	return len(k.objects), err
}
