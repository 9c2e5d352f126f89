package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wasmtime"
	"github.com/raywasm/raywasm/runtime/wazero"
)

// engines are those that --engine names. wasmtime says so itself when this program was built without cgo.
var engines = map[string]engine.Open{"wazero": wazero.Open, "wasmtime": wasmtime.Open}

// addEngine gives the command the flags that say how a module is run.
func addEngine(cmd *cobra.Command, node *host.Config, load *host.LoadConfig) {
	node.Engines = engines
	names := slices.Sorted(maps.Keys(engines))
	f := cmd.Flags()
	f.StringVar(&load.Engine, "engine", "wazero", "the `ENGINE` that runs guests: "+strings.Join(names, " or "))
	f.BoolVar(&load.Trusted, "trusted", false, "run the module unmetered: faster, but it cannot be stopped while it computes")
	_ = cmd.RegisterFlagCompletionFunc("engine", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}
