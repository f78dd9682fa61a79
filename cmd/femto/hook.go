package main

import "github.com/spf13/cobra"

func newHookCommand() *cobra.Command {
	return newNoun("hook", "Look at a device's hooks and fire them", newHookLsCommand(), newHookFireCommand())
}
