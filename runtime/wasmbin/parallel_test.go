package wasmbin

import "testing"

func TestInParallelVisitsEveryIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, batch, batch + 1, 10*batch - 1} {
		visits := make([]int, n)
		inParallel(n, func() func(int) {
			last := -1
			return func(i int) {
				if i <= last {
					t.Errorf("of %d: index %d comes after %d", n, i, last)
				}
				last = i
				visits[i]++
			}
		})
		for i, v := range visits {
			if v != 1 {
				t.Errorf("of %d: index %d is visited %d times", n, i, v)
			}
		}
	}
}
