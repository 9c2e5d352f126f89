package extent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// check goes through the whole space: runs lie one after another and are where the lists say.
func check(t *testing.T, s *Space, blocks []Block) {
	t.Helper()
	type span struct{ from, to int64 }
	var spans []span
	asked := int64(0)
	for _, b := range blocks {
		spans = append(spans, span{b.Off, b.Off + b.Size})
		asked += b.Size
		if b.Size > MaxSmall && (b.Off%PageSize != 0 || !b.Whole()) {
			t.Fatalf("a block of %d bytes is at %d, whole %v", b.Size, b.Off, b.Whole())
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	for i, x := range spans {
		if x.from < 0 || x.to > s.size || i > 0 && spans[i-1].to > x.from {
			t.Fatalf("block %v of a space of %d follows %v", x, s.size, spans[max(0, i-1)])
		}
	}
	if s.asked != asked {
		t.Fatalf("asked for %d, it says %d", asked, s.asked)
	}
	listed, free := 0, int64(0)
	var first *run
	for row := range s.pages.lists {
		for step := range s.pages.lists[row] {
			if bit := s.pages.steps[row]>>step&1 == 1; bit != (s.pages.lists[row][step] != nil) {
				t.Fatalf("list %d/%d: its bit is %v", row, step, bit)
			}
			for r := s.pages.lists[row][step]; r != nil; r = r.next {
				if x, y := place(r.pages); !r.free || x != row || y != step {
					t.Fatalf("a run of %d pages, free %v, is in list %d/%d", r.pages, r.free, row, step)
				}
				if r.before != nil && r.before.free || r.after != nil && r.after.free {
					t.Fatalf("two free runs are adjacent at page %d", r.first)
				}
				listed++
				free += r.pages
				first = r
			}
		}
	}
	if got := s.pages.used + free; got != s.size/PageSize {
		t.Fatalf("%d pages are used or free, of %d", got, s.size/PageSize)
	}
	if len(blocks) == 0 && (listed != 1 || first.pages != s.size/PageSize) {
		t.Fatalf("nothing is in use, and there are %d free runs", listed)
	}
}

func TestABlockTakesAQuarterMoreAtMost(t *testing.T) {
	lastClass, lastSize := -1, int64(0)
	for n := int64(1); n <= MaxSmall; n++ {
		class, size := slotSize(n)
		if size < n || size > max(slot, n+n/4) && size-n >= slot {
			t.Fatalf("a block of %d bytes takes %d", n, size)
		}
		if class != lastClass && class != lastClass+1 || class >= classes || (class == lastClass) != (size == lastSize) {
			t.Fatalf("%d bytes: class %d of %d bytes after class %d of %d", n, class, size, lastClass, lastSize)
		}
		lastClass, lastSize = class, size
	}
	if lastClass != classes-1 {
		t.Errorf("there are %d classes, of %d", lastClass+1, classes)
	}
	for n := int64(MaxSmall + 1); n < 1<<20; n += 4095 {
		if pages := (n + PageSize - 1) / PageSize * PageSize; pages > n+n/4 {
			t.Errorf("a block of %d bytes takes %d", n, pages)
		}
	}
}

// workloads are what a store may be used for.
var workloads = map[string]func(*rand.Rand) int64{
	"small":     func(r *rand.Rand) int64 { return 1 + r.Int64N(4<<10) },
	"one size":  func(*rand.Rand) int64 { return 1 << 20 },
	"large":     func(r *rand.Rand) int64 { return 100<<10 + r.Int64N(2<<20) },
	"all sizes": func(r *rand.Rand) int64 { return 1 + r.Int64N(1<<(1+r.Int64N(22))) },
}

// TestWasteIsBounded: when many blocks have come and gone, and ten in a row are refused, four fifths of the space hold
// what was asked for; and when all blocks are freed the space is one run again.
func TestWasteIsBounded(t *testing.T) {
	for name, size := range workloads {
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				s := NewSpace(256 << 20)
				var blocks []Block
				for round := range 20 {
					for refused := 0; refused < 10; {
						if b, ok := s.Alloc(size(random)); ok {
							blocks, refused = append(blocks, b), 0
						} else {
							refused++
						}
					}
					if s.Asked()*10 < s.Size()*8 {
						t.Fatalf("round %d: refused when %d of %d bytes are in use", round, s.Asked(), s.Size())
					}
					if round%10 == 0 {
						check(t, s, blocks)
					}
					random.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
					for _, b := range blocks[len(blocks)/2:] {
						s.Free(b)
					}
					blocks = blocks[:len(blocks)/2]
				}
				for _, b := range blocks {
					s.Free(b)
				}
				check(t, s, nil)
			})
		}
	}
}

func TestTheLastRunIsFoundThoughItsListIsNotALaterOne(t *testing.T) {
	s := NewSpace(37 * PageSize)
	b, ok := s.Alloc(37 * PageSize)
	if !ok {
		t.Fatal("37 free pages in one run are refused")
	}
	if _, ok := s.Alloc(1); ok {
		t.Fatal("a full space gives a block")
	}
	if f := s.Free(b); f.From != 0 || f.To != 37*PageSize {
		t.Fatalf("it became part of %v", f)
	}
}

func TestWhatWasFreedLastIsTakenNext(t *testing.T) {
	s := NewSpace(100 * PageSize)
	var blocks []Block
	for range 3 {
		b, _ := s.Alloc(10 * PageSize)
		blocks = append(blocks, b)
	}
	s.Free(blocks[1])
	if b, ok := s.Alloc(10 * PageSize); !ok || b.Off != blocks[1].Off {
		t.Errorf("it is at %d, and what was freed at %d", b.Off, blocks[1].Off)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	s := NewSpace(10*PageSize + 5)
	for _, n := range []int64{0, -1, -1 << 63, 10*PageSize + 1, 1<<63 - 1} {
		if _, ok := s.Alloc(n); ok {
			t.Errorf("a block of %d bytes", n)
		}
	}
	if _, ok := NewSpace(100).Alloc(1); ok {
		t.Error("a space without a page gives a block")
	}
}

// FuzzSpace: each byte is an allocation or a release.
func FuzzSpace(f *testing.F) {
	f.Add([]byte{1, 200, 3, 129, 255, 0, 17})
	f.Fuzz(func(t *testing.T, program []byte) {
		s := NewSpace(1 << 20)
		var blocks []Block
		var free Free
		for i, op := range program[:min(len(program), 2000)] {
			if op < 128 && len(blocks) > 0 {
				k := int(op) % len(blocks)
				free = s.Free(blocks[k])
				blocks = append(blocks[:k], blocks[k+1:]...)
			} else if op >= 250 {
				from := free.From + int64(op-250)*PageSize
				if b, ok := s.Claim(free, from, from+int64(i%4)*PageSize); ok { // it may be a run of long ago
					blocks = append(blocks, b)
				}
			} else if b, ok := s.Alloc(1 + int64(op&127)*int64(i%300)); ok {
				blocks = append(blocks, b)
			}
		}
		check(t, s, blocks)
		for _, b := range blocks {
			s.Free(b)
		}
		check(t, s, nil)
	})
}

func BenchmarkAllocFree(b *testing.B) {
	for _, size := range []int64{1 << 10, 100 << 10, 16 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := NewSpace(1 << 30)
			b.ReportAllocs()
			for b.Loop() {
				x, _ := s.Alloc(size)
				s.Free(x)
			}
		})
	}
}

func ExampleSpace() {
	s := NewSpace(1 << 20)
	a, _ := s.Alloc(100_000)
	b, _ := s.Alloc(200_000)
	fmt.Println(a.Off, b.Off, s.Used(), s.Asked())
	s.Free(a)
	free := s.Free(b)
	fmt.Println(free.From, free.To)
	// Output:
	// 0 102400 303104 300000
	// 0 1048576
}
