package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/host"
	wasmrt "github.com/raywasm/raywasm/runtime"
	"github.com/raywasm/raywasm/spec"
)

// inspection is all that is known of a module. The JSON form is stable.
type inspection struct {
	File      string      `json:"file"`
	SDK       string      `json:"sdk"`
	ABI       int         `json:"abi"`
	Driver    bool        `json:"driver"`
	Functions []function  `json:"functions"`
	Classes   []class     `json:"classes"`
	Wasm      wasmrt.Info `json:"wasm"`
	Refused   string      `json:"refused,omitempty"`
}

func newInspect() *cobra.Command {
	var f format
	var cfg host.Config
	var load host.LoadConfig
	var value bool
	cmd := &cobra.Command{
		Use:   "inspect [flags] MODULE",
		Short: "Tell what a module offers and what it wants",
		Long: `Loads MODULE, a .wasm file or a directory with a Go main package, and prints what it
offers (a driver, functions, classes, with their options), what it wants of the host
(imports), and how it runs: whether its execution is metered, and whether sandboxes start
from an image of its initialised memory. It is initialised for that, but no function of it
is called. A module that this host refuses, or that has nothing to call, is described all
the same, with the reason.

--format json prints an object:
  file       MODULE as it was given
  sdk, abi   what it was built with, and for which guest ABI
  driver     whether it can be submitted
  functions  array of: name, params (types, in the guest's language), result (a type;
             absent for none), options (absent if none are said)
  classes    array of: name, params (of the constructor), options, methods (array like
             functions)
  refused    why the module cannot be loaded; absent if it can
  wasm       the module as the runtime sees it: digest, kind ("program", "functions",
             "command", "reactor", "plain"), bytes; imports (module, name,
             signature, granted); exports (name, kind, signature); memory_min, memory_max,
             metered, no_snapshot (why there can be no image), image_bytes, image_digest
With --value the file is no module but one serialized value (CBOR), which is printed in
diagnostic notation (RFC 8949 section 8), with its size, the refs and typed arrays in it, and
the rows and columns of Arrow tables. As JSON: file, bytes, refs, actors, arrays (how many of
each kind), tables (rows, batches, schema, error), notation.

Options have Ray's names: num_cpus, memory, max_retries and so on; memory is in bytes,
times are in seconds.`,
		Example: `  raywasm inspect pi.wasm
  raywasm inspect --format json pi.wasm | jq '.functions[].name'
  raywasm inspect --value result.cbor`,
		ValidArgsFunction: completeProgram,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef(cmd, "want one MODULE, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			s := newScreen(cmd.OutOrStdout(), cmd.ErrOrStderr(), false)
			if value {
				v, err := inspectValue(args[0])
				if err != nil {
					return err
				}
				if f == formatJSON {
					return writeJSON(s.stdout, v)
				}
				return v.print(s.stdout)
			}
			found, err := inspect(cmd.Context(), s, cfg, load, args[0])
			if err != nil {
				return err
			}
			if f == formatJSON {
				return writeJSON(s.stdout, found)
			}
			return found.print(s.stdout)
		},
	}
	cmd.Flags().BoolVar(&value, "value", false, "the file is a serialized value, not a module")
	addFormat(cmd, &f)
	addCacheDir(cmd, &cfg.CacheDir)
	addEngine(cmd, &cfg, &load)
	return cmd
}

// inspect loads the module on a node of its own.
func inspect(ctx context.Context, s *screen, cfg host.Config, load host.LoadConfig, path string) (*inspection, error) {
	wasm, err := readProgram(ctx, s, path)
	if err != nil {
		return nil, err
	}
	node, err := host.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer node.Close()
	info, err := node.Inspect(wasm)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found := &inspection{File: path, Wasm: info}
	module, err := loadProgram(ctx, s, node, path, wasm, load)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, spec.InvalidArgument), errors.Is(err, spec.Unsupported): // the engine's fault, not the module's
		return nil, err
	case err != nil:
		found.Refused = err.Error()
		return found, nil
	}
	d := module.Description()
	found.SDK, found.ABI, found.Driver = d.SDK, d.ABI, d.Main
	found.Functions, found.Classes, found.Wasm = functionsOf(d.Functions), classesOf(d.Classes), module.Wasm().Info()
	return found, nil
}

// print writes i for a person.
func (i *inspection) print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t")) }
	section := func(title string, n int) {
		if n > 0 {
			row()
			row(title)
		}
	}
	m := &i.Wasm
	row("module", m.Digest)
	row("file", i.File+", "+spec.FormatBytes(m.Bytes))
	row("kind", kindText(m.Kind))
	if i.Refused != "" {
		row("refused", i.Refused)
	} else {
		row("built with", fmt.Sprintf("SDK %s, guest ABI %d", i.SDK, i.ABI))
		row("driver", yesNo(i.Driver))
	}
	row("metered", yesNo(m.Metered))
	row("memory", memoryText(m))
	row("image", imageText(m))

	section("functions", len(i.Functions))
	for _, f := range i.Functions {
		row("  "+f.signature(), optionsText(f.Options))
	}
	section("classes", len(i.Classes))
	for _, c := range i.Classes {
		row("  "+function{Name: c.Name, Params: c.Params}.signature(), optionsText(c.Options))
		for _, f := range c.Methods {
			row("    "+f.signature(), optionsText(f.Options))
		}
	}
	section("imports", len(m.Imports))
	for i, imp := range m.Imports {
		if slices.Contains(m.Imports[:i], imp) { // Go imports some functions once for each package that uses them
			continue
		}
		row("  "+imp.Module+"."+imp.Name, imp.Signature, refusalText(imp))
	}
	section("exports", len(m.Exports))
	for _, exp := range m.Exports {
		row("  "+exp.Name, strings.TrimSpace(exp.Kind+" "+exp.Signature))
	}
	return w.Flush()
}

func kindText(k wasmrt.ModuleKind) string {
	switch k {
	case wasmrt.KindProgram:
		return "program: a driver, with or without functions and actors"
	case wasmrt.KindFunctions:
		return "functions and actors, without a driver"
	case wasmrt.KindCommand:
		return "WASI command"
	case wasmrt.KindReactor:
		return "WASI reactor: plain exports"
	}
	return "plain exports"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func memoryText(m *wasmrt.Info) string {
	if m.MemoryMax == 0 {
		return spec.FormatBytes(m.MemoryMin) + " to begin with, no maximum declared"
	}
	return spec.FormatBytes(m.MemoryMin) + " to begin with, at most " + spec.FormatBytes(m.MemoryMax)
}

func imageText(m *wasmrt.Info) string {
	switch {
	case len(m.NoSnapshot) > 0:
		return "none, every call gets a new instance: " + strings.Join(m.NoSnapshot, "; ")
	case m.ImageBytes > 0:
		return fmt.Sprintf("%s, %s", m.ImageDigest, spec.FormatBytes(m.ImageBytes))
	default:
		return "not made yet"
	}
}

// refusalText says why an import is not granted, "" if it is.
func refusalText(imp wasmrt.Import) string {
	switch {
	case imp.Granted:
		return ""
	case imp.Wanted != "":
		return "refused: the host's is " + imp.Wanted
	default:
		return "refused: the host has none"
	}
}
