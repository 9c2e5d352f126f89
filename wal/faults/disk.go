package faults

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"github.com/raywasm/raywasm/wal"
)

// ErrCut is the error of everything after the power was cut.
var ErrCut = errors.New("the power was cut")

// ErrSync is the error of a sync that was told to fail.
var ErrSync = errors.New("the disk failed to sync")

// sector is how much of an unsynced write a machine keeps or loses as one.
const sector = 512

// Disk is one directory on a disk. It is safe for concurrent use.
type Disk struct {
	mu       sync.Mutex
	names    map[string]*file // as programs see them
	durable  map[string]*file // as they would be after a power cut
	steps    int64            // done
	cut      int64            // the step before which the power is cut; -1 for never
	capacity int64            // bytes; -1 for no bound
	failSync bool
}

// file is what a name stands for.
type file struct {
	disk     *Disk
	bytes    []byte
	synced   []byte
	unsynced []change
}

// change is a write at an offset, or if data is nil a change of the size to it.
type change struct {
	at   int64
	data []byte
}

// New returns an empty disk that does not fail.
func New() *Disk {
	return &Disk{names: make(map[string]*file), durable: make(map[string]*file), cut: -1, capacity: -1}
}

// CutAfter cuts the power after n more steps: a byte that is written, and a file that is made, cut, removed or synced,
// is one.
func (d *Disk) CutAfter(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = d.steps + n
}

// Steps returns how many steps were done.
func (d *Disk) Steps() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.steps
}

// SetCapacity makes the disk full at so many bytes; -1 is no bound.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// FailSync makes the next sync of a file fail.
func (d *Disk) FailSync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failSync = true
}

// Flip flips a bit of a file.
func (d *Disk) Flip(name string, offset int64, bit int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[name].bytes[offset] ^= 1 << bit
}

// Contents returns a file's bytes, for a look.
func (d *Disk) Contents(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.names[name].bytes)
}

// SetContents makes a file of those bytes, durable.
func (d *Disk) SetContents(name string, b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := &file{disk: d, bytes: slices.Clone(b), synced: slices.Clone(b)}
	d.names[name], d.durable[name] = f, f
}

// Killed returns the disk as it is when the process dies: everything written is there.
func (d *Disk) Killed() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New()
	for name, f := range d.names {
		after.keep(name, f.bytes)
	}
	return after
}

// PoweredOff returns the disk as it may be when the machine dies: what was synced is there; of the rest, each file's
// name and each sector of each write may be or not.
func (d *Disk) PoweredOff(random *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := New()
	all := maps.Clone(d.durable)
	maps.Copy(all, d.names)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		now, durable := d.names[name], d.durable[name]
		f := now
		if now != durable && random.IntN(2) == 0 {
			f = durable
		}
		if f != nil {
			after.keep(name, f.remains(random))
		}
	}
	return after
}

func (d *Disk) keep(name string, b []byte) {
	f := &file{disk: d, bytes: slices.Clone(b), synced: slices.Clone(b)}
	d.names[name], d.durable[name] = f, f
}

// remains returns what a power cut leaves of the file.
func (f *file) remains(random *rand.Rand) []byte {
	b := slices.Clone(f.synced)
	for _, c := range f.unsynced {
		if c.data == nil {
			if random.IntN(2) == 0 {
				b = resize(b, c.at)
			}
			continue
		}
		for from := int64(0); from < int64(len(c.data)); {
			to := min(int64(len(c.data)), (c.at+from)/sector*sector+sector-c.at)
			if random.IntN(2) == 0 {
				b = resize(b, max(int64(len(b)), c.at+to))
				copy(b[c.at+from:], c.data[from:to])
			}
			from = to
		}
	}
	return b
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// step does n steps, or as many as are left before the power is cut. The caller holds mu.
func (d *Disk) step(n int64) (done int64, err error) {
	if d.cut >= 0 && d.steps+n > d.cut {
		n, err = max(0, d.cut-d.steps), ErrCut
	}
	d.steps += n
	return n, err
}

// Open implements wal.Dir.
func (d *Disk) Open(name string) (wal.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f, ok := d.names[name]; ok {
		return &handle{file: f}, nil
	}
	if _, err := d.step(1); err != nil {
		return nil, err
	}
	f := &file{disk: d}
	d.names[name] = f
	return &handle{file: f}, nil
}

// Names implements wal.Dir.
func (d *Disk) Names() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names)), nil
}

// Remove implements wal.Dir.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	if _, err := d.step(1); err != nil {
		return err
	}
	delete(d.names, name)
	return nil
}

// Sync implements wal.Dir.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.step(1); err != nil {
		return err
	}
	d.durable = maps.Clone(d.names)
	return nil
}

// Close implements wal.Dir.
func (d *Disk) Close() error { return nil }

// String names the disk in errors.
func (d *Disk) String() string { return "disk" }

// handle is an open file.
type handle struct {
	file   *file
	closed bool // guarded by the disk's mu
}

// use returns the file, locked, unless the handle was closed.
func (h *handle) use() (*file, func(), error) {
	h.file.disk.mu.Lock()
	if h.closed {
		h.file.disk.mu.Unlock()
		return nil, nil, fs.ErrClosed
	}
	return h.file, h.file.disk.mu.Unlock, nil
}

func (h *handle) ReadAt(p []byte, at int64) (int, error) {
	f, done, err := h.use()
	if err != nil {
		return 0, err
	}
	defer done()
	if at >= int64(len(f.bytes)) {
		return 0, io.EOF
	}
	n := copy(p, f.bytes[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(p []byte, at int64) (int, error) {
	f, done, err := h.use()
	if err != nil {
		return 0, err
	}
	defer done()
	n, err := f.disk.step(int64(len(p)))
	if room := f.disk.room(); room >= 0 && max(0, at+n-int64(len(f.bytes))) > room {
		n, err = max(0, int64(len(f.bytes))+room-at), syscall.ENOSPC
	}
	if n > 0 {
		f.bytes = resize(f.bytes, max(int64(len(f.bytes)), at+n))
		copy(f.bytes[at:], p[:n])
		f.unsynced = append(f.unsynced, change{at, slices.Clone(p[:n])})
	}
	return int(n), err
}

// room returns how many bytes fit, -1 for any number.
func (d *Disk) room() int64 {
	if d.capacity < 0 {
		return -1
	}
	room := d.capacity
	for _, f := range d.names {
		room -= int64(len(f.bytes))
	}
	return max(0, room)
}

func (h *handle) Size() (int64, error) {
	f, done, err := h.use()
	if err != nil {
		return 0, err
	}
	defer done()
	return int64(len(f.bytes)), nil
}

func (h *handle) Truncate(size int64) error {
	f, done, err := h.use()
	if err != nil {
		return err
	}
	defer done()
	if _, err := f.disk.step(1); err != nil {
		return err
	}
	f.bytes = resize(f.bytes, size)
	f.unsynced = append(f.unsynced, change{at: size})
	return nil
}

func (h *handle) Sync() error {
	f, done, err := h.use()
	if err != nil {
		return err
	}
	defer done()
	if f.disk.failSync {
		f.disk.failSync = false
		return ErrSync
	}
	if _, err := f.disk.step(1); err != nil {
		return err
	}
	f.synced, f.unsynced = slices.Clone(f.bytes), nil
	return nil
}

func (h *handle) Close() error {
	_, done, err := h.use()
	if err != nil {
		return err
	}
	defer done()
	h.closed = true
	return nil
}
