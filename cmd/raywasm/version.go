package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raywasm/raywasm/spec"
)

// version is what this program is. The JSON form is stable.
type version struct {
	Version  string `json:"version"`  // of the Go module; "(devel)" for a build of a working copy
	Revision string `json:"revision"` // of the repository; empty where the build does not know
	Modified bool   `json:"modified"` // whether the working copy had changes beyond the revision
	ABI      int    `json:"abi"`      // the guest ABI that programs are built for
	Go       string `json:"go"`       // that built this program
	Platform string `json:"platform"`
}

func newVersion() *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Prints the version of this program, the guest ABI it offers, the Go version that built
it and the platform it runs on.

--format json prints an object: version, revision (of the repository, "" where it is not
known), modified (true for changes beyond it), abi, go, platform.`,
		Example: `  raywasm version
  raywasm version --format json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := thisVersion()
			if f == formatJSON {
				return writeJSON(cmd.OutOrStdout(), v)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), v)
			return err
		},
	}
	addFormat(cmd, &f)
	return cmd
}

func thisVersion() version {
	v := version{Version: "(devel)", ABI: spec.ABIVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String prints v on one line.
func (v version) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "raywasm %s", v.Version)
	if v.Revision != "" {
		fmt.Fprintf(&b, " %.12s", v.Revision)
	}
	if v.Modified {
		b.WriteString(" modified")
	}
	fmt.Fprintf(&b, " (guest ABI %d, %s, %s)", v.ABI, v.Go, v.Platform)
	return b.String()
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef(cmd, "unexpected argument %q", args[0])
	}
	return nil
}
