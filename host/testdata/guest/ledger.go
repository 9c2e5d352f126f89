package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	ledgers = ray.Actor1(NewLedger, ray.MaxRestarts(-1), ray.ExactlyOnce())
	book    = ray.Method1((*Ledger).Book)
	tell    = ray.Method1((*Ledger).Tell)
	history = ray.Method0((*Ledger).History)

	bookAndCrashRemote = ray.Remote2(bookAndCrash)
)

// Ledger is an actor whose calls take effect exactly once. Every way in which a call could turn out otherwise when it runs
// again is in its lines.
type Ledger struct {
	told  ray.Handle[*Counter]
	kept  []ray.Ref[int]
	lines []string
}

// NewLedger makes one that tells a counter of each line.
func NewLedger(told ray.Handle[*Counter]) (*Ledger, error) { return &Ledger{told: told}, nil }

// Book writes a line: of the clock, of randomness, of an object, of a task and of another actor's state.
func (l *Ledger) Book(what string) (string, error) {
	var b [8]byte
	rand.Read(b[:])
	before := time.Now()
	time.Sleep(time.Millisecond)
	ref, err := ray.Put(len(l.lines))
	if err != nil {
		return "", err
	}
	l.kept = append(l.kept, ref)
	sum, err := addRemote.Remote(len(l.lines), 1).Get()
	if err != nil {
		return "", err
	}
	seen, err := inc.Remote(l.told, 1).Get()
	if err != nil {
		return "", err
	}
	scattered := map[int]bool{1: true, 2: true, 3: true, 4: true}
	first := 0
	for first = range scattered {
		break
	}
	line := fmt.Sprint(what, " ", hex.EncodeToString(b[:]), " ", before.UnixNano(), " ", time.Since(before), " ", sum, " ", seen, " ", first)
	l.lines = append(l.lines, line)
	return line, nil
}

// Tell tells the counter and does not wait for it.
func (l *Ledger) Tell(n int) (int, error) {
	for range n {
		inc.Remote(l.told, 1).Release()
	}
	return n, nil
}

// History returns all lines, and checks that the objects it kept are there.
func (l *Ledger) History() ([]string, error) {
	for i, ref := range l.kept {
		if n, err := ref.Get(); err != nil || n != i {
			return nil, fmt.Errorf("object %d is %d, %w", i, n, err)
		}
	}
	return l.lines, nil
}

// bookAndCrash books n lines, and crashes after each in the attempt that booked it for the first time. It returns what was
// booked.
func bookAndCrash(l ray.Handle[*Ledger], n int) ([]string, error) {
	var lines []string
	for i := range n {
		line, err := book.Remote(l, "line").Get()
		if err != nil {
			return nil, err
		}
		if i == ray.Self().Attempt {
			os.Exit(1)
		}
		lines = append(lines, line)
	}
	return lines, nil
}
