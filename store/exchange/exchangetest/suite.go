package exchangetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/exchange"
	"github.com/raywasm/raywasm/store/storetest"
	"github.com/raywasm/raywasm/store/transfer"
)

// Suite says what is tested.
type Suite struct {
	// Connect returns a link for each of the nodes, and a function that says which exchange answers for a node.
	Connect func(t *testing.T, nodes []spec.NodeID) (links []exchange.Link, answer func(node spec.NodeID, x *exchange.Exchange))
}

const (
	chunk  = transfer.ChunkBytes
	memory = 64 * spec.MiB
)

var errBroken = errors.New("the connection is broken")

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Run("objects of all sizes come, and are there then", func(t *testing.T) {
		w := open(t, s, 2, memory)
		for n, size := range []int{1, 100 << 10, chunk - 1, chunk, chunk + 1, 4*chunk + 12345} {
			id, data := object(n, size)
			w.put(0, id, data)
			w.comes(1, id, data)
			before := w.sent(0)
			if before == 0 {
				t.Fatal("it did not come over the link")
			}
			if w.comes(1, id, data); w.sent(0) != before {
				t.Error("what is there came again")
			}
			until(func() bool { return len(w.directory.Locations(id)) == 2 }) // it is told
			w.stores[1].Delete(id)
		}
	})
	t.Run("what many want comes once", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, 3*chunk)
		w.put(0, id, data)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() { w.comes(1, id, data) })
		}
		if all.Wait(); w.sent(0) != 3 {
			t.Errorf("%d requests were sent for 3 chunks", w.sent(0))
		}
	})
	t.Run("when a source dies it goes on with another", func(t *testing.T) {
		w := open(t, s, 3, memory)
		id, data := object(1, 8*chunk)
		w.put(0, id, data)
		w.put(2, id, data)
		var refused atomic.Int32
		all := make(chan struct{})
		w.breaks(func(_ context.Context, _, peer int, req exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			if peer != 0 || req.Chunk < 4 {
				return do()
			}
			if refused.Add(1) == transfer.ChunksAhead { // so the chunks before are here
				close(all)
			}
			<-all
			return nil, errBroken
		})
		if w.comes(1, id, data); w.sent(2) != 4 {
			t.Errorf("%d of 8 chunks came from the second source, 4 from the first", w.sent(2))
		}
	})
	t.Run("a source that is silent until it is known to be gone", func(t *testing.T) {
		w := open(t, s, 3, memory)
		id, data := object(1, 3*chunk)
		w.put(0, id, data)
		w.put(2, id, data)
		silent := make(chan struct{}, 10)
		w.breaks(func(ctx context.Context, _, peer int, req exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			if peer == 0 && req.Chunk > 0 {
				silent <- struct{}{}
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			return do()
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.comes(1, id, data)
		}()
		<-silent
		w.directory.Gone(w.nodes[0])
		w.exchanges[1].Gone(w.nodes[0])
		<-done
	})
	t.Run("damaged bytes do not count", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, 4*chunk)
		w.put(0, id, data)
		var seen atomic.Int32
		w.breaks(func(_ context.Context, _, _ int, _ exchange.Request, to []byte, do func() ([]uint32, error)) ([]uint32, error) {
			sums, err := do()
			if seen.Add(1)%3 == 0 {
				to[len(to)/2] ^= 1
			}
			return sums, err
		})
		w.comes(1, id, data)
	})
	t.Run("checksums that cannot be are refused", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, 2*chunk)
		w.put(0, id, data)
		hostile := [][]uint32{nil, {1}, make([]uint32, 100)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var asked atomic.Int32
		w.breaks(func(_ context.Context, _, _ int, req exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			sums, err := do()
			k := int(asked.Add(1))
			if k > 40 {
				cancel()
			}
			if req.Sums {
				sums = hostile[k%len(hostile)]
			}
			return sums, err
		})
		if v, err := w.fetch(ctx, 1, id, len(data)); !errors.Is(err, spec.ObjectFetchTimedOut) || !errors.Is(err, context.Canceled) {
			t.Fatalf("it ends with %v, %v", v, err)
		}
		asked.Store(0)
		w.breaks(func(_ context.Context, _, _ int, req exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			sums, err := do()
			if err == nil && req.Sums && asked.Add(1) == 1 { // and then it tells the truth
				sums = []uint32{sums[0], sums[1] + 1}
			}
			return sums, err
		})
		w.comes(1, id, data)
	})
	t.Run("requests that are lost are sent again", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, 6*chunk)
		w.put(0, id, data)
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(1, 1))
		w.breaks(func(_ context.Context, _, _ int, _ exchange.Request, to []byte, do func() ([]uint32, error)) ([]uint32, error) {
			mu.Lock()
			k := random.IntN(4)
			mu.Unlock()
			switch k {
			case 0:
				return nil, errBroken
			case 1: // cut in the middle
				sums, err := do()
				clear(to[len(to)/2:])
				return sums, errors.Join(err, errBroken)
			}
			return do()
		})
		w.comes(1, id, data)
	})
	t.Run("an object that was made again comes whole", func(t *testing.T) {
		w := open(t, s, 3, memory)
		id, data := object(1, 6*chunk)
		_, other := object(2, 6*chunk)
		w.put(0, id, data)
		w.put(2, id, other)
		var came atomic.Int32
		w.breaks(func(_ context.Context, _, peer int, _ exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			if peer == 0 && came.Add(1) > 3 {
				return nil, &spec.Error{Op: "serve", Kind: spec.NotFound}
			}
			return do()
		})
		w.comes(1, id, other)
	})
	t.Run("without a copy it is lost", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, chunk)
		if v, err := w.fetch(t.Context(), 1, id, chunk); !errors.Is(err, spec.ObjectLost) {
			t.Fatalf("of nobody: %v, %v", v, err)
		}
		w.put(0, id, data)
		w.stores[0].Delete(id) // and its owner does not know
		if v, err := w.fetch(t.Context(), 1, id, chunk); !errors.Is(err, spec.ObjectLost) {
			t.Fatalf("of one that has it no more: %v, %v", v, err)
		}
		w.put(0, id, data)
		w.comes(1, id, data)
	})
	t.Run("who gives up leaves nothing, but what others want comes", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, 6*chunk)
		w.put(0, id, data)
		asked, ended := make(chan struct{}, 100), make(chan struct{}, 100)
		w.breaks(func(ctx context.Context, _, _ int, req exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			if req.Chunk < 2 {
				return do()
			}
			asked <- struct{}{}
			<-ctx.Done()
			ended <- struct{}{}
			return nil, context.Cause(ctx)
		})
		cause := errors.New("not wanted any more")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := w.fetch(ctx, 1, id, len(data))
			done <- err
		}()
		<-asked
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Fatalf("it ends with %v", err)
		}
		<-ended
		until(func() bool { return w.stores[1].Usage().Drafts == 0 && w.stores[1].Usage().Used == 0 })
		release := make(chan struct{})
		w.breaks(func(_ context.Context, _, _ int, _ exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			asked <- struct{}{}
			<-release
			return do()
		})
		ctx, cancel = context.WithCancelCause(t.Context())
		go func() {
			_, err := w.fetch(ctx, 1, id, len(data))
			done <- err
		}()
		for len(asked) > 0 {
			<-asked
		}
		<-asked
		var all sync.WaitGroup
		all.Go(func() { w.comes(1, id, data) })
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Fatalf("it ends with %v", err)
		}
		close(release)
		all.Wait()
	})
	t.Run("it waits for room", func(t *testing.T) {
		w := open(t, s, 2, 4*chunk)
		id, data := object(1, 2*chunk)
		w.put(0, id, data)
		filler, fill := object(2, 3*chunk)
		w.put(1, filler, fill)
		v, err := w.stores[1].Get(t.Context(), filler)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.comes(1, id, data)
		}()
		until(func() bool { return w.creates[1].Load() > 2 }) // it was refused twice
		w.stores[1].Delete(filler)
		v.Release()
		<-done
		w.stores[0].Delete(id)
		large, data := object(3, 3*chunk+1) // more than may be on its way at a time, but alone
		w.put(0, large, data)
		w.comes(1, large, data)
		if v, err := w.fetch(t.Context(), 1, storetest.Object(4), 5*chunk); !errors.Is(err, spec.ObjectStoreFull) {
			t.Errorf("larger than the store: %v, %v", v, err)
		}
	})
	t.Run("nodes that need their memory for each other's objects take turns", func(t *testing.T) {
		w := open(t, s, 2, 4*chunk)
		a, dataA := object(1, 3*chunk)
		b, dataB := object(2, 3*chunk)
		w.put(0, a, dataA)
		w.put(1, b, dataB)
		var asking sync.WaitGroup // both have made room before either is asked, so that what the other wants is on disk
		asking.Add(2)
		var asked [2]sync.Once
		w.breaks(func(_ context.Context, from, _ int, _ exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			asked[from].Do(asking.Done)
			asking.Wait()
			return do()
		})
		var all sync.WaitGroup
		all.Go(func() { w.comes(0, b, dataB) })
		all.Go(func() { w.comes(1, a, dataA) })
		all.Wait()
	})
	t.Run("copies are evicted for others", func(t *testing.T) {
		w := open(t, s, 2, 6*chunk)
		for n := range 8 {
			id, data := object(n, 2*chunk)
			w.put(0, id, data)
			w.comes(1, id, data)
			w.stores[0].Delete(id)
			w.directory.Removed(id, w.nodes[0])
		}
		if u := w.stores[1].Usage(); u.Evictions == 0 || u.Secondary == 0 {
			t.Errorf("%+v", u)
		}
	})
	t.Run("it waits for who makes it here, and for who views what was deleted", func(t *testing.T) {
		w := open(t, s, 2, memory)
		id, data := object(1, chunk)
		w.put(0, id, data)
		d, err := w.stores[1].Create(t.Context(), id, chunk, store.Primary)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.comes(1, id, data)
		}()
		copy(d.Bytes, data)
		v, err := d.SealView()
		if err != nil {
			t.Fatal(err)
		}
		<-done
		w.stores[1].Delete(id)
		done = make(chan struct{})
		go func() {
			defer close(done)
			w.comes(1, id, data)
		}()
		v.Release()
		<-done
	})
	t.Run("hostile requests", func(t *testing.T) {
		w := open(t, s, 1, memory)
		id, data := object(1, chunk+1)
		w.put(0, id, data)
		for _, req := range []exchange.Request{
			{ID: id, Size: chunk + 1, Chunk: 2},
			{ID: id, Size: chunk + 1, Chunk: -1},
			{ID: id, Size: chunk + 1, Chunk: 1 << 62},
			{ID: id, Size: chunk + 2},
			{ID: id, Size: chunk},
			{ID: id, Size: 1 << 62, Chunk: 3},
			{ID: id, Size: 0},
			{ID: id, Size: -1},
		} {
			if part, err := w.exchanges[0].Serve(t.Context(), req); !errors.Is(err, spec.InvalidArgument) {
				t.Errorf("%+v: %v, %v", req, part, err)
			}
		}
		if part, err := w.exchanges[0].Serve(t.Context(), exchange.Request{ID: storetest.Object(2), Size: 1}); !errors.Is(err, spec.NotFound) {
			t.Errorf("an object that is not there: %v, %v", part, err)
		}
	})
	t.Run("a source sends an object that all want to a few", func(t *testing.T) {
		const nodes = 16
		w := open(t, s, nodes, memory)
		id, data := object(1, 4*chunk)
		w.put(0, id, data)
		var asking atomic.Int32
		all := make(chan struct{})
		w.breaks(func(ctx context.Context, _, _ int, req exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			if req.Sums && asking.Add(1) == nodes-1 {
				close(all) // everybody has been told by whom it is served
			}
			<-all
			return do()
		})
		var done sync.WaitGroup
		for k := 1; k < nodes; k++ {
			done.Go(func() { w.comes(k, id, data) })
		}
		done.Wait()
		for k := range nodes {
			if n := w.sent(k); n > 4*transfer.Fanout {
				t.Errorf("node %d sent %d chunks of an object of 4", k, n)
			}
		}
		until(func() bool { return len(w.directory.Locations(id)) == nodes })
	})
	t.Run("an exchange that is closed answers everybody", func(t *testing.T) {
		w := open(t, s, 3, memory)
		id, data := object(1, 4*chunk)
		w.put(0, id, data)
		asked := make(chan struct{}, 100)
		w.breaks(func(ctx context.Context, _, peer int, _ exchange.Request, _ []byte, do func() ([]uint32, error)) ([]uint32, error) {
			asked <- struct{}{}
			if peer == 0 {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			return do()
		})
		ends := make(chan error, 1)
		go func() {
			_, err := w.fetch(context.Background(), 1, id, len(data))
			ends <- err
		}()
		<-asked
		w.exchanges[1].Close()
		if err := <-ends; !errors.Is(err, spec.LocalNodeDied) {
			t.Errorf("who waits: %v", err)
		}
		if _, err := w.fetch(context.Background(), 1, id, len(data)); !errors.Is(err, spec.LocalNodeDied) {
			t.Errorf("who comes later: %v", err)
		}
		if _, err := w.exchanges[1].Serve(context.Background(), exchange.Request{ID: id, Size: int64(len(data))}); !errors.Is(err, spec.LocalNodeDied) {
			t.Errorf("a peer: %v", err)
		}
	})
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("everything that is wanted comes, seed %d", seed), func(t *testing.T) { chaos(t, s, seed) })
	}
}

// chaos has nodes fetch objects that do not all fit, and give up, while requests break.
func chaos(t *testing.T, s Suite, seed uint64) {
	const nodes, objects = 5, 8
	w := open(t, s, nodes, 8*chunk)
	random := rand.New(rand.NewPCG(seed, 5))
	datas := make([][]byte, objects)
	for n := range objects {
		var id spec.ObjectID
		id, datas[n] = object(n, 1+random.IntN(3*chunk))
		w.put(n%nodes, id, datas[n])
	}
	var mu sync.Mutex
	roll := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	w.breaks(func(ctx context.Context, _, _ int, _ exchange.Request, to []byte, do func() ([]uint32, error)) ([]uint32, error) {
		switch roll(12) {
		case 0:
			return nil, errBroken
		case 1:
			sums, err := do()
			to[roll(len(to))]++
			return sums, err
		case 2:
			for range roll(1000) { // late
				runtime.Gosched()
			}
		}
		return do()
	})
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			for range 6 {
				node, n := roll(nodes), roll(objects)
				ctx, cancel := context.WithCancel(t.Context())
				if roll(4) == 0 {
					go func() {
						for range roll(3000) {
							runtime.Gosched()
						}
						cancel()
					}()
				}
				v, err := w.exchanges[node].Fetch(ctx, storetest.Object(n), int64(len(datas[n])), transfer.Priority(roll(3)), w.directory.For(w.nodes[node]))
				switch {
				case err == nil && string(v.Bytes) != string(datas[n]):
					t.Errorf("object %d at node %d reads differently", n, node)
				case err != nil && ctx.Err() == nil:
					t.Errorf("object %d at node %d: %v", n, node, err)
				}
				if err == nil {
					v.Release()
				}
				cancel()
			}
		})
	}
	all.Wait()
}

// until waits for a condition that others bring about.
func until(condition func() bool) {
	for !condition() {
		runtime.Gosched()
	}
}
