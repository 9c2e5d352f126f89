package wasmbin

import (
	"fmt"
	"slices"
	"strings"
)

// privatePrefix begins the names under which the passes export what they add.
// A guest may not use it.
const privatePrefix = "__ray_"

// checkPrivate refuses a module that exports a private name of its own.
func (m *Module) checkPrivate() error {
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, privatePrefix) && !m.private[e.Name] {
			return fmt.Errorf("wasm: the module exports %q: names that begin with %q are reserved", e.Name, privatePrefix)
		}
	}
	return nil
}

// addExport exports an item under a private name.
func (m *Module) addExport(name string, k Kind, index uint32) error {
	if err := m.checkPrivate(); err != nil {
		return err
	}
	if m.private[name] {
		return fmt.Errorf("wasm: the module already exports %q: has the pass run before?", name)
	}
	if m.private == nil {
		m.private = map[string]bool{}
	}
	m.private[name] = true
	m.Exports = append(m.Exports, Export{Name: name, Kind: k, Index: index})
	m.changed(secExport)
	return nil
}

// exportGlobal adds a mutable global, exports it under a private name and
// returns its index. Globals of imports and of the module keep theirs. init is
// without the final end.
func (m *Module) exportGlobal(name string, t ValType, init []byte) (index uint32, err error) {
	index = uint32(m.imported[KindGlobal] + len(m.Globals))
	if err := m.addExport(name, KindGlobal, index); err != nil {
		return 0, err
	}
	m.Globals = append(m.Globals, Global{GlobalType: GlobalType{Type: t, Mutable: true}, Init: append(init, byte(OpEnd))})
	m.changed(secGlobal)
	return index, nil
}

// exportHostGlobal is exportGlobal for one that is no state of the guest.
func (m *Module) exportHostGlobal(name string, t ValType, init []byte) (index uint32, err error) {
	if index, err = m.exportGlobal(name, t, init); err != nil {
		return 0, err
	}
	if m.hostOnly == nil {
		m.hostOnly = map[uint32]bool{}
	}
	m.hostOnly[index] = true
	return index, nil
}

// wrapType returns the block type of a block that leaves what a function of
// type t returns.
func (m *Module) wrapType(t FuncType) []byte {
	switch len(t.Results) {
	case 0:
		return []byte{blockEmpty & 0x7f}
	case 1:
		return appendValType(nil, t.Results[0])
	}
	return appendS64(nil, int64(m.addType(FuncType{Results: t.Results})))
}

// addFunc adds a function without further locals and returns its index; code
// is without the final end.
func (m *Module) addFunc(t FuncType, locals []ValType, code ...[]byte) uint32 {
	raw := appendU32(nil, uint32(len(locals)))
	for _, t := range locals {
		raw = appendValType(append(raw, 1), t)
	}
	start := len(raw)
	raw = append(append(raw, slices.Concat(code...)...), byte(OpEnd))
	m.Functions = append(m.Functions, m.addType(t))
	m.Bodies = append(m.Bodies, Body{Raw: raw, Locals: uint32(len(locals)), code: start, edited: true})
	m.changed(secFunction)
	m.changed(secCode)
	return uint32(m.NumFuncs() - 1)
}

// declare adds a segment that declares functions for ref.func, as a mention
// among the exports does: code may refer only to functions that are named
// outside of it (C.refs in the specification's validation of modules).
func (m *Module) declare(funcs []uint32) {
	if len(funcs) == 0 {
		return
	}
	m.Elements = append(m.Elements, Element{
		Mode: Declarative, Type: FuncRef, Funcs: funcs, form: elemNotActive | elemExplicit,
	})
	m.changed(secElement)
}

// addType returns the index of a type equal to t that stands by itself, which
// it adds if need be: the members of a recursion group are types of their own
// whatever their shape (specification 3.1.4).
func (m *Module) addType(t FuncType) uint32 {
	if len(m.Types) == int(m.typeVec) { // no recursion groups
		for i, u := range m.Types {
			if slices.Equal(t.Params, u.Params) && slices.Equal(t.Results, u.Results) {
				return uint32(i)
			}
		}
	}
	raw := slices.Clip(m.typeRaw)
	raw = append(raw, formFunc)
	for _, ts := range [][]ValType{t.Params, t.Results} {
		raw = appendU32(raw, uint32(len(ts)))
		for _, t := range ts {
			raw = appendValType(raw, t)
		}
	}
	m.typeRaw = raw
	m.typeVec++
	m.Types = append(m.Types, t)
	m.changed(secType)
	return uint32(len(m.Types) - 1)
}
