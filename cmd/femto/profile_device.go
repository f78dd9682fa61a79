package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/profile"
	"github.com/femto-containers/femto/internal/remote"
)

// deviceProfile is where a device's containers spend what they may.
type deviceProfile struct {
	Device     string             `json:"device"`
	Containers []containerProfile `json:"containers"`
}

type containerProfile struct {
	Hook        string  `json:"hook"`
	Name        string  `json:"name"`
	Tenant      string  `json:"tenant"`
	Activations uint64  `json:"activations"`
	Budget      uint64  `json:"budget"` // of all activations
	Mean        float64 `json:"mean"`   // of one
	Share       float64 `json:"share"`  // of all containers', 0 to 1
	Faults      uint64  `json:"faults"`
}

// runDevice profiles a device by what it counts anyway.
func (f *profileFlags) runDevice(cmd *cobra.Command) error {
	return f.device.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
		list, err := d.List(ctx)
		if err != nil {
			return err
		}
		p := &deviceProfile{Device: d.URI, Containers: []containerProfile{}}
		var counters []profile.Counter
		var total uint64
		for _, c := range list {
			total += c.Instructions
		}
		for _, c := range list {
			name := c.Hook
			if c.Name != "" {
				name += "/" + c.Name
			}
			counters = append(counters, profile.Counter{Hook: c.Hook, Name: name, Budget: int64(c.Instructions), Activations: int64(c.Activations)})
			row := containerProfile{Hook: c.Hook, Name: c.Name, Tenant: c.Tenant, Activations: c.Activations, Budget: c.Instructions, Faults: c.Faults}
			if c.Activations > 0 {
				row.Mean = float64(c.Instructions) / float64(c.Activations)
			}
			if total > 0 {
				row.Share = float64(c.Instructions) / float64(total)
			}
			p.Containers = append(p.Containers, row)
		}
		frames := profile.Counted(d.URI, counters)
		table, err := f.files(cmd, frames.WritePprof, frames.WriteFolded, frames.WriteSVG)
		switch {
		case err != nil:
			return err
		case f.asJSON:
			return writeJSON(cmd.OutOrStdout(), "femto.profile.device/1", p)
		case !table:
			return nil
		case len(list) == 0:
			fmt.Fprintln(cmd.ErrOrStderr(), "no containers on this device")
			return nil
		}
		return p.print(cmd.OutOrStdout())
	})
}

func (p *deviceProfile) print(w io.Writer) error {
	t := newTable(w)
	fmt.Fprintf(t, "BUDGET\tSHARE\tRUNS\tEACH\tFAULTS\tTENANT\tCONTAINER\n")
	for _, c := range p.Containers {
		name := c.Hook
		if c.Name != "" {
			name += "/" + c.Name
		}
		fmt.Fprintf(t, "%d\t%.1f %%\t%d\t%.1f\t%d\t%s\t%s\n", c.Budget, 100*c.Share, c.Activations, c.Mean, c.Faults, printable(c.Tenant), printable(name))
	}
	return t.Flush()
}
