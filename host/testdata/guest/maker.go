package main

import (
	"fmt"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	makers            = ray.Actor0(NewMaker)
	makeActor         = ray.Method1((*Maker).Make)
	touch             = ray.Method0((*Maker).Touch)
	makerCrash        = ray.Method1((*Maker).Crash)
	makeAndEndRemote  = ray.Remote3(makeAndEnd)
	putAndCrashRemote = ray.Remote2(putAndCrash)
	large             = ray.Method1((*Maker).Large)

	stubborns = ray.Actor0(NewStubborn)
	try       = ray.Method1((*Stubborn).Try, ray.RetryExceptions())
	tries     = ray.Method0((*Stubborn).Tries)
)

// Maker is an actor that makes another one.
type Maker struct{ made ray.Handle[*Counter] }

// NewMaker makes one that has made nothing.
func NewMaker() (*Maker, error) { return new(Maker), nil }

// Make makes a counter of that name.
func (m *Maker) Make(name string) (int, error) {
	m.made = counters.With(ray.ActorName(name)).Remote(0)
	return inc.Remote(m.made, 1).Get()
}

// Touch adds one to what it made.
func (m *Maker) Touch() (int, error) { return inc.Remote(m.made, 1).Get() }

// Crash ends its sandbox.
func (m *Maker) Crash(status int) (int, error) {
	os.Exit(status)
	return 0, nil
}

// makeAndEnd makes a counter of that name, waits until the gate is above 0, and ends in the way told.
func makeAndEnd(gate ray.Handle[*Counter], name, how string) (int, error) {
	made := counters.With(ray.ActorName(name)).Remote(0)
	if _, err := inc.Remote(made, 1).Get(); err != nil {
		return 0, err
	}
	for {
		n, err := inc.Remote(gate, 0).Get()
		if err != nil {
			return 0, err
		}
		if n > 0 {
			break
		}
	}
	switch how {
	case "crash":
		os.Exit(3)
	case "fail":
		return 0, fmt.Errorf("it does not want to")
	}
	return 0, nil
}

// Stubborn counts how often it was asked.
type Stubborn struct{ asked, served int }

// NewStubborn makes one that was not asked.
func NewStubborn() (*Stubborn, error) { return new(Stubborn), nil }

// Try returns how many it has served, but for every time of so many before it.
func (s *Stubborn) Try(refuse int) (int, error) {
	s.asked++
	if refuse < 0 || s.asked%(refuse+1) != 0 {
		return 0, &myError{s.asked}
	}
	s.served++
	return s.served, nil
}

// Tries returns how often it was asked.
func (s *Stubborn) Tries() (int, error) { return s.asked, nil }

// Large returns so many bytes.
func (m *Maker) Large(n int) ([]byte, error) { return make([]byte, n), nil }

// putAndCrash puts a value, gives it to an actor to keep, and crashes.
func putAndCrash(c ray.Handle[*Counter], value int) (int, error) {
	if _, err := feed(c, value); err != nil {
		return 0, err
	}
	os.Exit(3)
	return 0, nil
}
