package main

import "github.com/spf13/cobra"

// newDebugCommand groups what developers of femto itself use; its commands
// are not a stable interface.
func newDebugCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "debug",
		Short: "Tools for developers of femto itself (not a stable interface)",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBPFPluginCommand())
	return cmd
}
