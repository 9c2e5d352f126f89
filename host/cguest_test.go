package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/spec"
)

// openC opens a job of a guest in C.
func openC(t *testing.T, source string) *host.Job {
	t.Helper()
	guesttest.NeedClang(t)
	wasm, err := guesttest.C(source)()
	if err != nil {
		t.Fatal(err)
	}
	node, err := host.Open(t.Context(), host.Config{CacheDir: cache()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	module, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	return job(t, node, host.JobConfig{Module: module})
}

// describedC builds a guest in C whose functions and classes are named here: its source has the bytes as DESCRIPTION.
func describedC(t testing.TB, source string, d spec.Description) []byte {
	t.Helper()
	guesttest.NeedClang(t)
	d.ABI, d.SDK = spec.ABIVersion, "none"
	form, err := spec.Marshal(&d)
	if err != nil {
		t.Fatal(err)
	}
	description := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(form)), ","), "[]")
	wasm, err := guesttest.C("-I../guest-sdk/c", "-DDESCRIPTION="+description, source)()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// TestErrorsOfCGuests: an error made in C arrives as one made in Go does.
func TestErrorsOfCGuests(t *testing.T) {
	j := openC(t, "testdata/cguest/main.c")
	fault := func(function string) *spec.Fault {
		_, err := host.Call[int](t.Context(), j, function)
		var f *spec.Fault
		if !errors.Is(err, spec.TaskError) || !errors.As(err, &f) {
			t.Fatalf("%s: %v", function, err)
		}
		return f
	}
	if f := fault("one"); f.Type != "no_user" || f.Message != "user 7 is unknown" || f.Cause != nil {
		t.Errorf("one: %+v", f)
	}
	f := fault("chain")
	if f.Type != "load_error" || f.Message != "cannot load" || f.Stack != "load\nmain" || f.Cause.Type != "io_error" || f.Cause.Message != "größer" || f.Cause.Cause.Message != "the deepest" {
		t.Errorf("chain: %+v", f)
	}
	n := 0
	for f = fault("long"); f != nil; f = f.Cause {
		n++
		if len(f.Message) != 1024 || f.Message[:2] != "ö" {
			t.Errorf("cause %d has %d bytes", n, len(f.Message))
		}
	}
	if n != 16 {
		t.Errorf("%d errors of the chain crossed", n)
	}
}

// TestObjectsInPlaceInC: a C guest reads and makes objects where they lie, and alters nobody's but its own.
func TestObjectsInPlaceInC(t *testing.T) {
	j := openC(t, "testdata/cview/main.c")
	for _, size := range []int{1 << 16, 300_000} { // one that is copied, and one that is mapped
		r := putBytes(t, j, size, 3)
		for range 2 {
			if n, err := host.Call[int](t.Context(), j, "sum", r); err != nil || n != 3*size {
				t.Errorf("of %d bytes it sees %d, %v", size, n, err)
			}
		}
		asBytes(t, r, size, 3)
		r.Release()
	}
	refs, err := host.Call[[]*host.Ref](t.Context(), j, "make")
	if err != nil || len(refs) != 1 {
		t.Fatalf("%d refs, %v", len(refs), err)
	}
	asBytes(t, refs[0], 300_000, 7)
	refs[0].Release()
}
