package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/vm"
)

// localRun is one activation on this machine.
type localRun struct {
	Value        int64        `json:"value"`
	Fault        remote.Fault `json:"fault"`
	PC           uint32       `json:"pc"`
	Address      uint64       `json:"address"`
	Instructions uint64       `json:"instructions"`
	Output       []string     `json:"output"`
}

func newRunCommand() *cobra.Command {
	var f contextFlags
	var budget int32
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run IMAGE",
		Short: "Run an image once, here, and print what it returns",
		Long: `Runs the container in IMAGE once on this machine, in the virtual machine that
devices have, with the given context: r1 is its address, r2 its length. Prints
what it returns; what the container prints itself goes to standard error.`,
		Example: `  femto run fletcher32.bin --ctx-file input.txt
  femto run fletcher32.bin --ctx "01 02 03 04" --json`,
		Args: exactArgs("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if budget < 1 || budget > vm.MaxBudget {
				return usageError(cmd, fmt.Errorf("--budget must be 1 to %d", vm.MaxBudget))
			}
			context, err := f.read(cmd)
			if err != nil {
				return err
			}
			raw, _, err := readProgram(cmd, args[0])
			if err != nil {
				return err
			}
			result := localRun{Output: []string{}}
			outcome, err := sim.RunOnce(raw, context, budget, func(line string) {
				result.Output = append(result.Output, line)
				if !asJSON {
					fmt.Fprintln(cmd.ErrOrStderr(), printable(line))
				}
			})
			if err != nil {
				return &commandError{exit: exitRejected, what: args[0] + " cannot be run", why: err.Error(), err: err}
			}
			result.Value, result.Fault = outcome.Value, remote.Fault(outcome.Fault)
			result.PC, result.Address, result.Instructions = uint32(outcome.PC), outcome.Address, uint64(outcome.Instructions)
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.run/1", result)
			} else if result.Fault == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), valueText(result.Value))
				fmt.Fprintf(cmd.ErrOrStderr(), "%d instructions\n", result.Instructions)
			}
			if err == nil && result.Fault != 0 {
				err = stoppedError(args[0], &result)
			}
			return err
		},
	}
	f.add(cmd)
	cmd.Flags().Int32Var(&budget, "budget", 10_000_000, "`INSTRUCTIONS` that it may execute")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// stoppedError says what stopped a container.
func stoppedError(file string, r *localRun) error {
	e := &commandError{
		exit: exitFailure, what: "the container was stopped", where: fmt.Sprintf("%s, after %d instructions", file, r.Instructions),
		why: faultText(r.Fault, r.PC, r.Address), try: []string{command("femto", "image", "inspect", file)}, err: vm.Fault(r.Fault),
	}
	if vm.Fault(r.Fault) == vm.FaultBudget {
		e.exit = exitBudget
	}
	return e
}
