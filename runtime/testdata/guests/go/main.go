// Command go is a guest of the runtime's tests: generators of random numbers, clocks, files, goroutines and the ends
// that a Go program can come to.
package main

import (
	"bufio"
	crand "crypto/rand"
	"encoding/binary"
	"hash/maphash"
	"math/rand"
	randv2 "math/rand/v2"
	"os"
	"runtime"
	"syscall"
	"time"
)

func main() {}

var n int64 = 1000

//go:wasmexport count
func count() int64 { n++; return n }

//go:wasmexport nop
func nop() {}

// What the generators of a program that asks for no seed draw.

//go:wasmexport mathrand
func mathrand() int64 { return int64(rand.Uint64()) }

//go:wasmexport mathrand2
func mathrand2() int64 { return int64(randv2.Uint64()) }

var table = func() map[int]int {
	m := make(map[int]int)
	for i := range 64 {
		m[i] = i
	}
	return m
}()

//go:wasmexport maporder
func maporder() (sum int64) {
	for range 8 {
		for k := range table {
			sum = sum*1_000_003 + int64(k)
		}
	}
	return sum
}

//go:wasmexport hashseed
func hashseed() int64 { return int64(maphash.String(maphash.MakeSeed(), "raywasm")) }

//go:wasmexport cryptorand
func cryptorand() int64 {
	var b [8]byte
	crand.Read(b[:])
	return int64(binary.LittleEndian.Uint64(b[:]))
}

// own is a generator that the program made from the system's entropy when it was initialised.
var own = func() *randv2.ChaCha8 {
	var seed [32]byte
	crand.Read(seed[:])
	return randv2.NewChaCha8(seed)
}()

//go:wasmexport ownrand
func ownrand() int64 { return int64(own.Uint64()) }

// Generators that the program seeded itself, so that they repeat.

var (
	pcg    = randv2.NewPCG(1, 2)
	chacha = randv2.NewChaCha8([32]byte{1, 2, 3})
	old    = rand.New(rand.NewSource(42))
)

//go:wasmexport pcg
func pcgrand() int64 { return int64(pcg.Uint64()) }

//go:wasmexport chacha
func chacharand() int64 { return int64(chacha.Uint64()) }

//go:wasmexport old
func oldrand() int64 { return old.Int63() }

// Clocks. A program that is initialised notes when that was.

var (
	epoch = time.Now()
	began = time.Now()
)

//go:wasmexport wall
func wall() int64 { return time.Now().UnixNano() }

//go:wasmexport wall_began
func wallBegan() int64 { return began.UnixNano() }

//go:wasmexport elapsed
func elapsed() int64 { return int64(time.Since(epoch)) }

// Traces.

var mutterer = bufio.NewWriter(os.Stdout)

//go:wasmexport mutter
func mutter() { mutterer.WriteString("a secret") }

//go:wasmexport speak
func speak() {
	mutterer.WriteString("spoken\n")
	mutterer.Flush()
}

//go:wasmexport open
func open() int32 {
	fd, err := syscall.Open("/secret.txt", syscall.O_RDONLY, 0)
	if err != nil {
		return -1
	}
	return int32(fd)
}

// read returns how many bytes it read, or minus the errno.
//
//go:wasmexport read
func read(fd int32) int32 {
	var b [16]byte
	n, err := syscall.Read(int(fd), b[:])
	if errno, ok := err.(syscall.Errno); ok && errno != 0 {
		return -int32(errno)
	}
	return int32(n)
}

//go:wasmexport environ
func environ() int32 { return int32(len(os.Environ()) + len(os.Args)) }

//go:wasmexport goroutines
func goroutines() int32 { return int32(runtime.NumGoroutine()) }

//go:wasmexport start_goroutine
func startGoroutine() {
	go func() { select {} }()
	runtime.Gosched()
}

// Ends.

var hoarded [][]byte

// hoard allocates and uses memory without end.
//
//go:wasmexport hoard
func hoard() {
	for {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		hoarded = append(hoarded, b)
	}
}

// use allocates and uses so many MiB.
//
//go:wasmexport use
func use(mib int32) {
	for range mib {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		hoarded = append(hoarded, b)
	}
}

//go:wasmexport recurse
func recurse(depth int64) int64 {
	if depth == 0 {
		return 0
	}
	return recurse(depth-1) + n
}

//go:wasmexport panics
func panics() { panic("boom") }

//go:wasmexport exit
func exit(status int32) { os.Exit(int(status)) }

//go:wasmexport spin
func spin() {
	for {
		n++
	}
}

//go:wasmexport sleep
func sleep(ns int64) { time.Sleep(time.Duration(ns)) }
