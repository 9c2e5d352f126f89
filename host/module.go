package host

import (
	"bytes"
	"cmp"
	"context"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/raywasm/raywasm/host/hostcall"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
)

// Module is a loaded WebAssembly module: admitted, compiled, and asked what it offers.
type Module struct {
	wasm      *wasmrt.Module
	key       moduleKey
	bytes     []byte // kept for durable actors and for other nodes; nil for a node alone without a data directory
	desc      spec.Description
	functions map[string]*spec.Function // by name
	classes   map[string]*spec.Class
	methods   map[string]method // by "Class.Method"
	parked    atomic.Int64      // what the state took of the actor that was parked last, in bytes
}

// method is a function of a class, by its name with the class.
type method struct {
	name string
	*spec.Function
}

// LoadConfig says how a module is loaded.
type LoadConfig struct {
	// Engine names the engine that runs it. "": the node's own.
	Engine string
	// Trusted modules run unmetered: faster, and without deadlines or CPU accounting while they compute.
	Trusted bool
}

// moduleKey tells loaded modules apart.
type moduleKey struct {
	digest spec.Digest
	LoadConfig
}

// Load admits and compiles a module and asks it to describe itself. Loading the same bytes again returns the same
// Module. Errors: spec.InvalidModule, spec.UnknownImport, spec.LimitExceeded for bytes that are not acceptable;
// spec.FunctionNotFound for a module that offers nothing to call; what its initialisation failed with.
func (n *Node) Load(ctx context.Context, wasm []byte) (*Module, error) {
	return n.LoadWith(ctx, wasm, LoadConfig{})
}

// LoadWith is Load for a module that is to run under another engine, or unmetered. Errors: spec.InvalidArgument for an
// engine that the node does not have, spec.Unsupported for one that is not built in.
func (n *Node) LoadWith(ctx context.Context, wasm []byte, cfg LoadConfig) (*Module, error) {
	cfg.Engine = cmp.Or(cfg.Engine, n.cfg.engine)
	digest := spec.DigestOf(wasm)
	key := moduleKey{digest, cfg}
	n.mu.Lock()
	m, ok := n.modules[key]
	n.mu.Unlock()
	if ok {
		return m, nil
	}
	rt, err := n.runtime(cfg.Engine)
	if err != nil {
		return nil, err
	}
	m = &Module{key: key, functions: make(map[string]*spec.Function), classes: make(map[string]*spec.Class), methods: make(map[string]method)}
	m.wasm, err = rt.Load(ctx, wasm, wasmrt.LoadConfig{Trusted: cfg.Trusted, WarmName: "describe", Warm: func(ctx context.Context, s *wasmrt.Sandbox) ([]byte, error) {
		return describe(ctx, s, digest)
	}})
	if err != nil {
		return nil, err
	}
	if m.desc, err = readDescription(m.wasm.Warmed(), digest); err != nil {
		return nil, err
	}
	m.index()
	if n.states != nil || n.cluster != nil {
		m.bytes = wasm
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if first, ok := n.modules[key]; ok { // somebody else loaded it meanwhile
		return first, nil
	}
	n.modules[key] = m
	return m, nil
}

// Inspect tells what there is to know of a module without running or refusing it. Errors: spec.InvalidModule,
// spec.LimitExceeded.
func (n *Node) Inspect(wasm []byte) (wasmrt.Info, error) {
	rt, err := n.runtime(n.cfg.engine)
	if err != nil {
		return wasmrt.Info{}, err
	}
	return rt.Inspect(wasm)
}

// index prepares the look-up by name.
func (m *Module) index() {
	for i := range m.desc.Functions {
		m.functions[m.desc.Functions[i].Name] = &m.desc.Functions[i]
	}
	for i := range m.desc.Classes {
		c := &m.desc.Classes[i]
		m.classes[c.Name] = c
		for k := range c.Methods {
			name := c.Name + "." + c.Methods[k].Name
			m.methods[name] = method{name, &c.Methods[k]}
		}
	}
}

// describe asks the module what it offers, in a sandbox that may call nothing else. What that leaves in the sandbox's
// memory is part of the module's image, so every sandbox has it done. It returns a description that readDescription reads.
func describe(ctx context.Context, sandbox *wasmrt.Sandbox, digest spec.Digest) ([]byte, error) {
	const op = "describe"
	id := "module " + digest.Short()
	switch {
	case sandbox.HasExport(spec.ExportDescribe):
	case sandbox.HasExport(spec.ExportMain), sandbox.HasExport(spec.ExportCall):
		return nil, spec.Errorf("load", spec.InvalidModule, id, "it does not export %s: build it with the SDK's flags (raywasm build)", spec.ExportDescribe)
	default:
		return nil, spec.Errorf("load", spec.FunctionNotFound, id,
			"it exports neither %s nor %s, so there is nothing to run: a Go program imports the SDK (package ray) and is built by raywasm build", spec.ExportMain, spec.ExportCall)
	}
	session := hostcall.NewSession(hostcall.Caller{})
	defer session.Close()
	sandbox.SetOwner(session)
	session.Begin(spec.ExportDescribe, nil)
	status, err := sandbox.Call(ctx, spec.ExportDescribe)
	if err != nil {
		return nil, err
	}
	if fault := session.Failure(); fault != nil || int32(status) != 0 {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidModule, ID: id, Err: errorOf(fault)}
	}
	results := session.Results()
	if len(results) != 1 || len(results[0].Data) > spec.MaxFormBytes {
		return nil, spec.Errorf(op, spec.InvalidModule, id, "it gave %d results instead of one description of at most %s", len(results), spec.FormatBytes(spec.MaxFormBytes))
	}
	if _, err := readDescription(results[0].Data, digest); err != nil {
		return nil, err
	}
	return bytes.Clone(results[0].Data), nil // the session's own goes with it
}

// readDescription reads what a module says of itself, and checks it.
func readDescription(b []byte, digest spec.Digest) (d spec.Description, err error) {
	if err := spec.Unmarshal(b, &d); err != nil {
		return d, &spec.Error{Op: "describe", Kind: spec.InvalidModule, ID: "module " + digest.Short(), Err: err}
	}
	return d, d.Check()
}

// errorOf avoids the interface that holds a nil pointer.
func errorOf(e *spec.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// Digest returns the SHA-256 of the module's bytes, which is its name.
func (m *Module) Digest() spec.Digest { return m.wasm.Digest() }

// Description returns what the module says of itself.
func (m *Module) Description() spec.Description { return m.desc }

// Wasm returns the module as the runtime sees it: its imports and exports.
func (m *Module) Wasm() *wasmrt.Module { return m.wasm }

// missing says that the module has no such function, class or method, and what it has.
func (m *Module) missing(op, what, name string) *spec.Error {
	var have []string
	switch what {
	case "function":
		for _, f := range m.desc.Functions {
			have = append(have, f.Name)
		}
	case "class":
		for _, c := range m.desc.Classes {
			have = append(have, c.Name)
		}
	case "method":
		class, _, _ := strings.Cut(name, ".")
		if c, ok := m.desc.Class(class); ok {
			for _, f := range c.Methods {
				have = append(have, class+"."+f.Name)
			}
		}
	}
	const most = 20
	list := "none"
	if len(have) > 0 {
		list = strings.Join(have[:min(most, len(have))], ", ")
		if len(have) > most {
			list += ", ..."
		}
	}
	return spec.Errorf(op, spec.FunctionNotFound, strconv.Quote(name), "module %s has no such %s; it has: %s", m.Digest().Short(), what, list)
}
