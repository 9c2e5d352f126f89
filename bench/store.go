//go:build cgo && (linux || darwin) && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"

	wt "github.com/bytecodealliance/wasmtime-go/v44"
)

// stores is wasmtime as one uses it without this project: the module as it is, wasmtime's own WASI, a new store for
// every fresh sandbox.
type stores struct {
	engine *wt.Engine
	linker *wt.Linker
	module *wt.Module
}

func newStores(g guest) (_ *stores, err error) {
	p := &stores{engine: wt.NewEngine()}
	p.linker = wt.NewLinker(p.engine)
	defer func() {
		if err != nil {
			p.close()
			err = fmt.Errorf("load the %s guest into plain wasmtime: %w", g.name, err)
		}
	}()
	if p.module, err = wt.NewModule(p.engine, g.wasm); err != nil {
		return nil, err
	}
	return p, errors.Join(p.linker.DefineWasi(), p.linker.DefineUnknownImportsAsTraps(p.module))
}

func (p *stores) close() {
	p.linker.Close()
	if p.module != nil {
		p.module.Close()
	}
	p.engine.Close()
}

// fresh makes a store with an instance, calls that and closes the store.
func (p *stores) fresh() error {
	s := wt.NewStore(p.engine)
	defer s.Close()
	s.SetWasi(wt.NewWasiConfig())
	i, err := p.linker.Instantiate(s, p.module)
	if err != nil {
		return err
	}
	if f := i.GetFunc(s, "_initialize"); f != nil {
		if _, err := f.Call(s); err != nil {
			return err
		}
	}
	n, err := i.GetFunc(s, "count").Call(s)
	if err != nil {
		return err
	}
	return counted(uint64(n.(int64)), 1)
}
