package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newPsCommand() *cobra.Command {
	var c connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List a device's containers and how they fare",
		Long: `Prints a line for each container on a device, those of a hook in the order in which
they run: where it runs, whose it is, which image it has, what it is doing, how
often it ran, how many instructions that took, how often and where it faulted.
A container is running: it runs when its hook fires; suspended: long-running, it
waits for its turn or its time; on trial: running, and yet to prove itself; reverted:
running again, as a newer version failed its trial; stopped: by a command; faulted:
stopped by the device, after too many faults in a row; or installed: the firmware
has taken it off its hook. Standard error has the story of each last fault: the line
of the source, if the image was built or deployed on this machine, from where it
was called, what the instruction did, and how to have the device record it.`,
		Example: "  femto ps -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				list, err := d.List(ctx)
				if err != nil {
					return err
				}
				stories := c.stories(list)
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.container.list/1", map[string]any{"containers": list, "faults": stories})
				}
				if len(list) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "no containers on this device")
					return nil
				}
				t := newTable(cmd.OutOrStdout())
				fmt.Fprintln(t, "HOOK\tNAME\tTENANT\tIMAGE\tSIZE\tSEQUENCE\tSTATE\tRUNS\tINSTRUCTIONS\tFAULTS\tLAST FAULT")
				for _, r := range list {
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\t%d\t%d\t%d\t%s\n",
						r.Hook, dash(r.Name), r.Tenant, r.Digest.Short(), r.Size, r.Sequence, r.State,
						r.Activations, r.Instructions, r.Faults, dash(faultPlace(&r, stories)))
				}
				err = t.Flush()
				for _, s := range stories {
					s.print(cmd.ErrOrStderr())
				}
				return err
			})
		},
	}
	c.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// stories tells the last faults of containers.
func (c *connection) stories(list []remote.Container) []*story {
	stories := []*story{}
	for i := range list {
		if s := c.lastFault(&list[i]); s != nil {
			stories = append(stories, s)
		}
	}
	return stories
}

// faultPlace is a container's last fault for a line of a table.
func faultPlace(r *remote.Container, stories []*story) string {
	for _, s := range stories {
		if s.Container == placeName(r.Hook, r.Name) && s.Frames[0].File != "" {
			return s.Fault + " at " + s.Frames[0].place()
		}
	}
	return faultText(r.LastFault, r.FaultPC, r.FaultAddress)
}
