// Command kernels is the Go guest of the metering benchmarks and tests: every
// export does a fixed amount of one kind of work and returns a checksum. Built
// for another system than wasip1, it is a native program that runs them.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"math"
	"regexp"
	"sort"
	"strconv"
)

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

type vec [3]float64

type planet struct {
	x, v vec
	mass float64
}

//go:wasmexport nbody
func nbody(steps int32) int32 {
	planets := make([]planet, 5)
	for i := range planets {
		f := float64(i)
		planets[i] = planet{vec{f * 3.1, f*1.7 + 1, f * 0.3}, vec{f * 0.01, -f * 0.02, 0.005}, 1 / (f + 1)}
	}
	for range steps {
		for i := range planets {
			a := &planets[i]
			for j := i + 1; j < len(planets); j++ {
				b := &planets[j]
				var d vec
				d2 := 0.0
				for k := range d {
					d[k] = a.x[k] - b.x[k]
					d2 += d[k] * d[k]
				}
				mag := 0.001 / (d2 * math.Sqrt(d2))
				for k := range d {
					a.v[k] -= d[k] * b.mass * mag
					b.v[k] += d[k] * a.mass * mag
				}
			}
		}
		for i := range planets {
			p := &planets[i]
			for k := range p.x {
				p.x[k] += 0.001 * p.v[k]
			}
		}
	}
	return int32(planets[0].x[0] * 1e6)
}

func element(i, j int) float64 { return 1 / float64((i+j)*(i+j+1)/2+i+1) }

func times(v, out []float64, transposed bool) {
	for i := range out {
		sum := 0.0
		for j := range v {
			if transposed {
				sum += element(j, i) * v[j]
			} else {
				sum += element(i, j) * v[j]
			}
		}
		out[i] = sum
	}
}

//go:wasmexport spectral
func spectral(n int32) int32 {
	u, v, w := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range u {
		u[i] = 1
	}
	for range 3 {
		times(u, w, false)
		times(w, v, true)
		times(v, w, false)
		times(w, u, true)
	}
	return int32(u[0] * 1e3)
}
