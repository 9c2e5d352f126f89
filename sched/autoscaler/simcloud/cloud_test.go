package simcloud_test

import (
	"testing"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/providertest"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
)

func TestProvider(t *testing.T) {
	providertest.Run(t, func(*testing.T) (loop.Provider, string) {
		return simcloud.New(simcloud.Options{Now: time.Now, Types: []string{"small"}, Ending: time.Millisecond}), "small"
	})
}

func TestAMachineComesUpWhenItsTimeHasCome(t *testing.T) {
	now := time.Unix(0, 0)
	c := simcloud.New(simcloud.Options{Now: func() time.Time { return now }, Types: []string{"small"},
		Boot: func(r loop.Request) (time.Duration, bool) { return time.Minute, r.ID != "stuck" }})
	for _, id := range []autoscaler.ID{"a", "stuck"} {
		if err := c.Launch(t.Context(), loop.Request{ID: id, Type: "small"}); err != nil {
			t.Fatal(err)
		}
	}
	if c.Up("a") {
		t.Error("it is up before its time")
	}
	now = now.Add(time.Minute)
	if !c.Up("a") || c.Up("stuck") {
		t.Error("after a minute a must be up and stuck must not")
	}
	if !c.Preempt("a") || c.Up("a") || c.Preempt("a") {
		t.Error("a preempted machine must be gone, once")
	}
}
