package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/api"
	"github.com/raywasm/raywasm/spec"
)

// nodes are the running nodes that a command asks.
type nodes struct {
	dir    string
	prefix string // of the one that is meant; "" for all
}

// answerTime bounds how long a node is waited for.
const answerTime = 30 * time.Second

// addNodes gives the command the flags that say which nodes are asked.
func addNodes(cmd *cobra.Command, n *nodes) {
	addRuntimeDir(cmd, &n.dir, "the `DIR` in which running nodes are seen")
	cmd.Flags().StringVar(&n.prefix, "node", "", "the beginning of the `ID` of the node that is asked (default: all that run here)")
	_ = cmd.RegisterFlagCompletionFunc("node", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) { // the flag is there
		var ids []string
		_ = n.each(cmd.Context(), func(ctx context.Context, c *api.Client) error { // nothing is offered where nothing runs
			node, err := c.Node(ctx)
			ids = append(ids, cobra.CompletionWithDesc(node.ID, fmt.Sprintf("process %d", node.PID)))
			return err
		})
		return ids, cobra.ShellCompDirectiveNoFileComp
	})
}

// addRuntimeDir gives the command the flag --runtime-dir.
func addRuntimeDir(cmd *cobra.Command, dir *string, usage string) {
	cmd.Flags().StringVar(dir, "runtime-dir", "", usage+" (default: "+api.DirVariable+", else raywasm in XDG_RUNTIME_DIR, else raywasm-UID in the directory of temporary files)")
	_ = cmd.MarkFlagDirname("runtime-dir") // the flag is there
}

// each asks the nodes, one after the other. If some cannot answer, that is said when the others have.
func (n *nodes) each(ctx context.Context, ask func(ctx context.Context, c *api.Client) error) error {
	clients, err := api.Find(n.dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	asked := 0
	for _, c := range clients {
		if n.prefix != "" {
			node, unseen := c.Node(ctx)
			if err = errors.Join(err, unseen); unseen != nil || !strings.HasPrefix(node.ID, n.prefix) {
				continue
			}
		}
		asked++
		err = errors.Join(err, ask(ctx, c))
	}
	if asked == 0 && err == nil {
		return spec.Errorf("look for running nodes", spec.NotFound, "node "+n.prefix, "no node whose id begins so runs here: raywasm list nodes tells which do")
	}
	return err
}

// table writes rows in columns, the first row being their titles.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return t.Flush()
}

// omitted says how many rows are not shown.
func omitted(w io.Writer, more int, flag string) error {
	if more == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "... and %d more: %s N shows them\n", more, flag)
	return err
}
