//go:build !wasip1

package ray

import (
	"errors"
	"slices"
	"testing"
)

func total(v View[Array[float64]]) (float64, error) {
	sum := 0.0
	for _, x := range v.Data() {
		sum += x
	}
	return sum, nil
}

func ends(v View[[]byte]) (View[[]byte], error) { return v, nil }

var (
	remoteTotal = Remote1(total)
	remoteEnds  = Remote1(ends)
)

// everyWay runs a test where objects can be shown in place, and where they are copied.
func everyWay(t *testing.T, test func(t *testing.T, w *fakeWorld)) {
	for _, alone := range []bool{false, true} {
		w := newWorld(t)
		w.alone = alone
		test(t, w)
		if len(w.windows)+len(windows) > 0 {
			t.Errorf("%d windows are open, of which the guest knows %d", len(w.windows), len(windows))
		}
	}
}

func TestViewOf(t *testing.T) {
	everyWay(t, func(t *testing.T, w *fakeWorld) {
		want := make([]byte, 300_000)
		want[7] = 7
		r, err := Put(want)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ViewOf(r)
		if err != nil || !slices.Equal(v.Data(), want) {
			t.Fatalf("%d bytes, %v", len(v.Data()), err)
		}
		if shown := v.v.window.bytes; &shown[len(shown)-1] != &v.Data()[len(want)-1] {
			t.Error("the data is a copy of what is shown")
		}
		v.Data()[0] = 1
		if got, err := r.Get(); err != nil || got[0] != 0 {
			t.Errorf("what was written in the view is in the object: %v", err)
		}
		v.Release()
		v.Release()
		if v.Data() != nil {
			t.Error("a view that was released has data")
		}
		for _, n := range []int{0, 5, 100_000} {
			numbers := make(Array[float64], n)
			for i := range numbers {
				numbers[i] = float64(i)
			}
			r, err := Put(numbers)
			if err != nil {
				t.Fatal(err)
			}
			v, err := ViewOf(r)
			if err != nil || !slices.Equal(v.Data(), numbers) {
				t.Errorf("%d numbers: %d, %v", n, len(v.Data()), err)
			}
			v.Release()
			if got, err := remoteTotal.RemoteRefs(Seen(r)).Get(); err != nil || got != float64(n*(n-1)/2) {
				t.Errorf("as an argument, %d numbers: %v, %v", n, got, err)
			}
			clear(w.windows) // the call has ended
		}
		text, err := Put("a text")
		if err != nil {
			t.Fatal(err)
		}
		other, err := ViewOf(text)
		if err != nil || other.Data() != "a text" {
			t.Errorf("a text: %q, %v", other.Data(), err)
		}
		other.Release()
		if _, err := ViewOf(Typed[[]byte](text.Untyped())); !errors.Is(err, InvalidResult) {
			t.Errorf("a text as bytes: %v", err)
		}
		text.Release()
		if _, err := ViewOf(text); !errors.Is(err, ReferenceCounting) {
			t.Errorf("a ref that was released: %v", err)
		}
		if _, err := remoteEnds.RemoteRefs(Seen(r)).Get(); !errors.Is(err, Unserializable) {
			t.Errorf("a view as a result: %v", err)
		}
		clear(w.windows)
		(View[int]{}).Release()
	})
}

func TestDrafts(t *testing.T) {
	everyWay(t, func(t *testing.T, w *fakeWorld) {
		d, err := NewDraft[Array[int32]](50_000)
		if err != nil || len(d.Data()) != 50_000 {
			t.Fatalf("%v", err)
		}
		d.Data()[49_999] = 7
		r, err := d.Seal()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Get(); err != nil || len(got) != 50_000 || got[49_999] != 7 {
			t.Errorf("it is %d numbers, %v", len(got), err)
		}
		d.Data()[0] = 1
		if got, err := r.Get(); err != nil || got[0] != 0 {
			t.Errorf("what was written after the seal is in the object: %v", err)
		}
		if _, err := d.Seal(); !errors.Is(err, InvalidArgument) {
			t.Errorf("sealed twice: %v", err)
		}
		d.Release()
		if d.Data() != nil {
			t.Error("a draft that was released has data")
		}
		for _, n := range []int{0, 1, 200_000} {
			d, err := NewDraft[[]byte](n)
			if err != nil {
				t.Fatal(err)
			}
			for i := range d.Data() {
				d.Data()[i] = byte(i)
			}
			want := slices.Clone(d.Data())
			r, err := d.Seal()
			if err != nil {
				t.Fatal(err)
			}
			d.Release()
			if got, err := r.Get(); err != nil || len(got) != n || !slices.Equal(got, want) {
				t.Errorf("of %d bytes: %d, %v", n, len(got), err)
			}
		}
		d, err = NewDraft[Array[int32]](5)
		if err != nil {
			t.Fatal(err)
		}
		d.Release()
		if _, err := d.Seal(); !errors.Is(err, InvalidArgument) {
			t.Errorf("sealed after its release: %v", err)
		}
		for _, n := range []int{-1, 1 << 30, 1 << 62} {
			if _, err := NewDraft[Array[int32]](n); !errors.Is(err, LimitExceeded) {
				t.Errorf("of %d numbers: %v", n, err)
			}
		}
		if _, err := NewDraft[string](5); !errors.Is(err, InvalidArgument) {
			t.Errorf("of a text: %v", err)
		}
	})
}
