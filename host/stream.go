package host

import (
	"context"
	"sync"
	"time"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// stream is the shell around owner.Stream: the results of a generator, each an object of its own. What was yielded and
// not taken has one reference, the stream's, which goes over to who takes it. The task's one declared object is there
// when the generator has ended: it is the number of results, and while anybody refers to it the stream is wanted.
type stream struct {
	task  *task
	again int // of a task that runs again because results of it were lost: how many there are; 0 for the first run

	mu      sync.Mutex
	core    *owner.Stream
	changed chan struct{} // closed at the next change; nil while nobody waits
	yielded int           // when it runs again
}

func newStream(t *task, ahead int32) *stream {
	return &stream{task: t, core: owner.NewStream(int(ahead))}
}

// item returns the id of a result.
func (s *stream) item(index int) spec.ObjectID {
	return s.task.id.Object(spec.FirstStreamIndex + uint32(index))
}

// maxItems is how many results a generator can have.
const maxItems = spec.FirstPutIndex - spec.FirstStreamIndex

// notify wakes who waits. The caller holds mu.
func (s *stream) notify() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns what is closed at the next change. The caller holds mu.
func (s *stream) wait() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// yield adds the attempt's result of that index, and waits while the consumer has too many before it.
func (s *stream) yield(ctx context.Context, c *caller, index int, v spec.Value) error {
	if index >= maxItems {
		return spec.Errorf("yield", spec.LimitExceeded, "", "a generator has at most %d results", maxItems)
	}
	if s.again > 0 {
		s.mu.Lock()
		s.yielded = max(s.yielded, index+1)
		s.mu.Unlock()
		if err := s.task.job.node.objects.complete(s.item(index), v, nil); err != nil { // if it was lost
			return err
		}
		return nil
	}
	for {
		s.mu.Lock()
		y := s.core.Yield(index)
		if y == owner.Fresh {
			memory, objects, id := s.task.job.memory, s.task.job.node.objects, s.item(index)
			full := memory.Reserve(objectBytes)
			if full == nil {
				objects.expect(memory, []spec.ObjectID{id}, s.task.site())
			}
			s.notify()
			s.mu.Unlock()
			if full != nil { // its place is taken: who takes it finds that it is gone
				return &spec.Error{Op: "yield", Kind: spec.KindOf(full), Err: full}
			}
			if err := objects.complete(id, v, nil); err != nil {
				return err
			}
			return nil
		}
		if y != owner.Full {
			s.mu.Unlock()
			if y == owner.Unwanted {
				return spec.Errorf("yield", spec.TaskCancelled, s.task.label(), "nobody takes its results any more")
			}
			return nil
		}
		changed := s.wait()
		s.mu.Unlock()
		c.block()
		select {
		case <-changed:
			c.resume()
		case <-ctx.Done():
			c.resume()
			return context.Cause(ctx)
		}
	}
}

// end closes the stream, with err as its last result if there is one, and returns what the declared object holds.
func (s *stream) end(err *spec.Error) []spec.Value {
	if s.again > 0 {
		s.endAgain(err)
		return []spec.Value{{}} // the declared object is there
	}
	s.mu.Lock()
	index, last := s.core.End(err != nil)
	n := s.core.Produced()
	objects, id := s.task.job.node.objects, s.item(index)
	last = last && s.task.job.memory.Reserve(objectBytes) == nil // without room for it, it is gone
	if last {
		objects.expect(s.task.job.memory, []spec.ObjectID{id}, s.task.site())
	}
	s.notify()
	s.mu.Unlock()
	if last {
		objects.complete(id, spec.Value{}, err)
	}
	count, _ := spec.Marshal(n) // a number can be encoded
	return []spec.Value{{Data: count}}
}

// endAgain ends a run that was to make lost results again. Those that it has not get an error, but for those that were lost
// when it had passed them: these take another run.
func (s *stream) endAgain(err *spec.Error) {
	s.mu.Lock()
	yielded := s.yielded
	s.mu.Unlock()
	objects := s.task.job.node.objects
	if err == nil {
		var again []spec.ObjectID
		for i := range min(yielded, s.again) {
			again = append(again, s.item(i))
		}
		objects.lose(again, notAgain, "and again while its generator ran again")
		err = spec.Errorf("make again", spec.ReconstructionFailed, s.task.label(), "it gave %d results the first time, and %d now", s.again, yielded)
	} else {
		yielded = 0
	}
	for i := yielded; i < s.again; i++ {
		id := s.item(i)
		objects.complete(id, spec.Value{}, &spec.Error{Op: "make again", Kind: spec.ReconstructionFailed, ID: "object " + id.String(), Err: err})
	}
}

// results returns how many there are.
func (s *stream) results() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.again > 0 {
		return s.again
	}
	return s.core.Produced()
}

// abandon: nobody refers to the declared object any more.
func (s *stream) abandon() {
	s.mu.Lock()
	first, end, stop := s.core.Abandon()
	s.notify()
	s.mu.Unlock()
	for i := first; i < end; i++ {
		s.task.job.node.objects.release([]spec.Link{spec.ObjectLink(s.item(i))})
	}
	if stop {
		s.task.cancel(spec.Errorf("run "+s.task.name, spec.TaskCancelled, s.task.label(), "nobody takes its results any more"), true)
	}
}

// next waits for the next result and takes it, counted once for the caller.
func (s *stream) next(ctx context.Context, c *caller, timeout time.Duration) (spec.ObjectID, error) {
	var expired <-chan time.Time
	for {
		s.mu.Lock()
		index, ok, over := s.core.Next()
		if ok {
			s.notify() // there is room for one more
			s.mu.Unlock()
			c.met()
			return s.item(index), nil
		}
		changed := s.wait()
		s.mu.Unlock()
		switch {
		case over:
			return spec.ObjectID{}, spec.Errorf("next", spec.EndOfStream, s.task.label(), "it has given all its results")
		case timeout == 0:
			c.unmet()
			return spec.ObjectID{}, spec.Errorf("next", spec.GetTimeout, s.task.label(), "its next result is not there")
		case timeout > 0 && expired == nil:
			timer := time.NewTimer(timeout)
			defer timer.Stop()
			expired = timer.C
		}
		c.block()
		select {
		case <-changed:
			c.resume()
		case <-expired:
			c.resume()
			timeout = 0
		case <-ctx.Done():
			c.resume()
			return spec.ObjectID{}, &spec.Error{Op: "next", Kind: spec.KindOf(context.Cause(ctx)), Err: context.Cause(ctx)}
		}
	}
}

// Yield adds a result to the generator that the caller runs.
func (c *caller) Yield(ctx context.Context, v spec.Value) error {
	if c.stream == nil {
		return spec.Errorf("yield", spec.InvalidArgument, "", "%s is no generator: its options do not say streaming", c.name)
	}
	c.yields++
	return c.stream.yield(ctx, c, c.yields-1, v)
}

// Next takes the next result of a generator: id is the object that its call declares.
func (c *caller) Next(ctx context.Context, id spec.ObjectID, timeout time.Duration) (spec.ObjectID, error) {
	s := c.job.node.objects.stream(id)
	if s == nil {
		return spec.ObjectID{}, spec.Errorf("next", spec.InvalidArgument, "object "+id.String(), "it was not made by a generator")
	}
	return s.next(ctx, c, timeout)
}

// Generator is a Go program's side of a remote generator: its results, one after the other.
type Generator struct {
	job  *Job
	done *Ref
}

// Stream calls a function that is a generator and returns at once. Errors as for Submit; spec.InvalidArgument if it is no
// generator.
func (j *Job) Stream(ctx context.Context, function string, opts spec.TaskOptions, args ...any) (*Generator, error) {
	streaming := true
	opts.Streaming = &streaming
	refs, err := j.Submit(ctx, function, opts, args...)
	if err != nil {
		return nil, err
	}
	return &Generator{j, refs[0]}, nil
}

// Next waits for the next result and returns its Ref, which is ready. After the last the error is spec.EndOfStream. If the
// generator fails, the ref after what it yielded before has its error.
func (g *Generator) Next(ctx context.Context) (*Ref, error) {
	id, err := g.job.driver.Next(ctx, g.done.id, spec.Forever)
	if err != nil {
		return nil, err
	}
	return g.job.newRef(id), nil
}

// Completed returns the ref of the number of results, which is ready when the generator has ended. It is the generator's
// own, and not to be released.
func (g *Generator) Completed() *Ref { return g.done }

// Release says that no more results are wanted: a generator that still runs is cancelled, and what was not taken dropped.
func (g *Generator) Release() { g.done.Release() }
