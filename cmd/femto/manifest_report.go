package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newManifestReportCommand() *cobra.Command {
	var c connection
	var output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Print what a device reports of the last manifest",
		Long: `Asks the device for its SUIT report (draft-ietf-suit-report) on the last manifest
that one of its tenants signed, with a nonce of its own, and prints it. With -o the
report is written as it came, for other tools. The device does not sign it.`,
		Example: "  femto manifest report -d " + exampleURI,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				r, raw, err := d.SUITReport(ctx)
				switch {
				case errors.Is(err, remote.ErrNoReport):
					return &commandError{exit: exitMismatch, what: "the device has no report on a manifest", where: d.URI,
						why: "the last it was sent is no manifest, or is not through yet",
						try: []string{command("femto", "manifest", "report", "-d", d.URI)}, err: err}
				case err != nil:
					return err
				}
				if output != "" {
					if err := saveManifest(cmd, output, raw); err != nil {
						return err
					}
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), "femto.manifest.report/1", r)
				}
				printSUITReport(cmd.OutOrStdout(), r)
				return nil
			})
		},
	}
	c.addFlags(cmd)
	addOutputFlag(cmd, &output)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printSUITReport(w io.Writer, r *remote.SUITReport) {
	t := newTable(w)
	fmt.Fprintf(t, "manifest\t%s\n", r.Manifest)
	switch e := r.Refusal; {
	case e == nil:
		fmt.Fprintf(t, "result\taccepted\n")
	default:
		fmt.Fprintf(t, "result\tstage %s: %s (reason %d)\n", e.Stage, e.Reason, e.Reason)
		if e.Section != 0 {
			fmt.Fprintf(t, "where\t%s, byte %d, component %d\n", author.SectionName(e.Section), e.Offset, e.Component)
		}
	}
	t.Flush()
}
