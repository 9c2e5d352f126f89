package loop_test

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
)

// announcing tells of every launch.
type announcing struct {
	loop.Provider
	launched chan loop.Request
}

func (a announcing) Launch(ctx context.Context, r loop.Request) error {
	err := a.Provider.Launch(ctx, r)
	a.launched <- r
	return err
}

// One task waits for a CPU: the loop has a machine launched for it in its first round.
func ExampleLoop() {
	cloud := simcloud.New(simcloud.Options{Now: time.Now, Types: []string{"small"}})
	p := announcing{cloud, make(chan loop.Request)}
	c := &cluster{cloud: cloud, in: observation(1), idle: make(map[autoscaler.ID]time.Time)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		loop.New("demo", p, c, zap.NewNop()).Run(ctx)
	}()
	r := <-p.launched
	fmt.Println(r.ID, r.Type)
	cancel()
	<-ended
	// Output:
	// demo-small-1 small
}
