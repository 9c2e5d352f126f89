package wasi

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/fstest"

	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// pointers names, for every function, the parameters that point to memory, and the bytes that must be there. The other
// parameters are such that the function would succeed, or fail for a reason that the pointers come before.
var pointers = map[string]struct {
	params []uint64
	at     map[int]uint32
}{
	"args_get":            {[]uint64{atList, atData}, map[int]uint32{0: 4, 1: 2}},
	"args_sizes_get":      {[]uint64{atResult, atResult}, map[int]uint32{0: 4, 1: 4}},
	"environ_get":         {[]uint64{atList, atData}, map[int]uint32{0: 4, 1: 4}},
	"environ_sizes_get":   {[]uint64{atResult, atResult}, map[int]uint32{0: 4, 1: 4}},
	"clock_res_get":       {[]uint64{0, atResult}, map[int]uint32{1: 8}},
	"clock_time_get":      {[]uint64{0, 0, atResult}, map[int]uint32{2: 8}},
	"random_get":          {[]uint64{atData, 32}, map[int]uint32{0: 32}},
	"poll_oneoff":         {[]uint64{atList, atData, 2, atResult}, map[int]uint32{0: 96, 1: 64, 3: 4}},
	"fd_fdstat_get":       {[]uint64{3, atResult}, map[int]uint32{1: 24}},
	"fd_write":            {[]uint64{1, atList, 1, atResult}, map[int]uint32{1: 8, 3: 4}},
	"fd_read":             {[]uint64{4, atList, 1, atResult}, map[int]uint32{1: 8, 3: 4}},
	"fd_pread":            {[]uint64{4, atList, 1, 0, atResult}, map[int]uint32{1: 8, 4: 4}},
	"fd_seek":             {[]uint64{4, 0, 0, atResult}, map[int]uint32{3: 8}},
	"fd_tell":             {[]uint64{4, atResult}, map[int]uint32{1: 8}},
	"fd_prestat_get":      {[]uint64{3, atResult}, map[int]uint32{1: 8}},
	"fd_prestat_dir_name": {[]uint64{3, atData, 1}, map[int]uint32{1: 1}},
	"fd_readdir":          {[]uint64{3, atData, 100, 0, atResult}, map[int]uint32{1: 100, 4: 4}},
	"fd_filestat_get":     {[]uint64{4, atResult}, map[int]uint32{1: 64}},
	"path_filestat_get":   {[]uint64{3, 0, atPath, 5, atResult}, map[int]uint32{2: 5, 4: 64}},
	"path_open":           {[]uint64{3, 0, atPath, 5, 0, 0, 0, 0, atResult}, map[int]uint32{2: 5, 8: 4}},
	"path_readlink":       {[]uint64{3, atPath, 5, atData, 100, atResult}, map[int]uint32{1: 5, 3: 100, 5: 4}},
}

func TestPointersOutsideTheMemory(t *testing.T) {
	for name, c := range pointers {
		for i, n := range c.at {
			b := newSandbox(t, Config{Args: []string{"a"}, Env: []string{"A=B"}, Files: files()})
			b.mustOpen(t, "a.txt")
			b.put(atPath, "a.txt")
			size := uint64(len(b.memory))
			for _, ptr := range []uint64{size - uint64(n) + 1, size - 1, size, math.MaxInt32, 1 << 31,
				math.MaxUint32 - uint64(n) + 1, math.MaxUint32} {
				if ptr == size-1 && n == 1 {
					continue
				}
				b.buffers(1)
				before := len(b.fds)
				params := append([]uint64(nil), c.params...)
				params[i] = ptr
				b.want(t, efault, name, params...)
				if len(b.fds) != before || b.written != 0 {
					t.Errorf("%s had an effect before it looked at parameter %d", name, i)
				}
			}
		}
	}
}

func TestBuffersOutsideTheMemory(t *testing.T) {
	b := newSandbox(t, Config{Files: files()})
	b.mustOpen(t, "a.txt")
	for _, buffer := range [][2]uint32{{math.MaxUint32, 1}, {0, math.MaxUint32}, {1 << 16, 1}, {1<<16 - 1, 2},
		{math.MaxUint32, math.MaxUint32}} {
		b.buffers(1, 1, 1)
		le.PutUint32(b.memory[atList+16:], buffer[0])
		le.PutUint32(b.memory[atList+20:], buffer[1])
		b.want(t, efault, "fd_write", 1, atList, 3, atResult)
		b.want(t, efault, "fd_read", 4, atList, 3, atResult)
		b.want(t, efault, "fd_pread", 4, atList, 3, 0, atResult)
	}
	b.want(t, efault, "fd_write", 1, uint64(len(b.memory))-8*maxBuffers+1, maxBuffers, atResult)
	b.want(t, einval, "fd_read", 4, atList, math.MaxUint32, atResult)
	if b.written != 0 {
		t.Error("something was written")
	}
}

func TestNoMemory(t *testing.T) {
	for name, c := range pointers {
		b := newSandbox(t, Config{Args: []string{"a"}, Env: []string{"A=B"}, Files: files()})
		b.mustOpen(t, "a.txt")
		b.memory = nil
		if got := b.call(t, name, c.params...); got != efault {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestHostileParameters gives every function every unpleasant number in every place.
func TestHostileParameters(t *testing.T) {
	unpleasant := []uint64{0, 1, 3, 4, 0x7fffffff, 0x80000000, 0xfffffff0, math.MaxUint32, math.MaxUint64, 1<<16 - 1,
		1 << 16, 1 << 32}
	for _, f := range functions {
		b := newSandbox(t, Config{Frozen: true, Files: files()})
		n := len(f.params)
		try := func(params []uint64) {
			got, err := b.end(t.Context(), f.name, params...)
			var exit *Exit
			if err != nil && !errors.As(err, &exit) {
				t.Fatalf("%s%v ended the call: %v", f.name, params, err)
			}
			if err == nil && got != 0 && errnoNames[got] == "" {
				t.Fatalf("%s%v: %v", f.name, params, got)
			}
		}
		if n == 0 {
			try(nil)
		}
		for i := range n {
			for _, x := range unpleasant {
				for _, rest := range unpleasant {
					params := make([]uint64, n)
					for j := range params {
						params[j] = rest
					}
					params[i] = x
					try(params)
				}
			}
		}
	}
}

// FuzzGuest runs a program of hostile calls: its bytes are the guest's memory and, one after the other, the functions
// called and their parameters.
func FuzzGuest(f *testing.F) {
	for i, function := range functions {
		call := []byte{byte(i)}
		for range function.params {
			call = append(call, 3)
		}
		f.Add(append(call, call...))
		for name, c := range pointers {
			if name == function.name {
				call = []byte{byte(i)}
				for _, p := range c.params {
					call = append(append(call, 255), le.AppendUint64(nil, p)...)
				}
				f.Add(call)
			}
		}
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		open := 0
		tree := files()
		tree["large"] = &fstest.MapFile{Data: make([]byte, 1<<16)}
		b := newSandbox(t, Config{Args: []string{"a", "b"}, Files: counting{tree, &open}, Frozen: len(program)%2 == 0})
		if len(program) > 0 {
			for at := 0; at < len(b.memory); {
				at += copy(b.memory[at:], program)
			}
		}
		b.put(atPath, "sub/../a.txt")
		b.put(atPath+64, "large")
		b.buffers(1, 1000, 5)
		ctx := ended(errGivenUp) // no wait takes long
		next := func() (x byte) {
			if len(program) > 0 {
				x, program = program[0], program[1:]
			}
			return x
		}
		for range 64 {
			if len(program) == 0 {
				break
			}
			function := functions[int(next())%len(functions)]
			params := make([]uint64, len(function.params))
			for i := range params {
				switch x := next(); {
				case x < 240:
					params[i] = uint64(x)
				case x < 255:
					params[i] = []uint64{atResult, atList, atPath, atPath + 64, atData, 1<<16 - 4, 1 << 16, 1<<16 + 1,
						math.MaxUint32, 1 << 31, 12, 1 << 32, math.MaxUint64, 1 << 63, 1000}[x-240]
				default:
					for shift := 0; shift < 64; shift += 8 {
						params[i] |= uint64(next()) << shift
					}
				}
			}
			got, err := b.end(ctx, function.name, params...)
			var exit *Exit
			if err != nil && !errors.Is(err, errGivenUp) && !errors.As(err, &exit) {
				t.Fatalf("%s%v ended the call: %v", function.name, params, err)
			}
			if err == nil && got != 0 && errnoNames[got] == "" {
				t.Fatalf("%s%v: %v", function.name, params, got)
			}
			if len(b.fds) > maxOpen || open > maxOpen || b.listed > maxListed || len(b.Served()) > maxServed {
				t.Fatalf("%s%v went beyond a limit", function.name, params)
			}
		}
		b.Close()
		if open != 0 || b.listed != 0 {
			t.Fatalf("%d files stayed open, %d entries held", open, b.listed)
		}
	})
}

func TestEveryFunctionIsThere(t *testing.T) {
	if len(functions) != 46 || len(byName) != len(functions) {
		t.Errorf("%d functions with %d names", len(functions), len(byName))
	}
	for _, f := range Funcs() {
		if results := fmt.Sprint(f.Results); (results == "[i32]") == (f.Name == "proc_exit") {
			t.Errorf("%s has the results %s", f.Name, results)
		}
		for _, p := range f.Params {
			if p != wasmbin.I32 && p != wasmbin.I64 {
				t.Errorf("%s has a parameter of type %v", f.Name, p)
			}
		}
	}
}
