package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// variant is one of several ways to do the same thing.
type variant struct {
	name string
	// run does it n times and returns the time that counts. It is called from several goroutines at once.
	run    func(n int) (time.Duration, error)
	target float64 // seconds; 0 for none
}

// timed is the run of a variant of which all counts.
func timed(once func() error) func(n int) (time.Duration, error) {
	return func(n int) (time.Duration, error) {
		begin := time.Now()
		for range n {
			if err := once(); err != nil {
				return 0, err
			}
		}
		return time.Since(begin), nil
	}
}

// compare measures the variants in turns, each in workers goroutines at once, and returns a row for each: seconds of
// the wall clock per time it was done. The others are compared with the first.
func (l *lab) compare(ctx context.Context, group string, workers int, variants []variant) ([]row, error) {
	counts := make([]int, len(variants))
	for i, v := range variants {
		var err error
		if counts[i], err = l.calibrate(v); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", group, v.name, err)
		}
	}
	samples := make([][]float64, len(variants))
	for range l.rounds {
		for i, v := range variants {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			took, err := together(workers, counts[i], v.run)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", group, v.name, err)
			}
			samples[i] = append(samples[i], took.Seconds()/float64(workers*counts[i]))
		}
	}
	rows := make([]row, len(variants))
	for i, v := range variants {
		rows[i] = newRow(group, v.name, inSeconds, samples[i]).against(samples[0], samples[i])
		if v.target > 0 {
			rows[i] = rows[i].aim(v.target)
		}
	}
	return rows, nil
}

// calibrate finds how often a variant has to be done to take a slice of time, and warms it up.
func (l *lab) calibrate(v variant) (n int, err error) {
	for n = 1; ; {
		begin := time.Now() // the whole of it, not only what counts
		if _, err := v.run(n); err != nil {
			return 0, err
		}
		took := time.Since(begin)
		if took >= l.slice*2/3 {
			return n, nil
		}
		n = min(100*n, int(float64(n)*float64(l.slice)/float64(took+1))+1)
	}
}

// together runs n times in every one of several goroutines and returns the longest time.
func together(workers, n int, run func(n int) (time.Duration, error)) (longest time.Duration, err error) {
	if workers == 1 {
		return run(n)
	}
	var wg sync.WaitGroup
	took, errs := make([]time.Duration, workers), make([]error, workers)
	for i := range workers {
		wg.Go(func() { took[i], errs[i] = run(n) })
	}
	wg.Wait()
	for i := range workers {
		if errs[i] != nil {
			return 0, errs[i]
		}
		longest = max(longest, took[i])
	}
	return longest, nil
}
