package wasmbin

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	wasm := buildGo(t, false)
	best := map[string]time.Duration{}
	var order []string
	ph := func(n string, f func()) {
		s := time.Now()
		f()
		d := time.Since(s)
		if b, ok := best[n]; !ok || d < b {
			if !ok {
				order = append(order, n)
			}
			best[n] = d
		}
	}
	for range 120 {
		ph("total", func() {
			var m *Module
			ph("parse", func() { m, _ = Parse(wasm) })
			ph("tables", func() { m.LimitTables(1 << 20) })
			ph("growth", func() { m.VirtualGrowth() })
			ph("depth", func() { m.LimitDepth(8 << 20) })
			ph("meter", func() { m.Meter(tick) })
			ph("state", func() { m.ExportState() })
			ph("detach", func() { m.DetachInit() })
			ph("encode", func() { m.Encode() })
		})
		m, _ := Parse(wasm)
		ph("scanFlow", func() { m.scanFlow(m.newCallGraph()) })
		g := m.newCallGraph()
		fl := m.scanFlow(g)
		ph("connect", func() { g.connect(fl) })
		ph("ledger", func() { newLedger(g, fl) })
	}
	for _, n := range order {
		fmt.Println(n, best[n])
	}
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
}
