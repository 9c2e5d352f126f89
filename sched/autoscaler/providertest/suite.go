// Package providertest is what every provider of machines must keep: a suite of tests to run on one.
//
//	func TestMyProvider(t *testing.T) {
//		providertest.Run(t, func(t *testing.T) (loop.Provider, string) { return open(t), "small" })
//	}
//
// What it is not: a test of what runs on the machines, or of how fast they come.
package providertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
)

// patience bounds how long a machine may take to be gone.
const patience = 2 * time.Minute

// Run runs the suite. open returns a provider without machines, with room for 8 of the type that it names too.
func Run(t *testing.T, open func(*testing.T) (loop.Provider, string)) {
	for _, c := range []struct {
		name string
		test func(suite, *testing.T)
	}{
		{"there is nothing at first", suite.nothingAtFirst},
		{"a launched machine is listed at once, with what the request said", suite.listedAtOnce},
		{"to launch twice is to launch once", suite.launchTwice},
		{"to launch twice at the same time is to launch once", suite.launchTogether},
		{"a terminated machine goes, and does not come back", suite.terminate},
		{"to terminate twice, or what never was, is no error", suite.terminateTwice},
		{"a request that was terminated first starts nothing", suite.terminateFirst},
		{"an unknown type is refused", suite.unknownType},
		{"machines do not mind each other", suite.several},
		{"a context that has ended changes nothing", suite.cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, typeName := open(t)
			c.test(suite{p, typeName}, t)
		})
	}
}

type suite struct {
	loop.Provider
	typeName string
}

func (s suite) request(id string) loop.Request {
	return loop.Request{ID: autoscaler.ID(id), Type: s.typeName, Digest: "digest-of-" + id}
}

func (s suite) launch(t *testing.T, id string) {
	t.Helper()
	if err := s.Launch(t.Context(), s.request(id)); err != nil {
		t.Fatalf("launch %s: %v", id, err)
	}
}

func (s suite) end(t *testing.T, id string) {
	t.Helper()
	if err := s.Terminate(t.Context(), autoscaler.ID(id)); err != nil {
		t.Fatalf("terminate %s: %v", id, err)
	}
}

func (s suite) listed(t *testing.T) []string {
	t.Helper()
	machines, err := s.List(t.Context())
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	ids := make([]string, len(machines))
	for i, m := range machines {
		ids[i] = string(m.ID)
	}
	slices.Sort(ids)
	return ids
}

func (s suite) expect(t *testing.T, ids ...string) {
	t.Helper()
	if got := s.listed(t); !slices.Equal(got, ids) {
		t.Fatalf("listed %q, want %q", got, ids)
	}
}

// gone waits until only ids are listed.
func (s suite) gone(t *testing.T, ids ...string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		got := s.listed(t)
		if slices.Equal(got, ids) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v there is %q, want %q", patience, got, ids)
		}
	}
}

func (s suite) nothingAtFirst(t *testing.T) { s.expect(t) }

func (s suite) listedAtOnce(t *testing.T) {
	s.launch(t, "a")
	machines, err := s.List(t.Context())
	if err != nil || len(machines) != 1 {
		t.Fatalf("listed %v, %v", machines, err)
	}
	if m := machines[0]; m.ID != "a" || m.Type != s.typeName || m.Digest != "digest-of-a" {
		t.Fatalf("listed %+v", m)
	}
}

func (s suite) launchTwice(t *testing.T) {
	s.launch(t, "a")
	s.launch(t, "a")
	s.expect(t, "a")
}

func (s suite) launchTogether(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := s.Launch(t.Context(), s.request("a")); err != nil {
				t.Errorf("launch: %v", err)
			}
		})
	}
	all.Wait()
	s.expect(t, "a")
}

func (s suite) terminate(t *testing.T) {
	s.launch(t, "a")
	s.end(t, "a")
	s.gone(t)
	if err := s.Launch(t.Context(), s.request("a")); err == nil {
		t.Error("a request whose machine was terminated was taken again")
	}
	s.expect(t)
}

func (s suite) terminateTwice(t *testing.T) {
	s.end(t, "never")
	s.launch(t, "a")
	s.end(t, "a")
	s.end(t, "a")
	s.gone(t)
	s.end(t, "a")
}

func (s suite) terminateFirst(t *testing.T) {
	s.end(t, "a")
	if err := s.Launch(t.Context(), s.request("a")); err == nil {
		t.Error("a request that was terminated was taken")
	}
	s.expect(t)
}

func (s suite) unknownType(t *testing.T) {
	if err := s.Launch(t.Context(), loop.Request{ID: "a", Type: "no-such-type"}); err == nil {
		t.Error("a machine of an unknown type was launched")
	}
	s.expect(t)
}

func (s suite) several(t *testing.T) {
	var all []string
	for i := range 4 {
		id := fmt.Sprintf("m%d", i)
		s.launch(t, id)
		all = append(all, id)
	}
	s.expect(t, all...)
	s.end(t, "m1")
	s.gone(t, "m0", "m2", "m3")
}

func (s suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Launch(ctx, s.request("a")); err == nil {
		t.Error("launch with an ended context did not fail")
	}
	s.expect(t)
	s.launch(t, "a")
	if err := s.Terminate(ctx, "a"); err == nil {
		t.Error("terminate with an ended context did not fail")
	}
	s.expect(t, "a")
}
