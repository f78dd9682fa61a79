package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newContainerInspectCommand() *cobra.Command {
	var c connection
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "inspect HOOK[/NAME]",
		Short:   "Print all that a device knows of a container, its store too",
		Example: "  femto container inspect event/limit -d " + exampleURI,
		Args:    exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			hook, name, err := splitContainer(cmd, args[0])
			if err != nil {
				return err
			}
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				info, err := d.Info(ctx)
				if err != nil {
					return err
				}
				found, err := findHook(d, info, hook)
				if err != nil {
					return err
				}
				list, err := d.List(ctx)
				if err != nil {
					return err
				}
				i := slices.IndexFunc(list, func(c remote.Container) bool { return c.Hook == hook && c.Name == name })
				if i < 0 {
					return noContainer(d, args[0])
				}
				store, err := d.Entries(ctx, remote.Store{Hook: found.UUID, Container: name})
				if err != nil {
					return err
				}
				story := c.lastFault(&list[i])
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.container.inspect/1", map[string]any{"container": list[i], "store": store, "fault": story})
				}
				printContainer(cmd.OutOrStdout(), &list[i], store)
				if story != nil {
					story.print(cmd.ErrOrStderr())
				}
				return nil
			})
		},
	}
	c.addFlags(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// noContainer says that a device has no such container.
func noContainer(d *remote.Device, name string) error {
	return &commandError{exit: exitMismatch, what: "the device has no container " + name, where: d.URI,
		why: "nothing is installed there", try: []string{command("femto", "ps", "-d", d.URI)}}
}

func printContainer(w io.Writer, c *remote.Container, store []remote.Entry) {
	t := newTable(w)
	fmt.Fprintf(t, "container\t%s on hook %s\n", dash(c.Name), c.Hook)
	fmt.Fprintf(t, "tenant\t%s\n", c.Tenant)
	fmt.Fprintf(t, "image\t%s, %s, sequence %d, slot %d\n", c.Digest, bytesText(c.Size), c.Sequence, c.Slot)
	fmt.Fprintf(t, "state\t%s\n", c.State)
	if c.Position > 0 {
		fmt.Fprintf(t, "position\t%d of those on its hook\n", c.Position)
	}
	fmt.Fprintf(t, "data\t%s\n", bytesText(c.Data))
	fmt.Fprintf(t, "runs\t%d, %d instructions\n", c.Activations, c.Instructions)
	fmt.Fprintf(t, "faults\t%d%s\n", c.Faults, after(", the last: ", faultText(c.LastFault, c.FaultPC, c.FaultAddress)))
	for _, e := range store {
		fmt.Fprintf(t, "store\t%d = %d\n", e.Key, e.Value)
	}
	t.Flush()
}

// after is text with something before it, or nothing.
func after(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
