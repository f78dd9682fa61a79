package main

import "github.com/spf13/cobra"

func newContainerCommand() *cobra.Command {
	return newNoun("container", "Look at the containers of a device and change them",
		newContainerInspectCommand(), newContainerStartCommand(), newContainerStopCommand(), newContainerConfirmCommand(),
		newContainerRollbackCommand(), newContainerRmCommand(), newContainerRecordCommand(), newContainerTraceCommand())
}
