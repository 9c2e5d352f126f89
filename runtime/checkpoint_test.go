package wasmrt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/raywasm/raywasm/internal/guesttest"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/spec"
)

// checkpointGuest is testdata/guests/checkpoint, built.
var checkpointGuest = guesttest.Go("testdata/guests/checkpoint")

// loadGo loads the guest of these tests into a runtime of its own.
func loadGo(t testing.TB) *wasmrt.Module {
	t.Helper()
	return load(t, wazero.Open, guest(t, checkpointGuest))
}

func TestACheckpointGoesOnWhereTheSandboxWas(t *testing.T) {
	m, elsewhere := loadGo(t), loadGo(t)
	for _, kind := range []wasmrt.CheckpointKind{wasmrt.CheckpointDelta, wasmrt.CheckpointFull} {
		s, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{})
		if err != nil {
			t.Fatal(err)
		}
		call(t, s, "grow", 3<<20)
		var want uint64
		for range 5 {
			want = call(t, s, "count")
		}
		sum := call(t, s, "sum")
		saved, err := s.Checkpoint(kind)
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Checkpoint(kind)
		if err != nil || len(again) != len(saved) {
			t.Errorf("a checkpoint changes what is checkpointed: %d bytes, then %d, %v", len(saved), len(again), err)
		}
		t.Logf("kind %d: %d bytes", kind, len(saved))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for _, on := range []*wasmrt.Module{m, elsewhere} {
			r, err := on.Restore(t.Context(), wasmrt.SandboxConfig{}, saved)
			if err != nil {
				t.Fatal(err)
			}
			if got := call(t, r, "sum"); got != sum {
				t.Errorf("the memory's sum is %d, was %d", got, sum)
			}
			if got := call(t, r, "count"); got != want+1 {
				t.Errorf("count after the restore is %d, want %d", got, want+1)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		fresh, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if got := call(t, fresh, "count"); got != 1001 {
			t.Errorf("a fresh sandbox counts %d, want 1001", got)
		}
		if err := fresh.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRestoredTwiceDrawsDifferentNumbers(t *testing.T) {
	m := loadGo(t)
	s, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{call(t, s, "random"): true}
	saved, err := s.Checkpoint(wasmrt.CheckpointDelta)
	if err != nil {
		t.Fatal(err)
	}
	seen[call(t, s, "random")] = true
	for range 4 {
		r, err := m.Restore(t.Context(), wasmrt.SandboxConfig{}, saved)
		if err != nil {
			t.Fatal(err)
		}
		n := call(t, r, "random")
		if seen[n] {
			t.Errorf("%d was drawn twice", n)
		}
		seen[n] = true
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAParkedSandboxGoesOnWhereItWas(t *testing.T) {
	m := loadGo(t)
	var all []*wasmrt.Sandbox
	for k := range 5 {
		s, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
		call(t, s, "grow", uint64(k)*100_000)
		s.Park()
	}
	for round := range 3 {
		for k, s := range all {
			if got, want := call(t, s, "count"), uint64(1001+round); got != want {
				t.Errorf("sandbox %d counts %d in round %d, want %d", k, got, round, want)
			}
			before := s.Usage()
			s.Park()
			if after := s.Usage(); after != before || after.Units == 0 {
				t.Errorf("parked, it has used %+v; before, %+v", after, before)
			}
		}
	}
	for k, s := range all {
		saved, err := s.Checkpoint(wasmrt.CheckpointDelta)
		if err != nil || len(saved) == 0 {
			t.Errorf("a checkpoint of parked sandbox %d: %d bytes, %v", k, len(saved), err)
		}
		s.Park()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestABadCheckpointIsRefused(t *testing.T) {
	m := loadGo(t)
	s, err := m.NewSandbox(t.Context(), wasmrt.SandboxConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call(t, s, "count")
	good, err := s.Checkpoint(wasmrt.CheckpointDelta)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, b []byte) {
		t.Helper()
		r, err := m.Restore(t.Context(), wasmrt.SandboxConfig{}, b)
		if err == nil {
			_ = r.Close()
			t.Errorf("%s was accepted", what)
		} else if !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range 200 {
		refused(fmt.Sprintf("the first %d bytes", n), good[:n])
	}
	refused("all but the last byte", good[:len(good)-1])
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		bad := bytes.Clone(good)
		at := random.IntN(len(bad))
		bad[at] ^= 1 << random.IntN(8)
		refused(fmt.Sprintf("one with a bit changed in byte %d", at), bad)
	}
	if _, err := m.Restore(t.Context(), wasmrt.SandboxConfig{MemoryBytes: 1 << 20}, good); !errors.Is(err, spec.OutOfMemory) {
		t.Errorf("a memory over the limit: %v", err)
	}
}

func FuzzRestore(f *testing.F) {
	m := loadGo(f)
	s, err := m.NewSandbox(f.Context(), wasmrt.SandboxConfig{})
	if err != nil {
		f.Fatal(err)
	}
	for _, kind := range []wasmrt.CheckpointKind{wasmrt.CheckpointDelta, wasmrt.CheckpointFull} {
		good, err := s.Checkpoint(kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(good)
	}
	if err := s.Close(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := m.Restore(t.Context(), wasmrt.SandboxConfig{}, wasmrt.Checksummed(b))
		if err != nil {
			return
		}
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond) // it may be in a loop
		defer stop()
		if _, err := r.Call(ctx, "count"); err != nil && !errors.Is(err, spec.WorkerCrashed) && !errors.Is(err, spec.OutOfMemory) && !errors.Is(err, spec.DeadlineExceeded) {
			t.Errorf("a call in it ended with %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}
