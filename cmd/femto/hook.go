package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/vm"
)

func newHookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Fire a device's hooks",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHookFireCommand())
	return cmd
}

// contextFlags are how a person gives a context.
type contextFlags struct {
	hex  string
	file string
}

func (f *contextFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.hex, "ctx", "", "context in hexadecimal")
	cmd.Flags().StringVar(&f.file, "ctx-file", "", "file whose bytes are the context; - is standard input")
}

// maxContextFile bounds what is read as a context.
const maxContextFile = 1 << 20

func (f *contextFlags) read(cmd *cobra.Command) ([]byte, error) {
	switch {
	case f.hex != "" && f.file != "":
		return nil, usageError(cmd, errors.New("--ctx and --ctx-file exclude each other"))
	case f.file == "-":
		return io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxContextFile))
	case f.file != "":
		return readFile(f.file, maxContextFile)
	}
	context, err := hex.DecodeString(strings.Join(strings.Fields(f.hex), ""))
	if err != nil {
		return nil, usageError(cmd, fmt.Errorf("--ctx is not hexadecimal: %w", err))
	}
	return context, nil
}

func newHookFireCommand() *cobra.Command {
	var c connection
	var f contextFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "fire NAME",
		Short:   "Fire a hook with a context and print what its containers return",
		Example: `  femto hook fire event -d coap://127.0.0.1:5683 --ctx-file input.txt`,
		Args:    exactArgs("the hook's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			bytes, err := f.read(cmd)
			if err != nil {
				return err
			}
			var firing *remote.Firing
			err = c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) (err error) {
				firing, err = d.Fire(ctx, args[0], bytes)
				return err
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
	addJSONFlag(cmd, &asJSON)
	return cmd
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
