package ray

import (
	"iter"
	"runtime"
	"slices"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// A remote generator gives its results one after the other, and whoever called it takes each as soon as it is there:
//
//	func lines(path string) iter.Seq2[string, error] { ... }
//
//	var linesRemote = ray.Generator1(lines)
//
//	for ref, err := range linesRemote.Remote("a.txt").Refs() { ... }

// GeneratorFunction0 is a remote generator of no arguments, made by [Generator0].
type GeneratorFunction0[R any] struct{ f *function }

// GeneratorFunction1 is a remote generator of one argument, made by [Generator1].
type GeneratorFunction1[A, R any] struct{ f *function }

// GeneratorFunction2 is a remote generator of two arguments, made by [Generator2].
type GeneratorFunction2[A, B, R any] struct{ f *function }

// Generator0 makes fn, a generator of no arguments, remote. See [Generator1].
func Generator0[R any](fn func() iter.Seq2[R, error], opts ...TaskOption) GeneratorFunction0[R] {
	return GeneratorFunction0[R]{newFunction(fn, streaming(opts), func(in *inbound) error {
		in.takes(0)
		if in.err != nil {
			return in.err
		}
		return yields(in, fn())
	})}
}

// Generator1 makes fn, a generator of one argument, remote. fn's sequence yields results with a nil error; an error ends
// it, and takes the place of the next result. A task of a generator that crashes runs again from the beginning, like any
// other, and what it gave before is passed over: it must give the same results in the same order.
func Generator1[A, R any](fn func(A) iter.Seq2[R, error], opts ...TaskOption) GeneratorFunction1[A, R] {
	return GeneratorFunction1[A, R]{newFunction(fn, streaming(opts), func(in *inbound) error {
		in.takes(1)
		a := take[A](in)
		if in.err != nil {
			return in.err
		}
		return yields(in, fn(a))
	})}
}

// Generator2 makes fn, a generator of two arguments, remote. See [Generator1].
func Generator2[A, B, R any](fn func(A, B) iter.Seq2[R, error], opts ...TaskOption) GeneratorFunction2[A, B, R] {
	return GeneratorFunction2[A, B, R]{newFunction(fn, streaming(opts), func(in *inbound) error {
		in.takes(2)
		a := take[A](in)
		b := take[B](in)
		if in.err != nil {
			return in.err
		}
		return yields(in, fn(a, b))
	})}
}

// streaming says that the function is a generator.
func streaming(opts []TaskOption) []TaskOption {
	return append([]TaskOption{callOption(func(o *spec.TaskOptions) error {
		yes := true
		o.Streaming = &yes
		return nil
	})}, opts...)
}

// Ahead makes a generator wait while n of its results have not been taken. Without it, it runs to its end whether
// anybody takes them or not.
func Ahead(n int) TaskOption {
	return callOption(func(o *spec.TaskOptions) error {
		ahead := int32(min(max(n, -1), 1<<30))
		o.StreamAhead = &ahead
		return nil
	})
}

// With returns the generator with options for calls of it, laid over those it was made with.
func (fn GeneratorFunction0[R]) With(opts ...TaskOption) GeneratorFunction0[R] {
	return GeneratorFunction0[R]{fn.f.with(opts)}
}

// With returns the generator with options for calls of it, laid over those it was made with.
func (fn GeneratorFunction1[A, R]) With(opts ...TaskOption) GeneratorFunction1[A, R] {
	return GeneratorFunction1[A, R]{fn.f.with(opts)}
}

// With returns the generator with options for calls of it, laid over those it was made with.
func (fn GeneratorFunction2[A, B, R]) With(opts ...TaskOption) GeneratorFunction2[A, B, R] {
	return GeneratorFunction2[A, B, R]{fn.f.with(opts)}
}

// Remote calls the generator and returns at once. An error of the submission is the first that Next gives.
func (fn GeneratorFunction0[R]) Remote() Generator[R] {
	begin()
	return Generator[R]{fn.f.send()}
}

// Remote calls the generator and returns at once. See [GeneratorFunction0.Remote].
func (fn GeneratorFunction1[A, R]) Remote(a A) Generator[R] {
	begin()
	pass(a)
	return Generator[R]{fn.f.send()}
}

// Remote calls the generator and returns at once. See [GeneratorFunction0.Remote].
func (fn GeneratorFunction2[A, B, R]) Remote(a A, b B) Generator[R] {
	begin()
	pass(a)
	pass(b)
	return Generator[R]{fn.f.send()}
}

// Generator is a call of a remote generator, whose results are taken with [Generator.Next] or [Generator.Refs], each once.
// When it is collected, or by Release, the generator is cancelled if it still runs.
type Generator[R any] struct{ h *handle }

// Next waits for the next result and returns a ref of it, which is ready; ok is false when there are no more. Where the
// generator failed, Get of the last ref tells how; err is about the taking itself.
func (g Generator[R]) Next() (ref Ref[R], ok bool, err error) { return g.NextWithin(Forever) }

// NextWithin is [Generator.Next] with a timeout, after which the error is [GetTimeout]. A negative timeout is none.
func (g Generator[R]) NextWithin(timeout time.Duration) (ref Ref[R], ok bool, err error) {
	id, err := g.h.use("next", "generator")
	if err != nil {
		return ref, false, err
	}
	status := hostNext(id, int64(timeout))
	runtime.KeepAlive(g)
	if status == -int32(spec.EndOfStream) {
		return ref, false, nil
	}
	if err := check(status, "next"); err != nil {
		return ref, false, err
	}
	return Ref[R]{newHandle(uint32(status))}, true, nil
}

// Refs takes the results one after the other. An error ends the sequence.
func (g Generator[R]) Refs() iter.Seq2[Ref[R], error] {
	return func(yield func(Ref[R], error) bool) {
		for {
			ref, ok, err := g.Next()
			if err != nil {
				yield(ref, err)
				return
			}
			if !ok || !yield(ref, nil) {
				return
			}
		}
	}
}

// Values takes the results and gets each, with the error of a generator that failed as the last.
func (g Generator[R]) Values() iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for ref, err := range g.Refs() {
			var v R
			if err == nil {
				v, err = ref.Get()
				ref.Release()
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Completed returns a ref of the number of results, which is there when the generator has ended, or its error.
func (g Generator[R]) Completed() Ref[int] { return Ref[int](g) }

// Release says that no more results are wanted. No copy of g can be used afterwards.
func (g Generator[R]) Release() { g.h.release() }

// yields gives the results of a sequence to the host.
func yields[R any](in *inbound, results iter.Seq2[R, error]) error {
	for v, err := range results {
		if err != nil {
			return failure(in.entry.op(), err)
		}
		data, links, err := yielded(in, v)
		if err == nil {
			err = check(hostYield(data, links), in.entry.op()) // without mu: it may wait
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// yielded returns the form of a result, which outlives the encoder's buffer.
func yielded[R any](in *inbound, result R) (data []byte, links []uint32, err error) {
	begin()
	pass(result)
	if encode.err != nil {
		err = unencodable(in.entry.op(), "result", encode.badType, encode.err)
	} else {
		it := &encode.items[0]
		if data = slices.Clone(encode.w.Whole(it.form)); data == nil {
			data = encode.w.Joined(it.form)
		}
		links = slices.Clone(encode.links(it))
	}
	encode.done()
	mu.Unlock()
	return data, links, err
}
