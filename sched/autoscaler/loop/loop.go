package loop

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/sched/autoscaler"
)

// Period is the time between rounds, as in Ray.
const Period = 5 * time.Second

// callTimeout bounds one call of a provider or the cluster.
const callTimeout = 2 * time.Minute

// maxBusy bounds the instances for which calls are under way.
const maxBusy = 32

// Request asks for one machine.
type Request struct {
	ID     autoscaler.ID
	Type   string
	Digest string // kept by the provider and listed with the machine
	Config any    // the type's node_config, as the provider understands it
}

// Provider is where machines come from.
type Provider interface {
	// List returns every machine that there is or that is on its way. One whose Launch has returned nil is listed until it
	// is gone; a machine that is gone never comes back.
	List(context.Context) ([]autoscaler.Machine, error)
	// Launch begins to start a machine, and does not wait until it is up. A second call with the same ID changes nothing and
	// returns nil while the machine is there; one with an ID that was terminated fails.
	Launch(context.Context, Request) error
	// Terminate begins to end a machine. It returns nil for one that is gone, and for one that never was, which then will
	// never be.
	Terminate(context.Context, autoscaler.ID) error
}

// Cluster is what the autoscaler needs of the cluster.
type Cluster interface {
	// View returns everything of an observation but the machines and the results, and each type's node_config.
	View(context.Context) (autoscaler.Observation, map[string]any, error)
	// Drain asks a node to take no more work, finish by the deadline and leave. A node that may refuse does so, with an error,
	// if work has come meanwhile.
	Drain(ctx context.Context, id autoscaler.ID, deadline time.Time, mayRefuse bool) error
}

// Loop runs one autoscaler.
type Loop struct {
	core     *autoscaler.Autoscaler
	provider Provider
	cluster  Cluster
	log      *zap.Logger

	calls sync.WaitGroup
	slots chan struct{}

	mu      sync.Mutex
	status  autoscaler.Status
	results []autoscaler.Result
	queues  map[autoscaler.ID][]call // what is to be done for an instance after what is being done; a key: something is
}

type call struct {
	action autoscaler.Action
	config any
}

// New returns a loop that has not begun. See [autoscaler.New] for prefix.
func New(prefix string, p Provider, c Cluster, log *zap.Logger) *Loop {
	return &Loop{
		core: autoscaler.New(prefix), provider: p, cluster: c, log: log,
		slots: make(chan struct{}, maxBusy), queues: make(map[autoscaler.ID][]call),
	}
}

// Run works until ctx ends, then waits for the calls under way, which the same ctx ends.
func (l *Loop) Run(ctx context.Context) {
	defer l.calls.Wait()
	tick := time.NewTicker(Period)
	defer tick.Stop()
	for ctx.Err() == nil {
		l.round(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// Status returns what the last round saw and decided.
func (l *Loop) Status() autoscaler.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

func (l *Loop) round(ctx context.Context) {
	results := l.takeResults()
	in, configs, err := l.observe(ctx)
	if err != nil {
		l.putResults(results)
		if ctx.Err() == nil {
			l.log.Warn("a round of the autoscaler was left out", zap.Error(err))
		}
		return
	}
	in.Results = results
	actions := l.core.Step(time.Now(), in)
	status := l.core.Status()
	l.mu.Lock()
	l.status = status
	l.mu.Unlock()
	for _, a := range actions {
		l.log.Info("the autoscaler acts", zap.String("verb", string(a.Verb)), zap.String("id", string(a.ID)),
			zap.String("type", a.Type), zap.String("reason", string(a.Reason)))
		l.begin(ctx, call{a, configs[a.Type]})
	}
}

func (l *Loop) observe(ctx context.Context) (autoscaler.Observation, map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	machines, err := l.provider.List(ctx)
	if err != nil {
		return autoscaler.Observation{}, nil, err
	}
	in, configs, err := l.cluster.View(ctx)
	if err == nil {
		err = in.Config.Check()
	}
	in.Machines = machines
	return in, configs, err
}

func (l *Loop) takeResults() []autoscaler.Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	results := l.results
	l.results = nil
	return results
}

// putResults gives back what a round that was left out took.
func (l *Loop) putResults(results []autoscaler.Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(results, l.results...)
}

// begin has a call made, after those for the same instance.
func (l *Loop) begin(ctx context.Context, c call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := c.action.ID
	queue, busy := l.queues[id]
	if busy {
		l.queues[id] = append(queue, c)
		return
	}
	l.queues[id] = nil
	l.calls.Go(func() {
		l.slots <- struct{}{}
		defer func() { <-l.slots }()
		for more := true; more; c, more = l.next(id) {
			res := autoscaler.Result{Verb: c.action.Verb, ID: id}
			if err := l.perform(ctx, c); err != nil {
				res.Err = err.Error()
			}
			l.mu.Lock()
			l.results = append(l.results, res)
			l.mu.Unlock()
		}
	})
}

// next returns the next call for an instance; without one, nothing is being done for it any more.
func (l *Loop) next(id autoscaler.ID) (call, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queues[id]
	if len(queue) == 0 {
		delete(l.queues, id)
		return call{}, false
	}
	l.queues[id] = queue[1:]
	return queue[0], true
}

func (l *Loop) perform(ctx context.Context, c call) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	switch a := c.action; a.Verb {
	case autoscaler.Launch:
		return l.provider.Launch(ctx, Request{ID: a.ID, Type: a.Type, Digest: a.Digest, Config: c.config})
	case autoscaler.Drain:
		return l.cluster.Drain(ctx, a.ID, a.Deadline, a.MayRefuse())
	default:
		return l.provider.Terminate(ctx, a.ID)
	}
}
