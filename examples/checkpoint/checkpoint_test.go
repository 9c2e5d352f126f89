package main_test

import (
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestCheckpoint(t *testing.T) {
	example := exampletest.Open(t, host.Config{})
	got := example.Run(t, host.JobConfig{})
	want := "ada has 1\ngrace has 1\nada has 2\nthe crash is seen by its caller: true\nafter it: map[ada:2 grace:1]\n"
	if got.Status != 0 || got.Stdout != want {
		t.Errorf("status %d, stdout %q, want %q", got.Status, got.Stdout, want)
	}
	if got.Stats.Actors != 1 || got.Stats.ActorCalls != 5 || got.Stats.Failed != 1 {
		t.Errorf("one actor, five calls of which one failed, but %+v", got.Stats)
	}
}
