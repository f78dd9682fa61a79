package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/vm"
)

func newHookFireCommand() *cobra.Command {
	var c connection
	var f contextFlags
	var keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "fire HOOK",
		Short: "Fire a hook with a context and print its result",
		Long: `Fires a hook with the given context and prints the hook's result; standard error
says what each container returned, or why it was stopped. With --key a signed command
fires it, which a device wants whose owner has said so.`,
		Example: "  femto hook fire event -d " + exampleURI + " --ctx-file input.txt\n  femto hook fire event --ctx 0102ff",
		Args:    exactArgs("the HOOK's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bytes, err := f.read(cmd)
			if err != nil {
				return err
			}
			var firing *remote.Firing
			err = c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) (err error) {
				if keyFile != "" {
					firing, err = fireSigned(ctx, d, keyFile, args[0], bytes)
				} else {
					firing, err = d.Fire(ctx, args[0], bytes)
				}
				return explainFire(ctx, d, args[0], err)
			})
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.hook.fire/1", firing)
			}
			fmt.Fprintln(cmd.OutOrStdout(), valueText(firing.Value))
			printOutcomes(cmd.ErrOrStderr(), firing)
			return nil
		},
	}
	c.addFlags(cmd)
	f.add(cmd)
	cmd.Flags().StringVar(&keyFile, "key", "", "private key `FILE` of a tenant that may use the hook, to sign with")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// fireSigned fires a hook by a command that is signed with a key.
func fireSigned(ctx context.Context, d *remote.Device, keyFile, hook string, context []byte) (*remote.Firing, error) {
	key, err := loadSigningKey(keyFile)
	if err != nil {
		return nil, err
	}
	if context == nil {
		context = []byte{}
	}
	message, err := signCommand(ctx, d, key, &author.Command{Verb: agent.VerbFire, Arg: context}, hook)
	if err != nil {
		return nil, err
	}
	return d.FireSigned(ctx, message)
}

// explainFire says more about a hook that the device does not have, or a
// context that it does not take.
func explainFire(ctx context.Context, d *remote.Device, hook string, err error) error {
	var status *client.StatusError
	if !errors.As(err, &status) {
		return err
	}
	switch status.Code {
	case coap.NotFound:
		if info, ierr := d.Info(ctx); ierr == nil {
			if _, missing := findHook(d, info, hook); missing != nil {
				return missing
			}
		}
	case coap.Forbidden:
		if info, ierr := d.Info(ctx); ierr == nil && info.Trust.Flags&agent.InfoSigned != 0 {
			return &commandError{exit: exitRefused, what: "the device refused: hooks are fired by signed commands alone", where: d.URI,
				why: "its owner has said so", try: []string{command("femto", "hook", "fire", hook, "-d", d.URI, "--key", "tenant.key")}, err: err}
		}
	case coap.RequestEntityTooLarge:
		return &commandError{exit: exitRefused, what: "the device refused: the context is too large", where: d.URI,
			why: "it has no memory for so many bytes", err: err}
	}
	return err
}

// findHook finds a device's hook by its name.
func findHook(d *remote.Device, info *remote.Info, name string) (*remote.Hook, error) {
	i := slices.IndexFunc(info.Hooks, func(h remote.Hook) bool { return h.Name == name })
	if i >= 0 {
		return &info.Hooks[i], nil
	}
	var names []string
	for _, h := range info.Hooks {
		names = append(names, h.Name)
	}
	return nil, &commandError{exit: exitMismatch, what: fmt.Sprintf("the device has no hook %q", name),
		where: d.URI, why: "its hooks are " + strings.Join(names, ", "),
		try: []string{command("femto", "hook", "ls", "-d", d.URI)}}
}

func printOutcomes(w io.Writer, firing *remote.Firing) {
	if len(firing.Outcomes) == 0 {
		fmt.Fprintln(w, "no container is attached: this is the hook's default result")
	}
	for _, o := range firing.Outcomes {
		fmt.Fprintf(w, "%s: ", containerText(o.Name))
		if o.Fault != 0 {
			fmt.Fprintf(w, "stopped: %s", faultText(o.Fault, o.PC, o.Address))
		} else {
			fmt.Fprintf(w, "%s", valueText(o.Value))
		}
		fmt.Fprintf(w, ", %d instructions\n", o.Instructions)
	}
}

func containerText(name string) string {
	if name == "" {
		return "container"
	}
	return "container " + name
}

// valueText is a result as r0 is read: a number, and its bits.
func valueText(v int64) string {
	return fmt.Sprintf("%d (%#x)", v, uint64(v))
}

// faultText says what stopped a container and where.
func faultText(fault remote.Fault, pc uint32, address uint64) string {
	if fault == 0 {
		return ""
	}
	text := fmt.Sprintf("%v at slot %d", fault, pc)
	if vm.Fault(fault) == vm.FaultMemory {
		text += fmt.Sprintf(", address %#x", address)
	}
	return text
}
