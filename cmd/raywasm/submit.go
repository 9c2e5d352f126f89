package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/raywasm/raywasm/api"
	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/store/spill"
)

// submission is what a command line asks to run.
type submission struct {
	program string
	node    host.Config
	load    host.LoadConfig
	job     host.JobConfig
	timeout time.Duration // of the driver; 0 for none
	runtime string        // the directory in which the node can be seen; "" for the usual one
	quiet   bool
	verbose bool
	format  format
}

func newSubmit() *cobra.Command {
	var s submission
	resources, env := make(amounts), make(variables)
	var memory, objectStore size
	var rebuild bool
	var system string
	cmd := &cobra.Command{
		Use:   "submit [flags] PROGRAM [-- ARGS...]",
		Short: "Run a program as a job",
		Long: `Runs PROGRAM as a job on a node in this process. PROGRAM is a .wasm file, or a directory
with a Go main package, which is built first as raywasm build does. What follows -- are
the arguments of the program's driver.

The job sees nothing of this machine but what it is given: variables by --env, and the
files of --working-dir, read-only, as "/".

Output: what the driver writes to stdout and stderr passes through as it comes. A line of
a task or an actor is preceded by who wrote it: "(square task=ab12) text". When the job has
ended, a line on stderr sums it up. On a terminal a status line shows how far the job is,
and when nothing has moved for 10 seconds, what one of its tasks waits for.
--quiet leaves out both, but not a summary that --format json asks for. NO_COLOR=1 turns
colours off.

Exit status: the driver's own. 1 if it did not end by itself (a trap, a limit) or never
began, 2 for a command line that makes no sense, 124 after --timeout, 130 after Ctrl-C. The
first Ctrl-C stops the job and tells what was stopped; the second ends at once.

While it runs, raywasm status, memory and list tell of it.

--format json makes the last line on stderr an object on one line:
  job          the job's id
  module       the digest of its module
  outcome      "finished", "failed", "timeout" or "interrupted"
  exit_status  of this command
  error        what happened, unless the outcome is "finished"
  seconds      how long the driver ran
  stats        counts: submitted, waiting, running, finished, failed, retried, rebuilt,
               cancelled, actor_calls, actors, cpu_seconds. Actor calls are among those submitted, finished,
               failed and cancelled
It is not printed if the job never began.`,
		Example: `  raywasm submit ./examples/counter -- --kwargs iterations=7
  raywasm submit --env HOME --env MODE=fast --working-dir ./data program.wasm
  raywasm submit --num-cpus 4 --memory 8GiB --timeout 10m program.wasm
  raywasm submit --format json program.wasm 2>&1 >/dev/null | tail -n 1 | jq .stats`,
		ValidArgsFunction: completeProgram,
		Args: func(cmd *cobra.Command, args []string) error {
			before := cmd.ArgsLenAtDash()
			if before < 0 {
				before = len(args)
			}
			switch {
			case before == 0:
				return usagef(cmd, "want a PROGRAM: a .wasm file or a directory with a Go main package")
			case before > 1:
				return usagef(cmd, "unexpected argument %q: the program's own arguments go after --", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.timeout < 0 {
				return usagef(cmd, "--timeout %v is negative", s.timeout)
			}
			s.program, s.job.Args = args[0], args[1:]
			s.job.Env, s.node.Resources = env, resources
			s.node.Memory, s.node.ObjectStoreMemory, s.node.LoseObjects = int64(memory), int64(objectStore), !rebuild
			if system != "" {
				if err := s.configure(system); err != nil {
					return usagef(cmd, "--system-config: %v", err)
				}
			}
			return s.run(cmd.Context(), newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr(), s.quiet))
		},
	}
	f := cmd.Flags()
	f.Var(env, "env", "a variable of the job's environment; K alone copies it from this one; may be repeated")
	f.StringVar(&s.job.WorkingDir, "working-dir", "", "the `DIR` that the job sees as \"/\", read-only (default: no files)")
	f.StringVar(&s.job.Namespace, "namespace", "", "the `NAME` of the job's namespace, in which actors have their names (default: one of its own)")
	f.DurationVar(&s.timeout, "timeout", 0, "stop the job when its driver has run for a `DURATION` such as 90s; building and loading do not count")
	f.Float64Var(&s.node.NumCPUs, "num-cpus", 0, "offer `N` CPUs (default: those this process may use)")
	f.Float64Var(&s.node.NumGPUs, "num-gpus", 0, "offer `N` GPUs (default: none)")
	f.Var(&memory, "memory", "what tasks and actors may reserve of the machine's memory (default: 70 %)")
	f.Var(&objectStore, "object-store-memory", "bound of the object store (default: 30 % of the machine's memory)")
	f.Var((*spilling)(&s.node.Spill), "object-spilling-directory", "where objects go that do not fit the object store's memory: directories with commas between them, or JSON as in Ray's object_spilling_config (default: nowhere, they are refused)")
	f.StringVar(&system, "system-config", "", "Ray's _system_config as `JSON`, as far as it is about the object store; flags of their own take precedence")
	f.BoolVar(&rebuild, "enable-object-reconstruction", true, "make lost objects again by running their tasks again")
	f.Var(resources, "resources", "a custom resource the node offers, such as x86=4; may be repeated")
	f.StringVar(&s.node.DataDir, "data-dir", "", "the `DIR` in which detached actors and the table of jobs outlive the command; a later one that names it finds them (default: nothing does)")
	addRuntimeDir(cmd, &s.runtime, "the `DIR` in which raywasm status, memory and list find the node; \"off\": they do not")
	addCacheDir(cmd, &s.node.CacheDir)
	addEngine(cmd, &s.node, &s.load)
	f.BoolVarP(&s.verbose, "verbose", "v", false, "print the node's log on stderr")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "print neither summary nor status line")
	addFormat(cmd, &s.format)
	f.Lookup("format").Usage = "how to print the summary: text or json"
	_ = cmd.MarkFlagDirname("working-dir") // the flags are there
	_ = cmd.MarkFlagDirname("data-dir")
	_ = cmd.MarkFlagDirname("object-spilling-directory")
	return cmd
}

// configure takes what Ray's _system_config says and no flag does.
func (s *submission) configure(system string) error {
	c, err := spill.ParseSystem(system)
	if err != nil {
		return err
	}
	s.node.MinSpill = c.MinSpill
	if s.node.ObjectStoreMemory == 0 {
		s.node.ObjectStoreMemory = c.ObjectStoreMemory
	}
	if len(s.node.Spill.Directories) == 0 {
		s.node.Spill = c.Spill
	}
	return nil
}

// run opens a node, runs the job on it and closes it.
func (s *submission) run(ctx context.Context, to *screen) error {
	wasm, err := readProgram(ctx, to, s.program)
	if err != nil {
		return err
	}
	if s.verbose {
		s.node.Logger = newLogger(to.stderr)
	}
	// What ctx ends is the driver: the node goes on until it is known what the job was doing.
	node, err := host.Open(context.WithoutCancel(ctx), s.node)
	if err != nil {
		return err
	}
	defer node.Close()
	seen, err := s.serve(node)
	if err != nil {
		return err
	}
	if seen != nil {
		defer seen.Close()
	}
	if s.job.Module, err = loadProgram(ctx, to, node, s.program, wasm, s.load); err != nil {
		return err
	}
	s.job.Stdout, s.job.Stderr, s.job.TaskOutput = to.stdout, to.stderr, to.taskLine
	job, err := node.NewJob(ctx, s.job)
	if err != nil {
		return err
	}
	defer job.Close()
	return s.drive(ctx, to, node, job)
}

// serve lets the node be seen by other commands. Where that cannot be and was not asked for, the job runs all the same.
func (s *submission) serve(node *host.Node) (*api.Server, error) {
	if s.runtime == "off" {
		return nil, nil
	}
	seen, err := api.Serve(node, s.runtime)
	if err != nil && s.runtime == "" && os.Getenv(api.DirVariable) == "" {
		if s.node.Logger != nil {
			s.node.Logger.Warn("the node cannot be seen by other commands", zap.NamedError("reason", err))
		}
		return nil, nil
	}
	return seen, err
}

// maxReasons bounds the kinds of waiting requests that the status line sums up.
const maxReasons = 100

// timedOut is the cause of a context that --timeout ended.
type timedOut time.Duration

func (e timedOut) Error() string {
	return fmt.Sprintf("timed out after %v (--timeout)", time.Duration(e))
}

// drive runs the driver, stops what is left of the job and says what became of it.
func (s *submission) drive(ctx context.Context, to *screen, node *host.Node, job *host.Job) error {
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, timedOut(s.timeout))
		defer cancel()
	}
	// The driver stops only when it has been seen what it leaves, for its actors end with it.
	driving, stopDriver := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopDriver(nil)
	var left leftovers
	seen := make(chan struct{})
	inTime := context.AfterFunc(ctx, func() {
		defer close(seen)
		left = leftovers{job.Stats(), node.Usage().Actors}
		stopDriver(context.Cause(ctx))
	})
	start := time.Now()
	line := progress{job: job.ID()}
	stop := to.follow(func(elapsed time.Duration) string {
		return line.text(job.Stats(), node.Pending(maxReasons), job.Explain, elapsed)
	})
	status, err := job.Run(driving)
	stop()
	end := ending{job: job.ID(), module: s.job.Module.Digest(), status: status, err: err, took: time.Since(start)}
	if !inTime() {
		<-seen
		if err != nil || status != 0 {
			end.stopped(context.Cause(ctx), left)
		}
	}
	stop = to.doing(fmt.Sprintf("job %v: stopping what is left of it", job.ID()))
	err = job.Close()
	stop()
	if err != nil {
		return err
	}
	end.stats = job.Stats()
	return s.conclude(to, end)
}

// conclude prints how the job ended and returns the exit status.
func (s *submission) conclude(to *screen, end ending) error {
	if end.err != nil {
		if err := to.stderr.writeLine(strings.TrimSuffix(failureText(end.reported()), "\n")); err != nil {
			return err
		}
	}
	if !s.quiet || s.format == formatJSON {
		text, err := end.summary(s.format)
		if err != nil {
			return err
		}
		if err := to.stderr.writeLine(text); err != nil {
			return err
		}
	}
	if status := end.exitStatus(); status != 0 {
		return exitStatus(status)
	}
	return nil
}
