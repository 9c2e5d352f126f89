package spill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
)

// Object is one to be written.
type Object struct {
	ID    spec.ObjectID
	Bytes []byte // not empty
}

// Disk keeps objects in the files of its targets. It is safe for concurrent use.
type Disk struct {
	log     *zap.Logger
	targets []Target
	kick    chan struct{}
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu   sync.Mutex
	book *book
	last int // number of the last file
}

// DefaultSlack is how many bytes of files that nobody wants are not worth to be compacted, in bytes.
const DefaultSlack = 64 * spec.MiB

// NewDisk returns an empty disk on targets, at least one, which are used in turn and are its own from now on. Files may
// have slack bytes that nobody wants before any is compacted.
func NewDisk(log *zap.Logger, slack int64, targets ...Target) *Disk {
	ctx, stop := context.WithCancel(context.Background())
	d := &Disk{log: log, targets: targets, kick: make(chan struct{}, 1), stop: stop, book: newBook(slack)}
	d.work.Go(func() { d.collect(ctx) })
	return d
}

// Close ends the collector and removes every file.
func (d *Disk) Close() error {
	d.stop()
	d.work.Wait()
	var err error
	for _, t := range d.targets {
		err = errors.Join(err, t.Close())
	}
	return err
}

// Bytes returns what the files take.
func (d *Disk) Bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.bytes
}

// Spill writes the objects to one file, all or none. The bytes must not change meanwhile. Errors: spec.OutOfDisk when
// every target is too full; spec.System.
func (d *Disk) Spill(ctx context.Context, objects []Object) error {
	ids, sizes := make([]spec.ObjectID, 0, len(objects)), make([]int64, 0, len(objects))
	for _, o := range objects {
		ids, sizes = append(ids, o.ID), append(sizes, int64(overhead+len(o.Bytes)))
	}
	f, err := d.write(ctx, sizes, func() io.ReadCloser { return io.NopCloser(&records{ctx: ctx, objects: objects}) })
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.book.add(f, ids, sizes, func(spec.ObjectID) bool { return true })
	return nil
}

// write makes a file of records of those sizes, which are read of what open returns, on the target whose turn it is, or on
// the next that takes it.
func (d *Disk) write(ctx context.Context, sizes []int64, open func() io.ReadCloser) (*file, error) {
	size := int64(0)
	for _, n := range sizes {
		size += n
	}
	d.mu.Lock()
	d.last++
	n := d.last
	d.mu.Unlock()
	var failed error
	for i := range d.targets {
		f := &file{target: d.targets[(n+i)%len(d.targets)], name: fmt.Sprintf("%08d", n)}
		r := open()
		err := f.target.Write(ctx, f.name, r, size)
		_ = r.Close() // what was read of it is not changed by this
		if err == nil {
			return f, nil
		}
		failed = errors.Join(failed, err)
	}
	kind := spec.System
	if errors.Is(failed, spec.OutOfDisk) {
		kind = spec.OutOfDisk
	}
	return nil, &spec.Error{Op: "spill", Kind: kind, Err: failed}
}

// Restore reads the object's bytes into to, which is as long as it. Errors: spec.ObjectLost when its record is not there,
// cut short or altered; spec.System when it cannot be read now.
func (d *Disk) Restore(ctx context.Context, id spec.ObjectID, to []byte) error {
	const op = "restore"
	label := "object " + id.String()
	for {
		d.mu.Lock()
		p, ok := d.book.places[id]
		d.mu.Unlock()
		if !ok {
			return spec.Errorf(op, spec.ObjectLost, label, "it is not on disk")
		}
		wrong, err := p.read(ctx, id, to)
		d.mu.Lock()
		moved := d.book.places[id] != p
		d.mu.Unlock()
		switch {
		case moved: // its file was compacted meanwhile
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return spec.Errorf(op, spec.ObjectLost, label, "file %s is cut short", p.file.name)
		case errors.Is(err, ErrGone):
			return spec.Errorf(op, spec.ObjectLost, label, "file %s: %w", p.file.name, err)
		case err != nil:
			return &spec.Error{Op: op, Kind: spec.System, ID: label, Err: err}
		case wrong != "":
			return spec.Errorf(op, spec.ObjectLost, label, "file %s at %d: %s", p.file.name, p.off, wrong)
		}
		return nil
	}
}

// read reads the record of an object that lies there.
func (p place) read(ctx context.Context, id spec.ObjectID, to []byte) (wrong string, err error) {
	r, err := p.file.target.Open(ctx, p.file.name, p.off, p.size)
	if err != nil {
		return "", err
	}
	wrong, err = readRecord(r, id, to)
	_ = r.Close() // nothing was written
	return wrong, err
}

// Forget gives the object's place up. Its file is removed, or compacted, soon.
func (d *Disk) Forget(id spec.ObjectID) {
	d.mu.Lock()
	d.book.forget(id)
	due := len(d.book.due) > 0
	d.mu.Unlock()
	if due {
		select {
		case d.kick <- struct{}{}:
		default: // it is awake
		}
	}
}

// collect removes and compacts files whenever there are any to be.
func (d *Disk) collect(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.kick:
		}
		for ctx.Err() == nil {
			d.mu.Lock()
			f, ids, places := d.book.next()
			d.mu.Unlock()
			if f == nil {
				break
			}
			if err := d.compact(ctx, f, ids, places); err != nil {
				if ctx.Err() == nil {
					d.log.Warn("spill file not collected", zap.String("file", f.name), zap.Error(err))
				}
				d.mu.Lock()
				d.book.due = append(d.book.due, f) // it is tried again when the next object is forgotten
				d.mu.Unlock()
				break
			}
		}
	}
}

// compact moves what is wanted of a file to a new one, record by record as it is, and removes the file.
func (d *Disk) compact(ctx context.Context, f *file, ids []spec.ObjectID, places []place) error {
	if len(ids) > 0 {
		var sizes []int64
		for _, p := range places {
			sizes = append(sizes, p.size)
		}
		moved, err := d.write(ctx, sizes, func() io.ReadCloser { return &moving{ctx: ctx, places: places} })
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.book.add(moved, ids, sizes, func(id spec.ObjectID) bool {
			p, ok := d.book.places[id]
			return ok && p.file == f
		})
		d.mu.Unlock()
	}
	if err := f.target.Remove(ctx, f.name); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.book.removed(f)
	return nil
}

// moving reads as the records that lie at places, one after another as they are, until ctx ends. It is closed at the end.
type moving struct {
	ctx    context.Context
	places []place
	from   io.ReadCloser // the first of them; nil: it is not opened
	left   int64         // of it
}

// Read implements io.Reader.
func (m *moving) Read(b []byte) (int, error) {
	switch {
	case m.ctx.Err() != nil:
		return 0, context.Cause(m.ctx)
	case len(m.places) == 0:
		return 0, io.EOF
	case m.from == nil:
		p := m.places[0]
		from, err := p.file.target.Open(m.ctx, p.file.name, p.off, p.size)
		if err != nil {
			return 0, err
		}
		m.from, m.left = from, p.size
	}
	n, err := m.from.Read(b[:min(int64(len(b)), m.left)])
	if m.left -= int64(n); m.left == 0 {
		m.places = m.places[1:]
		return n, m.Close()
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close closes what is open.
func (m *moving) Close() error {
	if m.from == nil {
		return nil
	}
	err := m.from.Close()
	m.from = nil
	return err
}
