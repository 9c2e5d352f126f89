package main

import (
	"errors"
	"fmt"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var groupLifeRemote = ray.Remote1(groupLife)

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
