package main

import ray "github.com/raywasm/raywasm/guest-sdk/go"

var (
	_ = ray.Remote1(floodDrafts)
	_ = ray.Remote1(floodSealed)
	_ = ray.Remote1(viewFreed)
)

// floodDrafts makes drafts of a size, and never seals one.
func floodDrafts(size int) (int, error) {
	for {
		d, err := ray.NewDraft[[]byte](size)
		if err != nil {
			return 0, err
		}
		d.Data()[size-1] = 1
	}
}

// floodSealed makes objects of a size in place, and gives up what it sees of them but not their refs.
func floodSealed(size int) (int, error) {
	var kept []ray.Ref[[]byte]
	for {
		d, err := ray.NewDraft[[]byte](size)
		if err != nil {
			return len(kept), err
		}
		r, err := d.Seal()
		if err != nil {
			return len(kept), err
		}
		kept = append(kept, r)
		d.Release()
	}
}

// viewFreed keeps views of objects to which it has given its refs back.
func viewFreed(size int) (int, error) {
	for {
		r, err := ray.Put(make([]byte, size))
		if err != nil {
			return 0, err
		}
		if _, err := ray.ViewOf(r); err != nil {
			return 0, err
		}
		r.Release()
	}
}
