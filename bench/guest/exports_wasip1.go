package main

// These exports are for the benchmarks that call sandboxes directly. The tiny guest and the C guest have the same.

// table makes the image about as large as that of a program with some data in memory.
var table = func() []int32 {
	t := make([]int32, 1<<20)
	for i := range t {
		t[i] = int32(i)
	}
	return t
}()

var called int64

//go:wasmexport count
func count() int64 {
	called++
	return called
}

//go:wasmexport touch
func touch(pages int32) {
	for i := range table[:pages<<10] {
		table[i]++
	}
}

//go:wasmexport spin
func spin() {
	for {
	}
}

//go:wasmexport work
func work(rounds int32) int32 {
	x := uint32(1)
	for range rounds {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return int32(x)
}
