package wazero

import (
	"context"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/enginetest"
)

// recorder keeps what an engine compiled.
type recorder struct {
	engine.Engine
	mu    sync.Mutex
	codes []*code
}

func (r *recorder) Compile(ctx context.Context, wasm []byte) (engine.Code, error) {
	c, err := r.Engine.Compile(ctx, wasm)
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.codes = append(r.codes, c.(*code))
	}
	return c, err
}

// TestTablesAreCopied: what the engines' suite finds right in tables is right in copies, of functions of both kinds. If it
// fails after an update of wazero, nothing is wrong but that new instances are slow again: see tables.go.
func TestTablesAreCopied(t *testing.T) {
	needsCompiler(t)
	var all []*recorder
	enginetest.Test(t, func(cfg engine.Config) (engine.Engine, error) {
		e, err := Open(cfg)
		all = append(all, &recorder{Engine: e})
		return all[len(all)-1], err
	})
	own, imported := 0, 0
	for _, r := range all {
		for _, c := range r.codes {
			own += c.tables.own
			imported += len(c.tables.entries) - c.tables.own
		}
	}
	if own == 0 || imported == 0 {
		t.Errorf("%d entries of modules' own functions are copied and %d of imported ones, want some of each", own, imported)
	}
}
