package main

import "github.com/spf13/cobra"

func newDeviceCommand() *cobra.Command {
	return newNoun("device", "Run a simulated device; ask a device about itself",
		newDeviceRunCommand(), newDeviceAttachCommand(), newDeviceInfoCommand(),
		newDeviceEnrollCommand(), newDeviceTrustCommand(), newDeviceRebootCommand())
}
