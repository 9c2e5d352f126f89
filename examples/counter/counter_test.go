package main_test

import (
	"strings"
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestCounter(t *testing.T) {
	example := exampletest.Open(t, host.Config{})

	// The job of the book, as it is submitted there.
	book := "Requested number of iterations is: 7\n" +
		"Environment variable MY_VARIABLE has a value of foo\n" +
		"1\n2\n3\n4\n5\n6\n7\n"
	for _, args := range []string{"--kwargs iterations=7", "-k iterations=7", "--kwargs other=1 iterations=7", "-k iterations=1 -k iterations=7"} {
		got := example.Run(t, host.JobConfig{Args: strings.Fields(args), Env: map[string]string{"MY_VARIABLE": "foo"}})
		if got.Status != 0 || got.Stdout != book {
			t.Errorf("%s: status %d, stdout %q", args, got.Status, got.Stdout)
		}
		if got.Stats.Actors != 1 || got.Stats.ActorCalls != 14 || got.Stats.Failed != 0 {
			t.Errorf("%s: one actor and 14 calls, but %+v", args, got.Stats)
		}
	}

	// Every run has an actor and an environment of its own.
	got := example.Run(t, host.JobConfig{Args: []string{"-k", "iterations=1"}})
	if want := "Requested number of iterations is: 1\nEnvironment variable MY_VARIABLE has a value of \n1\n"; got.Stdout != want {
		t.Errorf("without the variable: %q", got.Stdout)
	}

	for args, says := range map[string]string{
		"":                          "iterations=N is needed",
		"--kwargs iterations=seven": `"seven"`,
		"--kwargs iterations":       "not a name=value",
		"--kwargs a=1 iterations":   "not a name=value",
	} {
		got := example.Run(t, host.JobConfig{Args: strings.Fields(args)})
		if got.Status == 0 || got.Stdout != "" || !strings.Contains(got.Stderr, says) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, got.Status, got.Stdout, got.Stderr)
		}
	}
}
