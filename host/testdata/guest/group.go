package main

import (
	"errors"
	"fmt"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var groupLifeRemote = ray.Remote1(groupLife)

// Planner is an actor that reserves groups.
type Planner struct{}

var (
	planners    = ray.Actor0(NewPlanner)
	reserveHere = ray.Method1((*Planner).Reserve)
	strayRemote = ray.Remote0(stray)
	cpusRemote  = ray.Remote0(cpus)
)

// NewPlanner has no groups.
func NewPlanner() (*Planner, error) { return &Planner{}, nil }

// Reserve makes a group of one CPU, waits for its place and returns its id.
func (*Planner) Reserve(name string) (string, error) {
	g, err := ray.PlacementGroup(ray.GroupOptions{Name: name, Bundles: []ray.Bundle{{CPUs: 1}}})
	if err != nil {
		return "", err
	}
	return g.ID, g.Wait(time.Minute)
}

// cpus returns how many CPUs the cluster has, and how many of them nobody holds.
func cpus() ([2]float64, error) {
	all, err := ray.ClusterResources()
	if err != nil {
		return [2]float64{}, err
	}
	free, err := ray.AvailableResources()
	return [2]float64{all.CPU.Float(), free.CPU.Float()}, err
}

// stray lets a child run outside of its own group.
func stray() (int, error) { return addRemote.With(ray.OutsidePlacementGroup()).Remote(1, 2).Get() }

// groupLife makes a group of two bundles, runs a task in each, finds the group by its name and removes it.
func groupLife(name string) (int, error) {
	g, err := ray.PlacementGroup(ray.GroupOptions{Name: name, Bundles: []ray.Bundle{{CPUs: 1}, {CPUs: 1}}, Strategy: ray.StrategyStrictPack})
	if err != nil {
		return 0, err
	}
	if err := g.Wait(time.Minute); err != nil {
		return 0, err
	}
	sum := 0
	for i := range 2 {
		n, err := addRemote.With(ray.InGroupBundle(g, i)).Remote(i, 10).Get()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	n, err := nestRemote.With(ray.InPlacementGroup(g), ray.CaptureChildren()).Remote(2).Get()
	if err != nil {
		return 0, err
	}
	spins := spinRemote.With(ray.InPlacementGroup(g)).Remote(true)
	found, err := ray.FindPlacementGroup(name)
	if err != nil {
		return 0, err
	}
	if err := found.Remove(); err != nil {
		return 0, err
	}
	if _, err := spins.Get(); !errors.Is(err, ray.TaskPlacementGroupRemoved) {
		return 0, fmt.Errorf("what ran in the group ended with %w", err)
	}
	return sum + 100*n, nil
}
