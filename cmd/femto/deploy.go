package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/suit"
)

func newDeployCommand() *cobra.Command {
	var c connection
	var keyFile string
	var dryRun, asJSON bool
	d := deployment{}
	cmd := &cobra.Command{
		Use:   "deploy [IMAGE]",
		Short: "Sign this project or an image and have a device run it",
		Long: `Makes a SUIT manifest for IMAGE, signs it, transfers it to the device and waits
until the device runs the container or says why not. Prints the image's digest.
The sequence number is chosen: the time, or one more than the device has seen.
An image that runs there already is left alone. When the transfer is cut, by Ctrl-C
or a lost link, the same command goes on where it was.

IMAGE may be a signed manifest too, such as one of femto manifest create --from
that installs several containers at once: it is sent as it is.

Without IMAGE the container of this project is built, checked and deployed: its
hook, its name and the key are those of the project unless flags say otherwise.`,
		Example: "  femto deploy -d " + exampleURI + "\n" +
			"  femto deploy app.bin --hook event --key alice.key -d " + exampleURI + "\n" +
			"  femto deploy app.bin --hook event --name limit --dry-run",
		Args: optionalArg("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				p, err := openProject()
				if err != nil {
					return err
				}
				b, err := buildProject(cmd, p)
				if err == nil {
					err = withinBudget(p, b)
				}
				if err != nil {
					return err
				}
				args = []string{b.File}
				keyFile = keyFileOf(cmd, p, keyFile)
				d.fill(b)
			}
			if d.sequence > suit.MaxSequence {
				return usageError(cmd, fmt.Errorf("--sequence %d: devices take numbers up to %d, so that no slip spends them all", d.sequence, uint64(suit.MaxSequence)))
			}
			if envelope, ok := isManifest(args[0]); ok {
				if dryRun {
					return usageError(cmd, fmt.Errorf("--dry-run is for images: femto manifest verify says what a device would say to %s", args[0]))
				}
				return deployManifest(cmd, &c, envelope, asJSON)
			}
			opened, need, err := readProgram(cmd, args[0])
			if err != nil {
				return err
			}
			raw := opened.Bytes
			d.image, d.helpers = raw, helperNames(&need.Helpers)
			if !dryRun {
				images.Keep(raw, opened.Debug, "") // its sources may have changed since
			}
			if err := d.heed(args[0], raw); err != nil {
				return err
			}
			if d.hook == "" {
				return usageError(cmd, fmt.Errorf("--hook is missing: on which hook shall the container run? The image does not say"))
			}
			if err := checkName(cmd, d.name); err != nil {
				return err
			}
			if d.key, err = loadSigningKey(keyFile); err != nil {
				return err
			}
			progress := newProgress(cmd.ErrOrStderr(), asJSON)
			var p *plan
			u := unfinishedOf(c.uri, &d)
			sent := func(t client.Progress) {
				u.sent(t)
				progress.show(t.Sent, t.SendTotal)
			}
			options := client.Options{Progress: sent}
			if u.goesOn(c.blockSize) {
				options.Port = u.Port
			}
			err = c.with(cmd, options, func(ctx context.Context, device *remote.Device) (err error) {
				device.Fetching, device.Waiting = progress.show, progress.wait
				if u.Envelope != nil && !dryRun {
					// Nothing is asked first: it might cost the device the
					// place of what it has.
					p = d.adopt(u)
					return p.resumable(ctx, device, u)
				}
				if p, err = d.plan(ctx, device); err != nil {
					return err
				}
				if dryRun {
					return p.foresee(device)
				}
				return p.resumable(ctx, device, u)
			})
			progress.end()
			if err != nil {
				return u.interrupted(cmd, args, err)
			}
			if !dryRun {
				p.note()
			}
			switch {
			case asJSON && dryRun:
				return writeJSON(cmd.OutOrStdout(), "femto.deploy.plan/1", p.result)
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), "femto.deploy/1", p.result)
			case dryRun:
				printPlan(cmd.OutOrStdout(), p)
			default:
				printDeployed(cmd.OutOrStdout(), cmd.ErrOrStderr(), &p.result)
			}
			return nil
		},
	}
	c.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&d.hook, "hook", "", "hook on which the container runs; chosen by default as the image says")
	f.StringVar(&d.name, "name", "", "name among several on one hook: 1 to 16 of a-z A-Z 0-9 - _ .")
	addKeyFlag(cmd, &keyFile)
	f.Uint64Var(&d.sequence, "sequence", 0, "sequence number of the manifest; chosen by default")
	f.BoolVar(&dryRun, "dry-run", false, "check everything and print the plan, but change nothing")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// fill takes from a project what no flag says.
func (d *deployment) fill(b *built) {
	if d.hook == "" {
		d.hook = b.Hook
	}
	if d.name == "" {
		d.name = b.Config.Container.Name
	}
}

func printDeployed(stdout, stderr io.Writer, r *deployed) {
	fmt.Fprintln(stdout, r.Digest)
	if r.Resumed > 0 {
		fmt.Fprintf(stderr, "went on after the first %s\n", bytesText(r.Resumed))
	}
	if r.Unchanged {
		fmt.Fprintf(stderr, "already running on %s (sequence %d)\n", r.place(), r.Sequence)
		return
	}
	fmt.Fprintf(stderr, "running on %s (sequence %d): %s image, %s manifest; %s, %d B out, %d B in\n",
		r.place(), r.Sequence, bytesText(r.ImageBytes), bytesText(r.overhead()), exchanges(r.Wire.Exchanges), r.Wire.BytesOut, r.Wire.BytesIn)
	if n := r.Wire.Retransmissions + r.Wire.Repeated; n > 0 {
		fmt.Fprintf(stderr, "%d datagrams were repeated\n", n)
	}
}

func printPlan(w io.Writer, p *plan) {
	r := &p.result
	t := newTable(w)
	fmt.Fprintf(t, "device\t%s, femto %s\n", p.info.Board, p.info.Version)
	fmt.Fprintf(t, "image\t%s, %s\n", bytesText(r.ImageBytes), r.Digest)
	if p.contract != nil {
		fmt.Fprintf(t, "contract\t%s\n", p.contract)
	}
	if r.Unchanged {
		fmt.Fprintf(t, "change\tnone: it runs on %s already (sequence %d)\n", r.place(), r.Sequence)
		t.Flush()
		return
	}
	fmt.Fprintf(t, "change\truns on %s\n", r.place())
	fmt.Fprintf(t, "sequence\t%d, after %d\n", r.Sequence, p.spent)
	delivery := "the image inside"
	if r.Fetched {
		delivery = "the image fetched after it"
	}
	fmt.Fprintf(t, "manifest\t%s more than the image, %s\n", bytesText(r.overhead()), delivery)
	t.Flush()
}

func exchanges(n int) string {
	if n == 1 {
		return "1 exchange"
	}
	return fmt.Sprintf("%d exchanges", n)
}
