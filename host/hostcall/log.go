package hostcall

import (
	"context"
	"strings"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/spec"
)

// log writes a record to the job's log, with its level and the task it came from.
//
// Parameters:
//   - level: slog's numbers: -4 debug, 0 info, 4 warning, 8 error; those between are allowed
//   - ptr, size: the text, at most MaxLogBytes. What is not UTF-8 in it is replaced by U+FFFD
//
// Result: 0.
//
// Errors:
//   - LimitExceeded: the text is too long; or the call has logged MaxLoggedBytes, each record counting its text and
//     LogRecordBytes: more belongs on stderr
//   - PermissionDenied: the caller may not log
func (s *Session) log(_ context.Context, g *engine.Guest, p params) (int64, error) {
	if s.caller.Context == nil {
		return 0, denied("log")
	}
	size := p.u32(2)
	if size > spec.MaxLogBytes {
		return 0, spec.Errorf("", spec.LimitExceeded, "", "a record of %d bytes, at most %d (MaxLogBytes)", size, spec.MaxLogBytes)
	}
	if s.logged+int64(size)+LogRecordBytes > MaxLoggedBytes {
		return 0, spec.Errorf("", spec.LimitExceeded, "", "this call has logged %d bytes, at most %d (MaxLoggedBytes): write to stderr instead", s.logged, MaxLoggedBytes)
	}
	text, err := view(g, p.u32(1), size)
	if err != nil {
		return 0, err
	}
	s.logged += int64(size) + LogRecordBytes
	s.caller.Context.Log(spec.LogLevel(p.i32(0)), strings.ToValidUTF8(string(text), "\uFFFD"))
	return 0, nil
}
