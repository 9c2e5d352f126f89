package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/api"
)

func newStatus() *cobra.Command {
	var from nodes
	var f format
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "Tell what running nodes have, use and wait for",
		Long: `Asks the nodes that run on this machine, such as those of raywasm submit, and prints for
each what it has and uses and which demands wait, as ray status does; then, by what is
needed, how many tasks and actors wait for which reason, and which jobs run.

A reason is one word: resources (others hold them), order (others go first), quota (of
the namespace), arguments (they are not there yet), environment, group (it has no place),
infeasible, labels or affinity.

--format json prints an object: nodes, each with node_id, autoscaler (at, active, idle,
pending, leaving, failures, usage, floor, demands, unmet), pending (count, need,
priority, job_id, reason, lacks, text) and jobs (job_id, ray_namespace, start_time,
stats). Memory is in bytes, other resources in whole units.`,
		Example: `  raywasm status
  raywasm status --format json | jq '.nodes[].pending[] | {reason, count}'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := []api.Status{}
			err := from.each(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				s, err := c.Status(ctx)
				if err == nil {
					all = append(all, s)
				}
				return err
			})
			w := cmd.OutOrStdout()
			if f == formatJSON && err == nil {
				return writeJSON(w, map[string]any{"nodes": all})
			}
			for _, s := range all {
				if failed := writeStatus(w, s); failed != nil {
					return failed
				}
			}
			return err
		},
	}
	addNodes(cmd, &from)
	addFormat(cmd, &f)
	return cmd
}

// writeStatus prints Ray's block, why each demand waits, and the jobs.
func writeStatus(w io.Writer, s api.Status) error {
	var b strings.Builder
	title := func(text string) { b.WriteString("\n" + text + "\n" + strings.Repeat("-", 63) + "\n") }
	b.WriteString(s.Autoscaler.String())
	if len(s.Pending) > 0 {
		title("Waiting")
	}
	for _, p := range s.Pending {
		fmt.Fprintf(&b, " %d x %v of job %s: %s (%s)\n", p.Count, p.Need, p.Job, p.Text, p.Reason)
	}
	title("Jobs")
	if len(s.Jobs) == 0 {
		b.WriteString(" (no jobs)\n")
	}
	for _, j := range s.Jobs {
		fmt.Fprintf(&b, " %s: %d running, %d waiting, %d finished, %d failed, %s, since %s\n", j.ID, j.Stats.Running, j.Stats.Waiting, j.Stats.Finished, j.Stats.Failed,
			count(j.Stats.Actors, "actor"), seconds(time.Since(j.Since)))
	}
	fmt.Fprintf(&b, "\nnode %s\n", s.Node)
	_, err := io.WriteString(w, b.String())
	return err
}
