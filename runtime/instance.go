package wasmrt

import (
	"context"
	crand "crypto/rand"
	"embed"
	"math/rand/v2"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasi"
	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// instance is an engine's instance with what the runtime has around it. It lives in a sandbox or in the pool.
type instance struct {
	module *Module
	limit  uint32 // of its memory, in pages
	room   *room
	engine engine.Instance
	guest  engine.Guest
	system wasi.System
	config SandboxConfig // the sandbox's
	// The guest's state, in the order of the image's globals.
	globals []engine.Global
	// What the passes of wasmbin added; nil where a pass had nothing to add.
	pageLimit, refused, budget, depth engine.Global
	opened                            []window    // the highest first
	functions                         []boundFunc // those called so far
	entropy                           *rand.ChaCha8
	meter                             meter
	watch                             watch
	earlier                           Usage // the sandbox's, before it was parked last
	stack                             [maxStack]uint64
	fresh                             bool // as a new one: it has been scrubbed, and nothing was done with it since
	idleSince                         int  // the round of the pools
}

// maxStack is the most parameters or results that a called export may have.
const maxStack = 16

// boundFunc is an export that has been looked up.
type boundFunc struct {
	name string
	signature
	f engine.Func
}

// bind looks up what the runtime needs of the instance, and gives it the image's globals.
func (i *instance) bind() error {
	p := i.module.program
	i.globals = make([]engine.Global, 0, len(p.state.Globals))
	for _, g := range p.state.Globals {
		global := i.engine.Global(g.Name)
		if global == nil {
			return spec.Errorf("instantiate", spec.System, "", "the engine does not show the global %s", g.Name)
		}
		i.globals = append(i.globals, global)
	}
	i.pageLimit = i.engine.Global(wasmbin.PageLimitExport)
	i.refused = i.engine.Global(wasmbin.RefusedExport)
	i.budget = i.engine.Global(wasmbin.BudgetExport)
	i.depth = i.engine.Global(wasmbin.DepthExport)
	if i.pageLimit != nil {
		i.pageLimit.Set(uint64(i.limit))
	}
	if img := i.module.image; img != nil {
		i.restoreGlobals(img)
		if len(img.reseeds) > 0 {
			var seed [32]byte
			crand.Read(seed[:]) // never fails
			i.entropy = rand.NewChaCha8(seed)
		}
	}
	return nil
}

// limitTo makes that the limit of a fresh instance's memory, in pages; false if the memory or its room is another size.
func (i *instance) limitTo(pages uint32) bool {
	if i.limit == pages {
		return true
	}
	if limit := roomBytes(pages); uint64(len(i.engine.Memory())) > limit || !i.room.limitTo(limit) {
		return false
	}
	i.limit = pages
	if i.pageLimit != nil {
		i.pageLimit.Set(uint64(pages))
	}
	return true
}

func (i *instance) restoreGlobals(img *image) {
	for k, g := range i.globals {
		g.Set(img.globals[k])
	}
}

// function returns an export, nil if there is none of numeric types and at most maxStack values.
func (i *instance) function(name string) *boundFunc {
	for k := range i.functions {
		if i.functions[k].name == name {
			return &i.functions[k]
		}
	}
	sig, ok := i.module.program.callable(name)
	if !ok && name == wasmbin.StartExport {
		ok = i.module.program.init.Start
	}
	if !ok {
		return nil
	}
	f := i.engine.Func(name)
	if f == nil {
		return nil
	}
	i.functions = append(i.functions, boundFunc{name, sig, f})
	return &i.functions[len(i.functions)-1]
}

// noFiles is an empty directory. Guests ask once, before their image is taken, which directories they have, so every
// sandbox has the same: the root.
var noFiles embed.FS

// begin prepares the instance for a sandbox.
func (i *instance) begin(cfg SandboxConfig) {
	i.fresh = false
	i.config, i.earlier = cfg, Usage{}
	i.guest.Owner = cfg.Owner
	files := cfg.Files
	if files == nil {
		files = noFiles
	}
	i.system.Reset(wasi.Config{
		Args: cfg.Args, Env: cfg.Env, Stdout: cfg.Stdout, Stderr: cfg.Stderr, Files: files,
		Frozen: cfg.frozen,
	})
	i.meter = meter{}
	if i.budget != nil {
		i.budget.Set(Quantum)
		i.meter.granted = Quantum
	}
	i.guest.Waited = 0
	i.watch = watch{}
	if i.module.image != nil {
		i.freshEntropy()
	}
}

// start does what an engine does when it instantiates a module, and then what the tool chain asks for.
func (i *instance) start(ctx context.Context) error {
	p := i.module.program
	memory := i.engine.Memory()
	believed := min(p.memory.min, uint64(len(memory)))
	for _, d := range p.init.Data {
		end := uint64(d.Offset) + uint64(len(d.Bytes))
		if end > believed {
			return &engine.Trap{Code: engine.TrapMemoryOutOfBounds, Stack: "a data segment ends at " + spec.FormatBytes(int64(end))}
		}
		copy(memory[d.Offset:], d.Bytes)
	}
	if p.init.Start {
		if err := i.function(wasmbin.StartExport).f.Call(ctx, nil); err != nil {
			return err
		}
	}
	if f := i.function(exportInitialize); f != nil && f.params == 0 {
		return f.f.Call(ctx, i.stack[:f.results])
	}
	return nil
}

// capture makes an image of the instance.
func (i *instance) capture() (*image, error) {
	p := i.module.program
	globals := make([]uint64, len(i.globals))
	for k, g := range i.globals {
		globals[k] = g.Get()
	}
	memory := i.engine.Memory()
	size := uint64(i.believedPages()) * wasmPage
	if uint64(len(memory)) < size {
		return nil, spec.Errorf("take the image", spec.System, "module "+p.digest.Short(), "the memory has %d bytes and its global says %d", len(memory), size)
	}
	img, err := newImage(p.name, size, nonZeroRuns(memory[:size:size]), globals)
	if err != nil {
		return nil, err
	}
	img.reseeds = findReseeds(img.bytes, i.system.Served())
	return img, nil
}

// believedPages is the size of the memory as the guest believes it to be, in pages of 64 KiB.
func (i *instance) believedPages() uint32 {
	for k, g := range i.module.program.state.Globals {
		if g.Name == wasmbin.PagesExport {
			return uint32(i.globals[k].Get())
		}
	}
	return uint32(i.module.program.memory.min / wasmPage)
}

// scrub makes the instance as fresh as a new one; false if that cannot be done.
func (i *instance) scrub() bool {
	i.system.Close()
	i.guest.Owner, i.config = nil, SandboxConfig{}
	img := i.module.image
	if !i.closeWindows() || img == nil || i.module.program.memory.has && !i.room.reset(i.engine.Memory(), !i.watch.missed) {
		return false
	}
	i.restoreGlobals(img)
	if i.depth != nil {
		i.depth.Set(0)
	}
	i.fresh = true
	return true
}

// destroy frees the instance. Nothing of it runs any more.
func (i *instance) destroy() {
	i.system.Close()
	closed := i.closeWindows()
	if err := i.engine.Close(); err != nil {
		i.module.runtime.log.Error("instance not freed", zap.String("module", i.module.Digest().Short()), zap.Error(err))
	}
	if !closed { // nobody may see what is behind them
		i.room.free()
		i.abandonWindows()
		return
	}
	i.module.runtime.pools.leave(i.room, i.fresh)
}
