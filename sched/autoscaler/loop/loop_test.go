package loop_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/autoscaler/loop"
	"github.com/raywasm/raywasm/sched/autoscaler/simcloud"
	"github.com/raywasm/raywasm/spec"
)

// cluster is what the loop looks at: nodes join when their machines are up.
type cluster struct {
	cloud *simcloud.Cloud

	mu      sync.Mutex
	in      autoscaler.Observation
	err     error
	idle    map[autoscaler.ID]time.Time
	drained []autoscaler.ID
	refuse  bool
}

func (c *cluster) View(ctx context.Context) (autoscaler.Observation, map[string]any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return autoscaler.Observation{}, nil, c.err
	}
	in := c.in
	machines, err := c.cloud.List(ctx)
	if err != nil {
		return in, nil, err
	}
	for _, m := range machines {
		if !c.cloud.Up(m.ID) {
			continue
		}
		if c.idle[m.ID].IsZero() {
			c.idle[m.ID] = time.Now()
		}
		r := in.Config.Types[0].Resources
		in.Nodes = append(in.Nodes, autoscaler.Node{ID: m.ID, Type: m.Type, Total: r, Free: r, IdleFor: time.Since(c.idle[m.ID])})
	}
	return in, map[string]any{"small": "an image"}, nil
}

func (c *cluster) Drain(_ context.Context, id autoscaler.ID, _ time.Time, mayRefuse bool) error {
	c.mu.Lock()
	c.drained = append(c.drained, id)
	refuse := c.refuse && mayRefuse
	c.mu.Unlock()
	if refuse {
		return errors.New("work has come")
	}
	return c.cloud.Terminate(context.Background(), id) // the node leaves, and its machine with it
}

func (c *cluster) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func observation(count int) autoscaler.Observation {
	return autoscaler.Observation{
		Config: autoscaler.Config{MaxWorkers: 10, UpscalingSpeed: 1, IdleTimeout: time.Minute, Types: []autoscaler.NodeType{
			{Name: "small", Resources: spec.Resources{CPU: spec.Unit}, MaxWorkers: 10, Digest: "d"},
		}},
		Demands: []autoscaler.Demand{{Need: spec.Resources{CPU: spec.Unit}, Count: count}},
	}
}

// begin runs a loop in the bubble; what it returns stops it and waits.
func begin(p loop.Provider, c loop.Cluster) (*loop.Loop, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	l := loop.New("l", p, c, zap.NewNop())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run(ctx)
	}()
	return l, func() {
		cancel()
		<-done
	}
}

// pass lets simulated time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func simulated(opt simcloud.Options) (*simcloud.Cloud, *cluster) {
	opt.Now, opt.Types = time.Now, []string{"small"}
	cloud := simcloud.New(opt)
	return cloud, &cluster{cloud: cloud, in: observation(3), idle: make(map[autoscaler.ID]time.Time)}
}

func machines(t *testing.T, cloud *simcloud.Cloud, want int) {
	t.Helper()
	all, err := cloud.List(t.Context())
	if err != nil || len(all) != want {
		t.Fatalf("there are %v, %v, want %d machines", all, err, want)
	}
}

func TestLaunchAndIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, c := simulated(simcloud.Options{Boot: func(r loop.Request) (time.Duration, bool) {
			if r.Config != "an image" || r.Digest != "d" {
				t.Errorf("asked for %+v", r)
			}
			return 30 * time.Second, true
		}})
		l, stop := begin(cloud, c)
		defer stop()
		synctest.Wait()
		machines(t, cloud, 3) // the first round is at once
		pass(time.Minute)
		if s := l.Status(); len(s.Idle) != 1 || s.Idle[0].Count != 3 {
			t.Errorf("status %+v", s)
		}
		c.change(func() { c.in.Demands, c.refuse = nil, true })
		pass(2 * time.Minute)
		machines(t, cloud, 3) // they refused
		c.change(func() { c.refuse = false })
		pass(2 * time.Minute)
		machines(t, cloud, 0)
	})
}

func TestARoundWithoutAViewIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("the cloud is down")
		var failing atomic.Bool
		cloud, c := simulated(simcloud.Options{Refuse: func(verb autoscaler.Verb, _ autoscaler.ID) error {
			if verb == "list" && failing.Load() {
				return down
			}
			return nil
		}})
		c.err = down
		l, stop := begin(cloud, c)
		defer stop()
		pass(time.Minute)
		machines(t, cloud, 0)
		if !l.Status().At.IsZero() {
			t.Error("there was a round")
		}
		c.change(func() { c.err = nil })
		pass(10 * time.Second)
		machines(t, cloud, 3)
		failing.Store(true)
		c.change(func() { c.in.Demands[0].Count = 10 })
		pass(time.Minute)
		failing.Store(false)
		machines(t, cloud, 3) // nothing was taken for gone, nothing launched blindly
	})
}

// slow takes its time for every launch, or never answers.
type slow struct {
	loop.Provider
	mu   sync.Mutex
	most int
	now  int
	last map[autoscaler.ID]string
}

func (s *slow) Launch(ctx context.Context, r loop.Request) error {
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.last[r.ID] += "launch "
		s.mu.Unlock()
	}()
	<-ctx.Done()
	return context.Cause(ctx)
}

func (s *slow) Terminate(ctx context.Context, id autoscaler.ID) error {
	s.mu.Lock()
	s.last[id] += "terminate "
	s.mu.Unlock()
	return s.Provider.Terminate(ctx, id)
}

func TestASlowProviderHoldsNothingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud, c := simulated(simcloud.Options{})
		s := &slow{Provider: cloud, last: make(map[autoscaler.ID]string)}
		l, stop := begin(s, c)
		pass(time.Minute)
		if at := l.Status().At; time.Since(at) > 2*loop.Period {
			t.Errorf("the last round was %v ago", time.Since(at))
		}
		pass(3 * time.Minute) // the calls have timed out, and their machines, if there are any, are ended
		if f := l.Status().Failures; len(f) < 3 {
			t.Errorf("failures %+v", f)
		}
		stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := 1; i <= 3; i++ {
			id := autoscaler.ID("l-small-" + strconv.Itoa(i))
			if s.last[id] != "launch terminate " {
				t.Errorf("%s: %q", id, s.last[id])
			}
		}
		if s.now != 0 {
			t.Errorf("%d calls are under way after Run has returned", s.now)
		}
	})
}
