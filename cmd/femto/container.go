package main

import "github.com/spf13/cobra"

func newContainerCommand() *cobra.Command {
	return newNoun("container", "Change the containers of a device", newContainerRmCommand())
}
