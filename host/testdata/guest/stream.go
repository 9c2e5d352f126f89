package main

import (
	"errors"
	"iter"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	countRemote     = ray.Generator1(count)
	countBadRemote  = ray.Generator2(countBadly)
	sumStreamRemote = ray.Remote1(sumStream)
	bigRemote       = ray.Generator1(big)
	bigOnceRemote   = ray.Generator2(bigOnce)
)

// count yields 0 to n-1, for ever if n is negative.
func count(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := 0; i != n; i++ {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// countBadly counts to n and then crashes, but for its third attempt; or it fails, if how says so.
func countBadly(n int, how string) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range 2 * n {
			if i == n && how == "crash" && ray.Self().Attempt < 2 {
				os.Exit(1)
			}
			if i == n && how == "fail" {
				yield(0, errors.New("no further"))
				return
			}
			if !yield(i, nil) {
				return
			}
		}
	}
}

// sumStream adds up what a generator of its own gives.
func sumStream(n int) (int, error) {
	sum := 0
	for v, err := range countRemote.With(ray.Ahead(2)).Remote(n).Values() {
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}

// big yields n results of a MiB.
func big(n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for range n {
			if !yield(make([]byte, 1<<20), nil) {
				return
			}
		}
	}
}

// bigOnce is big the first time; in later attempts it gives two results only, or one and crashes.
func bigOnce(n int, how string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		again := ray.Self().Attempt > 0
		for i := range n {
			if again && how == "crash" && i == 1 {
				os.Exit(1)
			}
			if again && i == 2 || !yield(make([]byte, 1<<20), nil) {
				return
			}
		}
	}
}
