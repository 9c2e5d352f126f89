// Command kernels is the Go guest of the metering benchmarks and tests: every
// export does a fixed amount of one kind of work and returns a checksum.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"regexp"
	"sort"
	"strconv"
)

func main() {}

var sink []byte

//go:wasmexport fib
func fib(n int32) int32 { return fibonacci(n) }

func fibonacci(n int32) int32 {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

//go:wasmexport matmul
func matmul(n int32) int32 {
	size := int(n)
	a, b, c := make([]float64, size*size), make([]float64, size*size), make([]float64, size*size)
	for i := range a {
		a[i], b[i] = float64(i%7), float64(i%5)
	}
	for i := range size {
		for j := range size {
			sum := 0.0
			for k := range size {
				sum += a[i*size+k] * b[k*size+j]
			}
			c[i*size+j] = sum
		}
	}
	return int32(c[size*size-1])
}

//go:wasmexport sha
func sha(kib int32) int32 {
	sum := sha256.Sum256(bytes.Repeat([]byte("raywasm!"), int(kib)*128))
	return int32(sum[0])<<8 | int32(sum[31])
}

//go:wasmexport sorting
func sorting(n int32) int32 {
	v := make([]int, n)
	x := uint32(1)
	for i := range v {
		x = x*1664525 + 1013904223
		v[i] = int(x >> 8)
	}
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	return int32(v[len(v)/2])
}

type record struct {
	ID   int                `json:"id"`
	Name string             `json:"name"`
	Tags []string           `json:"tags"`
	Nums map[string]float64 `json:"nums"`
}

//go:wasmexport jsons
func jsons(n int32) int32 {
	length := 0
	for i := range int(n) {
		in := record{i, "record", []string{"a", "b", "c"}, map[string]float64{"x": 1.5, "y": float64(i)}}
		b, err := json.Marshal(in)
		if err != nil {
			panic(err)
		}
		var out record
		if err := json.Unmarshal(b, &out); err != nil {
			panic(err)
		}
		length += len(b) + len(out.Tags)
	}
	return int32(length)
}

var pattern = regexp.MustCompile(`([a-z]+)@([a-z]+)\.(com|org)`)

//go:wasmexport regexps
func regexps(n int32) int32 {
	text := bytes.Repeat([]byte("some text with jane@example.org in it, and none here; "), int(n))
	return int32(len(pattern.FindAllIndex(text, -1)))
}

//go:wasmexport hashmap
func hashmap(n int32) int32 {
	m := map[string]int{}
	for i := range int(n) {
		m[strconv.Itoa(i%1000)] += i
	}
	return int32(len(m) + m["7"])
}

//go:wasmexport copying
func copying(n int32) int32 {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for i := range int(n) {
		a[i%len(a)] = byte(i)
		copy(b, a)
	}
	sink = b
	return int32(b[7])
}
