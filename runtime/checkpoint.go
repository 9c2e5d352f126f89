package wasmrt

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// A checkpoint is a sandbox between two calls, as bytes that any node can make a sandbox of, under any engine:
//
//	"raywasm\x01"          8   what it is, and the version of the form
//	kind                   1   full or delta
//	module digest         32   of the module's bytes as they were given
//	image digest          32   the image that a delta is against; zeros if full
//	monotonic              8   what the guest's monotonic clock showed, in nanoseconds
//	memory pages           4   of 64 KiB
//	number of globals      4
//	globals                8 each
//	number of runs         4
//	runs                   8 each: first page, number of pages, of 4 KiB
//	compression            1   of the data: 1 Zstandard (RFC 8878), 2 sparse
//	length of the data     4   as they follow
//	data                   .   the runs' bytes one after another
//	checksum               4   CRC-32C of everything before
//
// All numbers are little-endian. A full checkpoint depends on the module alone. A delta depends on the image too, which
// is the same wherever the module is loaded by the same version of raywasm, and is what an actor's state usually is: a
// few pages.

// CheckpointKind says what a checkpoint holds.
type CheckpointKind uint8

const (
	// CheckpointDelta holds what differs from the module's image.
	CheckpointDelta CheckpointKind = 1
	// CheckpointFull holds all of the memory that is not zero.
	CheckpointFull CheckpointKind = 2
)

const (
	checkpointMagic = "raywasm\x01"
	checkpointHead  = len(checkpointMagic) + 1 + 32 + 32 + 8 + 4
	// maxGlobals and maxRuns bound what a checkpoint may claim: of a program's globals, and of runs in a 4 GiB memory
	// that are apart.
	maxGlobals = wasmbin.DefaultGlobals + 1
	maxRuns    = spec.MaxSandboxMemory / pageSize / 2
)

// How the data are kept.
const (
	compressed = 1
	sparse     = 2
	// compressFrom is the length of the data in bytes from which on they are compressed. A delta of a few pages would take
	// five times as long; of those the zeros are left out.
	compressFrom = 64 * spec.KiB
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// compressors are made once: they are for concurrent use and cost megabytes.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false))
		if err != nil {
			panic("wasmrt: " + err.Error()) // a mistake in the options above, found by the first test
		}
		return e
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(spec.MaxSandboxMemory))
		if err != nil {
			panic("wasmrt: " + err.Error()) // a mistake in the options above, found by the first test
		}
		return d
	})
)

// Checkpoint returns the sandbox's state. Not to be called while it runs. Errors: spec.Unsupported for a module whose
// state an image cannot hold, and for a sandbox with open files, with the reasons; spec.WorkerCrashed for one that has
// ended.
func (s *Sandbox) Checkpoint(kind CheckpointKind) ([]byte, error) {
	const op = "checkpoint"
	if s.broken || s.closed {
		return nil, spec.Errorf(op, spec.WorkerCrashed, s.label(), "the sandbox has ended")
	}
	if s.parked != nil && kind == CheckpointDelta { // what it is kept as is one already
		m := s.parked.module
		return encodeCheckpoint(s.parked.state, m.Digest(), m.image.digest(), kind), nil
	}
	if s.parked != nil {
		if err := s.unpark(context.Background()); err != nil {
			s.broken = true
			return nil, err
		}
	}
	i := s.instance
	m := i.module
	if m.image == nil {
		return nil, spec.Errorf(op, spec.Unsupported, s.label(), "%s", strings.Join(m.program.reasons, "; "))
	}
	if n := i.system.OpenFiles(); n > 0 {
		return nil, spec.Errorf(op, spec.Unsupported, s.label(), "it has %d open files, which cannot be taken along: close them between calls", n)
	}
	switch kind {
	case CheckpointDelta:
		return encodeCheckpoint(i.save(false), m.Digest(), m.image.digest(), kind), nil
	case CheckpointFull:
		return encodeCheckpoint(i.save(true), m.Digest(), spec.Digest{}, kind), nil
	}
	return nil, spec.Errorf(op, spec.InvalidArgument, s.label(), "there is no kind %d of checkpoints", kind)
}

func encodeCheckpoint(st *state, module, image spec.Digest, kind CheckpointKind) []byte {
	le := binary.LittleEndian
	size := st.size()
	b := make([]byte, 0, checkpointHead+8*len(st.globals)+8*len(st.runs)+min(size/4, compressFrom)+64)
	b = append(append(b, checkpointMagic...), byte(kind))
	b = append(append(b, module[:]...), image[:]...)
	b = le.AppendUint64(b, uint64(st.monotonic))
	b = le.AppendUint32(b, st.pages)
	b = le.AppendUint32(b, uint32(len(st.globals)))
	for _, g := range st.globals {
		b = le.AppendUint64(b, g)
	}
	b = le.AppendUint32(b, uint32(len(st.runs)))
	for _, r := range st.runs {
		b = le.AppendUint32(le.AppendUint32(b, r.page), r.pages)
	}
	at := len(b) + 1
	if size < compressFrom {
		b = appendSparse(le.AppendUint32(append(b, sparse), 0), st.parts)
	} else {
		b = compressor().EncodeAll(slices.Concat(st.parts...), le.AppendUint32(append(b, compressed), 0))
	}
	le.PutUint32(b[at:], uint32(len(b)-at-4))
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeCheckpoint reads a checkpoint of which nothing is known. The memory it claims is at most limit pages of 64 KiB.
func decodeCheckpoint(b []byte, limit uint32) (st *state, module, image spec.Digest, kind CheckpointKind, err error) {
	le := binary.LittleEndian
	fail := func(text string) (*state, spec.Digest, spec.Digest, CheckpointKind, error) {
		return nil, spec.Digest{}, spec.Digest{}, 0, errors.New(text)
	}
	if len(b) < len(checkpointMagic) || string(b[:len(checkpointMagic)-1]) != checkpointMagic[:len(checkpointMagic)-1] {
		return fail("it is no checkpoint")
	}
	if b[len(checkpointMagic)-1] != checkpointMagic[len(checkpointMagic)-1] {
		return fail("it is a checkpoint of another version of raywasm")
	}
	if len(b) < checkpointHead+12+4 {
		return fail("it was cut short")
	}
	body, sum := b[:len(b)-4], le.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return fail("its checksum is wrong: it was cut short or altered")
	}
	r := body[len(checkpointMagic):]
	kind, r = CheckpointKind(r[0]), r[1:]
	module, image, r = spec.Digest(r[:32]), spec.Digest(r[32:64]), r[64:]
	st = &state{monotonic: int64(le.Uint64(r)), pages: le.Uint32(r[8:])}
	r = r[12:]
	count := func(most, size int) (int, bool) {
		if len(r) < 4 {
			return 0, false
		}
		n := le.Uint32(r)
		r = r[4:]
		return int(n), uint64(n) <= uint64(most) && uint64(n)*uint64(size) <= uint64(len(r))
	}
	n, ok := count(maxGlobals, 8)
	if !ok {
		return fail("its number of globals is wrong")
	}
	for range n {
		st.globals = append(st.globals, le.Uint64(r))
		r = r[8:]
	}
	if n, ok = count(maxRuns, 8); !ok {
		return fail("its number of runs is wrong")
	}
	if st.pages > limit {
		return nil, module, image, kind, spec.Errorf("", spec.OutOfMemory, "", "its memory is %s and the limit is %s: raise the memory option",
			spec.FormatBytes(int64(st.pages)*wasmPage), spec.FormatBytes(int64(limit)*wasmPage))
	}
	end, total := uint64(0), uint64(0)
	for range n {
		run := stateRun{le.Uint32(r), le.Uint32(r[4:])}
		r = r[8:]
		if uint64(run.page) < end || run.pages == 0 {
			return fail("its runs overlap")
		}
		end = uint64(run.page) + uint64(run.pages)
		total += uint64(run.pages) * pageSize
		st.runs = append(st.runs, run)
	}
	if end*pageSize > uint64(limit)*wasmPage {
		return fail("a run lies outside the memory")
	}
	if len(r) == 0 {
		return fail("it was cut short")
	}
	form := r[0]
	r = r[1:]
	if n, ok = count(len(body), 1); !ok || n != len(r) {
		return fail("its data have the wrong length")
	}
	var data []byte
	switch form {
	case sparse:
		if total >= compressFrom {
			return fail("its data do not fit its runs")
		}
		if data, err = readSparse(r, int(total)); err != nil {
			return fail(err.Error())
		}
	case compressed:
		var head zstd.Header
		if err := head.Decode(r); err != nil || head.HasFCS && head.FrameContentSize != total {
			return fail("its data do not fit its runs")
		}
		if data, err = decompressor().DecodeAll(r, make([]byte, 0, min(total, uint64(len(r))*64))); err != nil {
			return fail("its data do not fit its runs")
		}
	default:
		return fail("its data are compressed in an unknown way")
	}
	if uint64(len(data)) != total {
		return fail("its data do not fit its runs")
	}
	st.parts = split(st.runs, data)
	return st, module, image, kind, nil
}

// Restore returns a sandbox in the state of a checkpoint, which may come from another node and another engine. Errors:
// spec.InvalidArgument for bytes that are no checkpoint, were cut short or altered, or belong to another module or
// image; spec.OutOfMemory if its memory is over the limit of cfg.
func (m *Module) Restore(ctx context.Context, cfg SandboxConfig, checkpoint []byte) (*Sandbox, error) {
	const op = "restore the checkpoint"
	id := "module " + m.Digest().Short()
	if m.image == nil {
		return nil, spec.Errorf(op, spec.Unsupported, id, "%s", strings.Join(m.program.reasons, "; "))
	}
	limit := m.limitPages(cfg.MemoryBytes)
	st, module, image, kind, err := decodeCheckpoint(checkpoint, limit)
	switch {
	case err != nil && spec.KindOf(err) == spec.OutOfMemory:
		return nil, &spec.Error{Op: op, Kind: spec.OutOfMemory, ID: id, Err: err}
	case err != nil:
		return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: id, Err: err}
	case module != m.Digest():
		return nil, spec.Errorf(op, spec.InvalidArgument, id, "it is of module %s", module.Short())
	case len(st.globals) != len(m.program.state.Globals):
		return nil, spec.Errorf(op, spec.InvalidArgument, id, "it has %d globals, the module %d", len(st.globals), len(m.program.state.Globals))
	case kind == CheckpointDelta && image != m.image.digest():
		return nil, spec.Errorf(op, spec.InvalidArgument, id, "it holds changes to image %s, and the module's is %s here: take full checkpoints for another version of raywasm", image.Short(), m.image.digest().Short())
	case kind != CheckpointDelta && kind != CheckpointFull:
		return nil, spec.Errorf(op, spec.InvalidArgument, id, "there is no kind %d of checkpoints", kind)
	}
	i, err := m.take(ctx, limit, st.needs())
	if err != nil {
		return nil, err
	}
	i.begin(cfg)
	s := &Sandbox{instance: i}
	if kind == CheckpointFull {
		i.clear()
	}
	if err := i.load(st); err != nil {
		s.broken = true
		_ = s.Close() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

// take returns a fresh instance with a memory of at least so many pages.
func (m *Module) take(ctx context.Context, limit, pages uint32) (*instance, error) {
	if i := m.runtime.pools.take(m, limit); i != nil {
		if uint64(len(i.engine.Memory())) >= uint64(pages)*wasmPage {
			return i, nil
		}
		m.runtime.pools.give(i)
	}
	return m.instantiate(ctx, limit, pages)
}

// clear makes the memory all zeros, where the image is not already.
func (i *instance) clear() {
	i.watch.missed = true
	memory := i.engine.Memory()
	for off, run := range nonZeroRuns(i.module.image.bytes) {
		clear(memory[off : off+len(run)])
	}
}
