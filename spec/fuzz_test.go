package spec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// within fails if f allocates more than a small multiple of a form of size bytes. The slack is what the fuzzer itself
// allocates beside it.
func within(t *testing.T, size int, f func()) {
	t.Helper()
	if used, limit := allocated(f), int64(size*128+4*spec.MiB); used > limit {
		t.Fatalf("%d bytes use %s, want at most %s", size, spec.FormatBytes(used), spec.FormatBytes(limit))
	}
}

// testRecoding decodes hostile bytes as T: they are refused as InvalidArgument, or what they decode to is encoded and
// decoded to the same value and always to the same bytes. plain drops the differences that mean nothing.
func testRecoding[T any](t *testing.T, form []byte, plain func(*T)) {
	t.Helper()
	var v, again T
	var err error
	within(t, len(form), func() { err = spec.Unmarshal(form, &v) })
	if err != nil {
		if spec.KindOf(err) != spec.InvalidArgument {
			t.Fatalf("%x: got %v, want InvalidArgument", form, err)
		}
		return
	}
	if err := spec.WellFormed(form); err != nil {
		t.Fatalf("%x decodes and is not well-formed: %v", form, err)
	}
	first, err := spec.Marshal(v)
	if err != nil {
		t.Fatalf("%x decodes to %+v, which cannot be encoded: %v", form, v, err)
	}
	if err := spec.Unmarshal(first, &again); err != nil {
		t.Fatalf("%x decodes to %+v, whose form %x is refused: %v", form, v, first, err)
	}
	if second, err := spec.Marshal(again); err != nil || !bytes.Equal(first, second) {
		t.Fatalf("%x has the forms %x and %x, %v", form, first, second, err)
	}
	plain(&v)
	plain(&again)
	if !reflect.DeepEqual(v, again) {
		t.Fatalf("%x decodes to %+v, but its own form to %+v", form, v, again)
	}
}

// seeds adds the forms of values.
func seeds(f *testing.F, values ...any) {
	f.Helper()
	for _, v := range values {
		form, err := spec.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(form)
	}
	f.Add([]byte("\xa2\x01\x01\x01\x01"))
	f.Add([]byte("\xa1\x05\xa0"))
	f.Add([]byte("\xbf\xff"))
	f.Add([]byte("\xa1\x03\x9b\x00\x00\x00\x01\x00\x00\x00\x00"))
}

func FuzzTaskOptions(f *testing.F) {
	seeds(f, spec.TaskOptions{}, said, base)
	f.Fuzz(func(t *testing.T, form []byte) { testRecoding(t, form, func(*spec.TaskOptions) {}) })
}

func FuzzActorOptions(f *testing.F) {
	seeds(f, spec.ActorOptions{}, saidActor, baseActor)
	f.Fuzz(func(t *testing.T, form []byte) { testRecoding(t, form, func(*spec.ActorOptions) {}) })
}

func FuzzSelf(f *testing.F) {
	seeds(f, spec.Self{}, spec.Self{
		Job: "j", Task: "t", Actor: "a", Node: "n", Namespace: "s", Name: "f", Attempt: 2, Deadline: 3, Module: "sha256:",
		Resources: spec.Resources{CPU: 1, GPU: 2, Memory: 3, Custom: map[string]spec.Quantity{"x86": 4}},
	})
	f.Fuzz(func(t *testing.T, form []byte) {
		testRecoding(t, form, func(s *spec.Self) {
			if len(s.Resources.Custom) == 0 {
				s.Resources.Custom = nil
			}
		})
	})
}

func FuzzDescription(f *testing.F) {
	seeds(f, spec.Description{}, counter())
	f.Add([]byte("\xa1\x04" + list(8, "\xa1\x03"+list(8, "\xa0"))))
	f.Fuzz(func(t *testing.T, form []byte) {
		testRecoding(t, form, plainDescription)
		var d spec.Description
		if spec.Unmarshal(form, &d) == nil {
			if err := d.Check(); err != nil && !errors.Is(err, spec.InvalidModule) && !errors.Is(err, spec.LimitExceeded) {
				t.Fatalf("%x: Check gives %v", form, err)
			}
		}
	})
}

// plainDescription makes empty lists nil: they mean the same.
func plainDescription(d *spec.Description) {
	plain := func(all []spec.Function) []spec.Function {
		for i := range all {
			if len(all[i].Params) == 0 {
				all[i].Params = nil
			}
		}
		if len(all) == 0 {
			return nil
		}
		return all
	}
	d.Functions = plain(d.Functions)
	for i := range d.Classes {
		c := &d.Classes[i]
		c.Methods = plain(c.Methods)
		if len(c.New.Params) == 0 {
			c.New.Params = nil
		}
	}
	if len(d.Classes) == 0 {
		d.Classes = nil
	}
}

func FuzzUnmarshalError(f *testing.F) {
	exit := int32(1)
	for _, err := range []error{
		spec.NotFound, errors.New("text"), errors.New("\xff"),
		&spec.Error{Op: "get", Kind: spec.TaskError, ID: "x", Err: &spec.Error{Kind: spec.ActorDied, Err: &spec.Fault{
			Type: "t", Message: "m", Stack: "s", Stderr: "e", Exit: &exit, Cause: &spec.Fault{Message: "c"},
		}}},
	} {
		f.Add(spec.MarshalError(err))
	}
	f.Add(errorWithCauses(20))
	f.Add(append(errorWithCauses(16)[:32], "\xa1\x04"+strings.Repeat("\xa1\x05", 20)+"\xa0"...))
	f.Fuzz(func(t *testing.T, form []byte) {
		var e *spec.Error
		var err error
		within(t, len(form), func() { e, err = spec.UnmarshalError(form) })
		if err != nil {
			if e != nil || spec.KindOf(err) != spec.InvalidArgument {
				t.Fatalf("%x: got %v, %v, want InvalidArgument alone", form, e, err)
			}
			return
		}
		if !e.Kind.Valid() || !errors.Is(e, spec.AnyError) {
			t.Fatalf("%x decodes to %v of no valid kind", form, e)
		}
		if errs, faults := causes(e); errs > spec.MaxErrorDepth+1 || faults > spec.MaxErrorDepth+1 {
			t.Fatalf("%x decodes to %d errors and %d faults", form, errs, faults)
		}
		again := cross(t, e)
		if !reflect.DeepEqual(again, e) || again.Error() != e.Error() {
			t.Fatalf("%x decodes to %v, which arrives as %v", form, e, again)
		}
	})
}

func FuzzMarshalError(f *testing.F) {
	f.Add("op", uint8(1), "id", "message")
	f.Add("\xff", uint8(255), "\xc3", strings.Repeat("a\xff", 10))
	f.Fuzz(func(t *testing.T, op string, kind uint8, id, message string) {
		got := cross(t, &spec.Error{Op: op, Kind: spec.Kind(kind), ID: id, Err: &spec.Fault{Message: message, Stderr: message}})
		want := spec.Kind(kind)
		if !want.Valid() {
			want = spec.AnyError
		}
		if got.Kind != want {
			t.Fatalf("kind %d arrives as %v", kind, got.Kind)
		}
		if valid := strings.ToValidUTF8(op, "\uFFFD"); len(valid) <= spec.MaxErrorText && got.Op != valid {
			t.Fatalf("op %q arrives as %q", op, got.Op)
		}
	})
}

func FuzzWellFormed(f *testing.F) {
	seeds(f, 1.5, "text", map[string]any{"a": []any{1, nil, true}}, counter())
	f.Add([]byte("\xd9\xd9\xf9\x00"))
	f.Add(bytes.Repeat([]byte{0x81}, 300))
	f.Fuzz(func(t *testing.T, form []byte) {
		var err error
		within(t, len(form), func() { err = spec.WellFormed(form) })
		var v any
		within(t, len(form), func() {
			if derr := spec.Unmarshal(form, &v); derr == nil && err != nil {
				t.Fatalf("%x decodes to %v and is not well-formed: %v", form, v, err)
			}
		})
		if err == nil {
			if spec.WellFormed(append(form[:len(form):len(form)], 0)) == nil {
				t.Fatalf("%x is one item with and without a zero after it", form)
			}
			if spec.WellFormed(form[:len(form)-1]) == nil {
				t.Fatalf("%x is one item with and without its last byte", form)
			}
		} else if spec.KindOf(err) != spec.InvalidArgument {
			t.Fatalf("%x: got %v, want InvalidArgument", form, err)
		}
	})
}

func FuzzParseBytes(f *testing.F) {
	for _, s := range []string{"0", "1536", "1.5GiB", "100 MiB", "2G", "7 B", "-1", "NaN", "Inf", "1e400", "0x1p3K", "1152921504606846976", "1023.96KiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := spec.ParseBytes(s)
		if err != nil {
			if spec.KindOf(err) != spec.InvalidArgument || n != 0 {
				t.Fatalf("%q: got %d, %v, want InvalidArgument", s, n, err)
			}
			return
		}
		if n < 0 || n > 1<<60 {
			t.Fatalf("%q reads as %d", s, n)
		}
		if plain, err := spec.ParseBytes(fmt.Sprint(n)); err != nil || plain != n && n < 1<<53 {
			t.Fatalf("%q reads as %d, whose digits read as %d, %v", s, n, plain, err)
		}
		// One decimal of the unit is kept: at most half of a tenth is lost, of 1 unit or more.
		printed := spec.FormatBytes(n)
		back, err := spec.ParseBytes(printed)
		if err != nil || math.Abs(float64(back-n)) > float64(n)/20 {
			t.Fatalf("%q reads as %d, which prints as %q and is read as %d, %v", s, n, printed, back, err)
		}
	})
}

func FuzzParseDigest(f *testing.F) {
	f.Add(spec.DigestOf(nil).String())
	f.Add(strings.ToUpper(spec.DigestOf(nil).String()))
	f.Add("sha256:")
	f.Fuzz(func(t *testing.T, s string) { testReader(t, s, spec.ParseDigest) })
}

func FuzzParseIDs(f *testing.F) {
	for _, s := range []string{"", "01000000", rayActor, rayTask, rayTask + "01000000", strings.ToUpper(rayActor), "0x000000", "0100000g"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		testReader(t, s, spec.ParseJobID)
		testReader(t, s, spec.ParseActorID)
		testReader(t, s, spec.ParseTaskID)
		testReader(t, s, spec.ParseObjectID)
	})
}

// testReader reads hostile text: it is refused as InvalidArgument, or it is what the id prints but for the case of the
// digits.
func testReader[T interface {
	comparable
	fmt.Stringer
}](t *testing.T, s string, parse func(string) (T, error)) {
	t.Helper()
	id, err := parse(s)
	if err != nil {
		if spec.KindOf(err) != spec.InvalidArgument {
			t.Fatalf("%q: got %v, want InvalidArgument", s, err)
		}
		return
	}
	if id.String() != strings.ToLower(s) {
		t.Fatalf("%q reads as %v", s, id)
	}
	if back, err := parse(id.String()); err != nil || back != id {
		t.Fatalf("%q reads as %v, which reads as %v, %v", s, id, back, err)
	}
}
