package main

import (
	"cmp"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen is the one way to the command's stdout and stderr while a status line may be there. Everybody's writes go
// through it, so that the status line is gone when somebody writes and comes back only at the beginning of a line.
type screen struct {
	stdout, stderr *stream
	progress       bool // whether there is a status line
	width          func() int

	mu    sync.Mutex // orders writes, and so is held over them
	drawn string     // the status line on the terminal, "" for none
}

// stream is one of the two.
type stream struct {
	screen   *screen
	w        io.Writer
	terminal bool
	color    bool
	at       *cursor
}

// cursor is where the next byte goes. Streams that end at the same terminal share it.
type cursor struct{ midLine bool }

// Escape sequences of a terminal (ECMA-48).
const (
	eraseLine  = "\r\x1b[K"
	resetColor = "\x1b[0m"
)

// redraw is how often the status line may change.
const redraw = 100 * time.Millisecond

// newScreen looks at what stdout and stderr are. Without quiet there is a status line if stderr is a terminal.
func newScreen(stdout, stderr io.Writer, quiet bool) *screen {
	s := &screen{}
	shared := &cursor{}
	open := func(w io.Writer) *stream {
		f, isFile := w.(*os.File)
		if isFile && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
			return &stream{screen: s, w: w, terminal: true, color: os.Getenv("NO_COLOR") == "", at: shared}
		}
		return &stream{screen: s, w: w, at: &cursor{}}
	}
	s.stdout, s.stderr = open(stdout), open(stderr)
	s.progress = s.stderr.terminal && !quiet
	s.width = func() int {
		width := 0
		if f, ok := stderr.(*os.File); ok {
			width, _, _ = term.GetSize(int(f.Fd())) // 0 where the terminal does not say
		}
		return cmp.Or(width, 80)
	}
	return s
}

// Write passes b on unchanged.
func (t *stream) Write(b []byte) (int, error) {
	t.screen.mu.Lock()
	defer t.screen.mu.Unlock()
	return t.write(b)
}

// writeLine writes text as a line of its own, whatever was written before.
func (t *stream) writeLine(text string) error {
	t.screen.mu.Lock()
	defer t.screen.mu.Unlock()
	if t.at.midLine {
		text = "\n" + text
	}
	_, err := t.write([]byte(text + "\n"))
	return err
}

// write writes over the status line. The caller holds mu.
func (t *stream) write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if t.terminal {
		t.screen.erase()
	}
	n, err := t.w.Write(b)
	if n > 0 {
		t.at.midLine = b[n-1] != '\n'
	}
	return n, err
}

// status shows text as the status line, but not in the middle of somebody's line.
func (s *screen) status(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if runes := []rune(text); len(runes) >= s.width() {
		text = string(runes[:max(0, s.width()-1)]) // a full line would wrap
	}
	if !s.progress || s.stderr.at.midLine || text == s.drawn {
		return
	}
	if _, err := io.WriteString(s.stderr.w, eraseLine+text); err == nil {
		s.drawn = text
	}
}

// clear removes the status line.
func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
}

// erase removes the status line. The caller holds mu.
func (s *screen) erase() {
	if s.drawn != "" {
		_, _ = io.WriteString(s.stderr.w, eraseLine) // a terminal that is gone shows nothing anyway
		s.drawn = ""
	}
}

// follow shows what text returns, ten times a second, until stop is called. text is given the time since follow.
func (s *screen) follow(text func(elapsed time.Duration) string) (stop func()) {
	if !s.progress {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		start, tick := time.Now(), time.NewTicker(redraw)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				s.status(text(time.Since(start)))
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		s.clear()
	}
}

// doing follows something of which only its duration is known.
func (s *screen) doing(what string) (stop func()) {
	return s.follow(func(elapsed time.Duration) string { return what + " " + seconds(elapsed) })
}
