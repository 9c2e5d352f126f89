package wasmrt_test

import (
	"bytes"
	"context"
	"math"
	"testing"
	"time"

	"github.com/raywasm/raywasm/internal/guesttest"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/internal/asm"
	"github.com/raywasm/raywasm/runtime/wasmbin"
)

// Sandboxes of one image draw different numbers and see time pass, although the image is the same wherever it is made.

// draws calls an export several times in each of several sandboxes: some that are open together, and some that are made
// of others by a reset. It returns what each of them drew.
func draws(t *testing.T, m *wasmrt.Module, export string) (all [][4]uint64) {
	t.Helper()
	draw := func(s *wasmrt.Sandbox) {
		t.Helper()
		var drawn [4]uint64
		for k := range drawn {
			drawn[k] = call(t, s, export)
		}
		all = append(all, drawn)
	}
	first, second := sandbox(t, m, wasmrt.SandboxConfig{}), sandbox(t, m, wasmrt.SandboxConfig{})
	draw(first)
	draw(second)
	check(t, first.Close())
	check(t, second.Close())
	for range 3 {
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		draw(s)
		check(t, s.Close())
	}
	return all
}

// wantNoRepetition wants every number that was drawn to be a different one.
func wantNoRepetition(t *testing.T, all [][4]uint64) {
	t.Helper()
	seen := make(map[uint64]bool)
	for k, drawn := range all {
		for _, n := range drawn {
			if seen[n] {
				t.Errorf("sandbox %d drew %#x, which was drawn before", k, n)
			}
			seen[n] = true
		}
	}
}

// wantRepetition wants every sandbox to have drawn the same numbers, different ones each time.
func wantRepetition(t *testing.T, all [][4]uint64) {
	t.Helper()
	wantNoRepetition(t, all[:1])
	for k, drawn := range all {
		if drawn != all[0] {
			t.Errorf("sandbox %d drew %#x, the first one %#x", k, drawn, all[0])
		}
	}
}

func TestGoGuestsDrawDifferentNumbers(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, guest(t, goGuest))
		for _, export := range []string{"mathrand", "mathrand2", "maporder", "hashseed", "cryptorand", "ownrand"} {
			t.Run(export, func(t *testing.T) { wantNoRepetition(t, draws(t, m, export)) })
		}
		for _, export := range []string{"pcg", "chacha", "old"} {
			t.Run(export, func(t *testing.T) { wantRepetition(t, draws(t, m, export)) })
		}
	})
}

// What was drawn while the image was made is drawn by no sandbox, however much it was.
func TestWarmGoGuestsDrawDifferentNumbers(t *testing.T) {
	wasm := guest(t, goGuest)
	everyEngine(t, func(t *testing.T, open engine.Open) {
		for _, export := range []string{"mathrand2", "ownrand"} {
			t.Run(export, func(t *testing.T) {
				var warm [4]uint64
				m, err := openRuntime(t, open).Load(t.Context(), wasm, wasmrt.LoadConfig{Warm: func(ctx context.Context, s *wasmrt.Sandbox) ([]byte, error) {
					for k := range 1000 { // generators of Go reseed themselves after some hundred numbers
						n, err := s.Call(ctx, export)
						if err != nil {
							return nil, err
						}
						warm[k%len(warm)] = n
					}
					return nil, nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				wantNoRepetition(t, append(draws(t, m, export), warm))
			})
		}
	})
}

func TestCGuestsDrawDifferentNumbers(t *testing.T) {
	guesttest.NeedClang(t)
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, guest(t, cGuest))
		want(t, "whether it exports ray_fresh", m.HasExport("ray_fresh"), true)
		for _, export := range []string{"libc", "entropy"} {
			t.Run(export, func(t *testing.T) { wantNoRepetition(t, draws(t, m, export)) })
		}
		t.Run("repeat", func(t *testing.T) { wantRepetition(t, draws(t, m, "repeat")) })
	})
}

// TestFreshIsCalledFirst: ray_fresh runs once in every sandbox before anything else does, and not for the image.
func TestFreshIsCalledFirst(t *testing.T) {
	var a assembly
	a.Memory(1)
	n := a.Global(asm.I64, true, asm.Const64(0))
	push := func(digit int64) []byte {
		return join(asm.GetGlobal(n), asm.Const64(10), asm.Op(wasmbin.OpI64Mul), asm.Const64(digit), asm.Op(wasmbin.OpI64Add), asm.SetGlobal(n))
	}
	a.Func("_initialize", nil, nil, push(1))
	a.Func("ray_fresh", nil, nil, push(2))
	a.Func("call", nil, asm.Types(asm.I64), push(3), asm.GetGlobal(n))
	wasm := a.Binary()
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, wasm)
		for range 3 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			want(t, "the order of calls", call(t, s, "call"), 123)
			want(t, "the order of calls", call(t, s, "call"), 1233)
			check(t, s.Close())
		}
	})
}

func TestClocksGoOn(t *testing.T) {
	const realtime, monotonic = 0, 1
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		for _, id := range []uint64{realtime, monotonic} {
			last := int64(0)
			later := func(what string, now uint64) {
				t.Helper()
				if int64(now) < last {
					t.Errorf("clock %d shows %d %s, and showed %d before", id, int64(now), what, last)
				}
				last = int64(now)
			}
			began := call(t, sandbox(t, m, wasmrt.SandboxConfig{}), "began", id)
			want(t, "whether the clock ran when the guest was initialised", began > 0, true)
			later("when the guest is initialised", began)
			for range 3 {
				s := sandbox(t, m, wasmrt.SandboxConfig{})
				later("in a sandbox", call(t, s, "clock", id))
				later("later in that sandbox", call(t, s, "clock", id))
				later("in another one", call(t, sandbox(t, m, wasmrt.SandboxConfig{}), "clock", id))
				check(t, s.Close())
			}
		}
		s := sandbox(t, m, wasmrt.SandboxConfig{})
		now := time.Unix(0, int64(call(t, s, "clock", realtime)))
		if off := time.Since(now).Abs(); off > time.Minute {
			t.Errorf("the guest's time is %v off", off)
		}
		before := call(t, s, "clock", monotonic)
		const slept = 2 * time.Millisecond
		call(t, s, "sleep", uint64(slept))
		if passed := time.Duration(call(t, s, "clock", monotonic) - before); passed < slept {
			t.Errorf("a sleep of %v took %v", slept, passed)
		}
	})
}

func TestGoClocksGoOn(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, guest(t, goGuest))
		began := int64(call(t, sandbox(t, m, wasmrt.SandboxConfig{}), "wall_began"))
		elapsed := int64(0)
		for range 3 {
			s := sandbox(t, m, wasmrt.SandboxConfig{})
			if now := int64(call(t, s, "wall")); now < began {
				t.Errorf("it is %v, and was %v when the guest was initialised", time.Unix(0, now), time.Unix(0, began))
			}
			if now := int64(call(t, s, "elapsed")); now < elapsed {
				t.Errorf("%v have passed since the guest was initialised, %v before", time.Duration(now), time.Duration(elapsed))
			} else {
				elapsed = now
			}
			call(t, s, "sleep", uint64(time.Millisecond))
			check(t, s.Close())
		}
	})
}

// warm loads a module anew, whatever the cache has, and takes its image after these calls.
func warm(steps ...step) wasmrt.LoadConfig {
	return wasmrt.LoadConfig{Warm: func(ctx context.Context, s *wasmrt.Sandbox) ([]byte, error) {
		return nil, run(ctx, s, steps...)
	}}
}

// The image of a module is the same wherever, whenever and under whichever engine it is made.
func TestImagesAreReproducible(t *testing.T) {
	images := func(t *testing.T, wasm []byte, steps ...step) {
		digests := make(map[string]string)
		everyEngine(t, func(t *testing.T, open engine.Open) {
			for range 2 {
				m, err := openRuntime(t, open).Load(t.Context(), wasm, warm(steps...))
				if err != nil {
					t.Fatal(err)
				}
				digests[m.Info().ImageDigest] = t.Name()
			}
		})
		delete(digests, "")
		if len(digests) != 1 {
			t.Errorf("the module has not one image: %v", digests)
		}
	}
	t.Run("notebook", func(t *testing.T) { images(t, notebook()) })
	t.Run("notebook that was written in", func(t *testing.T) {
		negative := uint64(math.Float32bits(-2))
		images(t, notebook(), do("set_i32", math.MaxUint32), do("set_f32", negative), do("set_f64", negative), do("grow", 300), do("dirty", 0, 5*smallPage, 500))
	})
	t.Run("go", func(t *testing.T) { images(t, guest(t, goGuest)) })
	t.Run("warm go", func(t *testing.T) {
		images(t, guest(t, goGuest), do("maporder"), do("ownrand"), do("use", 20), do("sleep", uint64(time.Hour)))
	})
	t.Run("c", func(t *testing.T) {
		guesttest.NeedClang(t)
		images(t, guest(t, cGuest), do("libc"), do("mutter"))
	})
}

// The image depends on what the guest was warmed with, and on nothing else.
func TestImagesTellWarmModulesApart(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		rt := openRuntime(t, open)
		image := func(steps ...step) string {
			m, err := rt.Load(t.Context(), notebook(), warm(steps...))
			if err != nil {
				t.Fatal(err)
			}
			return m.Info().ImageDigest
		}
		cold := image()
		want(t, "the image of a module that was warmed by nothing", image(do("get_i32")), cold)
		seen := map[string]bool{cold: true}
		for _, steps := range [][]step{
			{do("poke", asm.Page, 1)}, {do("poke", asm.Page, 2)}, {do("poke", asm.Page+1, 1)},
			{do("set_i64", 5)}, {do("set_f32", 5)}, {do("grow", 1)}, {do("grow", 2)},
		} {
			digest := image(steps...)
			want(t, "whether the image was there before", seen[digest], false)
			want(t, "the image made again", image(steps...), digest)
			seen[digest] = true
		}
	})
}

// What a sandbox was given is not in the image, nor in another sandbox.
func TestSecretsAreInNoImage(t *testing.T) {
	everyEngine(t, func(t *testing.T, open engine.Open) {
		m := load(t, open, notebook())
		image := m.Info().ImageDigest
		secret := []byte("SECRET=hunter2 of this test")
		looked := 0
		s := sandbox(t, m, wasmrt.SandboxConfig{Args: []string{string(secret)}, Env: []string{string(secret)}})
		call(t, s, "args")
		call(t, s, "environ")
		find := host(func(_ context.Context, g *engine.Guest, _ uint64) (uint64, error) {
			looked++
			return uint64(bytes.Count(g.Memory(), secret)), nil
		})
		s.SetOwner(find)
		want(t, "how often the secret is in its sandbox", call(t, s, "ask", 0), 1)
		want(t, "how often it is in another one", call(t, sandbox(t, m, wasmrt.SandboxConfig{Owner: find}), "ask", 0), 0)
		check(t, s.Close())
		want(t, "how often it is in the next one", call(t, sandbox(t, m, wasmrt.SandboxConfig{Owner: find}), "ask", 0), 0)
		want(t, "how often was looked", looked, 3)
		want(t, "the image", m.Info().ImageDigest, image)
		again, err := openRuntime(t, open).Load(t.Context(), notebook(), warm())
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the image made again", again.Info().ImageDigest, image)
	})
}
