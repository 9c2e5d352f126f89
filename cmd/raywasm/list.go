package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/api"
	"github.com/raywasm/raywasm/spec"
)

// listing is what a command line asks to list.
type listing struct {
	from   nodes
	limit  int
	format format
}

// lister lists one kind.
type lister func(l *listing, ctx context.Context, w io.Writer) error

// listers by kind; api.Kinds has the same.
var listers = map[string]lister{
	"actors":           listerOf("actors", []string{"ACTOR ID", "CLASS", "STATE", "NAME", "JOB", "CALLS WAITING", "RESTARTS", "WHY"}, actorCells),
	"jobs":             listerOf("jobs", []string{"JOB ID", "STATUS", "NAMESPACE", "STARTED", "TOOK", "EXIT", "WHY"}, jobCells),
	"nodes":            listerOf("nodes", []string{"NODE ID", "PROCESS", "RESOURCES", "FREE", "WAITING", "OBJECT STORE"}, nodeCells),
	"objects":          listerOf("objects", []string{"OBJECT ID", "SIZE", "PLACE", "SITE", "REFERENCE", "REFERENCES"}, objectCells),
	"placement-groups": listerOf("placement-groups", []string{"PLACEMENT GROUP ID", "NAME", "STATE", "STRATEGY", "JOB", "BUNDLES", "WHY"}, groupCells),
	"tasks":            listerOf("tasks", []string{"TASK ID", "NAME", "STATE", "JOB", "ATTEMPT", "WHY"}, taskCells),
}

func newList() *cobra.Command {
	l := listing{limit: 100}
	kinds := slices.Sorted(maps.Keys(listers))
	about := ""
	for _, kind := range kinds {
		about += fmt.Sprintf("  %-17s %s\n", kind, api.Kinds[kind])
	}
	cmd := &cobra.Command{
		Use:   "list [flags] KIND",
		Short: "List what is on running nodes",
		Long: `Asks the nodes that run on this machine, such as those of raywasm submit, and lists what
they have of a KIND:

` + about + `
--format json prints an object: rows, whose names are those of Ray's state API where it
has them, and more, the number of rows that --limit left out. Sizes are in bytes.`,
		Example: `  raywasm list placement-groups
  raywasm list tasks --limit 1000 --format json | jq -r '.rows[].text'`,
		ValidArgs: kinds,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || listers[args[0]] == nil {
				return usagef(cmd, "want one KIND of %s", strings.Join(kinds, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return listers[args[0]](&l, cmd.Context(), cmd.OutOrStdout())
		},
	}
	addNodes(cmd, &l.from)
	cmd.Flags().IntVar(&l.limit, "limit", l.limit, "list at most `N` of each node")
	addFormat(cmd, &l.format)
	return cmd
}

// listerOf makes the lister of a kind whose rows have these cells.
func listerOf[Row any](kind string, titles []string, cells func(Row) []string) lister {
	return func(l *listing, ctx context.Context, w io.Writer) error {
		all := api.List[Row]{Rows: []Row{}}
		err := l.from.each(ctx, func(ctx context.Context, c *api.Client) error {
			one, err := api.Lists[Row](ctx, c, kind, l.limit)
			all.Rows = append(all.Rows, one.Rows...)
			all.More += one.More
			return err
		})
		if err != nil {
			return err
		}
		if l.format == formatJSON {
			return writeJSON(w, all)
		}
		rows := [][]string{titles}
		for _, r := range all.Rows {
			rows = append(rows, cells(r))
		}
		if err := table(w, rows); err != nil {
			return err
		}
		return omitted(w, all.More, "--limit")
	}
}

func actorCells(a api.Actor) []string {
	name := a.Name
	if name != "" {
		name = a.Namespace + "/" + name
	}
	if a.Detached {
		name += " (detached)"
	}
	return []string{a.ID, a.Class, a.State, name, a.Job, strconv.Itoa(a.Waiting), strconv.Itoa(int(a.Restarts)), a.Text}
}

func jobCells(j api.Job) []string {
	took, exit := time.Since(j.Start), ""
	if j.End != nil {
		took, exit = j.End.Sub(j.Start), strconv.Itoa(j.Exit)
	}
	return []string{j.ID, j.Status, j.Namespace, j.Start.Local().Format(time.DateTime), duration(took), exit, firstLine(j.Error)}
}

func nodeCells(n api.Node) []string {
	return []string{n.ID, strconv.Itoa(n.PID), n.Total.String(), n.Free.String(), strconv.Itoa(n.Waiting),
		spec.FormatBytes(n.Store.Used) + " of " + spec.FormatBytes(n.Store.Limit) + ", " + spec.FormatBytes(n.Store.Disk) + " on disk"}
}

func objectCells(o api.Object) []string {
	return []string{o.ID, spec.FormatBytes(o.Bytes), o.Place, o.Site(), o.Reference, strconv.Itoa(o.References)}
}

func groupCells(g api.Group) []string {
	name := g.Name
	if name != "" {
		name = g.Namespace + "/" + name
	}
	if g.Detached {
		name += " (detached)"
	}
	var bundles []string
	for _, b := range g.Bundles {
		text := b.Need.String()
		if b.Labels != "" {
			text += " where " + b.Labels
		}
		if b.Node != "" {
			text += " on " + b.Node[:8]
		}
		bundles = append(bundles, text)
	}
	why := g.Text
	if g.Why != "" {
		why += " (" + g.Why + ")"
	}
	return []string{g.ID, name, g.State, g.Strategy, g.Job, strings.Join(bundles, ", "), why}
}

func taskCells(t api.Task) []string {
	return []string{t.ID, t.Name, t.State, t.Job, strconv.Itoa(int(t.Attempt)), longID.ReplaceAllString(t.Text, "$1")}
}

// firstLine returns what is before the first line break.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
