package main

import (
	"errors"
	"os"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	guests = ray.Actor2(NewGuest)
	leave  = ray.Method1((*Guest).Leave)
	stay   = ray.Method0((*Guest).Stay)
)

// Guest is an actor that tells a counter when it ends.
type Guest struct {
	told ray.Handle[*Counter]
	how  string
}

// NewGuest makes one that ends in the way told.
func NewGuest(told ray.Handle[*Counter], how string) (*Guest, error) { return &Guest{told, how}, nil }

// Stay does nothing.
func (g *Guest) Stay() (int, error) { return 1, nil }

// Leave ends the actor.
func (g *Guest) Leave(int) (int, error) {
	ray.ExitActor()
	return 0, errors.New("ExitActor returned")
}

// RayShutdown counts the end.
func (g *Guest) RayShutdown() error {
	if _, err := inc.Remote(g.told, 1).Get(); err != nil {
		return err
	}
	switch g.how {
	case "fail":
		return errors.New("it does not want to")
	case "panic":
		panic(g.how)
	case "crash":
		os.Exit(1)
	}
	return nil
}

var leaveRemote = ray.Remote1(leaveAsTask)

// leaveAsTask is no actor.
func leaveAsTask(int) (int, error) {
	ray.ExitActor()
	return 0, nil
}
