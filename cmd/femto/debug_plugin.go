package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/vm"
)

const (
	pluginBudget = 100_000_000 // instructions; a few seconds at worst
	pluginStack  = 512
)

func newBPFPluginCommand() *cobra.Command {
	var program string
	var elf bool
	cmd := &cobra.Command{
		Use:   "bpf-plugin [MEMORY-HEX]",
		Short: "Run one program for the public bpf_conformance runner",
		Long: `Runs one program the way the public bpf_conformance suite asks of its plugins.
The program is read from standard input as hexadecimal bytes. MEMORY-HEX is the
memory that r1 points to and r2 has the length of; it may be written. On success
r0 is printed in hexadecimal; on failure the reason goes to standard error.
Helper 5, the suite's own, returns its first argument; there are no others.`,
		Args:   cobra.ArbitraryArgs,
		Hidden: true, // not a stable interface
		RunE: func(cmd *cobra.Command, args []string) error {
			if elf {
				return pluginError("ELF files are not supported", "pass raw instructions")
			}
			var words []string
			for _, arg := range args {
				if strings.TrimSpace(arg) != "" {
					words = append(words, arg)
				}
			}
			if len(words) > 1 {
				return usageError(cmd, fmt.Errorf("at most one argument, the memory in hexadecimal, got %d", len(words)))
			}
			source := program
			if !cmd.Flags().Changed("program") {
				b, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 4*vm.MaxText))
				if err != nil {
					return err
				}
				source = string(b)
			}
			result, err := runPlugin(source, strings.Join(words, ""))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%x\n", result)
			return err
		},
	}
	cmd.Flags().StringVar(&program, "program", "", "the program in hexadecimal, instead of standard input")
	cmd.Flags().BoolVar(&elf, "elf", false, "refused: only raw instructions are accepted")
	return cmd
}

func runPlugin(program, memory string) (uint64, error) {
	text, err := parseHexBytes(program)
	if err != nil {
		return 0, pluginError("the program is not hexadecimal", err.Error())
	}
	mem, err := parseHexBytes(memory)
	if err != nil {
		return 0, pluginError("the memory is not hexadecimal", err.Error())
	}
	if len(mem) > vm.MaxRegion {
		return 0, pluginError("the memory is too large", fmt.Sprintf("%d bytes, at most %d", len(mem), vm.MaxRegion))
	}
	var granted vm.HelperSet
	granted.Add(5)
	need, refused := vm.Check(text, &granted)
	if refused.Fault != vm.OK {
		return 0, pluginError("program refused", fmt.Sprintf("%v at instruction %d", refused, refused.PC))
	}
	m := &vm.Machine{Frame: need.Frame}
	m.Region[vm.RegionStack] = vm.Region{Bytes: make([]byte, pluginStack), Writable: true}
	m.Region[vm.RegionContext] = vm.Region{Bytes: mem, Writable: true}
	m.Helpers = []vm.Helper{{
		Number: 5, Name: "unwind", Args: [5]vm.Arg{vm.ArgValue},
		Call: func(c *vm.Call) uint64 { return c.R[0] },
	}}
	m.Reset(text, pluginBudget)
	if m.Run() != vm.Done {
		why := fmt.Sprintf("%v at instruction %d", m.Fault(), m.PC())
		if m.Fault() == vm.FaultMemory {
			why += fmt.Sprintf(", address %#x", m.FaultAddress())
		}
		return 0, pluginError("program stopped", why)
	}
	return m.Result(), nil
}

func pluginError(what, why string) error {
	return &commandError{exit: exitFailure, what: what, why: why}
}

// parseHexBytes reads hexadecimal bytes with or without white space between
// them.
func parseHexBytes(s string) ([]byte, error) {
	return hex.DecodeString(strings.Join(strings.Fields(s), ""))
}
