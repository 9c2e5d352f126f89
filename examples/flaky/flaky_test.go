package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestFlaky(t *testing.T) {
	example := exampletest.Open(t, host.Config{})

	// run returns what the driver saw, after comparing it with what the node has counted.
	run := func(t *testing.T, tasks, oneIn, retries int) (returned, retried, crashed int) {
		t.Helper()
		got := example.Run(t, host.JobConfig{Args: strings.Fields(fmt.Sprintf("-tasks %d -one-in %d -retries %d", tasks, oneIn, retries))})
		_, err := fmt.Sscanf(got.Stdout, "%d tasks returned the right result, after %d retries\n%d tasks crashed in every attempt\n", &returned, &retried, &crashed)
		if err != nil || got.Status != 0 {
			t.Fatalf("status %d, stdout %q: %v", got.Status, got.Stdout, err)
		}
		if returned+crashed != tasks || got.Stats.Finished != int64(returned) || got.Stats.Failed != int64(crashed) {
			t.Errorf("of %d tasks %d returned and %d crashed, and the node counted %+v", tasks, returned, crashed, got.Stats)
		}
		if want := retried + max(retries, 0)*crashed; got.Stats.Retried != int64(want) {
			t.Errorf("the attempts add up to %d retries, the node counted %+v", want, got.Stats)
		}
		said := 0
		for line := range strings.Lines(got.Stderr) {
			if strings.HasPrefix(line, "task ") && strings.Contains(line, "(GuestExit)") {
				said++
			}
		}
		if said != crashed {
			t.Errorf("%d tasks crashed, and %d errors are of kind GuestExit", crashed, said)
		}
		return returned, retried, crashed
	}

	// A task returns at its first attempt with 2/3, crashes in all four with 1/81. That no task of 60 returns after a
	// retry has a probability of (2/3 + 1/81)^60 < 1e-10, if each attempt has random numbers of its own.
	t.Run("as in the book", func(t *testing.T) {
		if _, retried, _ := run(t, 60, 3, 3); retried == 0 {
			t.Error("no task returned after a retry")
		}
	})
	t.Run("until it returns", func(t *testing.T) {
		if returned, retried, _ := run(t, 60, 3, -1); returned != 60 || retried == 0 {
			t.Errorf("%d of 60 returned, after %d retries", returned, retried)
		}
	})
	t.Run("never again", func(t *testing.T) {
		if returned, _, _ := run(t, 5, 1, 0); returned != 0 {
			t.Errorf("%d tasks that exit returned", returned)
		}
	})
	t.Run("twice again", func(t *testing.T) {
		if returned, _, _ := run(t, 5, 1, 2); returned != 0 {
			t.Errorf("%d tasks that exit returned", returned)
		}
	})
}
