package simcloud_test

import (
	"context"
	"fmt"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
)

// A cloud that has room for one machine, which is up a minute later.
func Example() {
	now := time.Unix(0, 0)
	c := simcloud.New(simcloud.Options{
		Now: func() time.Time { return now }, Types: []string{"small"},
		Boot:  func(loop.Request) (time.Duration, bool) { return time.Minute, true },
		Quota: func(string) int { return 1 },
	})
	fmt.Println(c.Launch(context.Background(), loop.Request{ID: "a", Type: "small"}))
	fmt.Println(c.Launch(context.Background(), loop.Request{ID: "b", Type: "small"}))
	fmt.Println(c.Up("a"))
	now = now.Add(time.Minute)
	fmt.Println(c.Up("a"))
	// Output:
	// <nil>
	// launch machine b: the quota of 1 for small is used up (LimitExceeded)
	// false
	// true
}
