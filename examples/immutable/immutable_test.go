package main_test

import (
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestImmutable(t *testing.T) {
	got := exampletest.Open(t, host.Config{}).Run(t, host.JobConfig{})
	want := "a changed copy: [10 2]\n" +
		"the object: [1]\n" +
		"what a task made of it: [2]\n" +
		"the object: [1]\n" +
		"written where it lies: 10 100\n" +
		"the object: 1\n"
	if got.Status != 0 || got.Stdout != want {
		t.Errorf("status %d, stdout:\n%s", got.Status, got.Stdout)
	}
}
