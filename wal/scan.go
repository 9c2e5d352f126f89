package wal

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// numbers returns those of the segments in the directory, sorted.
func (l *Log) numbers() ([]uint64, error) {
	names, err := l.dir.Names()
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if n, ok := parseName(name); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// scan reads a segment at Open: checks that it goes on where the one before it ended, and tells replay its records. What
// a crash left at the end of the last one is cut off.
func (l *Log) scan(number uint64, first, last bool, replay func(Place, Record) error) error {
	f, err := l.dir.Open(fileName(number))
	if err != nil {
		return l.failure("open", err)
	}
	s := &segment{number: number, file: f}
	l.segments = append(l.segments, s)
	size, err := f.Size()
	if err != nil {
		return l.failure("open", err)
	}
	h, ok, err := readHead(f, size)
	switch {
	case err != nil:
		return l.failure("open", err)
	case !ok && last && size <= int64(segmentHead): // the head was not durable yet, so nothing was ever written here
		l.segments = l.segments[:len(l.segments)-1]
		return l.again(f, number, first)
	case !ok:
		return l.corrupted(number, 0, "there is no head of a segment")
	case h.version != version:
		return spec.Errorf("open log", spec.Unsupported, l.name(number), "it has version %d of the form, and this program knows version %d: use the program that wrote it, or remove the directory to begin without it", h.version, version)
	case h.purpose != l.purpose:
		return spec.Errorf("open log", spec.InvalidArgument, l.name(number), "it holds %q, not %q: name another directory", bytes.TrimRight(h.purpose[:], "\x00"), l.options.Purpose)
	case h.number != number || number > math.MaxUint32:
		return l.corrupted(number, 0, "its head is that of another segment")
	case !first && (h.first != l.next || number != l.segments[len(l.segments)-2].number+1):
		return l.corrupted(number, 0, "there is something missing before it: its first batch")
	}
	s.salt, l.next = h.salt, h.first
	w := &window{file: f, size: size}
	for s.size = int64(segmentHead); s.size < size; {
		end, err := l.batch(s, w, last, replay)
		var broken brokenBatch
		switch {
		case errors.As(err, &broken) && last:
			return l.cut(s, w)
		case errors.As(err, &broken):
			return l.corrupted(number, s.size, string(broken))
		case err != nil:
			return err
		}
		s.size = end
		l.next++
	}
	l.bytes.Add(s.size)
	if last && !l.options.Scratch {
		// Its process may have died before it could sync what is read here.
		if err := f.Sync(); err != nil {
			return l.failure("sync", err)
		}
	}
	return nil
}

func readHead(f File, size int64) (h head, ok bool, err error) {
	if size < int64(segmentHead) {
		return h, false, nil
	}
	b := make([]byte, segmentHead)
	if _, err := f.ReadAt(b, 0); err != nil {
		return h, false, err
	}
	h, ok = decodeHead(b)
	return h, ok, nil
}

// again begins a segment whose beginning was interrupted.
func (l *Log) again(f File, number uint64, first bool) error {
	if err := errors.Join(f.Close(), l.dir.Remove(fileName(number))); err != nil {
		return l.failure("open", err)
	}
	if first && number != 1 {
		return l.corrupted(number, 0, "there is something missing before it, as it was never begun")
	}
	return l.roll(number)
}

// brokenBatch is the error of a batch that is not what was written.
type brokenBatch string

func (e brokenBatch) Error() string { return string(e) }

// batch reads the batch at the segment's size, and returns where it ends. In the last segment all of it is checked before
// any of it is replayed.
func (l *Log) batch(s *segment, w *window, last bool, replay func(Place, Record) error) (end int64, err error) {
	at := s.size
	b, ok, err := w.batch(at, s.salt)
	switch {
	case err != nil:
		return 0, l.failure("read", err)
	case !ok:
		return 0, brokenBatch("there is no head of a batch")
	case b.number != l.next:
		return 0, brokenBatch("a batch has the wrong number")
	}
	at += int64(batchHead)
	if b.length > uint64(w.size-at) || uint64(b.records)*uint64(recordHead) > b.length {
		return 0, brokenBatch("a batch is longer than its file")
	}
	end = at + int64(b.length)
	if last {
		if err := l.records(s, w, b, at, end, true, nil); err != nil {
			return 0, err
		}
	}
	l.marked = b.records == 0
	return end, l.records(s, w, b, at, end, l.options.Bodies && !last, replay)
}

// records walks a batch's records. verify checks their bodies.
func (l *Log) records(s *segment, w *window, b batch, at, end int64, verify bool, replay func(Place, Record) error) error {
	for range b.records {
		if end-at < int64(recordHead) {
			return brokenBatch("a batch is too short for its records")
		}
		p, err := w.bytes(at, int64(recordHead))
		if err != nil {
			return l.failure("read", err)
		}
		var head [recordHead]byte
		copy(head[:], p)
		meta, body := lengths(head[:])
		if size := int64(recordHead) + meta + body; meta > MaxMetaBytes || size > MaxRecordBytes || size > end-at {
			return brokenBatch("a record is longer than its batch")
		}
		read := meta
		if verify || l.options.Bodies {
			read += body
		}
		if p, err = w.bytes(at+int64(recordHead), read); err != nil {
			return l.failure("read", err)
		}
		r := Record{Meta: p[:meta:meta], Body: p[meta:]}
		if !goodMeta(head[:], r.Meta) || verify && !goodBody(head[:], r.Body) {
			return brokenBatch("a record's checksum is wrong")
		}
		size := int64(recordHead) + meta + body
		if replay != nil {
			if !l.options.Bodies {
				r.Body = nil
			}
			if err := replay(Place{uint32(s.number), uint32(at), uint32(size)}, r); err != nil {
				return err
			}
		}
		at += size
	}
	if at != end {
		return brokenBatch("a batch is longer than its records")
	}
	return nil
}

// Walk tells visit the records of a segment that is not the last, in their order, without their bodies unless they are
// read at Open. The caller is the one that appends. Errors: spec.NotFound; spec.Corrupted; what visit returned.
func (l *Log) Walk(number uint32, visit func(Place, Record) error) error {
	s := l.segment(uint64(number))
	if s == nil || s == l.active() {
		return &spec.Error{Op: "read log", Kind: spec.NotFound, ID: l.name(uint64(number))}
	}
	w := &window{file: s.file, size: s.size}
	for at := int64(segmentHead); at < s.size; {
		b, ok, err := w.batch(at, s.salt)
		if err != nil {
			return l.failure("read", err)
		}
		begin := at + int64(batchHead)
		if !ok || b.length > uint64(s.size-begin) {
			return l.corrupted(s.number, at, "a batch is broken")
		}
		at = begin + int64(b.length)
		var broken brokenBatch
		if err := l.records(s, w, b, begin, at, l.options.Bodies, visit); errors.As(err, &broken) {
			return l.corrupted(s.number, begin, string(broken))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// cut takes off the broken batch at the segment's size, with which the log ends. If a batch follows it, it was durable
// and has been damaged since.
func (l *Log) cut(s *segment, w *window) error {
	salt := le.AppendUint64(nil, s.salt)
	for at := s.size + 1; at+int64(batchHead) <= w.size; {
		p, err := w.bytes(at, min(windowBytes, w.size-at))
		if err != nil {
			return l.failure("read", err)
		}
		i := bytes.Index(p, salt)
		if i < 0 {
			at += int64(len(p)) - int64(len(salt)) + 1
			continue
		}
		at += int64(i)
		if at+int64(batchHead) > w.size {
			break
		}
		b, ok, err := w.batch(at, s.salt)
		if err != nil {
			return l.failure("read", err)
		}
		if ok && b.number > l.next {
			return l.corrupted(s.number, s.size, "a batch that others follow is broken")
		}
		at++
	}
	l.bytes.Add(s.size)
	if err := errors.Join(s.file.Truncate(s.size), s.file.Sync()); err != nil {
		return l.failure("cut the end of", err)
	}
	return nil
}

// windowBytes is how much of a segment is read at once.
const windowBytes = spec.MiB

// window reads a file in pieces larger than what is asked for.
type window struct {
	file File
	size int64
	at   int64 // of buf in the file
	buf  []byte
}

// bytes returns n bytes at offset at, which the file has. They are good until the next call.
func (w *window) bytes(at, n int64) ([]byte, error) {
	if at < w.at || at+n > w.at+int64(len(w.buf)) {
		want := min(max(n, windowBytes), w.size-at)
		if int64(cap(w.buf)) < want {
			w.buf = make([]byte, want)
		}
		w.at, w.buf = at, w.buf[:want]
		if m, err := w.file.ReadAt(w.buf, at); err != nil && !(err == io.EOF && m == len(w.buf)) {
			w.buf = w.buf[:0]
			return nil, err
		}
	}
	from := at - w.at
	return w.buf[from : from+n : from+n], nil
}

// batch reads the head of a batch, if there is one.
func (w *window) batch(at int64, salt uint64) (b batch, ok bool, err error) {
	if w.size-at < int64(batchHead) {
		return b, false, nil
	}
	p, err := w.bytes(at, int64(batchHead))
	if err != nil {
		return b, false, err
	}
	b, ok = decodeBatch(p, salt)
	return b, ok, nil
}
