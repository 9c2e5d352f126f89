package wasi

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

func TestArgumentsAndEnvironment(t *testing.T) {
	b := newSandbox(t, Config{Args: []string{"a", "bc", ""}, Env: []string{"K=V"}})
	b.want(t, 0, "args_sizes_get", atResult, atResult+4)
	if n, size := b.u32(atResult), b.u32(atResult+4); n != 3 || size != 6 {
		t.Fatalf("%d arguments of %d bytes", n, size)
	}
	b.want(t, 0, "args_get", atList, atData)
	if got := string(b.memory[atData:][:6]); got != "a\x00bc\x00\x00" {
		t.Fatalf("texts %q", got)
	}
	for i, want := range []uint32{atData, atData + 2, atData + 5} {
		if got := b.u32(atList + 4*i); got != want {
			t.Errorf("pointer %d: %d, want %d", i, got, want)
		}
	}
	b.want(t, 0, "environ_sizes_get", atResult, atResult+4)
	if n, size := b.u32(atResult), b.u32(atResult+4); n != 1 || size != 4 {
		t.Fatalf("%d variables of %d bytes", n, size)
	}
	b.want(t, 0, "environ_get", atList, atData)
	if got := string(b.memory[atData:][:4]); got != "K=V\x00" {
		t.Fatalf("texts %q", got)
	}
}

func TestClocks(t *testing.T) {
	b := newSandbox(t, Config{MonotonicOffset: 1e15})
	before := b.Monotonic()
	b.want(t, 0, "clock_time_get", uint64(monotonic), 0, atResult)
	if got := int64(b.u64(atResult)); got < before || got > b.Monotonic() || got < 1e15 {
		t.Errorf("monotonic clock %d, between %d and %d", got, before, b.Monotonic())
	}
	b.want(t, 0, "clock_time_get", uint64(realtime), 0, atResult)
	if got := int64(b.u64(atResult)); got <= frozenRealtime+maxFrozenSleep {
		t.Errorf("realtime %d", got)
	}
	for _, c := range []clock{realtime, monotonic} {
		b.want(t, 0, "clock_res_get", uint64(c), atResult)
		if got := b.u64(atResult); got != resolution {
			t.Errorf("resolution %d", got)
		}
	}
	for _, name := range []string{"clock_time_get", "clock_res_get"} {
		for c, want := range map[clock]errno{processCPU: enotsup, threadCPU: enotsup, 4: einval, 1 << 31: einval} {
			params := []uint64{uint64(c), 0, atResult}
			if name == "clock_res_get" {
				params = []uint64{uint64(c), atResult}
			}
			b.want(t, want, name, params...)
		}
	}
}

func TestRandom(t *testing.T) {
	b := newSandbox(t, Config{})
	b.want(t, 0, "random_get", atData, 32)
	b.want(t, 0, "random_get", atData+32, 32)
	if bytes.Equal(b.memory[atData:][:32], b.memory[atData+32:][:32]) {
		t.Error("the same 32 bytes twice")
	}
	if len(b.Served()) != 0 {
		t.Error("entropy of a running guest is remembered")
	}
	b.want(t, 0, "random_get", uint64(len(b.memory)), 0)

	b.memory = make(memory, 2*randomChunk)
	if _, err := b.end(ended(errGivenUp), "random_get", 0, 2*randomChunk); err != errGivenUp {
		t.Errorf("a call that was given up ended with %v", err)
	}
}

func TestFrozenRunsAreAlike(t *testing.T) {
	run := func(b *sandbox) []byte {
		b.Reset(Config{Frozen: true, MonotonicOffset: 5})
		clear(b.memory)
		b.want(t, 0, "random_get", atData, 7)
		b.want(t, 0, "random_get", atData+7, 32)
		b.want(t, 0, "clock_time_get", uint64(realtime), 0, atResult)
		b.want(t, 0, "clock_time_get", uint64(monotonic), 0, atResult+8)
		return bytes.Clone(b.memory)
	}
	b := newSandbox(t, Config{})
	first := run(b)
	if !bytes.Equal(first, run(newSandbox(t, Config{}))) {
		t.Error("two frozen systems differ")
	}
	if !bytes.Equal(first, run(b)) {
		t.Error("a frozen system differs after a reset")
	}
	if !bytes.Equal(b.Served(), first[atData:][:39]) {
		t.Error("what was served is not what the guest got")
	}
	if got := b.u64(atResult); got != uint64(frozenRealtime) {
		t.Errorf("realtime %d", got)
	}
	if b.Monotonic() != frozenMonotonic || HostMonotonic() < frozenMonotonic+maxFrozenSleep {
		t.Errorf("frozen at %d, running at %d", b.Monotonic(), HostMonotonic())
	}

	b.memory = make(memory, 4*maxServed)
	b.want(t, 0, "random_get", 0, 3*maxServed)
	if len(b.Served()) != maxServed {
		t.Errorf("%d bytes are remembered, want %d", len(b.Served()), maxServed)
	}
	b.Reset(Config{})
	if len(b.Served()) != 0 {
		t.Error("what was served outlives a reset")
	}
}

func TestOutput(t *testing.T) {
	var out, log bytes.Buffer
	b := newSandbox(t, Config{Stdout: &out, Stderr: &log, Files: files()})
	b.put(atData, "onetwothree")
	list, count := b.buffers(3, 0, 3, 5)
	b.want(t, 0, "fd_write", 1, list, count, atResult)
	if n := b.u32(atResult); n != 11 || out.String() != "onetwothree" {
		t.Errorf("%d bytes: %q", n, out.String())
	}
	if _, e := b.write(t, 2, "oops"); e != 0 || log.String() != "oops" || b.StderrTail() != "oops" {
		t.Errorf("%v, stderr %q, tail %q", e, log.String(), b.StderrTail())
	}
	for fd, want := range map[uint64]errno{0: ebadf, 3: ebadf, 99: ebadf, 1<<32 - 1: ebadf} {
		if _, e := b.write(t, fd, "x"); e != want {
			t.Errorf("write to %d: %v, want %v", fd, e, want)
		}
	}
	b.want(t, espipe, "fd_pwrite", 1, list, count, 0, atResult)
	b.want(t, ebadf, "fd_pwrite", 3, list, count, 0, atResult)
	b.want(t, einval, "fd_write", 1, 0, maxBuffers+1, atResult)

	b.Reset(Config{Stdout: iotest.TruncateWriter(&out, 0)})
	if b.StderrTail() != "" {
		t.Errorf("tail %q outlives a reset", b.StderrTail())
	}
	b.config.Stdout = failing{}
	if _, e := b.write(t, 1, "x"); e != eio {
		t.Errorf("a host that takes nothing: %v", e)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestOutputIsBounded(t *testing.T) {
	var out bytes.Buffer
	b := newSandbox(t, Config{Stdout: &out})
	b.memory = make(memory, maxTransfer+64<<10)
	b.written = maxOutput - maxTransfer - 4
	list, count := b.buffers(maxTransfer, 10)
	b.want(t, 0, "fd_write", 1, list, count, atResult)
	if n := b.u32(atResult); n != maxTransfer {
		t.Errorf("one call wrote %d bytes", n)
	}
	if n, e := b.write(t, 2, "123456"); n != 4 || e != 0 {
		t.Errorf("%d bytes were taken: %v", n, e)
	}
	if _, e := b.write(t, 1, "x"); e != edquot {
		t.Errorf("beyond the quota: %v", e)
	}
	if _, e := b.write(t, 2, " fatal"); e != edquot || b.StderrTail() != "1234 fatal" {
		t.Errorf("%v, tail %q", e, b.StderrTail())
	}
	b.Reset(Config{})
	if _, e := b.write(t, 1, "x"); e != 0 {
		t.Errorf("after a reset: %v", e)
	}
}

func TestTail(t *testing.T) {
	for _, sizes := range [][]int{{}, {1}, {spec.StderrTail}, {spec.StderrTail + 1}, {3, spec.StderrTail - 3, 1},
		{5, 3*spec.StderrTail + 7}, {1000, 1000, 1000, 1000, 1000}, {spec.StderrTail - 1, 0, 2}} {
		var (
			ring tail
			all  strings.Builder
		)
		for i, n := range sizes {
			part := strings.Repeat(string(rune('a'+i)), max(0, n-1)) + "."[:min(n, 1)]
			ring.write([]byte(part))
			all.WriteString(part)
		}
		want := all.String()
		if got := ring.String(); got != want[max(0, len(want)-spec.StderrTail):] {
			t.Errorf("%v: the tail is wrong", sizes)
		}
	}
	var ring tail
	ring.write([]byte("\xe4\xbdok"))
	if got := ring.String(); got != "?ok" {
		t.Errorf("%q", got)
	}
}

func TestProcess(t *testing.T) {
	b := newSandbox(t, Config{})
	var exit *Exit
	if _, err := b.end(t.Context(), "proc_exit", 1<<32|7); !errors.As(err, &exit) || exit.Code != 7 {
		t.Errorf("proc_exit: %v", err)
	}
	b.want(t, 0, "sched_yield")
	b.want(t, enotsup, "proc_raise", 9)
	for name, params := range map[string][]uint64{"sock_accept": {1, 0, 0}, "sock_recv": {1, 0, 0, 0, 0, 0},
		"sock_send": {1, 0, 0, 0, 0}, "sock_shutdown": {1, 0}} {
		b.want(t, enotsock, name, params...)
		params[0] = 3
		b.want(t, ebadf, name, params...)
	}
}

func TestGuestWithoutSystem(t *testing.T) {
	for _, f := range Funcs() {
		if err := f.Func(t.Context(), &engine.Guest{}, make([]uint64, 10)); err != errNoSystem {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func TestBeforeAnyReset(t *testing.T) {
	b := newSandbox(t, Config{})
	*b.System = System{}
	b.want(t, 0, "args_sizes_get", atResult, atResult+4)
	b.want(t, ebadf, "fd_write", 1, 0, 0, atResult)
	b.want(t, ebadf, "fd_prestat_get", 3, atResult)
}

func TestResetClosesEverything(t *testing.T) {
	open := 0
	b := newSandbox(t, Config{Files: counting{files(), &open}})
	for range 2 {
		if fd := b.mustOpen(t, "a.txt"); fd != 4 {
			t.Fatalf("the first file is %d", fd)
		}
		b.mustOpen(t, "sub/b.txt")
		dir := b.mustOpen(t, "sub")
		b.want(t, 0, "fd_readdir", dir, atData, 1024, 0, atResult)
		b.want(t, 0, "fd_close", 3)
		if open != 2 || b.listed != 4 {
			t.Fatalf("%d files are open, %d entries held", open, b.listed)
		}
		b.Reset(Config{Files: b.config.Files})
		if open != 0 || b.listed != 0 {
			t.Fatalf("%d files are open after a reset, %d entries held", open, b.listed)
		}
	}
	b.Close()
	if _, e := b.open(t, 3, "a.txt"); e != ebadf {
		t.Errorf("a closed system opens: %v", e)
	}
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	cfg := Config{Args: []string{"a"}, Files: files()}
	b := newSandbox(t, cfg)
	list, count := b.buffers(100)
	stack := make([]uint64, 10)
	for name, params := range map[string][]uint64{
		"fd_write":       {1, list, count, atResult},
		"clock_time_get": {uint64(monotonic), 0, atResult},
		"random_get":     {atData, 32},
		"args_get":       {atList, atData},
		"fd_read":        {0, list, count, atResult},
		"fd_fdstat_get":  {3, atResult},
		"fd_prestat_get": {4, atResult},
	} {
		f := byName[name].Func
		if n := testing.AllocsPerRun(100, func() {
			copy(stack, params)
			if err := f(t.Context(), &b.guest, stack); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { b.Reset(cfg) }); n != 0 {
		t.Errorf("Reset allocates %v times", n)
	}
}

func BenchmarkCalls(bench *testing.B) {
	b := newSandbox(bench, Config{})
	list, count := b.buffers(100)
	stack := make([]uint64, 10)
	for _, c := range []struct {
		name   string
		params []uint64
	}{
		{"fd_write", []uint64{1, list, count, atResult}},
		{"clock_time_get", []uint64{uint64(monotonic), 0, atResult}},
		{"random_get", []uint64{atData, 32}},
	} {
		bench.Run(c.name, func(bench *testing.B) {
			f := byName[c.name].Func
			bench.ReportAllocs()
			for bench.Loop() {
				b.written = 0
				copy(stack, c.params)
				if err := f(bench.Context(), &b.guest, stack); err != nil || stack[0] != 0 {
					bench.Fatal(err, stack[0])
				}
			}
		})
	}
	bench.Run("Reset", func(bench *testing.B) {
		bench.ReportAllocs()
		for bench.Loop() {
			b.Reset(Config{})
		}
	})
}
