package sched

import (
	"math/rand/v2"
	"testing"
)

// TestNumbersAreSeenOnce: numbers that come in any order and repeatedly are fresh once, and one number remembers them in the end.
func TestNumbersAreSeenOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	var c client
	seen := map[uint64]bool{}
	for i := range uint64(10_000) {
		count := 1 + i/2 + r.Uint64N(100)
		if c.fresh(count) == seen[count] {
			t.Fatalf("number %d: seen %v", count, seen[count])
		}
		seen[count] = true
	}
	for count := range uint64(6000) {
		c.fresh(count + 1)
	}
	if len(c.ahead) != 0 || c.low != 6000 {
		t.Errorf("below %d, and %d ahead", c.low, len(c.ahead))
	}
}

// TestAClientThatLeavesNumbersOutIsBounded: what is kept for it is bounded, and nothing is fresh twice.
func TestAClientThatLeavesNumbersOutIsBounded(t *testing.T) {
	var c client
	for i := range uint64(3 * maxAhead) {
		if !c.fresh(2*i + 2) {
			t.Fatalf("number %d was seen", 2*i+2)
		}
		if len(c.ahead) > maxAhead {
			t.Fatalf("%d numbers are kept", len(c.ahead))
		}
	}
	if c.fresh(3) || c.fresh(2) {
		t.Error("a number that was given up is fresh")
	}
}
