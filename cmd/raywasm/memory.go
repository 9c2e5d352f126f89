package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/api"
	"github.com/raywasm/raywasm/spec"
)

// memoryReport is what the objects of all nodes take. The JSON form is stable.
type memoryReport struct {
	GroupBy string        `json:"group_by"`
	Groups  []memoryGroup `json:"groups"`
	Totals  api.Use       `json:"totals"`
	Objects []api.Object  `json:"objects"` // the largest
	More    int           `json:"more"`    // objects that are not among them
	Cycles  int           `json:"unreachable_actors"`
	Nodes   []memoryNode  `json:"nodes"`
}

// memoryGroup is what the objects of one group take.
type memoryGroup struct {
	Key        string         `json:"key"`
	References map[string]int `json:"reference_types"` // objects by kind
	api.Use
}

// memoryNode is what the store of a node takes.
type memoryNode struct {
	ID    string    `json:"node_id"`
	Store api.Store `json:"object_store"`
}

// groupings tell of objects what they are grouped by.
var groupings = map[string]func(node string, u api.Use) string{
	"site":      func(_ string, u api.Use) string { return u.Site() },
	"function":  func(_ string, u api.Use) string { return u.Function },
	"node":      func(node string, _ api.Use) string { return node },
	"reference": func(_ string, u api.Use) string { return u.Reference },
}

// sortings compare groups; those that are equal are in the order of their keys.
var sortings = map[string]func(a, b memoryGroup) int{
	"size":    func(a, b memoryGroup) int { return cmp.Compare(b.Bytes, a.Bytes) },
	"objects": func(a, b memoryGroup) int { return cmp.Compare(b.Objects, a.Objects) },
	"key":     func(a, b memoryGroup) int { return 0 },
}

func newMemory() *cobra.Command {
	var from nodes
	var f format
	var groupBy, sortBy string
	var objects int
	cmd := &cobra.Command{
		Use:   "memory [flags]",
		Short: "Tell who keeps which objects of running nodes",
		Long: `Asks the nodes that run on this machine, such as those of raywasm submit, and prints what
their objects take, grouped by where they were made: the function, and what it put or
which function it called. Then come the largest objects and what keeps each of them.

Kinds of references: LOCAL_REFERENCE (a program has a handle), USED_BY_PENDING_TASK (an
unfinished call was given it), CAPTURED_IN_OBJECT (it is in the value of another, and
nobody has a handle), ONLY_IN_CYCLE (only what nobody can reach any more refers to it).
Places: table (with its record, for it is small), memory (the object store), disk
(spilled), both, pending (it is not there yet), error.

--format json prints an object: group_by, groups (key, reference_types, objects,
pending, bytes, large_bytes, spilled, spilled_bytes), totals, objects (object_id,
node_id, job_id, function, call, reference_type, place, object_size, references,
handles, pinned_by), more (objects that --objects left out), unreachable_actors, nodes
(node_id, object_store). Sizes are in bytes.`,
		Example: `  raywasm memory
  raywasm memory --group-by node --objects 0
  raywasm memory --format json | jq '.groups[] | select(.spilled > 0)'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if groupings[groupBy] == nil {
				return usagef(cmd, "--group-by %q: want %s", groupBy, choices(groupings))
			}
			if sortings[sortBy] == nil {
				return usagef(cmd, "--sort-by %q: want %s", sortBy, choices(sortings))
			}
			var all []api.Memory
			err := from.each(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				m, err := c.Memory(ctx, objects)
				all = append(all, m)
				return err
			})
			if err != nil {
				return err
			}
			r := reportMemory(all, groupBy, sortBy, objects)
			if f == formatJSON {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			return r.write(cmd.OutOrStdout())
		},
	}
	addNodes(cmd, &from)
	cmd.Flags().StringVar(&groupBy, "group-by", "site", "what objects are grouped by: `KEY` is "+choices(groupings))
	cmd.Flags().StringVar(&sortBy, "sort-by", "size", "the order of the groups: `KEY` is "+choices(sortings))
	cmd.Flags().IntVar(&objects, "objects", 10, "list the `N` largest objects")
	_ = cmd.RegisterFlagCompletionFunc("group-by", cobra.FixedCompletions(slices.Sorted(maps.Keys(groupings)), cobra.ShellCompDirectiveNoFileComp)) // the flags are there
	_ = cmd.RegisterFlagCompletionFunc("sort-by", cobra.FixedCompletions(slices.Sorted(maps.Keys(sortings)), cobra.ShellCompDirectiveNoFileComp))
	addFormat(cmd, &f)
	return cmd
}

// choices are the keys of a map for people: "a, b or c".
func choices[V any](of map[string]V) string {
	names := slices.Sorted(maps.Keys(of))
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// reportMemory adds up what the nodes say.
func reportMemory(all []api.Memory, groupBy, sortBy string, objects int) memoryReport {
	r := memoryReport{GroupBy: groupBy, Groups: []memoryGroup{}, Objects: []api.Object{}, Nodes: []memoryNode{}}
	at := make(map[string]int)
	for _, m := range all {
		for _, u := range m.Uses {
			key := groupings[groupBy](m.Node, u)
			i, ok := at[key]
			if !ok {
				i = len(r.Groups)
				at[key] = i
				r.Groups = append(r.Groups, memoryGroup{Key: key, References: make(map[string]int)})
			}
			r.Groups[i].Add(u)
			r.Groups[i].References[u.Reference] += u.Objects
		}
		r.Totals.Add(m.Totals)
		r.Objects = append(r.Objects, m.Objects...)
		r.More += m.More
		r.Cycles += m.Cycles
		r.Nodes = append(r.Nodes, memoryNode{m.Node, m.Store})
	}
	slices.SortFunc(r.Groups, func(a, b memoryGroup) int { return cmp.Or(sortings[sortBy](a, b), cmp.Compare(a.Key, b.Key)) })
	slices.SortStableFunc(r.Objects, func(a, b api.Object) int { return cmp.Compare(b.Bytes, a.Bytes) })
	if beyond := len(r.Objects) - objects; beyond > 0 {
		r.Objects, r.More = r.Objects[:objects], r.More+beyond
	}
	return r
}

// write prints the report for people.
func (r memoryReport) write(w io.Writer) error {
	for _, n := range r.Nodes {
		fmt.Fprintf(w, "node %s: object store %s of %s, %s on disk\n", n.ID, spec.FormatBytes(n.Store.Used), spec.FormatBytes(n.Store.Limit), spec.FormatBytes(n.Store.Disk))
	}
	fmt.Fprintln(w)
	rows := [][]string{{strings.ToUpper(r.GroupBy), "OBJECTS", "PENDING", "SIZE", "SPILLED", "REFERENCES"}}
	for _, g := range append(r.Groups, memoryGroup{Key: "total", Use: r.Totals}) {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(g.References)) {
			kinds = append(kinds, fmt.Sprintf("%d %s", g.References[kind], kind))
		}
		rows = append(rows, []string{g.Key, strconv.Itoa(g.Objects), strconv.Itoa(g.Pending), spec.FormatBytes(g.Bytes), spec.FormatBytes(g.SpilledBytes), strings.Join(kinds, ", ")})
	}
	if err := table(w, rows); err != nil {
		return err
	}
	if r.Cycles > 0 {
		fmt.Fprintf(w, "%s can be reached by nobody but themselves and what they keep: they are freed when memory is short\n", count(int64(r.Cycles), "actor"))
	}
	if len(r.Objects) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	rows = [][]string{{"OBJECT ID", "SIZE", "PLACE", "SITE", "REFERENCE", "KEPT BY"}}
	for _, o := range r.Objects {
		rows = append(rows, []string{o.ID, spec.FormatBytes(o.Bytes), o.Place, o.Site(), o.Reference, keptBy(o)})
	}
	if err := table(w, rows); err != nil {
		return err
	}
	return omitted(w, r.More, "--objects")
}

// keptBy says what keeps an object: "2 handles, task length (ab12), object cd34".
func keptBy(o api.Object) string {
	var parts []string
	if o.Handles > 0 {
		parts = append(parts, count(int64(o.Handles), "handle"))
	}
	for _, p := range o.Pins {
		if p.Name != "" {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", p.Kind, p.Name, p.ID))
		} else {
			parts = append(parts, p.Kind+" "+p.ID)
		}
	}
	if unsaid := o.References - o.Handles - len(o.Pins); unsaid > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", unsaid))
	}
	return strings.Join(parts, ", ")
}
