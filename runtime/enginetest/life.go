package enginetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// start: Instantiate runs the start function, which may call the host and use its memory.
func (s suite) start(t *testing.T) {
	var m module
	m.imp("hello", nil, nil)
	m.memory(1, 8)
	m.Bytes(asm.Const32(0), "hello")
	m.global("started", asm.I32, true, asm.Const32(0))
	start := m.Func("", nil, nil, asm.Op(wasmbin.OpCall, 0), asm.Const32(1), asm.Op(wasmbin.OpGlobalSet, 0))
	m.Start = &start
	guest := &engine.Guest{}
	var saw string
	c := compile(t, s.engine(t, hostFunc("hello", nil, nil, func(ctx context.Context, g *engine.Guest, _ []uint64) error {
		if ctx.Value(contextKey{}) != "start" || g != guest {
			t.Error("the start function's host call serves another call")
		}
		b, _ := g.View(0, 5)
		saw = string(b)
		return nil
	})), m.Binary())
	i, err := c.Instantiate(context.WithValue(t.Context(), contextKey{}, "start"), guest, &memory{headroom: asm.Page})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if saw != "hello" {
		t.Errorf("the host function saw %q in the memory", saw)
	}
	if i.Global("started").Get() != 1 {
		t.Error("the start function did not run to its end")
	}
	if len(i.Memory()) != 2*asm.Page {
		t.Errorf("the memory has %d bytes", len(i.Memory()))
	}
}

// startFails: what fails in the start function fails Instantiate, in the same way as a call.
func (s suite) startFails(t *testing.T) {
	var m module
	m.imp("fail", nil, nil)
	m.memory(1, 8)
	start := m.Func("", nil, nil, asm.Op(wasmbin.OpCall, 0), asm.Op(wasmbin.OpUnreachable))
	m.Start = &start
	fails := true
	c := compile(t, s.engine(t, hostFunc("fail", nil, nil, func(context.Context, *engine.Guest, []uint64) error {
		if fails {
			return &errHost{}
		}
		return nil
	})), m.Binary())
	if _, err := c.Instantiate(t.Context(), &engine.Guest{}, &memory{}); !errors.As(err, new(*errHost)) {
		t.Errorf("got %v, want the host function's error", err)
	}
	fails = false
	_, err := c.Instantiate(t.Context(), &engine.Guest{}, &memory{})
	if trap := trapOf(t, err); trap.Code != engine.TrapUnreachable {
		t.Errorf("got %v", err)
	}

	var data module
	data.memory(1, 1)
	data.Bytes(asm.Const32(asm.Page-1), "too long")
	_, err = compile(t, s.engine(t), data.Binary()).Instantiate(t.Context(), &engine.Guest{}, &memory{})
	if err == nil {
		t.Error("a data segment beyond the memory was accepted")
	}
}

// counter is a guest that counts in a global, in its memory and in the host.
func counter() []byte {
	var m module
	m.imp("count", asm.Types(asm.I64), asm.Types(asm.I64))
	memoryGuest(&m)
	g := m.global("n", asm.I64, true, asm.Const64(0))
	m.Func("count", nil, asm.Types(asm.I64),
		asm.Const32(0), asm.Const32(0), asm.Op(wasmbin.OpI32Load, 0, 0), asm.Const32(1), asm.Op(wasmbin.OpI32Add), asm.Op(asm.OpI32Store, 0, 0),
		asm.Op(wasmbin.OpGlobalGet, g), asm.Op(wasmbin.OpCall, 0), asm.Op(wasmbin.OpGlobalSet, g), asm.Op(wasmbin.OpGlobalGet, g))
	return m.Binary()
}

// count is counter's host function: it adds one, and to the owner's count too.
var count = hostFunc("count", asm.Types(asm.I64), asm.Types(asm.I64), func(_ context.Context, g *engine.Guest, stack []uint64) error {
	*g.Owner.(*uint64)++
	stack[0]++
	return nil
})

// isolation: instances of one module share nothing.
func (s suite) isolation(t *testing.T) {
	c := compile(t, s.engine(t, count), counter())
	var owners [3]uint64
	var instances [3]engine.Instance
	for k := range instances {
		instances[k] = instantiate(t, c, &engine.Guest{Owner: &owners[k]}, &memory{})
	}
	for n := range 12 {
		for k := range instances {
			if n%(k+1) == 0 {
				result(t, instances[k], "count")
			}
		}
	}
	for k, i := range instances {
		want := uint64(12 / (k + 1))
		if n, b := i.Global("n").Get(), uint64(i.Memory()[0]); n != want || b != want || owners[k] != want {
			t.Errorf("instance %d has counted %d in its global, %d in its memory and %d in the host, want %d", k, n, b, owners[k], want)
		}
	}
}

// concurrency: instances of one code, and compilations, run at the same time.
func (s suite) concurrency(t *testing.T) {
	const goroutines, instances, calls = 4, 8, 50
	e := s.engine(t, count)
	c := compile(t, e, counter())
	work := func() error {
		own, err := e.Compile(t.Context(), counter())
		if err != nil {
			return err
		}
		defer own.Close()
		for k := range instances {
			code := c
			if k%2 == 1 {
				code = own
			}
			var owner uint64
			i, err := code.Instantiate(t.Context(), &engine.Guest{Owner: &owner}, &memory{})
			if err != nil {
				return err
			}
			defer i.Close()
			f, stack := i.Func("count"), []uint64{0}
			for range calls {
				if err := f.Call(t.Context(), stack); err != nil {
					return err
				}
			}
			if stack[0] != calls || owner != calls {
				return errors.New("an instance has lost count")
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() { check(t, work()) })
	}
	wg.Wait()
}

// close: instances, codes and engines are freed one by one, and what is left goes on.
func (s suite) close(t *testing.T) {
	e, err := s.open(engine.Config{Imports: []engine.HostFunc{count}})
	if err != nil {
		t.Fatal(err)
	}
	if e.Name() == "" {
		t.Error("the engine has no name")
	}
	var owner uint64
	guest := &engine.Guest{Owner: &owner}
	var codes [2]engine.Code
	for k := range codes {
		if codes[k], err = e.Compile(t.Context(), counter()); err != nil {
			t.Fatal(err)
		}
	}
	closed := &memory{}
	first, err := codes[0].Instantiate(t.Context(), guest, closed)
	if err != nil {
		t.Fatal(err)
	}
	second, err := codes[0].Instantiate(t.Context(), guest, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	third, err := codes[1].Instantiate(t.Context(), guest, &memory{})
	if err != nil {
		t.Fatal(err)
	}
	result(t, first, "count")
	check(t, first.Close())
	if closed.allocated == 1 && closed.room[0] != 1 {
		t.Error("a placed memory did not stay its allocator's")
	}
	result(t, second, "count")
	check(t, second.Close())
	check(t, codes[0].Close())
	if got := result(t, third, "count"); got != 1 {
		t.Errorf("got %d", got)
	}
	check(t, third.Close())
	check(t, codes[1].Close())
	check(t, e.Close())
	if owner != 3 {
		t.Errorf("the owner has counted %d calls", owner)
	}
}

// cacheUser uses counter with compiled code kept in dir.
type cacheUser struct {
	suite
	dir string
}

// use compiles counter twice and runs it.
func (u cacheUser) use(t *testing.T) error {
	e, err := u.open(engine.Config{Imports: []engine.HostFunc{count}, CacheDir: u.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { check(t, e.Close()) }()
	for range 2 {
		c, err := e.Compile(t.Context(), counter())
		if err != nil {
			return err
		}
		defer c.Close()
		var owner uint64
		i, err := c.Instantiate(t.Context(), &engine.Guest{Owner: &owner}, &memory{})
		if err != nil {
			return err
		}
		defer i.Close()
		for want := range uint64(3) {
			if got := result(t, i, "count"); got != want+1 {
				t.Errorf("kept code counts to %d, want %d", got, want+1)
			}
		}
	}
	return nil
}

// files are what is kept.
func (u cacheUser) files(t *testing.T) (list []string) {
	check(t, filepath.WalkDir(u.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, path)
		}
		return err
	}))
	return list
}

// cache: what one engine compiled another one loads.
func (s suite) cache(t *testing.T) {
	u := cacheUser{s, t.TempDir()}
	check(t, u.use(t))
	kept := u.files(t)
	if len(kept) == 0 {
		t.Fatal("no compiled code was kept")
	}
	check(t, u.use(t))
	if again := u.files(t); !slices.Equal(again, kept) {
		t.Errorf("the second use left %v, the first %v", again, kept)
	}
}

// cacheDamage: damaged code never runs. It is compiled anew, or there is an error.
func (s suite) cacheDamage(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"cut":    func(b []byte) []byte { return b[:len(b)/2] },
		"empty":  func([]byte) []byte { return nil },
		"begin":  func(b []byte) []byte { b[0] ^= 1; return b },
		"middle": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"end":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			u := cacheUser{s, t.TempDir()}
			check(t, u.use(t))
			for _, path := range u.files(t) {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				check(t, os.WriteFile(path, damage(b), 0o600))
			}
			if err := u.use(t); err != nil {
				t.Logf("the engine refuses: %v", err)
			}
		})
	}
}
