package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/raywasm/raywasm/spec"
)

// naive is wazero as one uses it without this project: the module as it is, wazero's own WASI, a new instance for every
// fresh sandbox.
type naive struct {
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
}

func newNaive(ctx context.Context, g guest) (_ *naive, err error) {
	p := &naive{runtime: wazero.NewRuntime(ctx)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("load the %s guest into plain wazero: %w", g.name, err), p.close(ctx))
		}
	}()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return nil, err
	}
	if p.compiled, err = p.runtime.CompileModule(ctx, g.wasm); err != nil {
		return nil, err
	}
	imports := p.runtime.NewHostModuleBuilder(spec.ABIModule)
	for _, f := range p.compiled.ImportedFunctions() {
		if module, name, _ := f.Import(); module == spec.ABIModule { // linked, and never called
			imports.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) {}), f.ParamTypes(), f.ResultTypes()).Export(name)
		}
	}
	_, err = imports.Instantiate(ctx)
	return p, err
}

func (p *naive) close(ctx context.Context) error { return p.runtime.Close(ctx) }

// naiveConfig: random numbers are real ones, since wazero's default is neither random nor fast.
var naiveConfig = wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").WithRandSource(rand.Reader)

// instance makes an initialised instance.
func (p *naive) instance(ctx context.Context) (api.Module, error) {
	return p.runtime.InstantiateModule(ctx, p.compiled, naiveConfig)
}

// fresh makes an instance, calls it and closes it.
func (p *naive) fresh(ctx context.Context) error {
	m, err := p.instance(ctx)
	if err != nil {
		return err
	}
	n, err := m.ExportedFunction("count").Call(ctx)
	if err != nil {
		return err
	}
	return errors.Join(m.Close(ctx), counted(n[0], 1))
}

// counted checks the result of a guest's count.
func counted(got, want uint64) error {
	if got != want {
		return fmt.Errorf("count returned %d, want %d", got, want)
	}
	return nil
}
