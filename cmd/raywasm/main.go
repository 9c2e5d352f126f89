package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run runs the command line and returns the exit status.
func run(args []string) int {
	ctx, stop := untilSignal(context.Background(), os.Stderr, os.Exit)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	return report(os.Stderr, root.ExecuteContext(ctx))
}

// newRoot returns the command with all below it. It prints neither errors nor usage by itself: report does.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:                   "raywasm",
		DisableFlagsInUseLine: true,
		Short:                 "Ray Core for WebAssembly",
		Long: `raywasm runs programs that call remote functions and actors, each in a WebAssembly
sandbox: tasks get a fresh one per call, an actor keeps its own.

Exit status: 0 for success, 1 for a failure, 2 for a command line that makes no sense,
130 after Ctrl-C, 143 after SIGTERM. raywasm submit adds more; see its help.`,
		Example: `  raywasm submit ./examples/counter -- --kwargs iterations=7
  raywasm status
  raywasm build ./examples/pi
  raywasm inspect pi.wasm`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       noSuchCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd, err.Error()} })
	root.SetHelpCommand(newHelp(root))
	root.AddCommand(newSubmit(), newStatus(), newMemory(), newList(), newBuild(), newInspect(), newSim(), newVersion(), newCompletion())
	return root
}
