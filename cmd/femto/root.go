package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Exit codes are a promise to scripts; docs/cli.md lists them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitRejected    = 3
	exitBudget      = 4
	exitUnreachable = 10
	exitUntrusted   = 11
	exitRefused     = 12
	exitMismatch    = 13
	exitTimeout     = 124
	exitInterrupted = 130
)

// Main runs the command line args and returns the process's exit code. It is
// the whole program but for the process: tests call it.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "interrupted")
		return exitInterrupted
	}
	return printError(stderr, err)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "femto",
		Short:         "Containers for microcontrollers",
		Long:          "femto runs small, isolated eBPF functions on microcontrollers and deploys them\nas signed SUIT manifests over CoAP. Start with: femto quickstart",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(cmd, err)
	})
	root.AddCommand(
		newQuickstartCommand(),
		newKeyCommand(),
		newDeviceCommand(),
		newDeployCommand(),
		newPsCommand(),
		newHookCommand(),
		newContainerCommand(),
		newImageCommand(),
		newManifestCommand(),
		newRunCommand(),
		newVersionCommand(),
		newDebugCommand(),
	)
	return root
}
