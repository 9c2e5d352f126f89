package spec

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is the one error type of raywasm: what was attempted, which kind of failure it was, on which thing, and why.
// It keeps its kind across every boundary.
//
//	errors.Is(err, spec.ActorError)    // by kind or any ancestor of it
//	var e *spec.Error; errors.As(err, &e)
//	var f *spec.Fault; errors.As(err, &f)   // what the failing guest said: type, message, stack, stderr
type Error struct {
	Op   string // what was attempted, e.g. "call add"
	Kind Kind
	ID   string // which thing, e.g. "task 16310a0f…"; empty when Op says it all
	Err  error  // the cause; nil when Kind says it all
}

// Errorf returns an *Error whose cause is the formatted text. %w works as in fmt.Errorf.
func Errorf(op string, kind Kind, id string, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, ID: id, Err: fmt.Errorf(format, args...)}
}

// Error prints "op id: cause (Kind)", the kind once where cause is an *Error of the same.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.ID != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.ID)
	}
	if e.Err != nil {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if b.Len() == 0 {
		return e.Kind.Error()
	}
	if cause, ok := e.Err.(*Error); ok && cause.Kind == e.Kind {
		return b.String()
	}
	b.WriteString(" (")
	b.WriteString(e.Kind.Error())
	b.WriteByte(')')
	return b.String()
}

// Unwrap gives errors.Is and errors.As the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// KindOf returns the kind of the outermost *Error (or bare Kind) in err, [System] for any other error, 0 for nil.
func KindOf(err error) Kind {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return System
}

// Fault is what the side that failed knew about it: an application error of any language, or the remains of a crash.
type Fault struct {
	Type    string `cbor:"1,keyasint,omitempty"` // the error's type in the guest's language, e.g. "*fs.PathError"
	Message string `cbor:"2,keyasint,omitempty"`
	Stack   string `cbor:"3,keyasint,omitempty"` // the remote stack, innermost frame first, in the guest's own form
	Stderr  string `cbor:"4,keyasint,omitempty"` // the last bytes the sandbox wrote to stderr, at most StderrTail
	Cause   *Fault `cbor:"5,keyasint,omitempty"` // what the error wrapped
	Exit    *int32 `cbor:"6,keyasint,omitempty"` // exit status, when the guest ended itself
	// More is what the error wrapped beside Cause (errors.Join), and Data its CBOR, if its type is registered.
	More []*Fault `cbor:"7,keyasint,omitempty"`
	Data []byte   `cbor:"8,keyasint,omitempty"`
}

// Error prints the message; the stack and stderr are for those who look ([Fault.Detail]).
func (f *Fault) Error() string {
	if f.Message == "" {
		return f.Type
	}
	return f.Message
}

// Unwrap returns the causes.
func (f *Fault) Unwrap() []error {
	var causes []error
	if f.Cause != nil {
		causes = append(causes, f.Cause)
	}
	for _, c := range f.More {
		causes = append(causes, c)
	}
	return causes
}

// Detail prints the stack and the stderr tail, indented, for a person; empty when there is neither.
func (f *Fault) Detail() string {
	var b strings.Builder
	section := func(title, text string) {
		if text = strings.TrimRight(text, "\n"); text == "" {
			return
		}
		fmt.Fprintf(&b, "%s:\n", title)
		for line := range strings.Lines(text) {
			b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
		}
	}
	section("remote stack", f.Stack)
	section("last lines of its stderr", f.Stderr)
	return b.String()
}

// errorForm is how an error crosses a boundary.
type errorForm struct {
	Op    string     `cbor:"1,keyasint,omitempty"`
	Kind  string     `cbor:"2,keyasint"`
	ID    string     `cbor:"3,keyasint,omitempty"`
	Fault *Fault     `cbor:"4,keyasint,omitempty"`
	Cause *errorForm `cbor:"5,keyasint,omitempty"`
}

// MarshalError returns the CBOR form of err. A plain error becomes one of kind [System] with its text.
func MarshalError(err error) []byte {
	b, merr := Marshal(formOf(err, 0))
	if merr != nil { // only a text that is not UTF-8 could do this, and formOf replaces those
		b, _ = Marshal(&errorForm{Kind: System.Error()})
	}
	return b
}

func formOf(err error, depth int) *errorForm {
	f := &errorForm{Kind: System.Error()}
	e, ok := err.(*Error)
	if !ok {
		if k, ok := err.(Kind); ok {
			f.Kind = k.Error()
			return f
		}
		if fault := (*Fault)(nil); errors.As(err, &fault) {
			f.Fault = fault.bounded(0)
		} else {
			f.Fault = NewFault(err)
		}
		f.Kind = KindOf(err).Error()
		return f
	}
	f.Op, f.Kind, f.ID = clip(e.Op, MaxErrorText), e.Kind.Error(), clip(e.ID, MaxErrorText)
	switch cause := e.Err.(type) {
	case nil:
	case *Fault:
		f.Fault = cause.bounded(0)
	case *Error:
		if depth < MaxErrorDepth {
			f.Cause = formOf(cause, depth+1)
		}
	default:
		var inner *Error
		var fault *Fault
		switch {
		case errors.As(cause, &inner) && depth < MaxErrorDepth:
			f.Cause = formOf(inner, depth+1)
		case errors.As(cause, &fault):
			f.Fault = fault.bounded(0)
		default:
			f.Fault = NewFault(cause)
		}
	}
	return f
}

// UnmarshalError reads the CBOR form. Bytes that are not one give no error e and an err of kind [InvalidArgument].
func UnmarshalError(b []byte) (e *Error, err error) {
	var f errorForm
	if err := Unmarshal(b, &f); err != nil {
		return nil, err
	}
	return f.error(0), nil
}

func (f *errorForm) error(depth int) *Error {
	e := &Error{Op: clip(f.Op, MaxErrorText), ID: clip(f.ID, MaxErrorText)}
	_ = e.Kind.UnmarshalText([]byte(f.Kind)) // never fails
	switch {
	case f.Cause != nil && depth < MaxErrorDepth:
		e.Err = f.Cause.error(depth + 1)
	case f.Fault != nil:
		e.Err = f.Fault.bounded(0)
	}
	return e
}

// bounded returns f with every text and the tree of causes cut to the limits.
func (f *Fault) bounded(depth int) *Fault {
	left := MaxErrorCauses
	return f.cut(depth, &left)
}

func (f *Fault) cut(depth int, left *int) *Fault {
	if f == nil || depth > MaxErrorDepth || *left == 0 {
		return nil
	}
	*left--
	g := *f
	g.Type = clip(f.Type, MaxErrorText)
	g.Message = clip(f.Message, MaxErrorText)
	g.Stack = clip(f.Stack, MaxErrorText)
	g.Stderr = clipFront(f.Stderr, StderrTail)
	if len(f.Data) > MaxErrorText {
		g.Data = nil
	}
	g.Cause, g.More = f.Cause.cut(depth+1, left), nil
	for _, c := range f.More {
		if c = c.cut(depth+1, left); c != nil {
			g.More = append(g.More, c)
		}
	}
	return &g
}

// clip cuts s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s[:min(len(s), n)], "\uFFFD")
	if len(s) <= n { // what replaces a byte is longer than it
		return s
	}
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// clipFront cuts s to at most its last n bytes of valid UTF-8.
func clipFront(s string, n int) string {
	s = strings.ToValidUTF8(s[max(0, len(s)-n):], "\uFFFD")
	start := max(0, len(s)-n)
	for start < len(s) && !utf8.RuneStart(s[start]) {
		start++
	}
	return s[start:]
}
