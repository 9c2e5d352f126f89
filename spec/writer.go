package spec

import "fmt"

// bufferBytes is from which size on a byte string or a typed array is a buffer: it is not copied into the encoding but
// handed over where it lies ([Writer]), and a view of the value has it in place. Its length then takes 32 bits at least.
const bufferBytes = 64 * KiB

// Writer writes values as CBOR, one item behind another. The buffers of a value, its large byte strings and typed arrays,
// stay where the value has them: an item is then in pieces, CBOR and buffers in turns, which one after the other are the
// item. The zero Writer writes by the codec of [Marshal]. What a Writer has written is good until its next Reset, as long
// as the values do not change.
type Writer struct {
	codec *Codec
	buf   []byte // of all items, without buffers
	cuts  []cut
	begin int // of the item being written, in buf
	out   int // bytes of its buffers so far
	first int // of its cuts
	deep  int // levels of containers above
}

// cut is a buffer, and where in the Writer's bytes it belongs.
type cut struct {
	at   int
	data []byte
}

// NewWriter returns a Writer that leaves to c what no plan writes.
func NewWriter(c *Codec) *Writer { return &Writer{codec: c} }

// Form is an item that a [Writer] has written.
type Form struct {
	Size         int // in bytes, all pieces together
	begin, end   int
	first, after int // of its cuts
}

// Plain writes v if it is of one of the plain types ([AppendPlain]); otherwise ok is false.
func (w *Writer) Plain(v any) (f Form, ok bool) {
	begin := len(w.buf)
	w.buf, ok = AppendPlain(w.buf, v)
	return Form{Size: len(w.buf) - begin, begin: begin, end: len(w.buf), first: len(w.cuts), after: len(w.cuts)}, ok
}

// Value writes what a pointer of type *T points to. It is not checked for being nil. The methods of values may panic; the
// Writer is then to be Reset.
func (w *Writer) Value(p any) (Form, error) {
	if w.codec == nil {
		w.codec = plainCodec
	}
	t, at := pointed(p)
	w.begin, w.out, w.first, w.deep = len(w.buf), 0, len(w.cuts), 0
	err := planOf(t).write(w, at)
	if err != nil {
		w.buf, w.cuts = w.buf[:w.begin], w.cuts[:w.first]
	}
	return Form{len(w.buf) - w.begin + w.out, w.begin, len(w.buf), w.first, len(w.cuts)}, err
}

// Whole returns the bytes of an item that is in one piece; nil if it has several.
func (w *Writer) Whole(f Form) []byte {
	if f.first != f.after {
		return nil
	}
	return w.buf[f.begin:f.end:f.end]
}

// Pieces returns the pieces of an item, at most MaxPieces.
func (w *Writer) Pieces(f Form) (pieces [][]byte) {
	from := f.begin
	for _, c := range w.cuts[f.first:f.after] {
		pieces = append(pieces, w.buf[from:c.at], c.data) // before each buffer is its head
		from = c.at
	}
	if from < f.end {
		pieces = append(pieces, w.buf[from:f.end])
	}
	return pieces
}

// SizeOf returns how many bytes pieces have together.
func SizeOf(pieces [][]byte) (n int64) {
	for _, p := range pieces {
		n += int64(len(p))
	}
	return n
}

// Joined returns the bytes of an item in one piece, a copy if it has several.
func (w *Writer) Joined(f Form) []byte {
	if whole := w.Whole(f); whole != nil {
		return whole
	}
	b := MakeAligned(w.buf[f.begin:f.end], f.Size)[:0]
	for _, piece := range w.Pieces(f) {
		b = append(b, piece...)
	}
	return b
}

// Reset forgets all items. It keeps at most keep bytes of room.
func (w *Writer) Reset(keep int) {
	clear(w.cuts)
	w.cuts = w.cuts[:0]
	if w.buf = w.buf[:0]; cap(w.buf) > keep {
		w.buf = nil
	}
}

// buffer writes bytes behind their head: in place if they are a buffer.
func (w *Writer) buffer(data []byte) {
	if len(data) < bufferBytes || len(w.cuts)-w.first >= MaxPieces/2-1 {
		w.buf = append(w.buf, data...)
		return
	}
	w.cuts = append(w.cuts, cut{len(w.buf), data})
	w.out += len(data)
}

// position returns how far into its item the Writer is.
func (w *Writer) position() int { return len(w.buf) - w.begin + w.out }

// enter goes a level deeper, until deep is counted down.
func (w *Writer) enter() error {
	if w.deep++; w.deep > MaxNesting {
		return fmt.Errorf("more than %d levels (MaxNesting)", MaxNesting)
	}
	return nil
}
