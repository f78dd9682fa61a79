package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

func newContainerStopCommand() *cobra.Command {
	return orderVerb{
		verb: agent.VerbStop, use: "stop", done: "stopped",
		short:   "Keep a container from running, also over restarts",
		example: "  femto container stop event/limit -d " + exampleURI + " --key alice.key",
	}.command()
}
