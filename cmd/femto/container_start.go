package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

func newContainerStartCommand() *cobra.Command {
	return orderVerb{
		verb: agent.VerbStart, use: "start", done: "started",
		short:   "Let a stopped container run again",
		example: "  femto container start event/limit -d " + exampleURI + " --key alice.key",
	}.command()
}
