package main

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/raywasm/raywasm/spec"
)

// newInstances makes a new wazero instance of the guest n times, initialised and ready for a call: what a fresh sandbox
// costs without images and reset.
func newInstances(ctx context.Context, wasm []byte, n int) (r result, err error) {
	engine := wazero.NewRuntime(ctx)
	defer func() { err = errors.Join(err, engine.Close(ctx)) }()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, engine); err != nil {
		return r, err
	}
	compiled, err := engine.CompileModule(ctx, wasm)
	if err != nil {
		return r, err
	}
	imports := engine.NewHostModuleBuilder(spec.ABIModule)
	for _, f := range compiled.ImportedFunctions() {
		if module, name, _ := f.Import(); module == spec.ABIModule { // linked, and never called by initialisation
			imports.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), f.ParamTypes(), f.ResultTypes()).Export(name)
		}
	}
	if _, err := imports.Instantiate(ctx); err != nil {
		return r, err
	}
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithRandSource(rand.Reader)
	begin := time.Now()
	for range n {
		m, err := engine.InstantiateModule(ctx, compiled, config)
		if err != nil {
			return r, err
		}
		if err := m.Close(ctx); err != nil {
			return r, err
		}
	}
	return result{"peer: a new wazero instance of the guest", n, time.Since(begin).Seconds()}, nil
}
