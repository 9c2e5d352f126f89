package autoscaler

import (
	"math/rand/v2"
	"testing"
)

// TestFirstIsWhatALookAtEveryBinFinds: the tree finds what a walk along the row would, after every kind of change.
func TestFirstIsWhatALookAtEveryBinFinds(t *testing.T) {
	const dims = 3
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		any := func() *bin {
			b := &bin{free: make([]int64, dims), used: r.IntN(3) == 0}
			for d := range b.free {
				b.free[d] = r.Int64N(6)
			}
			return b
		}
		var all []*bin
		for range r.IntN(20) {
			all = append(all, any())
		}
		b := newBins(dims, len(all)+20)
		b.fill(all)
		for range 100 {
			switch r.IntN(5) {
			case 0:
				if len(b.row) < len(all)+20 {
					b.push(any())
				}
			case 1:
				if len(b.row) > 0 {
					b.cut(len(b.row) - r.IntN(min(3, len(b.row))))
				}
			case 2:
				if len(b.row) > 0 {
					i := r.IntN(len(b.row))
					b.row[i].free[r.IntN(dims)] = r.Int64N(6)
					b.changed(i)
				}
			}
			var need []amount
			for d := range dims {
				if n := r.Int64N(6); n > 0 {
					need = append(need, amount{d, n})
				}
			}
			from := r.IntN(len(b.row) + 1)
			ok := func(b *bin) bool { return !b.used }
			want := -1
			for i, one := range b.row {
				if i >= from && fits(need, one.free) && ok(one) {
					want = i
					break
				}
			}
			if got := b.first(need, from, ok); got != want {
				t.Fatalf("seed %d: found %d, want %d", seed, got, want)
			}
		}
	}
}

// TestEveryChangeOfAStateIsKnown: from every state but the last there is a way on, and none leads to where it does not end.
func TestEveryChangeOfAStateIsKnown(t *testing.T) {
	for s := Queued; s < Terminated; s++ {
		seen := map[State]bool{s: true}
		for again := true; again; {
			again = false
			for from := range seen {
				for _, to := range next[from] {
					if !seen[to] {
						seen[to], again = true, true
					}
				}
			}
		}
		if !seen[Terminated] {
			t.Errorf("%v never ends", s)
		}
	}
}
