package exchange_test

import (
	"context"
	"fmt"
	"testing"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/exchange"
	"github.com/raywasm/raywasm/store/exchange/exchangetest"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/storetest"
	"github.com/raywasm/raywasm/store/transfer"
)

func TestExchangesOfOneProcess(t *testing.T) {
	exchangetest.Run(t, exchangetest.Suite{Connect: func(t *testing.T, nodes []spec.NodeID) ([]exchange.Link, func(spec.NodeID, *exchange.Exchange)) {
		var l exchange.Local
		links := make([]exchange.Link, len(nodes))
		for k := range links {
			links[k] = &l
		}
		return links, l.Join
	}})
}

// Two nodes of one process: what one has put, the other fetches.
func Example() {
	var link exchange.Local
	directory := exchange.NewDirectory() // the owner's
	nodes := []spec.NodeID{{1}, {2}}
	var stores []store.Store
	var exchanges []*exchange.Exchange
	for _, node := range nodes {
		s, err := local.Open(local.Config{Limit: 64 * spec.MiB})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer s.Close()
		x := exchange.Open(exchange.Config{Store: s, Link: &link, Log: zap.NewNop()})
		defer x.Close()
		link.Join(node, x)
		stores, exchanges = append(stores, s), append(exchanges, x)
	}

	ctx, id, data := context.Background(), storetest.Object(1), []byte("immutable")
	if err := store.Put(ctx, stores[0], id, data, store.Primary); err != nil {
		fmt.Println(err)
	}
	directory.Added(id, nodes[0])
	view, err := exchanges[1].Fetch(ctx, id, int64(len(data)), transfer.ForGet, directory.For(nodes[1]))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer view.Release()
	fmt.Printf("%s\n", view.Bytes)
	// Output: immutable
}

// FuzzServe: whatever a peer asks for, it gets bytes of the object, as many as it may, or an error.
func FuzzServe(f *testing.F) {
	s, err := local.Open(local.Config{Limit: 64 * spec.MiB})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := s.Close(); err != nil {
			f.Error(err)
		}
	})
	x := exchange.Open(exchange.Config{Store: s, Link: &exchange.Local{}, Log: zap.NewNop()})
	f.Cleanup(x.Close)
	const size = transfer.ChunkBytes + 1000
	id, data := storetest.Object(1), storetest.Bytes(1, size)
	if err := store.Put(context.Background(), s, id, data, store.Primary); err != nil {
		f.Fatal(err)
	}
	f.Add(id[:], int64(size), int64(0), true)
	f.Add(id[:], int64(size), int64(1), false)
	f.Add(id[:], int64(-1), int64(2), true)
	f.Add([]byte("another"), int64(1)<<62, int64(1)<<40, true)
	f.Fuzz(func(t *testing.T, name []byte, size, chunk int64, sums bool) {
		req := exchange.Request{Size: size, Chunk: chunk, Sums: sums}
		copy(req.ID[:], name)
		part, err := x.Serve(t.Context(), req)
		if err != nil {
			return
		}
		defer part.Release()
		off := chunk * transfer.ChunkBytes
		if req.ID != id || size != int64(len(data)) || string(part.Bytes) != string(data[off:min(off+transfer.ChunkBytes, size)]) || (len(part.Sums) == 2) != sums {
			t.Fatalf("%+v is answered with %d bytes and %d sums", req, len(part.Bytes), len(part.Sums))
		}
	})
}
