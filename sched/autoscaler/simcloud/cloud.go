// Package simcloud is a provider of machines for simulations and tests: they are entries of a table, they come up after a
// while of the simulation's time, and whoever holds the cloud can make it fail, run out, lag and take machines away.
//
// What it is not: nothing runs on its machines. Whoever simulates the cluster asks which are up ([Cloud.Up]) and lets their nodes
// join.
//
// Invariants: it keeps what the providertest suite demands under every fault; it reads no clock and no random source of its
// own, so that equal calls give equal answers.
package simcloud

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/spec"
)

// Options of a cloud.
type Options struct {
	Now     func() time.Time
	Types   []string                                           // that it knows
	Boot    func(loop.Request) (time.Duration, bool)           // how long until a machine is up; false: never. nil: at once
	Ending  time.Duration                                      // how long a machine is listed after it was terminated
	Quota   func(typeName string) int                          // how many of a type there may be; nil: any number
	Refuse  func(verb autoscaler.Verb, id autoscaler.ID) error // a call that fails and does nothing; nil: none
	Deceive func(autoscaler.ID) error                          // a launch that fails though it was done; nil: none
}

// Cloud is the provider. Its methods may be called by several goroutines.
type Cloud struct {
	opt Options

	mu       sync.Mutex
	machines map[autoscaler.ID]*machine
	ended    map[autoscaler.ID]bool
}

type machine struct {
	autoscaler.Machine
	begun, up time.Time
	never     bool      // it will not come up
	end       time.Time // zero: it was not terminated
}

var _ loop.Provider = (*Cloud)(nil)

// New returns a cloud without machines.
func New(opt Options) *Cloud {
	return &Cloud{opt: opt, machines: make(map[autoscaler.ID]*machine), ended: make(map[autoscaler.ID]bool)}
}

// List returns the machines by ID.
func (c *Cloud) List(ctx context.Context) ([]autoscaler.Machine, error) {
	if err := c.refuse(ctx, "list", ""); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	now := c.opt.Now()
	all := make([]autoscaler.Machine, 0, len(c.machines))
	for _, m := range c.machines {
		m.Installing = now.Sub(m.begun) > m.up.Sub(now) // the second half of its start
		all = append(all, m.Machine)
	}
	slices.SortFunc(all, func(a, b autoscaler.Machine) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all, nil
}

// Launch begins a machine.
func (c *Cloud) Launch(ctx context.Context, r loop.Request) error {
	if err := c.refuse(ctx, autoscaler.Launch, r.ID); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	id := "machine " + string(r.ID)
	switch {
	case c.ended[r.ID]:
		return spec.Errorf("launch", spec.InvalidArgument, id, "it was terminated: ask under another ID")
	case c.machines[r.ID] != nil:
		return nil
	case !slices.Contains(c.opt.Types, r.Type):
		return spec.Errorf("launch", spec.NotFound, id, "there is no type %q, but %s", r.Type, strings.Join(c.opt.Types, ", "))
	case c.opt.Quota != nil && c.count(r.Type) >= c.opt.Quota(r.Type):
		return spec.Errorf("launch", spec.LimitExceeded, id, "the quota of %d for %s is used up", c.opt.Quota(r.Type), r.Type)
	}
	now := c.opt.Now()
	m := &machine{Machine: autoscaler.Machine{ID: r.ID, Type: r.Type, Digest: r.Digest}, begun: now, up: now}
	if c.opt.Boot != nil {
		boot, comes := c.opt.Boot(r)
		m.up, m.never = now.Add(boot), !comes
	}
	c.machines[r.ID] = m
	if c.opt.Deceive != nil {
		return c.opt.Deceive(r.ID)
	}
	return nil
}

// Terminate ends a machine.
func (c *Cloud) Terminate(ctx context.Context, id autoscaler.ID) error {
	if err := c.refuse(ctx, autoscaler.Terminate, id); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[id] = true
	if m := c.machines[id]; m != nil && m.end.IsZero() {
		m.end = c.opt.Now().Add(c.opt.Ending)
	}
	c.sweep()
	return nil
}

// Preempt takes a machine away, as a cloud does with a spot instance; false if there is none.
func (c *Cloud) Preempt(id autoscaler.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.machines[id] == nil {
		return false
	}
	c.ended[id] = true
	delete(c.machines, id)
	return true
}

// Up reports whether a machine is there and up, so that its node runs.
func (c *Cloud) Up(id autoscaler.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	m := c.machines[id]
	return m != nil && !m.never && m.end.IsZero() && !c.opt.Now().Before(m.up)
}

func (c *Cloud) refuse(ctx context.Context, verb autoscaler.Verb, id autoscaler.ID) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if c.opt.Refuse != nil {
		return c.opt.Refuse(verb, id)
	}
	return nil
}

func (c *Cloud) count(typeName string) int {
	n := 0
	for _, m := range c.machines {
		if m.Type == typeName {
			n++
		}
	}
	return n
}

// sweep drops the machines whose end has come.
func (c *Cloud) sweep() {
	now := c.opt.Now()
	for id, m := range c.machines {
		if !m.end.IsZero() && !now.Before(m.end) {
			delete(c.machines, id)
		}
	}
}
