package wasmrt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/raywasm/raywasm/internal/guesttest"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// Nothing that one sandbox did is seen by the next: whatever traces it left, and however it ended.

// step is a call of an export.
type step struct {
	export string
	params []uint64
}

func do(export string, params ...uint64) step { return step{export, params} }

func run(ctx context.Context, s *wasmrt.Sandbox, steps ...step) error {
	for _, c := range steps {
		if _, err := s.Call(ctx, c.export, c.params...); err != nil {
			return err
		}
	}
	return nil
}

const (
	notebookBytes = notebookPages * asm.Page
	smallPage     = 4096 // what memory is reset by
)

// trace is what a notebook leaves. A sandbox that left it and ended well is used again, where memories are reset.
type trace struct {
	name  string
	steps []step
}

var traces = []trace{
	{"nothing", nil},
	{"the first byte", []step{do("poke", 0, 0x55)}},
	{"a byte in the middle", []step{do("poke", 10*asm.Page+5, 0x55)}},
	{"the last byte", []step{do("poke", notebookBytes-1, 0x55)}},
	{"many pages", []step{do("dirty", asm.Page, smallPage, 300)}},
	{"many runs of pages", []step{do("dirty", asm.Page, 2*smallPage, 200)}},
	{"as many runs as are copied one by one", []step{do("dirty", asm.Page, 2*smallPage, 128)}},
	{"one run more", []step{do("dirty", asm.Page, 2*smallPage, 129)}},
	{"as many pages as are copied one by one", []step{do("fill", asm.Page, 0x55, 256*smallPage)}},
	{"one asm.Page more", []step{do("fill", asm.Page, 0x55, 257*smallPage)}},
	{"all it has", []step{do("fill", 0, 0xff, notebookBytes)}},
	{"zeros where the image has none", []step{do("fill", 0, 0, notebookBytes)}},
	{"memory that it grew", []step{do("grow", 10), do("fill", notebookBytes, 0x55, 10*asm.Page)}},
	{"memory that it grew and did not touch", []step{do("grow", 200)}},
	{"memory grown beyond the headroom", []step{do("grow", 300), do("fill", notebookBytes, 0x55, 300*asm.Page)}},
	{"memory grown beyond what is looked at", []step{do("grow", 1400), do("dirty", notebookBytes, asm.Page, 1400)}},
	{"globals", []step{do("set_i32", 7), do("set_i64", 7), do("set_f32", 7), do("set_f64", 7), do("count")}},
	{"an open file", []step{do("open"), do("read", 4, 5*asm.Page, 100)}},
	{"many open files", []step{do("open"), do("open"), do("open"), do("open")}},
	{"output", []step{do("write", 1, 0, 20), do("write", 2, 0, 20)}},
	{"arguments and environment", []step{do("args"), do("environ")}},
	{"a call of the host", []step{do("ask", 1)}},
}

// ends are how its sandbox ends: by a call, and the host that it asks there. reused: it can be used again.
var ends = []struct {
	name   string
	reused bool
	end    func(ctx context.Context, s *wasmrt.Sandbox) error
	kind   spec.Kind
}{
	{"well", true, func(context.Context, *wasmrt.Sandbox) error { return nil }, 0},
	{"a call that cannot be", true, func(ctx context.Context, s *wasmrt.Sandbox) error {
		_, err := s.Call(ctx, "no such function")
		return err
	}, spec.FunctionNotFound},
	{"a trap", false, func(ctx context.Context, s *wasmrt.Sandbox) error { return run(ctx, s, do("trap")) }, spec.GuestTrap},
	{"an exit", false, func(ctx context.Context, s *wasmrt.Sandbox) error { return run(ctx, s, do("exit", 1)) }, spec.GuestExit},
	{"cancelled while the host works for it", false, func(ctx context.Context, s *wasmrt.Sandbox) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s.SetOwner(host(func(ctx context.Context, g *engine.Guest, x uint64) (uint64, error) {
			cancel()
			return waitForEnd(ctx, g, x)
		}))
		return run(ctx, s, do("ask", 1))
	}, spec.TaskCancelled},
	{"its deadline", false, func(ctx context.Context, s *wasmrt.Sandbox) error {
		ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		return run(ctx, s, do("spin"))
	}, spec.DeadlineExceeded},
}

// secrets are what a sandbox has that leaves traces.
func secrets() wasmrt.SandboxConfig {
	return wasmrt.SandboxConfig{
		Owner: host(func(context.Context, *engine.Guest, uint64) (uint64, error) { return 1, nil }),
		Args:  []string{"secret"}, Env: []string{"SECRET=secret"},
		Files:  fstest.MapFS{notebookFile: {Data: []byte("secret")}},
		Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer),
	}
}

// leave opens a notebook, leaves a trace and ends it.
func leave(ctx context.Context, m *wasmrt.Module, trace, end int) error {
	s, err := m.NewSandbox(ctx, secrets())
	if err != nil {
		return err
	}
	if err := run(ctx, s, traces[trace].steps...); err != nil {
		return fmt.Errorf("leave %s: %w", traces[trace].name, err)
	}
	if err := ends[end].end(ctx, s); spec.KindOf(err) != ends[end].kind {
		return fmt.Errorf("end by %s: %w", ends[end].name, err)
	}
	return s.Close()
}

// findTraces looks for everything that a notebook may find of another one's doings.
func findTraces(ctx context.Context, m *wasmrt.Module) error {
	var out bytes.Buffer
	s, err := m.NewSandbox(ctx, wasmrt.SandboxConfig{Stdout: &out, Stderr: &out})
	if err != nil {
		return err
	}
	expect := func(want uint64, export string, params ...uint64) {
		if got, e := s.Call(ctx, export, params...); e != nil || got != want {
			err = errors.Join(err, fmt.Errorf("%s%v is %#x, %v, want %#x", export, params, got, e, want))
		}
	}
	expect32 := func(want uint32, export string, params ...uint64) {
		if got, e := s.Call(ctx, export, params...); e != nil || uint32(got) != want {
			err = errors.Join(err, fmt.Errorf("%s%v is %#x, %v, want %#x", export, params, uint32(got), e, want))
		}
	}
	expect(nobody, "ask", 1)
	s.SetOwner(host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
		return 0, compare(g.Memory(), notebookImage())
	}))
	expect(0, "ask", 1)
	expect32(notebookPages, "size")
	expect32(math.MaxUint32, "get_i32")
	expect(math.MaxUint64, "get_i64")
	expect32(math.Float32bits(-1), "get_f32")
	expect(math.Float64bits(-1), "get_f64")
	expect(1001, "count")
	const ebadf = 8
	for fd := range uint64(5) {
		expect32(ebadf, "read", fd+4, 0, 8)
	}
	expect32(0, "args")
	expect32(0, "environ")
	if out.Len() > 0 {
		err = errors.Join(err, fmt.Errorf("the output is %q", out.String()))
	}
	if used := s.Usage(); used.Memory != notebookBytes {
		err = errors.Join(err, fmt.Errorf("it has used %+v", used))
	}
	return errors.Join(err, s.Close())
}

// compare compares a memory with an image, and with zeros beyond it.
func compare(memory, image []byte) error {
	if len(memory) < len(image) {
		return fmt.Errorf("the memory has %d bytes, the image %d", len(memory), len(image))
	}
	zeros := make([]byte, 1<<20)
	for at := 0; at < len(memory); {
		want := zeros
		if at < len(image) {
			want = image[at:]
		}
		got := memory[at:]
		n := min(len(got), len(want))
		if !bytes.Equal(got[:n], want[:n]) {
			for k := range n {
				if got[k] != want[k] {
					return fmt.Errorf("byte %#x is %#x, want %#x; the image has %#x bytes", at+k, got[k], want[k], len(image))
				}
			}
		}
		at += n
	}
	return nil
}

func TestNoTracesAreLeft(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := load(t, count.open(open), notebook())
		for end := range ends {
			for trace := range traces {
				t.Run(ends[end].name+"/"+traces[trace].name, func(t *testing.T) {
					check(t, findTraces(t.Context(), m)) // and now one is idle
					before := count.made.Load()
					check(t, leave(t.Context(), m, trace, end))
					want(t, "whether an idle one was used for the trace", count.made.Load() == before, resets)
					check(t, findTraces(t.Context(), m))
					reused := resets && ends[end].reused
					want(t, "whether that one was used again", count.made.Load() == before, reused)
				})
			}
		}
	})
}

// Sandboxes that are open at the same time share nothing either.
func TestNoTracesOfNeighbours(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, trace := range traces {
			s := sandbox(t, m, secrets())
			check(t, run(t.Context(), s, trace.steps...))
			check(t, findTraces(t.Context(), m))
		}
	})
}

// A sandbox that is parked leaves its instance without traces, and finds its own again when it goes on.
func TestNoTracesOfParkedSandboxes(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, trace := range traces {
			t.Run(trace.name, func(t *testing.T) {
				seed := maphash.MakeSeed()
				sum := host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
					return maphash.Bytes(seed, bytes.TrimRight(g.Memory(), "\x00")), nil
				})
				s := sandbox(t, m, secrets())
				check(t, run(t.Context(), s, trace.steps...))
				s.SetOwner(sum)
				n, size, was := call(t, s, "count"), call(t, s, "size"), call(t, s, "ask", 0)
				s.Park()
				want(t, "whether it has an export while it is parked", s.HasExport("count"), true)
				want(t, "its memory while it is parked", s.Usage().Memory, int64(size)*asm.Page)
				check(t, findTraces(t.Context(), m))
				want(t, "the sum of its memory", call(t, s, "ask", 0), was)
				want(t, "the size", call(t, s, "size"), size)
				want(t, "the next count", call(t, s, "count"), n+1)
				check(t, s.Close())
				check(t, findTraces(t.Context(), m))
			})
		}
	})
}

// Many goroutines leave random traces and look for those of others.
func TestNoTracesAmongMany(t *testing.T) {
	const goroutines = 8
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		var wg sync.WaitGroup
		for g := range uint64(goroutines) {
			random := rand.New(rand.NewPCG(1, g))
			wg.Go(func() {
				for range rounds {
					trace, end := random.IntN(len(traces)), random.IntN(len(ends))
					if err := errors.Join(leave(t.Context(), m, trace, end), findTraces(t.Context(), m)); err != nil {
						t.Errorf("goroutine %d, after %s and %s: %v", g, traces[trace].name, ends[end].name, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// Whatever pages are changed, the reset finds them.
func TestRandomPagesAreReset(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		random := rand.New(rand.NewPCG(2, 3))
		for range rounds {
			s, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{})
			if err != nil {
				t.Fatal(err)
			}
			grown := random.Uint64N(300)
			call(t, s, "grow", grown)
			for range random.IntN(300) {
				n := random.Uint64N(3 * smallPage)
				at := random.Uint64N(notebookBytes + grown*asm.Page - n)
				call(t, s, "fill", at, random.Uint64N(256), n)
			}
			check(t, s.Close())
			check(t, findTraces(t.Context(), m))
		}
	})
}

func TestTablesAreFresh(t *testing.T) {
	var a assembly
	one := a.Func("", nil, asm.Types(asm.I32), asm.Const32(1))
	two := a.Func("two", nil, asm.Types(asm.I32), asm.Const32(2))
	a.Table(4, one)
	a.Func("install", nil, nil, asm.Const32(0), asm.Op(wasmbin.OpRefFunc, two), asm.Op(wasmbin.OpTableSet, 0))
	a.Func("invoke", nil, asm.Types(asm.I32), asm.Const32(0), asm.Op(wasmbin.OpCallIndirect, a.Type(nil, asm.Types(asm.I32)), 0))
	a.Func("trap", nil, nil, asm.Op(wasmbin.OpUnreachable))
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		for range 3 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			want(t, "what the table's entry returns", call(t, s, "invoke"), 1)
			call(t, s, "install")
			want(t, "what the table's entry returns", call(t, s, "invoke"), 2)
			check(t, s.Close())
			s = sandbox(t, m, wasmrt.SandboxConfig{})
			call(t, s, "install")
			_, err := s.Call(t.Context(), "trap")
			wantKind(t, err, spec.GuestTrap)
			check(t, s.Close())
		}
	})
}

func TestDescriptorsStartAnew(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		files := func(text string) fs.FS { return fstest.MapFS{notebookFile: {Data: []byte(text)}} }
		for _, text := range []string{"first", "other"} {
			s := sandbox(t, m, wasmrt.SandboxConfig{Files: files(text)})
			want(t, "the first descriptor", call(t, s, "open"), 4)
			want(t, "the second descriptor", call(t, s, "open"), 5)
			want(t, "the errno", call(t, s, "read", 4, asm.Page, 100), 0)
			want(t, "the file's first byte", byte(call(t, s, "peek", asm.Page)), text[0])
			check(t, s.Close())
		}
		const enoent = 44
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		want(t, "the errno without files", -int32(call(t, s, "open")), enoent)
	})
}

func TestAFaultHasNoOtherSandboxesStderr(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := load(t, count.open(open), notebook())
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		call(t, s, "write", 2, 0, 20)
		check(t, s.Close())
		made := count.made.Load()
		s = sandbox(t, m, wasmrt.SandboxConfig{})
		_, err := s.Call(t.Context(), "trap")
		want(t, "stderr", faultOf(t, err, spec.GuestTrap).Stderr, "")
		want(t, "whether the first one was used again", count.made.Load() == made, resets)
	})
}

func TestAFaultHasNoOtherSandboxesHunger(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		var count counter
		m := load(t, count.open(open), notebook())
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		want(t, "growth by 4 GiB", int32(call(t, s, "grow", 65535)), -1)
		check(t, s.Close())
		made := count.made.Load()
		s = sandbox(t, m, wasmrt.SandboxConfig{})
		_, err := s.Call(t.Context(), "trap")
		faultOf(t, err, spec.GuestTrap)
		want(t, "whether the first one was used again", count.made.Load() == made, resets)
	})
}

func TestArgumentsAndEnvironmentAreTheSandboxs(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, texts := range [][]string{{"a", "bc"}, {"K=V"}, nil} {
			s := sandbox(t, m, wasmrt.SandboxConfig{Args: texts, Env: texts})
			for _, name := range []string{"args", "environ"} {
				want(t, name, call(t, s, name), uint64(len(texts)))
				at := uint64(notebookTexts)
				for _, text := range texts {
					for k := range text {
						want(t, "a byte", byte(call(t, s, "peek", at+uint64(k))), text[k])
					}
					at += uint64(len(text)) + 1
				}
			}
			check(t, s.Close())
		}
	})
}

// What a program's library has buffered is gone with its sandbox, and so are a Go program's goroutines.
func TestProgramsStartAnew(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		t.Run("go", func(t *testing.T) {
			m := load(t, open, guest(t, goGuest))
			files := fstest.MapFS{notebookFile: {Data: []byte("secret")}}
			for range 3 {
				s := sandbox(t, m, wasmrt.SandboxConfig{Files: files})
				n := call(t, s, "goroutines")
				call(t, s, "start_goroutine")
				want(t, "the number of goroutines", call(t, s, "goroutines"), n+1)
				call(t, s, "mutter")
				call(t, s, "use", 30)
				want(t, "the descriptor", call(t, s, "open"), 4)
				check(t, s.Close())

				var out bytes.Buffer
				s = sandbox(t, m, wasmrt.SandboxConfig{Stdout: &out, Files: files})
				want(t, "the number of goroutines", call(t, s, "goroutines"), n)
				call(t, s, "speak")
				want(t, "the output", out.String(), "spoken\n")
				const ebadf = 8
				want(t, "reading what another opened", -int32(call(t, s, "read", 4)), ebadf)
				want(t, "the first count", call(t, s, "count"), 1001)
				want(t, "arguments and environment", call(t, s, "environ"), 0)
				check(t, s.Close())
			}
		})
		t.Run("c", func(t *testing.T) {
			guesttest.NeedClang(t)
			m := load(t, open, guest(t, cGuest))
			for range 3 {
				s := sandbox(t, m, wasmrt.SandboxConfig{})
				call(t, s, "mutter")
				check(t, s.Close())
				var out bytes.Buffer
				s = sandbox(t, m, wasmrt.SandboxConfig{Stdout: &out})
				call(t, s, "speak")
				want(t, "the output", out.String(), "spoken\n")
				want(t, "the first count", call(t, s, "count"), 1001)
				check(t, s.Close())
			}
		})
	})
}
