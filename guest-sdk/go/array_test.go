//go:build !wasip1

package ray

import "testing"

func twice(v Array[float64]) (Array[float64], error) {
	out := make(Array[float64], len(v))
	for i, x := range v {
		out[i] = 2 * x
	}
	return out, nil
}

var remoteTwice = Remote1(twice)

func TestArraysTravel(t *testing.T) {
	newWorld(t)
	for _, n := range []int{0, 1, 3, 100, 20_000, 200_000} {
		v := make(Array[float64], n)
		for i := range v {
			v[i] = float64(i) / 3
		}
		got, err := remoteTwice.Remote(v).Get()
		if err != nil || len(got) != n {
			t.Fatalf("%d numbers: %d, %v", n, len(got), err)
		}
		for i := range got {
			if got[i] != 2*v[i] {
				t.Fatalf("number %d of %d is %v, want %v", i, n, got[i], 2*v[i])
			}
		}
	}
	if got, err := Named[Array[float64]]("go.twice").Remote([]float64{1, 2}).Get(); err != nil || got[1] != 4 {
		t.Errorf("of a plain slice: %v, %v", got, err)
	}
}
