package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newDeviceRebootCommand() *cobra.Command {
	var f ownerFlags
	cmd := &cobra.Command{
		Use:     "reboot",
		Short:   "Have a device start anew, by its owner's signed command",
		Example: "  femto device reboot --owner owner.key -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := loadSigningKey(f.owner)
			if err != nil {
				return err
			}
			var report *remote.Report
			err = f.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) (err error) {
				report, err = sendCommand(ctx, d, key, &author.Command{Verb: agent.VerbReboot}, "")
				return err
			})
			if err != nil {
				return err
			}
			if f.asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.device.reboot/1", map[string]any{"sequence": report.Sequence})
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "the device starts anew in a second (sequence %d)\n", report.Sequence)
			return nil
		},
	}
	f.add(cmd)
	return cmd
}
