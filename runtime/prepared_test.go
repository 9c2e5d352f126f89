package wasmrt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/spec"
)

// doubler is a module with a start function, which doubles the 21 in its memory. "read" returns what it has become, "bump"
// adds one to it. If it changes its table, too, there can be no image of it. extra is one more section.
func doubler(changesTable bool, extra ...byte) []byte {
	funcs := []byte{0, 1, 1} // their types
	bodies := []string{
		"\x00\x41\x0c\x41\x08\x28\x02\x00\x41\x02\x6c\x36\x02\x00\x0b",                     // start: i32.store 12 (i32.load 8 * 2)
		"\x00\x41\x0c\x28\x02\x00\x0b",                                                     // read: i32.load 12
		"\x00\x41\x0c\x41\x0c\x28\x02\x00\x41\x01\x6a\x36\x02\x00\x41\x0c\x28\x02\x00\x0b", // bump: i32.store 12 (i32.load 12 + 1); i32.load 12
	}
	if changesTable {
		funcs, bodies = append(funcs, 0), append(bodies, "\x00\x41\x00\xd0\x70\x26\x00\x0b") // table.set 0 null
	}
	code := []byte{byte(len(bodies))}
	for _, b := range bodies {
		code = append(append(code, byte(len(b))), b...)
	}
	wasm := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, content ...byte) {
		wasm = append(append(append(wasm, id), byte(len(content))), content...)
	}
	section(1, 2, 0x60, 0, 0, 0x60, 0, 1, 0x7f)
	section(3, append([]byte{byte(len(funcs))}, funcs...)...)
	section(4, 1, 0x70, 0, 1)
	section(5, 1, 1, 1, 3)
	section(7, append([]byte{2}, "\x04read\x00\x01\x04bump\x00\x02"...)...)
	section(8, 0)
	section(10, code...)
	section(11, 1, 0, 0x41, 8, 0x0b, 1, 21)
	return append(wasm, extra...)
}

// goModule is testdata/guests/checkpoint, built once.
var goModule = guesttest.Go("testdata/guests/checkpoint")

// warmer counts how often a module was warmed.
type warmer struct {
	export string
	calls  int
}

// config loads with the warmer, of that name. Warming a module calls an export, which the image shows.
func (w *warmer) config(name string) LoadConfig {
	return LoadConfig{WarmName: name, Warm: func(ctx context.Context, s *Sandbox) ([]byte, error) {
		w.calls++
		n, err := s.Call(ctx, w.export)
		return fmt.Appendf(nil, "it said %d", n), err
	}}
}

// openIn opens a runtime on wazero with a cache directory.
func openIn(t testing.TB, dir string, imports ...engine.HostFunc) *Runtime {
	t.Helper()
	rt, err := New(Config{Engine: wazero.Open, Imports: imports, CacheDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close() })
	return rt
}

func mustLoad(t testing.TB, rt *Runtime, wasm []byte, cfg LoadConfig) *Module {
	t.Helper()
	m, err := rt.Load(t.Context(), wasm, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// results calls exports in two sandboxes, one after the other, and returns all that they gave.
func results(t testing.TB, m *Module, exports ...string) (all []uint64) {
	t.Helper()
	for range 2 {
		s, err := m.NewSandbox(t.Context(), SandboxConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for _, export := range exports {
			n, err := s.Call(t.Context(), export)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// preparedFiles are the prepared modules in a cache directory.
func preparedFiles(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "code", "prepared-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestAWarmLoadIsTheSameModule: what is loaded from the cache directory cannot be told from what was made anew.
func TestAWarmLoadIsTheSameModule(t *testing.T) {
	goGuest, err := goModule()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		wasm    []byte
		warm    string
		exports []string
		want    []uint64 // of one sandbox
		image   bool
	}{
		"image":    {doubler(false), "bump", []string{"read", "bump", "bump"}, []uint64{43, 44, 45}, true},
		"no image": {doubler(true), "bump", []string{"read", "bump", "bump"}, []uint64{42, 43, 44}, false},
		"empty":    {[]byte("\x00asm\x01\x00\x00\x00"), "", nil, nil, true},
		"Go":       {goGuest, "count", []string{"count", "sum", "count"}, []uint64{1002, 0, 1003}, true},
	} {
		for _, trusted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, trusted %t", name, trusted), func(t *testing.T) {
				dir, w := t.TempDir(), &warmer{export: c.warm}
				cfg := LoadConfig{Trusted: trusted}
				if c.warm != "" {
					cfg = w.config("call it")
					cfg.Trusted = trusted
				}
				cold := mustLoad(t, openIn(t, dir), c.wasm, cfg)
				files := preparedFiles(t, dir)
				if len(files) != 1 {
					t.Fatalf("kept are %v", files)
				}
				warm := mustLoad(t, openIn(t, dir), c.wasm, cfg)
				if c.warm != "" && w.calls != 1 {
					t.Errorf("the module was warmed %d times", w.calls)
				}
				if !bytes.Equal(warm.Warmed(), cold.Warmed()) {
					t.Errorf("warming gave %q, was %q", warm.Warmed(), cold.Warmed())
				}
				if !reflect.DeepEqual(warm.Info(), cold.Info()) {
					t.Errorf("it is known as\n%+v, was\n%+v", warm.Info(), cold.Info())
				}
				if has := warm.Info().ImageDigest != ""; has != c.image {
					t.Errorf("it has an image: %t", has)
				}
				if warm.Digest() != spec.DigestOf(c.wasm) {
					t.Error("it has another digest")
				}
				for _, m := range []*Module{cold, warm} {
					if got := results(t, m, c.exports...); !slices.Equal(got, append(slices.Clone(c.want), c.want...)) {
						t.Errorf("the calls gave %d, want %d, twice", got, c.want)
					}
					if m.HasExport("no such export") || len(c.exports) > 0 && !m.HasExport(c.exports[0]) {
						t.Error("it has other exports")
					}
				}
				if c.image && len(c.exports) > 0 {
					movesTo(t, cold, warm, c.exports[0])
					movesTo(t, warm, cold, c.exports[0])
				}
			})
		}
	}
}

// movesTo wants a sandbox of one module to go on as one of the other.
func movesTo(t *testing.T, from, to *Module, export string) {
	t.Helper()
	s, err := from.NewSandbox(t.Context(), SandboxConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Call(t.Context(), export); err != nil {
		t.Fatal(err)
	}
	saved, err := s.Checkpoint(CheckpointDelta)
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.Call(t.Context(), export)
	if err != nil {
		t.Fatal(err)
	}
	r, err := to.Restore(t.Context(), SandboxConfig{}, saved)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := r.Call(t.Context(), export); err != nil || got != want {
		t.Errorf("moved, the sandbox gives %d, %v; want %d", got, err, want)
	}
}

// TestAWarmLoadDrawsNewNumbers: the random generators that were found in the image are found again.
func TestAWarmLoadDrawsNewNumbers(t *testing.T) {
	wasm, err := goModule()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	seen := make(map[uint64]bool)
	for range 2 {
		for _, n := range results(t, mustLoad(t, openIn(t, dir), wasm, LoadConfig{}), "random", "random") {
			if seen[n] {
				t.Errorf("%d was drawn twice", n)
			}
			seen[n] = true
		}
	}
}

// renamed is an engine under another name.
type renamed struct{ engine.Engine }

func (renamed) Name() string { return "another engine" }

// TestPreparedForOthers: a prepared module is for the same bytes, options, engine, imports and warming, and for nothing else.
func TestPreparedForOthers(t *testing.T) {
	dir, w := t.TempDir(), &warmer{export: "bump"}
	load := func(what string, want int, rt *Runtime, wasm []byte, cfg LoadConfig) {
		t.Helper()
		before := w.calls
		mustLoad(t, rt, wasm, cfg)
		if got := w.calls - before; got != want {
			t.Errorf("%s: warmed %d times, want %d", what, got, want)
		}
	}
	other := engine.HostFunc{Module: "env", Name: "f", Func: func(context.Context, *engine.Guest, []uint64) error { return nil }}
	wider := other
	wider.Params = []wasmbin.ValType{wasmbin.I32}
	trusted := w.config("bump it")
	trusted.Trusted = true
	another, err := New(Config{CacheDir: dir, Engine: func(cfg engine.Config) (engine.Engine, error) {
		e, err := wazero.Open(cfg)
		return renamed{e}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer another.Close()
	rebuilt := openIn(t, dir)
	rebuilt.prepared.by[0]++
	for _, c := range []struct {
		what string
		rt   *Runtime
		wasm []byte
		cfg  LoadConfig
	}{
		{"the first", openIn(t, dir), doubler(false), w.config("bump it")},
		{"other bytes", openIn(t, dir), doubler(false, 0, 2, 1, 'x'), w.config("bump it")},
		{"unmetered", openIn(t, dir), doubler(false), trusted},
		{"another engine", another, doubler(false), w.config("bump it")},
		{"an import", openIn(t, dir, other), doubler(false), w.config("bump it")},
		{"another import", openIn(t, dir, wider), doubler(false), w.config("bump it")},
		{"another warming", openIn(t, dir), doubler(false), w.config("bump it again")},
		{"another build", rebuilt, doubler(false), w.config("bump it")},
	} {
		load(c.what, 1, c.rt, c.wasm, c.cfg)
		load(c.what+", again", 0, c.rt, c.wasm, c.cfg)
	}
	kept := len(preparedFiles(t, dir))
	load("a warming without a name", 1, openIn(t, dir), doubler(false), w.config(""))
	load("a warming without a name, again", 1, openIn(t, dir), doubler(false), w.config(""))
	if now := len(preparedFiles(t, dir)); now != kept {
		t.Errorf("a warming without a name has left something: %d files, were %d", now, kept)
	}
	if got := results(t, mustLoad(t, openIn(t, dir), doubler(false), LoadConfig{}), "read")[0]; got != 42 {
		t.Errorf("without warming the module says %d", got)
	}
}

// TestPreparedImportsAreStillRefused: what another runtime offered is not offered for being in the cache.
func TestPreparedImportsAreStillRefused(t *testing.T) {
	dir := t.TempDir()
	wasm := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x09\x01\x03env\x01f\x00\x00")
	offered := engine.HostFunc{Module: "env", Name: "f", Func: func(context.Context, *engine.Guest, []uint64) error { return nil }}
	for range 2 {
		mustLoad(t, openIn(t, dir, offered), wasm, LoadConfig{})
		if _, err := openIn(t, dir).Load(t.Context(), wasm, LoadConfig{}); !errors.Is(err, spec.UnknownImport) {
			t.Errorf("got %v, want UnknownImport", err)
		}
	}
}

// TestFailuresAreNotKept: a module that could not be warmed is warmed again.
func TestFailuresAreNotKept(t *testing.T) {
	dir, w := t.TempDir(), &warmer{export: "no such export"}
	for range 2 {
		if _, err := openIn(t, dir).Load(t.Context(), doubler(false), w.config("fail")); !errors.Is(err, spec.FunctionNotFound) {
			t.Errorf("got %v", err)
		}
	}
	if files := preparedFiles(t, dir); w.calls != 2 || len(files) != 0 {
		t.Errorf("warmed %d times, kept %v", w.calls, files)
	}
}

// TestPreparedDamaged: whatever happened to the file, the module is prepared anew and the file replaced.
func TestPreparedDamaged(t *testing.T) {
	dir, w := t.TempDir(), &warmer{export: "bump"}
	load := func() []uint64 {
		return results(t, mustLoad(t, openIn(t, dir), doubler(false), w.config("bump it")), "read")
	}
	want := load()
	path := preparedFiles(t, dir)[0]
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mustLoad(t, openIn(t, dir), doubler(true), w.config("bump it"))
	others, err := os.ReadFile(slices.DeleteFunc(preparedFiles(t, dir), func(p string) bool { return p == path })[0])
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{
		"empty":           {},
		"cut":             good[:len(good)-1],
		"half":            good[:len(good)/2],
		"longer":          append(slices.Clone(good), 0),
		"another's":       others,
		"another version": checksummed(append([]byte("rayprep\x00"), good[8:]...)),
		"no JSON":         checksummed(append(append(slices.Clone(good[:44]), '}'), good[45:]...)),
	}
	for k := range 32 {
		at := (len(good) - 1) * k / 31
		b := slices.Clone(good)
		b[at] ^= 1 << (k % 8)
		damaged[fmt.Sprintf("byte %d", at)] = b
	}
	for what, b := range damaged {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		before := w.calls
		if got := load(); !slices.Equal(got, want) || w.calls != before+1 {
			t.Errorf("%s: got %d, want %d, warmed %d times", what, got, want, w.calls-before)
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, good) {
			t.Errorf("%s: the file was not replaced, %v", what, err)
		}
	}
	if files := preparedFiles(t, dir); len(files) != 2 {
		t.Errorf("there are %v, want two prepared modules", files)
	}
}

// checksummed puts the right checksum at the end.
func checksummed(b []byte) []byte {
	b = slices.Clone(b)
	binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
	return b
}

// encoded returns a prepared doubler as it is kept.
func encoded(t testing.TB, changesTable bool) ([]byte, spec.Digest) {
	t.Helper()
	dir := t.TempDir()
	mustLoad(t, openIn(t, dir), doubler(changesTable), LoadConfig{})
	b, err := os.ReadFile(preparedFiles(t, dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	return b, spec.Digest(b[len(preparedMagic):])
}

// TestEveryBitOfAPreparedModuleCounts: no change of one bit goes unseen.
func TestEveryBitOfAPreparedModuleCounts(t *testing.T) {
	good, key := encoded(t, true)
	if _, err := decodePrepared(good, key); err != nil {
		t.Fatal(err)
	}
	for at := range good {
		b := slices.Clone(good)
		b[at] ^= 1 << (at % 8)
		if _, err := decodePrepared(b, key); err == nil {
			t.Errorf("a change of byte %d was not seen", at)
		}
		if _, err := decodePrepared(good[:at], key); err == nil {
			t.Errorf("the first %d bytes were accepted", at)
		}
	}
}

// TestPreparedBounds: what does not fit together is refused even with a right checksum.
func TestPreparedBounds(t *testing.T) {
	good, key := encoded(t, false)
	for _, c := range [][2]string{
		{`"pages":1,`, `"pages":0,`},         // the run lies outside
		{`"pages":1,`, `"pages":65536,`},     // more than there can be
		{`"runs":[[0,1]]`, `"runs":[[0,2]]`}, // more than there is
		{`"runs":[[0,1]]`, `"runs":[[0,1],[0,1]]`},
		{`"runs":[[0,1]]`, `"runs":[[16,1]]`},
		{`"runs":[[0,1]]`, `"runs":[]`},
		{`"runs":[[0,1]]`, `"reseeds":[65300],"runs":[[0,1]]`},
		{`"globals":[`, `"globals":[0,`},
		{`"image":`, `"init":{},"image":`},
		{`"image":`, `"no":`},
		{`"memory":`, `"no":`},
		{`"read":[0,1]`, `"read":[-1,1]`},
	} {
		head := int(binary.LittleEndian.Uint32(good[40:]))
		json := string(good[44 : 44+head])
		if !strings.Contains(json, c[0]) {
			t.Fatalf("there is no %s in %s", c[0], json)
		}
		json = strings.Replace(json, c[0], c[1], 1)
		b := binary.LittleEndian.AppendUint32(slices.Clone(good[:40]), uint32(len(json)))
		b = checksummed(append(append(b, json...), good[44+head:]...))
		if _, err := decodePrepared(b, key); err == nil {
			t.Errorf("%s was accepted", c[1])
		}
	}
}

// FuzzPrepared: whatever the bytes are, decodePrepared does not panic, and what it accepts comes back from encode and can
// be made an image.
func FuzzPrepared(f *testing.F) {
	var key spec.Digest
	for _, changesTable := range []bool{false, true} {
		b, _ := encoded(f, changesTable)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < preparedFixed {
			return
		}
		b = slices.Clone(b)
		copy(b[copy(b, preparedMagic):], key[:])
		p, err := decodePrepared(checksummed(b), key)
		if err != nil {
			return
		}
		again, err := p.encode(key)
		if err != nil {
			t.Fatal(err)
		}
		q, err := decodePrepared(again, key)
		if err != nil {
			t.Fatal(err)
		}
		if third, err := q.encode(key); err != nil || !bytes.Equal(third, again) {
			t.Errorf("it does not come back, %v", err)
		}
		if p.image == nil || p.image.pages > 256 {
			return
		}
		img, err := p.image.make(key)
		if err != nil {
			t.Fatal(err)
		}
		defer img.free()
		for off, run := range p.image.memory() {
			if !bytes.Equal(img.bytes[off:off+len(run)], run) {
				t.Errorf("the pages at %d are not in the image", off)
			}
		}
	})
}

// TestBuildID: this program has one, and a program without one is not mistaken for another.
func TestBuildID(t *testing.T) {
	if buildID() == "" {
		t.Error("this program has no build ID")
	}
	note := []byte("\x7fELF....\x04\x00\x00\x00\x08\x00\x00\x00\x04\x00\x00\x00Go\x00\x00first id")
	other := bytes.Replace(note, []byte("first"), []byte("other"), 1)
	text := []byte("MZ......\xff Go build ID: \"first/id\"\n \xff")
	if headID(note) == "" || headID(text) == "" || headID(note) == headID(other) {
		t.Error("programs are not told apart")
	}
	if id := headID([]byte("\x7fELF, linked with -buildid=")); id != "" {
		t.Errorf("a program without a build ID has %q", id)
	}
}

// TestPrune: what was not used for longest goes first, a directory as one.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	put := func(name string, size int, age time.Duration) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	put("prepared-old", 100, 5*time.Hour)
	put("wazero-used/stub", 10, 9*time.Hour)
	put("wazero-used/wazero-v1/code", 300, time.Hour)
	put("wazero-old/stub", 10, 4*time.Hour)
	put("wazero-old/wazero-v1/code", 300, 4*time.Hour)
	put("prepared-new", 100, time.Minute)
	put("wasmtime-old", 100, 3*time.Hour)
	for _, c := range []struct {
		limit int64
		want  []string
	}{
		{1000, []string{"prepared-new", "prepared-old", "wasmtime-old", "wazero-old", "wazero-used"}},
		{900, []string{"prepared-new", "wasmtime-old", "wazero-old", "wazero-used"}},
		{600, []string{"prepared-new", "wasmtime-old", "wazero-used"}},
		{150, []string{"prepared-new"}},
		{0, nil},
	} {
		if err := prune(dir, c.limit); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range left {
			names = append(names, e.Name())
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("pruned to %d bytes, there are %v, want %v", c.limit, names, c.want)
		}
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error(err)
	}
	if err := prune(filepath.Join(dir, "missing"), 0); err == nil {
		t.Error("a directory that is not there was pruned")
	}
}

// TestTheCacheIsBoundedWhileItIsUsed: as modules are loaded, the oldest go, and the directory never holds much more than it
// may.
func TestTheCacheIsBoundedWhileItIsUsed(t *testing.T) {
	dir := t.TempDir()
	rt := openIn(t, dir)
	mustLoad(t, rt, doubler(false), LoadConfig{})
	one := measure(dir).size
	const kept, modules = 20, 100
	rt.cache.limit = kept * one
	rt.cache.add(0) // the bound was larger when it was opened
	most := int64(0)
	for n := range modules {
		mustLoad(t, rt, doubler(false, 0, 2, 1, byte(n)), LoadConfig{})
		most = max(most, measure(dir).size)
	}
	if limit := rt.cache.limit + rt.cache.limit/pruneShare + one; most > limit {
		t.Errorf("the cache had %d bytes, may have %d, and a little more", most, rt.cache.limit)
	}
	if most < rt.cache.limit/2 {
		t.Errorf("the cache had %d bytes at most, may have %d", most, rt.cache.limit)
	}
}

// TestModulesWaitToBeCompiled: not more than MaxCompiling bytes are at once.
func TestModulesWaitToBeCompiled(t *testing.T) {
	rt := openIn(t, "")
	if err := rt.compiles.Acquire(t.Context(), MaxCompiling); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := rt.Load(ctx, doubler(false), LoadConfig{}); !errors.Is(err, spec.DeadlineExceeded) {
		t.Errorf("while others are compiled: %v", err)
	}
	loaded := make(chan error, 1)
	go func() {
		_, err := rt.Load(t.Context(), doubler(false), LoadConfig{})
		loaded <- err
	}()
	rt.compiles.Release(MaxCompiling)
	if err := <-loaded; err != nil {
		t.Errorf("when there is room: %v", err)
	}
	if !rt.compiles.TryAcquire(MaxCompiling) {
		t.Error("the room is not given back")
	}
}

// TestRuntimesShareACacheDirectory: they do not disturb each other, nor does somebody who prunes.
func TestRuntimesShareACacheDirectory(t *testing.T) {
	dir := t.TempDir()
	openIn(t, dir)
	use := func(changesTable bool) error {
		rt, err := New(Config{Engine: wazero.Open, CacheDir: dir})
		if err != nil {
			return err
		}
		defer rt.Close()
		m, err := rt.Load(t.Context(), doubler(changesTable), LoadConfig{})
		if err != nil {
			return err
		}
		s, err := m.NewSandbox(t.Context(), SandboxConfig{})
		if err != nil {
			return err
		}
		defer s.Close()
		if n, err := s.Call(t.Context(), "read"); err != nil || n != 42 {
			return fmt.Errorf("got %d, %w", n, err)
		}
		return nil
	}
	var users, pruner sync.WaitGroup
	done := make(chan struct{})
	pruner.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = prune(filepath.Join(dir, "code"), 2000) // what others remove at the same time it may fail on
			}
		}
	})
	for k := range 4 {
		users.Go(func() {
			for range 20 {
				if err := use(k%2 == 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
	close(done)
	pruner.Wait()
}
