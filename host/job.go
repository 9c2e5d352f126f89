package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/raywasm/raywasm/host/hostcall"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
)

// JobConfig says what a job runs and with what. Module is required.
type JobConfig struct {
	Module *Module
	// Namespace is where the names of its actors live. "": an anonymous namespace of its own.
	Namespace string
	// Weight is the job's share of the node beside those of other jobs that want it at the same time. 0: 1, as all others.
	Weight float64
	// Args are the driver's arguments, after the program's name.
	Args []string
	// Env is what the driver, its tasks and its actors find in their environment; nothing else is in it.
	Env map[string]string
	// WorkingDir is a directory that they see, read-only, as "/". "": they see no files.
	WorkingDir string
	// Memory caps the driver's linear memory, in bytes. 0: spec.DefaultSandboxMemory.
	Memory int64
	// Stdout and Stderr get what the driver writes. nil: nothing.
	Stdout, Stderr io.Writer
	// TaskOutput gets each line that tasks and actors write; it is called from many goroutines. nil: dropped.
	TaskOutput func(OutputLine)
}

// The weights that jobs may have: beyond them nothing of the fair share is left.
const (
	minWeight = 1e-3
	maxWeight = 1e3
)

// Job is a driver and all that it causes. Either its module's own driver program runs ([Job.Run]), or the Go program
// that made the job is the driver and submits calls itself; or both. It is safe for concurrent use.
type Job struct {
	node      *Node
	id        spec.JobID
	module    *Module
	namespace string
	cfg       JobConfig
	env       []string // K=V, sorted
	files     fs.FS    // nil for none
	root      *os.Root // behind files
	scope     *scope
	driver    *caller
	home      spec.NodeID    // of a copy: the node of the job's driver; zero for the job itself
	memory    *store.Account // what its guests make the host keep
	gate      *gate
	stats     stats
	plain     sync.Map // the *terms of calls of a *spec.Function that say nothing themselves

	started time.Time

	mu   sync.Mutex
	over bool
	live tasks     // that have not finished
	none sync.Cond // there is no such task, after over
	// What the driver has done: whether it runs, its exit status, what it failed with.
	driving bool
	exit    int
	failure error
}

// errJobEnded is the cause of everything that a job's end ends.
var errJobEnded = &spec.Error{Op: "run", Kind: spec.TaskCancelled, Err: errorText("the job ended")}

// NewJob makes a job. Nothing runs yet. Errors: spec.InvalidArgument, spec.RuntimeEnvSetup for a working directory
// that cannot be opened, spec.LocalNodeDied when the node is closed.
func (n *Node) NewJob(ctx context.Context, cfg JobConfig) (*Job, error) {
	const op = "open a job"
	if cfg.Module == nil {
		return nil, spec.Errorf(op, spec.InvalidArgument, "", "its configuration names no module")
	}
	j := newJob(n, cmp.Or(cfg.Namespace, anonymousNamespace()))
	j.module, j.cfg = cfg.Module, cfg
	if cfg.Weight != 0 && !(cfg.Weight >= minWeight && cfg.Weight <= maxWeight) {
		return nil, spec.Errorf(op, spec.InvalidArgument, "weight", "%v is not between %v and %v", cfg.Weight, minWeight, maxWeight)
	}
	if len(j.namespace) > spec.MaxNameBytes {
		return nil, spec.Errorf(op, spec.InvalidArgument, "namespace", "it has %d bytes, at most %d", len(j.namespace), spec.MaxNameBytes)
	}
	for k, v := range cfg.Env {
		if k == "" || strings.ContainsAny(k, "=\x00") || strings.Contains(v, "\x00") {
			return nil, spec.Errorf(op, spec.InvalidArgument, "environment variable "+strconv.Quote(k), "a name is not empty and has no '=', and there is no NUL in either")
		}
		j.env = append(j.env, k+"="+v)
	}
	slices.Sort(j.env)
	if err := j.openFiles(cfg.WorkingDir); err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.RuntimeEnvSetup, ID: "working directory", Err: err}
	}
	if err := n.enlist(ctx, j); err != nil {
		j.closeFiles()
		return nil, err
	}
	if cfg.Weight != 0 {
		n.leases.weigh(j.id, cfg.Weight)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		j.closeFiles()
		return nil, errNodeClosed
	}
	n.open[j] = struct{}{}
	j.scope = newScope(n.scope.ctx, n.workers)
	j.driver = newDriver(j)
	return j, nil
}

// newJob returns a job of the node, or a copy of one, without an id, a module and a scope.
func newJob(n *Node, namespace string) *Job {
	memory := n.memory.Account()
	j := &Job{node: n, namespace: namespace, memory: memory, gate: newGate(memory), started: time.Now()}
	j.none.L = &j.mu
	return j
}

// anonymousNamespace returns a name nobody can guess, as Ray gives to jobs without a namespace.
func anonymousNamespace() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// ID returns the job's id.
func (j *Job) ID() spec.JobID { return j.id }

// Namespace returns where the names of the job's actors live.
func (j *Job) Namespace() string { return j.namespace }

// Run runs the module's driver program and returns its exit status. The error is not nil when it did not end by itself:
// it trapped, reached a limit, or ctx or the job ended (then it wraps the cause). Tasks that still run go on until
// Close.
func (j *Job) Run(ctx context.Context) (status int, err error) {
	j.mu.Lock()
	j.driving = true
	j.mu.Unlock()
	status, err = j.drive(ctx)
	j.mu.Lock()
	j.driving, j.exit, j.failure = false, status, err
	j.mu.Unlock()
	return status, err
}

func (j *Job) drive(ctx context.Context) (status int, err error) {
	if !j.module.wasm.HasExport(spec.ExportMain) {
		return 0, spec.Errorf("run the driver", spec.FunctionNotFound, "module "+j.module.Digest().Short(), "it exports no %s: it has functions but no driver program", spec.ExportMain)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(j.scope.ctx, func() { stop(context.Cause(j.scope.ctx)) })()
	session := hostcall.NewSession(j.driver.functions())
	defer session.Close()
	args := append([]string{"main"}, j.cfg.Args...)
	cfg := j.sandbox(session, j.cfg.Memory, args, nil)
	cfg.Stdout, cfg.Stderr = j.cfg.Stdout, j.cfg.Stderr
	sandbox, err := j.module.wasm.NewSandbox(ctx, cfg)
	if err != nil {
		return exitOf(&spec.Error{Op: "start the driver", Kind: spec.KindOf(err), ID: "job " + j.id.String(), Err: err})
	}
	defer sandbox.Close()
	result, err := sandbox.Call(ctx, spec.ExportMain)
	j.stats.cpu.Add(int64(sandbox.Usage().CPU))
	if err != nil {
		return exitOf(&spec.Error{Op: "run the driver", Kind: spec.KindOf(err), ID: "job " + j.id.String(), Err: err})
	}
	return int(int32(result)), nil
}

// exitOf turns a driver's own exit into its status.
func exitOf(err *spec.Error) (int, error) {
	var fault *spec.Fault
	if err.Kind == spec.GuestExit && errors.As(err, &fault) && fault.Exit != nil {
		return int(*fault.Exit), nil
	}
	return 0, err
}

// Close ends the job: its tasks are cancelled, its actors killed (but for detached ones), and all it held is released.
// It returns when nothing of it runs any more; the error says that its record could not be written. Closing twice is fine.
func (j *Job) Close() error {
	return j.end(errJobEnded)
}

func (j *Job) end(cause *spec.Error) error {
	j.mu.Lock()
	already := j.over
	j.over = true
	j.mu.Unlock()
	if !already {
		j.node.killActors(j, cause)
		for _, t := range j.ending() {
			t.cancel(cause, true)
		}
	}
	j.scope.close(cause)
	if !already {
		for _, t := range j.ending() { // what was on its way to a goroutine when the scope closed
			t.finish(nil, cause)
		}
		j.mu.Lock()
		for j.live.ending() { // a deadline's timer may be finishing one
			j.none.Wait()
		}
		j.mu.Unlock()
		j.closeFiles()
		j.node.groups.jobEnded(j.id)
		j.node.mu.Lock()
		delete(j.node.open, j)
		j.node.mu.Unlock()
		j.node.leases.weigh(j.id, 1) // the node need not remember it
		if j.home != (spec.NodeID{}) {
			j.node.cluster.copyEnded(j.id)
			return nil
		}
		j.node.cluster.endJob(j.id)
		return j.record(cause)
	}
	return nil
}

// openFiles opens the job's working directory, if it has one.
func (j *Job) openFiles(dir string) error {
	if dir == "" {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	j.cfg.WorkingDir, j.root, j.files = dir, root, root.FS()
	return nil
}

func (j *Job) closeFiles() {
	if j.root != nil {
		_ = j.root.Close() // only descriptors are lost, and nobody uses them any more
	}
}

// mainArgs are the arguments of every program but a driver.
var mainArgs = []string{"main"}

// sandbox returns the configuration of a sandbox of the job.
func (j *Job) sandbox(session *hostcall.Session, memory int64, args []string, out *taskOutput) wasmrt.SandboxConfig {
	if args == nil {
		args = mainArgs
	}
	cfg := wasmrt.SandboxConfig{Owner: session, MemoryBytes: memory, Args: args, Env: j.env, Files: j.files}
	if out != nil {
		cfg.Stdout, cfg.Stderr = &out.stdout, &out.stderr
	}
	return cfg
}

// add counts a task in, unless the job has ended or has too many; remove counts it out.
func (j *Job) add(t *task) error {
	if n := j.stats.unfinished.Add(1); n > spec.MaxPendingTasks {
		j.stats.unfinished.Add(-1)
		return spec.Errorf("submit "+t.function, spec.LimitExceeded, "", "the job has %d calls that have not finished, at most %d (MaxPendingTasks): wait for some before submitting more", n-1, spec.MaxPendingTasks)
	}
	j.mu.Lock()
	if j.over && !t.detached {
		j.mu.Unlock()
		j.stats.unfinished.Add(-1)
		return errJobEnded
	}
	j.live.add(t)
	j.mu.Unlock()
	j.stats.submitted.Add(1)
	if t.actor != nil {
		j.stats.calls.Add(1)
	} else {
		j.stats.functions.Add(1)
	}
	return nil
}

func (j *Job) remove(t *task, err *spec.Error) {
	j.mu.Lock()
	j.live.remove(t)
	if j.over {
		j.none.Broadcast()
	}
	j.mu.Unlock()
	j.stats.unfinished.Add(-1)
	if t.actor == nil {
		j.stats.functions.Add(-1)
	}
	switch {
	case err == nil:
		j.stats.finished.Add(1)
	case errors.Is(err.Kind, spec.TaskCancelled):
		j.stats.cancelled.Add(1)
	default:
		j.stats.failed.Add(1)
	}
}

// ending returns the unfinished tasks that end with the job.
func (j *Job) ending() []*task {
	return slices.DeleteFunc(j.tasks(), func(t *task) bool { return t.detached })
}

// tasks returns the unfinished tasks, in the order of their ids.
func (j *Job) tasks() []*task {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []*task
	for t := j.live.first; t != nil; t = t.after {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *task) int { return slices.Compare(a.id[:], b.id[:]) })
	return all
}

// tasks is a list of tasks, in no order that means anything.
type tasks struct{ first *task }

func (l *tasks) add(t *task) {
	if t.after = l.first; t.after != nil {
		t.after.before = t
	}
	l.first = t
}

// ending reports whether there are tasks that end with the job.
func (l *tasks) ending() bool {
	for t := l.first; t != nil; t = t.after {
		if !t.detached {
			return true
		}
	}
	return false
}

func (l *tasks) remove(t *task) {
	if t.before != nil {
		t.before.after = t.after
	} else {
		l.first = t.after
	}
	if t.after != nil {
		t.after.before = t.before
	}
	t.before, t.after = nil, nil
}

// stats counts as things happen.
type stats struct {
	unfinished, functions, actorsKept, groupsKept                           atomic.Int64 // now
	submitted, finished, failed, retried, rebuilt, cancelled, calls, actors atomic.Int64 // ever
	cpu                                                                     atomic.Int64 // nanoseconds, ever
}

// Stats is what a job has done so far. Calls of actors' methods are among Submitted, Finished, Failed and Cancelled.
type Stats struct {
	Submitted  int64 `json:"submitted"`
	Waiting    int64 `json:"waiting"` // functions only: for arguments or resources
	Running    int64 `json:"running"` // functions only
	Finished   int64 `json:"finished"`
	Failed     int64 `json:"failed"`
	Retried    int64 `json:"retried"` // attempts beyond the first
	Rebuilt    int64 `json:"rebuilt"` // tasks that ran again because what they made was lost
	Cancelled  int64 `json:"cancelled"`
	ActorCalls int64 `json:"actor_calls"`
	Actors     int64 `json:"actors"` // created
	// CPUSeconds is what its guests have computed, in all sandboxes that have ended or are between two calls.
	CPUSeconds float64 `json:"cpu_seconds"`
}

// Stats returns the counts now.
func (j *Job) Stats() Stats {
	s := &j.stats
	running := int64(j.gate.inside())
	return Stats{
		Submitted: s.submitted.Load(), Waiting: max(0, s.functions.Load()-running), Running: running, Finished: s.finished.Load(),
		Failed: s.failed.Load(), Retried: s.retried.Load(), Rebuilt: s.rebuilt.Load(), Cancelled: s.cancelled.Load(), ActorCalls: s.calls.Load(), Actors: s.actors.Load(),
		CPUSeconds: time.Duration(s.cpu.Load()).Seconds(),
	}
}

// taskOutput is where one sandbox of a task or an actor writes.
type taskOutput struct{ stdout, stderr lineWriter }

// openOutput returns nil if nobody listens.
func (j *Job) openOutput(id spec.TaskID, name string) *taskOutput {
	if j.cfg.TaskOutput == nil {
		return nil
	}
	return &taskOutput{
		stdout: lineWriter{emit: j.cfg.TaskOutput, line: OutputLine{Task: id, Name: name}},
		stderr: lineWriter{emit: j.cfg.TaskOutput, line: OutputLine{Task: id, Name: name, Stderr: true}},
	}
}

// close delivers unfinished last lines.
func (o *taskOutput) close() {
	if o != nil {
		o.stdout.close()
		o.stderr.close()
	}
}

// ordinal counts arguments for people: the first is 1.
func ordinal(i int) string { return strconv.Itoa(i + 1) }
