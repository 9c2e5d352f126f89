package local

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/btree"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

// state is all that the store knows at one moment. It decides and changes; it neither waits nor writes.
type state struct {
	revision control.Revision
	items    *btree.BTreeG[control.Item]
	leases   *btree.BTreeG[control.Lease]
	attached *btree.BTreeG[attachment]
	bytes    int64 // what the log needs for all of it, about
}

// attachment is a key that hangs on a lease.
type attachment struct {
	lease control.LeaseID
	key   string
}

// degree is that of the trees: a change copies a few nodes of so many items.
const degree = 16

func newState() *state {
	return &state{
		items:  btree.NewG(degree, func(a, b control.Item) bool { return a.Key < b.Key }),
		leases: btree.NewG(degree, func(a, b control.Lease) bool { return a.ID < b.ID }),
		attached: btree.NewG(degree, func(a, b attachment) bool {
			return cmp.Or(cmp.Compare(a.lease, b.lease), cmp.Compare(a.key, b.key)) < 0
		}),
	}
}

// clone returns a version to change; the state itself is to be read only from now on.
func (s *state) clone() *state {
	return &state{s.revision, s.items.Clone(), s.leases.Clone(), s.attached.Clone(), s.bytes}
}

// overhead is what the log needs for an item beside key and value, about.
const overhead = 64

func sizeOf(i control.Item) int64 { return overhead + int64(len(i.Key)+len(i.Value)) }

// get returns the item of a key, the zero one if there is none.
func (s *state) get(key string) control.Item {
	item, _ := s.items.Get(control.Item{Key: key})
	return item
}

// list returns a page of the items whose keys begin with prefix.
func (s *state) list(prefix string, p control.Page) control.List {
	limit := p.Limit
	if limit <= 0 || limit > control.MaxPage {
		limit = control.MaxPage
	}
	out := control.List{Revision: s.revision}
	s.items.AscendGreaterOrEqual(control.Item{Key: max(prefix, p.After)}, func(i control.Item) bool {
		switch {
		case !strings.HasPrefix(i.Key, prefix):
			return false
		case p.After != "" && i.Key <= p.After:
			return true
		case len(out.Items) == limit:
			out.Next = out.Items[limit-1].Key
			return false
		}
		out.Items = append(out.Items, i)
		return true
	})
	return out
}

// commit decides a transaction that has been checked and returns the change to apply.
func (s *state) commit(t control.Txn) (change, error) {
	const op = "commit"
	if t.Term != (control.Term{}) {
		if now := s.get(t.Term.Key).Revision; now != t.Term.Epoch {
			return change{}, spec.Errorf(op, spec.StaleEpoch, control.Quote(t.Term.Key), "the term of epoch %d is over: campaign again", t.Term.Epoch)
		}
	}
	for _, c := range t.If {
		if now := s.get(c.Key).Revision; now != c.Revision {
			return change{}, spec.Errorf(op, spec.Conflict, control.Quote(c.Key), "its revision is %d, not %d as the commit expected: read it again", now, c.Revision)
		}
	}
	ch := change{Revision: s.revision + 1}
	for _, p := range t.Put {
		if p.Lease != 0 && !s.leases.Has(control.Lease{ID: p.Lease}) {
			return change{}, leaseOver(op, p.Lease)
		}
		created := s.get(p.Key).Created
		if created == 0 {
			created = ch.Revision
		}
		ch.Put = append(ch.Put, row{Key: []byte(p.Key), Value: slices.Clone(p.Value), Created: created, Revision: ch.Revision, Lease: p.Lease})
	}
	for _, key := range t.Delete {
		if s.items.Has(control.Item{Key: key}) {
			ch.Delete = append(ch.Delete, []byte(key))
		}
	}
	if ch.empty() {
		ch.Revision = s.revision
	}
	return ch, nil
}

// grant returns the change that makes a lease.
func (s *state) grant(l control.Lease) change {
	return change{Revision: s.revision, Grant: []control.Lease{l}}
}

// revoke returns the change that ends a lease and deletes its keys.
func (s *state) revoke(id control.LeaseID) (change, error) {
	if !s.leases.Has(control.Lease{ID: id}) {
		return change{}, leaseOver("revoke lease", id)
	}
	ch := change{Revision: s.revision, Revoke: []control.LeaseID{id}}
	s.attached.AscendGreaterOrEqual(attachment{lease: id}, func(a attachment) bool {
		if a.lease == id {
			ch.Delete = append(ch.Delete, []byte(a.key))
		}
		return a.lease == id
	})
	if len(ch.Delete) > 0 {
		ch.Revision++
	}
	return ch, nil
}

// apply makes a change: one that was just decided, or one that comes from the log.
func (s *state) apply(ch change) {
	s.revision = ch.Revision
	for _, l := range ch.Grant {
		if _, known := s.leases.ReplaceOrInsert(l); !known {
			s.bytes += overhead
		}
	}
	for _, r := range ch.Put {
		s.set(r.item())
	}
	for _, key := range ch.Delete {
		s.drop(string(key))
	}
	for _, id := range ch.Revoke {
		if _, known := s.leases.Delete(control.Lease{ID: id}); known {
			s.bytes -= overhead
		}
	}
}

func (s *state) set(i control.Item) {
	old, existed := s.items.ReplaceOrInsert(i)
	if existed {
		s.bytes -= sizeOf(old)
		if old.Lease != 0 && old.Lease != i.Lease {
			s.attached.Delete(attachment{old.Lease, i.Key})
		}
	}
	s.bytes += sizeOf(i)
	if i.Lease != 0 {
		s.attached.ReplaceOrInsert(attachment{i.Lease, i.Key})
	}
}

func (s *state) drop(key string) {
	if old, existed := s.items.Delete(control.Item{Key: key}); existed {
		s.bytes -= sizeOf(old)
		s.attached.Delete(attachment{old.Lease, key})
	}
}

// leaseOver says that a lease is not there.
func leaseOver(op string, id control.LeaseID) error {
	return spec.Errorf(op, spec.NotFound, "", "lease %x is over: it was revoked, or not kept alive within its TTL", int64(id))
}

// copied returns a change that sets what is there already: some items behind a key, and with the first ones all leases.
// It is what the log keeps when its beginning goes. next is the key to go on behind, "" at the end.
func (s *state) copied(after string, first bool) (ch change, next string) {
	const enough = 256 * spec.KiB
	ch = change{Revision: s.revision}
	if first {
		s.leases.Ascend(func(l control.Lease) bool {
			ch.Grant = append(ch.Grant, l)
			return true
		})
	}
	size := int64(0)
	s.items.AscendGreaterOrEqual(control.Item{Key: after}, func(i control.Item) bool {
		if i.Key == after {
			return true
		}
		if size >= enough {
			next = string(ch.Put[len(ch.Put)-1].Key)
			return false
		}
		size += sizeOf(i)
		ch.Put = append(ch.Put, rowOf(i))
		return true
	})
	return ch, next
}

// change is what the log keeps: of a commit what it changed, of a copy what there was.
type change struct {
	Revision control.Revision  `cbor:"1,keyasint"` // of the store after it
	Put      []row             `cbor:"2,keyasint,omitempty"`
	Delete   [][]byte          `cbor:"3,keyasint,omitempty"`
	Grant    []control.Lease   `cbor:"4,keyasint,omitempty"`
	Revoke   []control.LeaseID `cbor:"5,keyasint,omitempty"`
}

// row is an item in the log. Keys are bytes: they need not be UTF-8.
type row struct {
	Key      []byte           `cbor:"1,keyasint"`
	Value    []byte           `cbor:"2,keyasint,omitempty"`
	Created  control.Revision `cbor:"3,keyasint"`
	Revision control.Revision `cbor:"4,keyasint"`
	Lease    control.LeaseID  `cbor:"5,keyasint,omitempty"`
}

func rowOf(i control.Item) row {
	return row{[]byte(i.Key), i.Value, i.Created, i.Revision, i.Lease}
}

func (r row) item() control.Item {
	return control.Item{Key: string(r.Key), Value: r.Value, Created: r.Created, Revision: r.Revision, Lease: r.Lease}
}

func (ch change) empty() bool {
	return len(ch.Put)+len(ch.Delete)+len(ch.Grant)+len(ch.Revoke) == 0
}

// seen is the change as watches see it.
func (ch change) seen() control.Change {
	out := control.Change{Revision: ch.Revision, Events: make([]control.Event, 0, len(ch.Put)+len(ch.Delete))}
	for _, r := range ch.Put {
		out.Events = append(out.Events, control.Event{Item: r.item()})
	}
	for _, key := range ch.Delete {
		out.Events = append(out.Events, control.Event{Deleted: true, Item: control.Item{Key: string(key), Revision: ch.Revision}})
	}
	slices.SortFunc(out.Events, func(a, b control.Event) int { return cmp.Compare(a.Item.Key, b.Item.Key) })
	return out
}

// check says why a change from the log cannot be one of ours, which a checksum does not tell.
func (ch change) check(after control.Revision) string {
	if ch.Revision < after {
		return "its revision is lower than that of an earlier one"
	}
	for _, r := range ch.Put {
		if control.CheckKey(string(r.Key)) != nil || r.Created < 1 || r.Revision < r.Created || r.Revision > ch.Revision {
			return "one of its keys or revisions is wrong"
		}
	}
	for _, l := range ch.Grant {
		if l.ID == 0 || l.TTL <= 0 || l.TTL > control.MaxTTL+time.Second {
			return "one of its leases is wrong"
		}
	}
	return ""
}
