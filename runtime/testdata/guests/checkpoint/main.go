// Command checkpoint is a guest with a state to keep: a counter, a heap that grows, goroutines and random numbers.
package main

import "math/rand/v2"

var (
	n    int64 = 1000
	heap [][]byte
	ask  = make(chan chan int64)
)

func init() {
	go func() { // a goroutine that lives as long as the sandbox
		for answer := range ask {
			n++
			answer <- n
		}
	}()
}

//go:wasmexport count
func count() int64 {
	answer := make(chan int64)
	ask <- answer
	return <-answer
}

//go:wasmexport grow
func grow(bytes int32) {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte(i * 7)
	}
	heap = append(heap, b)
}

//go:wasmexport sum
func sum() (s int64) {
	for _, b := range heap {
		for _, c := range b {
			s = s*31 + int64(c)
		}
	}
	return s
}

//go:wasmexport random
func random() int64 { return rand.Int64() }

func main() {}
