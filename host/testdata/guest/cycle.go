package main

import (
	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Keeper is an actor that keeps handles of its like, refs, and objects.
type Keeper struct {
	kept    []ray.Handle[*Keeper]
	refs    []ray.Ref[int]
	objects []ray.Ref[[]byte]
}

var (
	keepers    = ray.Actor0(NewKeeper)
	keepHandle = ray.Method1((*Keeper).KeepHandle)
	keepRefs   = ray.Method1((*Keeper).KeepRefs)
	keepObject = ray.Method1((*Keeper).KeepObject)
)

// NewKeeper keeps nothing yet.
func NewKeeper() (*Keeper, error) { return &Keeper{}, nil }

// KeepHandle keeps a handle, and returns how many it has.
func (k *Keeper) KeepHandle(h ray.Handle[*Keeper]) (int, error) {
	k.kept = append(k.kept, h)
	return len(k.kept), nil
}

// KeepRefs keeps refs, and returns how many it has.
func (k *Keeper) KeepRefs(refs []ray.Ref[int]) (int, error) {
	k.refs = append(k.refs, refs...)
	return len(k.refs), nil
}

// KeepObject keeps an object of so many bytes, and returns how many it has.
func (k *Keeper) KeepObject(size int) (int, error) {
	ref, err := ray.Put(make([]byte, size))
	k.objects = append(k.objects, ref)
	return len(k.objects), err
}
