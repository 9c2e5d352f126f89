package host

import (
	"bytes"

	"github.com/raywasm/raywasm/spec"
)

// OutputLine is a line that a task or an actor wrote.
type OutputLine struct {
	Task   spec.TaskID
	Name   string // the task's name
	Stderr bool
	Text   string // without its newline; at most spec.MaxOutputLine bytes
}

// lineWriter cuts what one sandbox writes to one of its streams into lines.
type lineWriter struct {
	emit func(OutputLine)
	line OutputLine // what every line of it has in common
	part []byte     // an unfinished line
}

// Write never fails: output is data of the guest's, and what cannot be delivered is not the guest's concern.
func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		room := spec.MaxOutputLine - len(w.part)
		switch {
		case i >= 0 && i <= room:
			w.part = append(w.part, b[:i]...)
			b = b[i+1:]
			w.flush()
		case len(b) > room || i > room:
			w.part = append(w.part, b[:room]...)
			b = b[room:]
			w.flush()
		default:
			w.part = append(w.part, b...)
			b = nil
		}
	}
	return n, nil
}

func (w *lineWriter) flush() {
	line := w.line
	line.Text = string(w.part)
	w.part = w.part[:0]
	w.emit(line)
}

// close delivers an unfinished last line.
func (w *lineWriter) close() {
	if len(w.part) > 0 {
		w.flush()
	}
}
