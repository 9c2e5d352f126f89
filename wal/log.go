package wal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/raywasm/raywasm/spec"
)

const (
	// MaxRecordBytes bounds a record: the largest value that a guest can hold, and something around it.
	MaxRecordBytes = spec.MaxValueBytes + spec.MiB
	// MaxMetaBytes bounds the part of it that is read at Open.
	MaxMetaBytes = 64 * spec.KiB
	// MaxBatchBytes bounds a batch of several records; a larger one would only make the first of them wait.
	MaxBatchBytes = 64 * spec.MiB
	// DefaultSegmentBytes is the size from which on a segment is full: small enough that little is copied to drop one, and
	// large enough that a log of 20 GB has no more files than a process may open.
	DefaultSegmentBytes = 128 * spec.MiB
	// maxSegmentBytes keeps offsets within 32 bits: a segment is exceeded by one batch at most.
	maxSegmentBytes = spec.GiB
	// gather is the size of a body from which on it is written by itself, instead of being copied beside the others.
	gather = 256 * spec.KiB
	// piece is about how much of a batch is written at once, so that what gathers it need not be as large as the batch.
	piece = spec.MiB
)

// Options are how a log is opened.
type Options struct {
	// Purpose says what the log holds, in at most 16 bytes; a log of another purpose is not opened.
	Purpose string
	// SegmentBytes is the size from which on a segment is full. Default: DefaultSegmentBytes. At most 1 GiB.
	SegmentBytes int64
	// Bodies has bodies checked and read at Open; without it only those of the last segment are checked, and none is given
	// to replay.
	Bodies bool
	// Scratch is for a log that need not outlive its process: what is in the directory is removed at Open and at Close, and
	// nothing is synced.
	Scratch bool
}

// Place says where a record is.
type Place struct {
	Segment, Offset, Length uint32
}

// Log is an open log. Append, DropBefore and Close have one caller at a time; everything else is safe beside them.
type Log struct {
	dir     Dir
	options Options
	purpose [purposeSize]byte

	next   uint64 // number of the next batch; this and what follows are the appender's
	marked bool   // the log ends with an empty batch, or is empty
	broken error  // why nothing can be appended any more
	buf    []byte

	bytes atomic.Int64

	mu       sync.RWMutex
	segments []*segment // by number, without a gap; the last is the one that grows
}

// segment is one file of the log.
type segment struct {
	number uint64
	salt   uint64
	file   File
	size   int64 // of what is durable; the appender's
}

// Open opens the log in dir, which becomes the log's own, and tells replay each record in the order in which they were
// appended. The record's bytes are replay's for the time of the call. Errors: spec.Corrupted; spec.Unsupported for the
// form of another version; spec.InvalidArgument for a log of another purpose; spec.OutOfDisk; what replay returned.
func Open(dir Dir, o Options, replay func(Place, Record) error) (*Log, error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if len(o.Purpose) > purposeSize || o.SegmentBytes < 0 || o.SegmentBytes > maxSegmentBytes {
		return nil, errors.Join(dir.Close(), spec.Errorf("open log", spec.InvalidArgument, o.Purpose, "the purpose has more than %d bytes, or a segment is not between 0 and %s", purposeSize, spec.FormatBytes(maxSegmentBytes)))
	}
	l := &Log{dir: dir, options: o, next: 1, marked: true}
	copy(l.purpose[:], o.Purpose)
	if err := l.open(replay); err != nil {
		l.closeFiles()
		return nil, errors.Join(err, dir.Close())
	}
	return l, nil
}

func (l *Log) open(replay func(Place, Record) error) error {
	numbers, err := l.numbers()
	if err != nil {
		return l.failure("list", err)
	}
	if l.options.Scratch {
		for _, n := range numbers {
			if err := l.dir.Remove(fileName(n)); err != nil {
				return l.failure("remove", err)
			}
		}
		numbers = nil
	}
	for i, n := range numbers {
		if err := l.scan(n, i == 0, i == len(numbers)-1, replay); err != nil {
			return err
		}
	}
	if len(l.segments) == 0 {
		return l.roll(1)
	}
	return nil
}

// Append writes the records as one batch and returns the place of each, appended to places, when they are durable. After
// an error none is there. Errors: spec.OutOfDisk; spec.LimitExceeded for what is too large; spec.System, after which
// the log has to be opened again.
func (l *Log) Append(records []Record, places []Place) ([]Place, error) {
	if l.broken != nil {
		return places, l.broken
	}
	b := batch{number: l.next, records: uint32(len(records))}
	for _, r := range records {
		if len(r.Meta) > MaxMetaBytes || r.size() > MaxRecordBytes {
			return places, spec.Errorf("append to log", spec.LimitExceeded, fmt.Sprint(l.dir), "a record of %s: at most %s, and %s of meta", spec.FormatBytes(r.size()), spec.FormatBytes(MaxRecordBytes), spec.FormatBytes(MaxMetaBytes))
		}
		b.length += uint64(r.size())
	}
	if len(records) > 1 && b.length > MaxBatchBytes {
		return places, spec.Errorf("append to log", spec.LimitExceeded, fmt.Sprint(l.dir), "a batch of %s: at most %s", spec.FormatBytes(int64(b.length)), spec.FormatBytes(MaxBatchBytes))
	}
	s := l.active()
	if s.size >= l.options.SegmentBytes {
		if err := l.roll(s.number + 1); err != nil {
			return places, err
		}
		s = l.active()
	}
	if err := l.write(s, b, records); err != nil {
		return places, err
	}
	l.marked = false
	at := s.size - int64(b.length)
	for _, r := range records {
		places = append(places, Place{uint32(s.number), uint32(at), uint32(r.size())})
		at += r.size()
	}
	return places, nil
}

// write makes a batch durable. A write that failed is undone, so that there can be another; what a failed sync left
// behind nobody can know, so that there cannot.
func (l *Log) write(s *segment, b batch, records []Record) error {
	at := s.size
	l.buf = b.encode(l.buf[:0], s.salt)
	flush := func(p []byte) error {
		n, err := s.file.WriteAt(p, at)
		at += int64(n)
		return err
	}
	var err error
	for _, r := range records {
		l.buf = r.encodeHead(l.buf)
		large := len(r.Body) >= gather
		if !large {
			l.buf = append(l.buf, r.Body...)
		}
		if large || len(l.buf) >= piece {
			err = flush(l.buf)
			l.buf = l.buf[:0]
		}
		if err == nil && large {
			err = flush(r.Body)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = flush(l.buf)
	}
	if err != nil {
		if terr := s.file.Truncate(s.size); terr != nil {
			l.broken = l.failure("append to", errors.Join(err, terr))
		}
		return l.failure("append to", err)
	}
	if !l.options.Scratch {
		if err := s.file.Sync(); err != nil {
			l.broken = l.failure("sync", err)
			return l.broken
		}
	}
	l.bytes.Add(at - s.size)
	s.size = at
	l.next++
	return nil
}

// roll begins the segment of that number. Its head is durable before anything is written to it.
func (l *Log) roll(number uint64) error {
	if number > math.MaxUint32 {
		return spec.Errorf("append to log", spec.LimitExceeded, fmt.Sprint(l.dir), "it has had %d segments", number-1)
	}
	h := head{version: version, purpose: l.purpose, number: number, first: l.next, salt: newSalt()}
	f, err := l.dir.Open(fileName(number))
	if err != nil {
		return l.failure("begin a segment of", err)
	}
	_, err = f.WriteAt(h.encode(), 0)
	if err == nil && !l.options.Scratch {
		err = errors.Join(f.Sync(), l.dir.Sync())
	}
	if err != nil {
		return l.failure("begin a segment of", errors.Join(err, f.Close(), l.dir.Remove(fileName(number))))
	}
	l.bytes.Add(int64(segmentHead))
	l.mu.Lock()
	l.segments = append(l.segments, &segment{number: number, salt: h.salt, file: f, size: int64(segmentHead)})
	l.mu.Unlock()
	return nil
}

func newSalt() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return binary.LittleEndian.Uint64(b[:])
}

// Read returns the record at a place, in bytes of its own. Errors: spec.NotFound if its segment was dropped or the log was
// closed; spec.Corrupted.
func (l *Log) Read(p Place) (Record, error) {
	s := l.segment(uint64(p.Segment))
	if s == nil {
		return Record{}, &spec.Error{Op: "read log", Kind: spec.NotFound, ID: l.name(uint64(p.Segment))}
	}
	if p.Length < uint32(recordHead) {
		return Record{}, l.corrupted(s.number, int64(p.Offset), "it is no place of a record")
	}
	b := make([]byte, p.Length)
	if _, err := s.file.ReadAt(b, int64(p.Offset)); err != nil {
		switch {
		case errors.Is(err, fs.ErrClosed): // dropped meanwhile
			return Record{}, &spec.Error{Op: "read log", Kind: spec.NotFound, ID: l.name(s.number)}
		case errors.Is(err, io.EOF):
			return Record{}, l.corrupted(s.number, int64(p.Offset), "the file ends in a record")
		}
		return Record{}, l.failure("read", err)
	}
	meta, body := lengths(b)
	if int64(recordHead)+meta+body != int64(len(b)) {
		return Record{}, l.corrupted(s.number, int64(p.Offset), "a record's length is wrong")
	}
	r := Record{Meta: b[recordHead : int64(recordHead)+meta : int64(recordHead)+meta], Body: b[int64(recordHead)+meta:]}
	if !goodMeta(b, r.Meta) || !goodBody(b, r.Body) {
		return Record{}, l.corrupted(s.number, int64(p.Offset), "a record's checksum is wrong")
	}
	return r, nil
}

// segment returns the segment of that number, nil if there is none.
func (l *Log) segment(number uint64) *segment {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if i := number - l.segments[0].number; i < uint64(len(l.segments)) {
		return l.segments[i]
	}
	return nil
}

// DropBefore drops the segments with lower numbers, but never the last.
func (l *Log) DropBefore(number uint32) error {
	for {
		l.mu.Lock()
		if len(l.segments) < 2 || l.segments[0].number >= uint64(number) {
			l.mu.Unlock()
			return nil
		}
		s := l.segments[0]
		l.segments = l.segments[1:]
		l.mu.Unlock()
		l.bytes.Add(-s.size)
		// Each removal is durable before the next, so that what a crash leaves has no gap.
		err := errors.Join(s.file.Close(), l.dir.Remove(fileName(s.number)))
		if err == nil && !l.options.Scratch {
			err = l.dir.Sync()
		}
		if err != nil {
			l.broken = l.failure("drop a segment of", err)
			return l.broken
		}
	}
}

// Bytes returns the size of the log in bytes.
func (l *Log) Bytes() int64 { return l.bytes.Load() }

// Span returns the numbers of the first and the last segment.
func (l *Log) Span() (first, last uint32) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return uint32(l.segments[0].number), uint32(l.active().number)
}

// Close marks the end of the log and closes the directory.
func (l *Log) Close() error {
	var err error
	if l.broken == nil && !l.marked && !l.options.Scratch {
		err = l.write(l.active(), batch{number: l.next}, nil)
	}
	l.closeFiles()
	if l.options.Scratch {
		for _, s := range l.segments {
			err = errors.Join(err, l.dir.Remove(fileName(s.number)))
		}
	}
	return errors.Join(err, l.dir.Close())
}

func (l *Log) closeFiles() {
	for _, s := range l.segments {
		_ = s.file.Close() // what had to be durable was synced
	}
}

func (l *Log) active() *segment { return l.segments[len(l.segments)-1] }

// name is how errors call a segment.
func (l *Log) name(number uint64) string { return fmt.Sprint(l.dir) + "/" + fileName(number) }

func (l *Log) corrupted(number uint64, offset int64, what string) error {
	return spec.Errorf("read log", spec.Corrupted, l.name(number), "%s at offset %d: the file was damaged after it had been written; restore it from a copy, or remove the directory to begin without it", what, offset)
}

func (l *Log) failure(what string, err error) error {
	return &spec.Error{Op: what + " log", Kind: kindOfDisk(err), ID: fmt.Sprint(l.dir), Err: err}
}

// fileName is that of a segment.
func fileName(number uint64) string { return fmt.Sprintf("%016x%s", number, extension) }

const extension = ".wal"

// parseName is the inverse of fileName.
func parseName(name string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, extension)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && fileName(number) == name
}
