package wasmrt

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// Module is a loaded module. It is safe for concurrent use.
type Module struct {
	runtime *Runtime
	program *program
	code    engine.Code
	image   *image // nil if none can be made
	// freshens: every sandbox that begins as the image is to be told (spec.ExportFresh).
	freshens bool
	warmed   []byte
	pool     pool
}

// Digest returns the SHA-256 of the module's bytes as they were given, which is its name.
func (m *Module) Digest() spec.Digest { return m.program.digest }

// HasExport reports whether the module exports a function of that name that can be called: of numeric types, at most 16
// parameters and at most 16 results.
func (m *Module) HasExport(name string) bool {
	_, ok := m.program.callable(name)
	return ok
}

// Warmed returns what LoadConfig.Warm returned, now or when the module was loaded in an earlier run. It must not be changed.
func (m *Module) Warmed() []byte { return m.warmed }

// Info returns what is known of the module.
func (m *Module) Info() Info {
	info := m.program.info
	if m.image != nil {
		info.ImageBytes = int64(m.image.size())
		info.ImageDigest = m.image.digest().String()
	}
	return info
}

// initialise runs what a module does once, and takes its image. A module without image is initialised too, to find out
// at once whether it can be.
func (m *Module) initialise(ctx context.Context, warm func(context.Context, *Sandbox) ([]byte, error)) error {
	i, err := m.instantiate(ctx, m.limitPages(0), 0)
	if err != nil {
		return err
	}
	defer i.destroy()
	s := &Sandbox{instance: i}
	frozen := SandboxConfig{frozen: len(m.program.reasons) == 0}
	i.begin(frozen)
	if err := i.start(ctx); err != nil {
		return s.failure("initialise", err)
	}
	if warm != nil {
		if m.warmed, err = warm(ctx, s); err != nil {
			return err
		}
	}
	if frozen.frozen {
		if m.image, err = i.capture(); err != nil {
			return err
		}
	} else {
		m.runtime.log.Info("module runs without snapshots", zap.String("module", m.Digest().Short()), zap.Strings("reasons", m.program.reasons))
	}
	return nil
}

// limitPages returns how many pages a memory of at most so many bytes has; 0 bytes are the default, fewer none at all.
func (m *Module) limitPages(bytes int64) uint32 {
	if bytes == 0 {
		bytes = spec.DefaultSandboxMemory
	}
	const most = spec.MaxSandboxMemory/wasmPage - 1 // a size of 4 GiB has no 32-bit form
	return uint32(max(0, min(bytes/wasmPage, int64(m.program.memory.max/wasmPage), most)))
}

// close frees the module. No sandbox may be open.
func (m *Module) close() {
	if m.image != nil {
		m.image.free()
	}
	if err := m.code.Close(); err != nil {
		m.runtime.log.Error("compiled code not freed", zap.String("module", m.Digest().Short()), zap.Error(err))
	}
}

// instantiate makes an instance of the module with a memory of at least so many pages: from the image, if there is one;
// otherwise start has to be called.
func (m *Module) instantiate(ctx context.Context, limit uint32, pages uint32) (*instance, error) {
	p := m.program
	fail := func(err error) (*instance, error) {
		kind := spec.KindOf(err)
		if trap := (*engine.Trap)(nil); errors.As(err, &trap) {
			kind = spec.InvalidModule
		}
		return nil, &spec.Error{Op: "instantiate", Kind: kind, ID: "module " + p.digest.Short(), Err: err}
	}
	least := max(p.memory.min, uint64(pages)*wasmPage)
	if m.image != nil {
		least = max(least, m.image.size())
	}
	if p.memory.has && uint64(limit)*wasmPage < least {
		return fail(spec.Errorf("allocate memory", spec.OutOfMemory, "", "it begins with %s and may have %s: raise the memory option", spec.FormatBytes(int64(least)), spec.FormatBytes(int64(limit)*wasmPage)))
	}
	room := m.runtime.pools.room(m.image, roomBytes(limit), least)
	i := &instance{module: m, limit: limit, room: room}
	i.guest.System = &i.system
	i.guest.Tick = i.tick
	i.guest.Windows = windows{i}
	var err error
	if i.engine, err = m.code.Instantiate(ctx, &i.guest, i.room); err != nil {
		i.room.free()
		return fail(err)
	}
	if memory := i.engine.Memory(); p.memory.has && !i.room.placed() {
		if err := i.room.adopt(memory); err != nil {
			i.destroy()
			return fail(err)
		}
	}
	if err := i.bind(); err != nil {
		i.destroy()
		return fail(err)
	}
	return i, nil
}
