package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
)

func newContainerConfirmCommand() *cobra.Command {
	return orderVerb{
		verb: agent.VerbConfirm, use: "confirm", done: "confirmed",
		short: "End the trial of a new version: it stays",
		long: `A new version of a container may be on trial, where the device's owner wants it:
the version before is kept, and comes back if the new one faults too often, or is
not confirmed in time. This confirms it.`,
		example: "  femto container confirm event/limit -d " + exampleURI + " --key alice.key",
	}.command()
}
