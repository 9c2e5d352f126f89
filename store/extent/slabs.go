package extent

import "math/bits"

const (
	// MaxSmall is the longest block that shares its pages with others, in bytes.
	MaxSmall = 16 << 10
	// slot is the unit of small blocks, in bytes.
	slot = 64
	// slabSlots is how many slots a slab has at least, but for slots so small that a page has more.
	slabSlots = 8
	// classes is how many sizes of slots there are: eight for each doubling.
	classes = 8 * 6
)

// slab is a run of pages cut into slots of one class.
type slab struct {
	pages *run
	class int
	free  uint64 // a bit for each free slot
	all   uint64
	at    int // where it is in its class's list of slabs with free slots
}

// slotSize returns the class of blocks of n bytes, and how long its slots are: n and at most an eighth more, in units
// of 64 bytes.
func slotSize(n int64) (class int, size int64) {
	units := (n + slot - 1) / slot
	if units <= 8 {
		return int(units) - 1, units * slot
	}
	shift := bits.Len64(uint64(units-1)) - 4 // 9 to 16 units: 0
	step := (units + 1<<shift - 1) >> shift
	return 8*(shift+1) + int(step) - 9, step << shift * slot
}

// slabPages returns how many pages a slab of slots of that size has.
func slabPages(size int64) int64 { return (slabSlots*size + PageSize - 1) / PageSize }

// takeSlot returns a slot of n bytes or more; nil if there is no slab and no room for one.
func (s *Space) takeSlot(n int64) (*slab, int64) {
	class, size := slotSize(n)
	if len(s.partial[class]) == 0 {
		r := s.pages.take(slabPages(size))
		if r == nil {
			return nil, 0
		}
		all := ^uint64(0) >> (64 - min(64, r.pages*PageSize/size))
		s.partial[class] = append(s.partial[class], &slab{pages: r, class: class, free: all, all: all})
	}
	list := s.partial[class]
	b := list[len(list)-1]
	i := bits.TrailingZeros64(b.free)
	if b.free &^= 1 << i; b.free == 0 {
		s.partial[class] = list[:len(list)-1]
	}
	return b, b.pages.first*PageSize + int64(i)*size
}

// giveSlot takes a slot back. It returns the free run that the slab has become part of, nil if it has other slots in use.
func (s *Space) giveSlot(b *slab, off, size int64) *run {
	_, size = slotSize(size)
	if b.free == 0 {
		b.at = len(s.partial[b.class])
		s.partial[b.class] = append(s.partial[b.class], b)
	}
	if b.free |= 1 << ((off - b.pages.first*PageSize) / size); b.free != b.all {
		return nil
	}
	list := s.partial[b.class]
	last := list[len(list)-1]
	list[b.at], last.at = last, b.at
	list[len(list)-1] = nil
	s.partial[b.class] = list[:len(list)-1]
	return s.pages.give(b.pages)
}
