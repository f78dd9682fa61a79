package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

// sendCommand signs a command for a device and sends it. hook is the name of the
// hook that it is about, "" if it is about the device.
func sendCommand(ctx context.Context, d *remote.Device, key author.PrivateKey, c *author.Command, hook string) (*remote.Report, error) {
	message, err := signCommand(ctx, d, key, c, hook)
	if err != nil {
		return nil, err
	}
	return d.Command(ctx, message)
}

// signCommand completes a command with what the device says of itself.
func signCommand(ctx context.Context, d *remote.Device, key author.PrivateKey, c *author.Command, hook string) ([]byte, error) {
	info, err := d.Info(ctx)
	if err != nil {
		return nil, err
	}
	if hook != "" {
		found, err := findHook(d, info, hook)
		if err != nil {
			return nil, err
		}
		c.Hook = uuid.UUID(found.UUID)
	}
	spent, err := d.Counter(ctx, key.Public().ID(), remote.UUID(c.Hook), c.Name)
	if err != nil {
		return nil, err
	}
	c.Device, c.Sequence = uuid.UUID(info.Device), nextSequence(spent)
	return c.Sign(key)
}

// splitContainer reads HOOK[/NAME].
func splitContainer(cmd *cobra.Command, arg string) (hook, name string, err error) {
	hook, name, named := strings.Cut(arg, "/")
	if hook == "" || named && name == "" {
		return "", "", usageError(cmd, fmt.Errorf("%q is not HOOK or HOOK/NAME", arg))
	}
	return hook, name, checkName(cmd, name)
}

// An orderVerb is a command about a container that takes no more than that.
type orderVerb struct {
	verb                 int
	use, done            string
	short, long, example string
}

// command returns the verb as people type it.
func (v orderVerb) command() *cobra.Command {
	var c connection
	var keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     v.use + " HOOK[/NAME]",
		Short:   v.short,
		Long:    v.long,
		Example: v.example,
		Args:    exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			hook, name, err := splitContainer(cmd, args[0])
			if err != nil {
				return err
			}
			key, err := loadSigningKey(keyFile)
			if err != nil {
				return err
			}
			var report *remote.Report
			err = c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) (err error) {
				report, err = sendCommand(ctx, d, key, &author.Command{Verb: v.verb, Name: name}, hook)
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.container."+v.use+"/1", map[string]any{
					"hook": hook, "name": name, "sequence": report.Sequence,
				})
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s %s (sequence %d)\n", v.done, args[0], report.Sequence)
			return nil
		},
	}
	c.addFlags(cmd)
	addKeyFlag(cmd, &keyFile)
	addJSONFlag(cmd, &asJSON)
	return cmd
}
