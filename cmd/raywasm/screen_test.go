package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// testScreen is a screen whose streams end at one terminal, which records what it is sent.
func testScreen(terminal *bytes.Buffer, color bool) *screen {
	s := &screen{progress: true, width: func() int { return 40 }}
	at := &cursor{}
	s.stdout = &stream{screen: s, w: terminal, terminal: true, color: color, at: at}
	s.stderr = &stream{screen: s, w: terminal, terminal: true, color: color, at: at}
	return s
}

// line is a line of a task whose id begins with ab12.
func line(text string, stderr bool) host.OutputLine {
	return host.OutputLine{Task: spec.TaskID{0xab, 0x12}, Name: "square", Text: text, Stderr: stderr}
}

func write(t *testing.T, to *stream, text string) {
	t.Helper()
	if n, err := to.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(text), err)
	}
}

// TestStatusLineGivesWay: it is erased before anybody writes, drawn only at the beginning of a line, and not drawn
// again while it says the same.
func TestStatusLineGivesWay(t *testing.T) {
	var got bytes.Buffer
	s := testScreen(&got, false)
	s.status("1 running")
	s.status("1 running")
	write(t, s.stdout, "result\n")
	s.status("2 running")
	s.taskLine(line("hello", true))
	s.status("3 running")
	write(t, s.stderr, "half a ")
	s.status("4 running")
	write(t, s.stdout, "line\n")
	s.status("5 running")
	s.clear()
	s.clear()
	const erase = "\r\x1b[K"
	want := erase + "1 running" +
		erase + "result\n" +
		erase + "2 running" +
		erase + "(square task=ab12) hello\n" +
		erase + "3 running" +
		erase + "half a line\n" +
		erase + "5 running" +
		erase
	if got.String() != want {
		t.Errorf("got  %q\nwant %q", got.String(), want)
	}
}

// TestTaskLinesAreWhole: a task's line begins on a line of its own even where the driver has not ended its own.
func TestTaskLinesAreWhole(t *testing.T) {
	var stdout, stderr bytes.Buffer
	s := newScreen(&stdout, &stderr, false)
	write(t, s.stdout, "waiting...")
	s.taskLine(line("on stderr", true))
	s.taskLine(line("on stdout", false))
	s.taskLine(line("", false))
	if want := "waiting...\n(square task=ab12) on stdout\n(square task=ab12) \n"; stdout.String() != want {
		t.Errorf("stdout %q, want %q", stdout.String(), want)
	}
	if want := "(square task=ab12) on stderr\n"; stderr.String() != want {
		t.Errorf("stderr %q, want %q", stderr.String(), want)
	}
}

// TestNoStatusLineElsewhere: where stderr is no terminal nothing is drawn, and nothing is coloured.
func TestNoStatusLineElsewhere(t *testing.T) {
	var stdout, stderr bytes.Buffer
	s := newScreen(&stdout, &stderr, false)
	s.status("1 running")
	stop := s.doing("building")
	stop()
	s.taskLine(line("hello", true))
	if got, want := stderr.String(), "(square task=ab12) hello\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

func TestTaskLinesAreColoured(t *testing.T) {
	var got bytes.Buffer
	s := testScreen(&got, true)
	s.taskLine(line("hello", false))
	if want := "\x1b[32m(square task=ab12)\x1b[0m hello\n"; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// TestStatusLineFitsTheTerminal: a longer one would wrap and could not be erased.
func TestStatusLineFitsTheTerminal(t *testing.T) {
	var got bytes.Buffer
	s := testScreen(&got, false)
	s.status(strings.Repeat("ä", 100))
	if want := eraseLine + strings.Repeat("ä", 39); got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

// TestStatusLineIsNotRestless: at most ten a second, however fast things change, and none after stop.
func TestStatusLineIsNotRestless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got bytes.Buffer
		s := testScreen(&got, false)
		n := 0
		stop := s.follow(func(elapsed time.Duration) string {
			n++
			return fmt.Sprint(n, " ", elapsed)
		})
		second, cancel := context.WithTimeout(t.Context(), time.Second+redraw/2)
		defer cancel()
		<-second.Done()
		stop()
		if draws := strings.Count(got.String(), eraseLine) - 1; draws != 10 { // one more erases the last
			t.Errorf("drawn %d times in a second: %q", draws, got.String())
		}
		if !strings.HasSuffix(got.String(), "10 1s"+eraseLine) {
			t.Errorf("not erased: %q", got.String())
		}
	})
}
