package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// format is how a command prints what it found: text for people, json for programs.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

// addFormat gives the command the flag --format.
func addFormat(cmd *cobra.Command, f *format) {
	*f = formatText
	cmd.Flags().Var(f, "format", "how to print it: text or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func (f *format) String() string { return string(*f) }

// Type is what help calls the value.
func (f *format) Type() string { return "FORMAT" }

// Set reads the flag's value.
func (f *format) Set(s string) error {
	if *f = format(s); *f != formatText && *f != formatJSON {
		return fmt.Errorf("want text or json")
	}
	return nil
}

// writeJSON writes v on lines of its own, indented.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
