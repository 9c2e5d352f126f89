package ray

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// failure is the error of a call whose function returned err: a TaskError around what the author's error says of
// itself. An error of this package inside err, such as a Get that failed, keeps its kind and its own causes.
func failure(op string, err error) error {
	return &spec.Error{Op: op, Kind: spec.TaskError, Err: cause(err)}
}

// cause is the part of err that crosses: a *spec.Error where err is or wraps one or a Kind, a *spec.Fault otherwise.
func cause(err error) error {
	var inner *spec.Error
	if errors.As(err, &inner) {
		if err == error(inner) {
			return inner
		}
		if before, ok := strings.CutSuffix(err.Error(), inner.Error()); ok {
			return &spec.Error{Op: strings.TrimRight(before, ": "), Kind: inner.Kind, Err: inner}
		}
		return &spec.Error{Op: err.Error(), Kind: inner.Kind, Err: inner.Err}
	}
	var kind spec.Kind
	if errors.As(err, &kind) {
		return &spec.Error{Kind: kind, Err: spec.NewFault(err)}
	}
	return spec.NewFault(err)
}

// panicked is the error of a call that panicked with p. It is called by the deferred function that recovered p.
func panicked(op string, p any) error {
	f := &spec.Fault{Type: "panic", Stack: stack()}
	switch p := p.(type) {
	case error:
		f.Message, f.Cause = p.Error(), spec.NewFault(p)
	case fmt.Stringer:
		f.Message = p.String()
	default:
		f.Message = fmt.Sprint(p)
	}
	return &spec.Error{Op: op, Kind: spec.TaskError, Err: f}
}

// stack prints the frames of the author's code that led to the panic being recovered, innermost first, as Go prints
// them: without those of the runtime, and without this package's own at either end.
func stack() string {
	var pcs [128]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	var b strings.Builder
	authors := 0 // length of b up to the last frame of the author's
	for more, panicking := true, false; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		ours := strings.HasPrefix(frame.Function, sdkPrefix) && !strings.HasSuffix(frame.File, "_test.go")
		switch {
		case frame.Function == "runtime.gopanic":
			panicking = true
			b.Reset() // what ran before this was deferred
			continue
		case !panicking, strings.HasPrefix(frame.Function, "runtime."), ours && b.Len() == 0:
			continue
		case ours && strings.HasSuffix(frame.Function, ").invoke"):
			return b.String()[:authors]
		}
		fmt.Fprintf(&b, "%s(...)\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		if !ours {
			authors = b.Len()
		}
	}
	return b.String()
}

const sdkPrefix = "github.com/raywasm/raywasm/guest-sdk/go."
