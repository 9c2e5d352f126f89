// Checkpoint counts with an actor whose state survives its crash, and ends it gracefully.
package main

import (
	"errors"
	"fmt"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Tally is the state of an actor. It says nothing of checkpoints: its memory is what is kept.
type Tally struct{ votes map[string]int }

// NewTally is the constructor. It runs once, though the actor starts twice.
func NewTally() (*Tally, error) {
	return &Tally{votes: make(map[string]int)}, nil
}

// Vote counts a vote and returns how many there are.
func (t *Tally) Vote(name string) (int, error) {
	t.votes[name]++
	return t.votes[name], nil
}

// Crash ends the sandbox in the midst of a call, after a vote that nobody shall see.
func (t *Tally) Crash() (int, error) {
	t.votes["nobody"]++
	os.Exit(1)
	return 0, nil
}

// Count returns all votes.
func (t *Tally) Count() (map[string]int, error) { return t.votes, nil }

// RayShutdown runs before the actor ends gracefully.
func (t *Tally) RayShutdown() error {
	fmt.Println("the tally closes with", len(t.votes), "names")
	return nil
}

var (
	tallies = ray.Actor0(NewTally, ray.MaxRestarts(-1), ray.CheckpointEvery(1))
	vote    = ray.Method1((*Tally).Vote)
	crash   = ray.Method0((*Tally).Crash)
	count   = ray.Method0((*Tally).Count)
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "checkpoint:", err)
		os.Exit(1)
	}
}

func run() error {
	tally := tallies.Remote()
	for _, name := range []string{"ada", "grace", "ada"} {
		n, err := vote.Remote(tally, name).Get()
		if err != nil {
			return err
		}
		fmt.Println(name, "has", n)
	}
	_, err := crash.Remote(tally).Get()
	fmt.Println("the crash is seen by its caller:", errors.Is(err, ray.ActorUnavailable))
	votes, err := count.Remote(tally).Get()
	if err != nil {
		return err
	}
	fmt.Println("after it:", votes) // maps print in order of their keys
	return tally.Terminate()
}
