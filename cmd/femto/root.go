package main

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// Main runs the command line args and returns the process's exit code. It is
// the whole program but for the process: tests call it.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	results := &resultWriter{w: stdout}
	root := newRootCommand()
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetIn(stdin)
	root.SetOut(results)
	root.SetErr(stderr)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	cmd, err := root.ExecuteContextC(ctx)
	var known *commandError
	switch {
	case err == nil && results.err == nil:
		return exitOK
	case err == nil:
		err = &commandError{exit: exitFailure, what: "the result cannot be written", why: reason(results.err), err: results.err}
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = &commandError{exit: exitInterrupted, what: "interrupted", err: err}
	case !understood && !errors.As(err, &known):
		err = usageError(cmd, err)
	}
	// The flags may be what was not understood.
	asJSON := slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
	return printError(stderr, err, asJSON)
}

// Groups of verbs in the help.
const (
	groupStart  = "start"
	groupAuthor = "author"
	groupDevice = "device"
)

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "femto",
		Short: "Containers for microcontrollers",
		Long: `femto runs small, isolated eBPF functions on microcontrollers and deploys them
as signed SUIT manifests over CoAP.`,
		Example: `  femto quickstart          # all of it in a second, on this machine
  femto help deploy`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          showHelp,
	}
	root.SetFlagErrorFunc(usageError)
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { printHelp(cmd.OutOrStdout(), cmd) })
	root.SetHelpCommand(newHelpCommand())
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start here:"},
		&cobra.Group{ID: groupAuthor, Title: "On this machine:"},
		&cobra.Group{ID: groupDevice, Title: "With a device:"},
	)
	add := func(group string, verbs ...*cobra.Command) {
		for _, verb := range verbs {
			verb.GroupID = group
			root.AddCommand(verb)
		}
	}
	add(groupStart, newQuickstartCommand(), newInitCommand(), newDoctorCommand(), newExplainCommand())
	add(groupAuthor, newBuildCommand(), newCheckCommand(), newTestCommand(), newRunCommand(), newDebugCommand(), newProfileCommand(), newWatchCommand(), newImageCommand(), newKeyCommand(), newManifestCommand())
	add(groupDevice, newDeviceCommand(), newDeployCommand(), newPsCommand(), newLogsCommand(), newHookCommand(), newContainerCommand(), newKVCommand())
	add("", newVersionCommand(), newManCommand(), newExitCodesTopic())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if completion, _, err := root.Find([]string{"completion"}); err == nil {
		completion.Short, completion.Args, completion.RunE = "Print completions for a shell", noArgs, showHelp
	}
	return root
}

// newNoun groups verbs; alone it explains itself.
func newNoun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	noun := &cobra.Command{Use: use, Short: short, Args: noArgs, RunE: showHelp}
	noun.AddCommand(verbs...)
	return noun
}
