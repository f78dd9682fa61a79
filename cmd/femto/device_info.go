package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newDeviceInfoCommand() *cobra.Command {
	var c connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info",
		Short:   "Print what a device is, whom it trusts and what it offers",
		Example: "  femto device info -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				info, err := d.Info(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.device.info/1", info)
				}
				printInfo(cmd.OutOrStdout(), info)
				return nil
			})
		},
	}
	c.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printInfo(w io.Writer, info *remote.Info) {
	t := newTable(w)
	up := (time.Duration(info.Uptime) * time.Microsecond).Round(time.Second)
	fmt.Fprintf(t, "board\t%s, femto %s, up %v\n", info.Board, info.Version, up)
	fmt.Fprintf(t, "vendor\t%s\n", info.Vendor)
	fmt.Fprintf(t, "class\t%s\n", info.Class)
	fmt.Fprintf(t, "manifests\tSUIT version %d, envelopes to %s, images to %s\n", info.Manifest, bytesText(info.Envelope), bytesText(info.Image))
	fmt.Fprintf(t, "containers\t%d of %d, %s free for their data\n", info.Containers.Used, info.Containers.Capacity, bytesText(info.DataFree))
	for _, hook := range info.Hooks {
		from := "fired by the device"
		if hook.Remote {
			from = "fired by anyone"
		}
		fmt.Fprintf(t, "hook\t%s, %d attached, %s, %s\n", hook.Name, hook.Attached, from, hook.UUID)
	}
	for _, tenant := range info.Tenants {
		fmt.Fprintf(t, "tenant\t%s, key %s\n", tenant.Name, tenant.KeyID)
	}
	fmt.Fprintf(t, "helpers\t%s\n", strings.Join(info.Helpers, " "))
	t.Flush()
}
