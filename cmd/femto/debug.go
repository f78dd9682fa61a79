package main

import "github.com/spf13/cobra"

// newDebugCommand groups what developers of femto itself use; its commands
// are not a stable interface.
func newDebugCommand() *cobra.Command {
	return newNoun("debug", "Tools for developers of femto (not a stable interface)",
		newBPFPluginCommand())
}
