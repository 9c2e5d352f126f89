package main

import (
	"bytes"
	"cmp"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/sched/autoscaler/clusterfile"
	"github.com/raywasm/raywasm/sim"
	simreport "github.com/raywasm/raywasm/sim/report"
	"github.com/raywasm/raywasm/sim/workload"
	"github.com/raywasm/raywasm/spec"
)

func newSim() *cobra.Command {
	var f format
	var picture, policy, status string
	cmd := &cobra.Command{
		Use:   "sim [flags] WORKLOAD CLUSTER",
		Short: "Simulate a workload on a cluster, to size it",
		Long: `Runs the workload that the file WORKLOAD describes on the cluster that the file CLUSTER
describes, in simulated time: scheduling, placement groups, retries and the autoscaler
are the real ones, machines, the network and the program are models. Prints how long
tasks waited, how much of the cluster was used, and what it cost; --svg draws it.
The same files give the same result.

WORKLOAD is YAML: tasks (name, count, at, every, duration, spread, needs, selector,
retries, crash, fail, group), groups (name, strategy, bundles, at, until), actors (name,
count, at, needs, calls, every, duration, restarts, retries, crash), network (delay,
jitter), boot (from a machine's launch to its joining), prices and deaths (by node type,
for an hour), seed. CLUSTER is the file of a real cluster: available_node_types with
resources, min_workers and max_workers, head_node_type, idle_timeout_minutes and so on.

--format json prints an object: seconds, tasks, failed, attempts, cpu_seconds_used,
cpu_seconds_wasted, cpu_seconds_there, utilisation, cost, classes (name, count, begins,
wait_p50, wait_p95, wait_max), node_types (name, nodes, node_hours, cost), timeline (at,
cpus, busy, waiting), and with --status the status. Times are in seconds.`,
		Example: `  raywasm sim nightly.yaml cluster.yaml --svg nightly.svg
  raywasm sim --status 2m nightly.yaml cluster.yaml
  raywasm sim --format json nightly.yaml cluster.yaml | jq .cost`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef(cmd, "want WORKLOAD and CLUSTER, got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr(), false)
			at, err := statusTime(status)
			if err != nil {
				return usagef(cmd, "--status %s: want a time such as 2m30s, or end", status)
			}
			r, err := simulate(args[0], args[1], policy, at)
			if err != nil {
				return err
			}
			if picture != "" {
				var b bytes.Buffer
				if err := r.WriteSVG(&b); err != nil {
					return err
				}
				if err := os.WriteFile(picture, b.Bytes(), 0o644); err != nil {
					return err
				}
			}
			if f == formatJSON {
				return writeJSON(s.stdout, r)
			}
			return r.WriteText(s.stdout)
		},
	}
	addFormat(cmd, &f)
	cmd.Flags().StringVar(&picture, "svg", "", "draw the time into this file")
	cmd.Flags().StringVar(&policy, "policy", "default", "how nodes are chosen: default, or ray for its hybrid policy")
	cmd.Flags().StringVar(&status, "status", "", "also print the autoscaler's status, as raywasm status does, at a `TIME` of the simulation such as 2m30s, or at the end")
	_ = cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions([]string{"default", "ray"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return cmd
}

// statusTime reads when the autoscaler's status is wanted; nil for never.
func statusTime(text string) (*time.Duration, error) {
	switch text {
	case "":
		return nil, nil
	case "end":
		return new(time.Duration(math.MaxInt64)), nil
	}
	at, err := time.ParseDuration(text)
	return &at, err
}

// simulate runs one file on the other.
func simulate(workloadPath, clusterPath, policy string, status *time.Duration) (simreport.Report, error) {
	data, err := os.ReadFile(workloadPath)
	if err != nil {
		return simreport.Report{}, err
	}
	work, err := workload.Parse(workloadPath, data)
	if err != nil {
		return simreport.Report{}, err
	}
	if data, err = os.ReadFile(clusterPath); err != nil {
		return simreport.Report{}, err
	}
	cluster, err := clusterfile.Parse(clusterPath, data)
	if err != nil {
		return simreport.Report{}, err
	}
	opt := sim.Options{Elastic: &sim.Elastic{Config: cluster.Autoscaler, Head: cluster.Head, Boot: cmp.Or(time.Duration(work.Boot), time.Minute), Deaths: work.Deaths}}
	switch policy {
	case "default":
	case "ray":
		opt.Policy = sim.NewRay(work.Seed)
	default:
		return simreport.Report{}, spec.Errorf("simulate", spec.InvalidArgument, "policy", "%q is neither default nor ray", policy)
	}
	rec := simreport.NewRecorder()
	if status != nil {
		rec.StatusAt(*status)
	}
	res, err := sim.Run(work.Program(), rec.Watch(opt))
	if err != nil {
		return simreport.Report{}, &spec.Error{Op: "simulate", Kind: spec.TaskUnschedulable, ID: workloadPath, Err: err}
	}
	return rec.Report(res, work.Prices), nil
}
