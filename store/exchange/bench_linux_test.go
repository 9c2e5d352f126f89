package exchange_test

import (
	"fmt"
	"testing"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/exchange"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/storetest"
	"github.com/raywasm/raywasm/store/transfer"
)

// BenchmarkFetch gets an object from another store of the process and, by turns, copies it to memory that is there.
func BenchmarkFetch(b *testing.B) {
	for _, size := range []int{100 * spec.KiB, 5 * spec.MiB, 256 * spec.MiB} {
		times := max(1, 16*spec.MiB/size) // a turn is long enough to be timed
		limit := max(2*int64(size), 64*spec.MiB)
		var link exchange.Local
		directory := exchange.NewDirectory()
		nodes := []spec.NodeID{{1}, {2}}
		var stores []*local.Store
		var exchanges []*exchange.Exchange
		for _, node := range nodes {
			s, err := local.Open(local.Config{Limit: limit, Keep: limit, Prefault: limit})
			if err != nil {
				b.Fatal(err)
			}
			x := exchange.Open(exchange.Config{Store: s, Link: &link, Limit: limit, Log: zap.NewNop()})
			link.Join(node, x)
			stores, exchanges = append(stores, s), append(exchanges, x)
		}
		id, data, to := storetest.Object(1), storetest.Bytes(1, size), storetest.Bytes(2, size) // so that all of it is there
		if err := store.Put(b.Context(), stores[0], id, data, store.Primary); err != nil {
			b.Fatal(err)
		}
		directory.Added(id, nodes[0])
		b.Run(fmt.Sprintf("%d KiB", size/spec.KiB), func(b *testing.B) {
			var turns storetest.Turns
			b.ReportAllocs()
			for b.Loop() {
				turns.Take(func() error {
					for range times {
						copy(to, data)
					}
					return nil
				}, func() error {
					for range times {
						v, err := exchanges[1].Fetch(b.Context(), id, int64(size), transfer.ForGet, directory.For(nodes[1]))
						if err != nil {
							return err
						}
						v.Release()
						stores[1].Delete(id)
						directory.Removed(id, nodes[1])
					}
					return nil
				})
			}
			turns.Report(b, "fetch", int64(times*size))
		})
		for k, s := range stores {
			exchanges[k].Close()
			if err := s.Close(); err != nil {
				b.Error(err)
			}
		}
	}
}
