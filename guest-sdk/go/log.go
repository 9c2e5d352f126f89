package ray

import (
	"context"
	"log/slog"
	"strconv"
	"strings"

	"github.com/raywasm/raywasm/spec"
)

// Logger returns a logger whose records go to the job's log with their level and the task they came from. Outside
// raywasm they are dropped.
//
//	ray.Logger().Info("counted", "words", n)
func Logger() *slog.Logger { return logger }

var logger = slog.New(logHandler{})

// logHandler prints a record as its message and "key=value" pairs. The host knows the time, the task and the node.
type logHandler struct {
	attrs string // printed already, each with a space before it
	group string // "a.b."
}

func (logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (l logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(l.attrs)
	r.Attrs(func(a slog.Attr) bool {
		writeAttr(&b, l.group, a)
		return true
	})
	line := []byte(b.String())
	if len(line) > spec.MaxLogBytes {
		line = line[:spec.MaxLogBytes]
	}
	return check(hostLog(spec.LogLevel(r.Level), line), "log")
}

func (l logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(l.attrs)
	for _, a := range attrs {
		writeAttr(&b, l.group, a)
	}
	l.attrs = b.String()
	return l
}

func (l logHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		l.group += name + "."
	}
	return l
}

func writeAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			writeAttr(b, group, inner)
		}
		return
	}
	if a.Key == "" && v.Any() == nil {
		return
	}
	b.WriteByte(' ')
	b.WriteString(group + a.Key)
	b.WriteByte('=')
	text := v.String()
	if text == "" || strings.ContainsAny(text, " \"=\n\t\r") {
		text = strconv.Quote(text)
	}
	b.WriteString(text)
}
