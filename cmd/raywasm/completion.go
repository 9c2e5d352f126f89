package main

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completions writes the script of each shell.
var completions = map[string]func(root *cobra.Command, w io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"zsh":        (*cobra.Command).GenZshCompletion,
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
}

func newCompletion() *cobra.Command {
	shells := slices.Sorted(maps.Keys(completions))
	return &cobra.Command{
		Use:                   "completion bash|zsh|fish|powershell",
		DisableFlagsInUseLine: true,
		Short:                 "Print a script that completes command lines in a shell",
		Long: `Prints a script that teaches a shell to complete raywasm's commands, flags and files.

bash, with the package bash-completion, once per user:
  mkdir -p ~/.local/share/bash-completion/completions
  raywasm completion bash > ~/.local/share/bash-completion/completions/raywasm

zsh, once per user; ~/.zshrc has to run compinit:
  raywasm completion zsh > "${fpath[1]}/_raywasm"

fish, once per user:
  raywasm completion fish > ~/.config/fish/completions/raywasm.fish

PowerShell, a line in the file that $PROFILE names:
  raywasm completion powershell | Out-String | Invoke-Expression`,
		Example: `  source <(raywasm completion bash)       # this bash only
  raywasm completion fish | source        # this fish only`,
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || completions[args[0]] == nil {
				return usagef(cmd, "want one shell of %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return completions[args[0]](cmd.Root(), cmd.OutOrStdout())
		},
	}
}
