package local

import (
	"cmp"
	"slices"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

// The history is kept for watches within these bounds: a watch that was behind by more lists again.
const (
	historyChanges = 32 * 1024
	historyBytes   = 16 * spec.MiB
)

// history is the newest changes, oldest first.
type history struct {
	changes []control.Change
	bytes   int64
	floor   control.Revision // what came up to it is not kept any more
}

func (h *history) add(c control.Change) {
	h.changes = append(h.changes, c)
	h.bytes += weight(c)
	for len(h.changes) > historyChanges || h.bytes > historyBytes && len(h.changes) > 1 {
		h.floor = h.changes[0].Revision
		h.bytes -= weight(h.changes[0])
		h.changes[0] = control.Change{}
		h.changes = h.changes[1:]
	}
}

func weight(c control.Change) int64 {
	n := int64(0)
	for _, e := range c.Events {
		n += sizeOf(e.Item)
	}
	return n
}

// from returns some changes from a revision on; ok is false when they are not all there any more.
func (h *history) from(rev control.Revision) (changes []control.Change, ok bool) {
	const some = 256
	if rev <= h.floor {
		return nil, false
	}
	i, _ := slices.BinarySearchFunc(h.changes, rev, func(c control.Change, rev control.Revision) int { return cmp.Compare(c.Revision, rev) })
	return slices.Clone(h.changes[i:min(len(h.changes), i+some)]), true
}
