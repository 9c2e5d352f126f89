//go:build !wasip1

package ray

import (
	"errors"
	"iter"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func (w *fakeWorld) yield(p []byte, links []uint32) int32 {
	w.calls++
	f := w.top()
	f.items = append(f.items, &thing{data: w.whole(p), links: w.pinned(links)})
	return 0
}

func (w *fakeWorld) next(id uint32, _ int64) int32 {
	th := w.at(id)
	w.make(th)
	if th.taken == len(th.items) {
		return w.refuse(spec.Errorf("next", spec.EndOfStream, "", "it has given all its results"))
	}
	th.taken++
	return w.give(th.items[th.taken-1])
}

func countTo(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if n > 3 {
			yield(0, errors.New("that is too many"))
		}
	}
}

var countRemote = Generator1(countTo)

func TestAGeneratorGivesItsResults(t *testing.T) {
	newWorld(t)
	want := 0
	for v, err := range countRemote.Remote(3).Values() {
		if err != nil || v != want {
			t.Fatalf("%d, %v; want %d", v, err, want)
		}
		want++
	}
	if want != 3 {
		t.Fatalf("%d results", want)
	}
}

func TestAGeneratorsErrorIsItsLastResult(t *testing.T) {
	newWorld(t)
	g := countRemote.Remote(4)
	for i := range 5 {
		ref, ok, err := g.Next()
		if !ok || err != nil {
			t.Fatalf("result %d: %v, %v", i, ok, err)
		}
		if v, err := ref.Get(); i < 4 && (v != i || err != nil) || i == 4 && !errors.Is(err, spec.TaskError) {
			t.Fatalf("result %d: %d, %v", i, v, err)
		}
	}
	if _, ok, err := g.Next(); ok || err != nil {
		t.Fatalf("after the last: %v, %v", ok, err)
	}
	if _, err := g.Completed().Get(); !errors.Is(err, spec.TaskError) {
		t.Fatalf("it completed: %v", err)
	}
}
