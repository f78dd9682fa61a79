package main

import "github.com/spf13/cobra"

func newHookCommand() *cobra.Command {
	return newNoun("hook", "Fire a device's hooks", newHookFireCommand())
}
