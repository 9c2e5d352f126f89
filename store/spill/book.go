package spill

import (
	"github.com/raywasm/raywasm/spec"
)

// place is where a record lies.
type place struct {
	file *file
	off  int64 // of the header
	size int64 // of header and data
}

// file is what the book knows of one.
type file struct {
	target  Target
	name    string
	size    int64
	live    int64 // bytes of records that are wanted
	records []spec.ObjectID
	due     bool // it is among those to be collected
}

// book knows which file holds what, and which files are to be removed or compacted. It does no I/O.
type book struct {
	places map[spec.ObjectID]place
	due    []*file
	bytes  int64 // of all files
	live   int64 // of those, bytes of records that are wanted
	slack  int64 // how much more than is wanted the files may have before any is compacted
}

func newBook(slack int64) *book { return &book{places: make(map[spec.ObjectID]place), slack: slack} }

// add enters a file that is complete. Of its records those are wanted that wanted says.
func (b *book) add(f *file, ids []spec.ObjectID, sizes []int64, wanted func(spec.ObjectID) bool) {
	off := int64(0)
	for i, id := range ids {
		if wanted(id) {
			if was, ok := b.places[id]; ok { // it moves
				was.file.live -= was.size
				b.live -= was.size
			}
			b.places[id] = place{f, off, sizes[i]}
			f.live += sizes[i]
			b.live += sizes[i]
			f.records = append(f.records, id)
		}
		off += sizes[i]
	}
	f.size = off
	b.bytes += off
	b.consider(f)
}

// forget takes an object out.
func (b *book) forget(id spec.ObjectID) {
	if p, ok := b.places[id]; ok {
		delete(b.places, id)
		p.file.live -= p.size
		b.live -= p.size
		b.consider(p.file)
	}
}

// consider makes a file due of which less than half is wanted.
func (b *book) consider(f *file) {
	if !f.due && 2*f.live < f.size {
		f.due = true
		b.due = append(b.due, f)
	}
}

// next returns a file to be collected, and the records that are wanted of it; nil if there is none. Files of which nothing
// is wanted come first: what is forgotten together need not be compacted in between. Others wait until all files have
// twice what is wanted, and the slack.
func (b *book) next() (f *file, ids []spec.ObjectID, places []place) {
	if len(b.due) == 0 {
		return nil, nil, nil
	}
	least := 0
	for i, f := range b.due {
		if f.live < b.due[least].live {
			least = i
		}
	}
	f = b.due[least]
	if f.live > 0 && b.bytes-b.live <= max(b.live, b.slack) {
		return nil, nil, nil
	}
	b.due = append(b.due[:least], b.due[least+1:]...)
	for _, id := range f.records {
		if p, ok := b.places[id]; ok && p.file == f {
			ids, places = append(ids, id), append(places, p)
		}
	}
	return f, ids, places
}

// removed takes a file out that is no more.
func (b *book) removed(f *file) { b.bytes -= f.size }
