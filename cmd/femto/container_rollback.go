package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

func newContainerRollbackCommand() *cobra.Command {
	return orderVerb{
		verb: agent.VerbRollback, use: "rollback", done: "rolled back",
		short: "Go back to the version before, which the device has kept",
		long: `Puts the version of a container that ran before back, without a transfer, if the
device still has it; on trial it does. To go back further, deploy the old image
again: it gets a higher number.`,
		example: "  femto container rollback event/limit -d " + exampleURI + " --key alice.key",
	}.command()
}
