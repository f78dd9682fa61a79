package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/sdk/go/femtotest"
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
	Waiting      bool         `json:"waiting,omitempty"` // long-running, and waits: no value
	Answer       *answer      `json:"answer,omitempty"`  // of the hook coap
}

// answer is the response to a CoAP request.
type answer struct {
	Code    string `json:"code"`
	Payload string `json:"payload"`
}

func newRunCommand() *cobra.Command {
	var f contextFlags
	var tf traceFlags
	var rf replayFlags
	var budget int32
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run [IMAGE]",
		Short: "Run this project or an image once, here; print what it returns",
		Long: `Runs the container in IMAGE once on this machine, in the virtual machine that
devices have, with the given context: r1 is its address, r2 its length. Prints
what it returns; what the container prints itself goes to standard error. IMAGE
may be a source outside a project (.c, .rs, .o, .s): it is compiled first.

Without IMAGE the container of this project runs, on a made-up device with its
hook, a few sensors and empty stores. It is compiled first if its sources have
changed; without a context it gets that of its hook.

--trace prints a line for each instruction before the result: what is left of
the budget, the slot, the function, the instruction, and what it did: registers,
memory by region, calls of helpers with their arguments. Lines of the source stand
between them. With --json, each is a JSON line, the result the last one.

--replay executes again what femto container record wrote: with the context,
the results of helpers and the memory that the container had on the device. The
outcome is compared with the device's. The image is the one of the recording, if
it was built or deployed on this machine, or IMAGE.`,
		Example: `  femto run
  femto run --trace
  femto run --trace=helpers,memory --trace-function tick
  femto run fletcher32.bin --ctx-file input.txt
  femto run fletcher32.bin --ctx "01 02 03 04" --json
  femto run --replay event-limit.recording --trace`,
		Args: optionalArg("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if budget < 1 || budget > vm.MaxBudget {
				return usageError(cmd, fmt.Errorf("--budget must be 1 to %d", vm.MaxBudget))
			}
			if rf.file != "" {
				if f.hex != "" || f.file != "" || cmd.Flags().Changed("budget") {
					return usageError(cmd, errors.New("--replay has its own context and budget: --ctx, --ctx-file and --budget make no sense with it"))
				}
				return rf.run(cmd, args, &tf, asJSON)
			}
			if cmd.Flags().Changed("activation") {
				return usageError(cmd, errors.New("--activation is for --replay FILE"))
			}
			context, err := f.read(cmd)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				given := f.hex != "" || f.file != ""
				if !given {
					context = nil
				}
				if !cmd.Flags().Changed("budget") {
					budget = 0 // the project's own
				}
				return runProject(cmd, context, budget, &tf, asJSON)
			}
			raw, _, err := readProgram(cmd, args[0])
			if err != nil {
				return err
			}
			result := localRun{Output: []string{}}
			t, err := tf.start(cmd, raw, sideFile(args[0], raw), contractOf(raw).Hook, asJSON, foldersOf(args[0])...)
			if err != nil {
				return err
			}
			outcome, err := sim.RunOnce(raw, context, budget, t.before(), func(line string) {
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
			if err := printRun(cmd, &result, t, asJSON); err != nil || result.Fault == 0 {
				return err
			}
			return stoppedError(args[0], &result)
		},
	}
	f.add(cmd)
	tf.add(cmd)
	rf.add(cmd)
	cmd.Flags().Int32Var(&budget, "budget", 10_000_000, "`INSTRUCTIONS` that it may execute; of a project, those of femto.toml")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// printRun ends the trace, which may be nil, and writes what a run returned. What
// it printed has been said already.
func printRun(cmd *cobra.Command, r *localRun, t *tracing, asJSON bool) error {
	if err := t.end(); err != nil {
		return err
	}
	if asJSON && t != nil {
		return writeJSONLine(cmd.OutOrStdout(), tracedRun{"femto.run.trace/1", "result", r})
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), "femto.run/1", r)
	}
	if r.Fault != 0 {
		return nil
	}
	if r.Answer != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "answers %s %q\n", r.Answer.Code, r.Answer.Payload)
	}
	if r.Waiting {
		fmt.Fprintf(cmd.ErrOrStderr(), "%d instructions, and it waits for its time\n", r.Instructions)
		return nil
	}
	fmt.Fprintln(cmd.OutOrStdout(), valueText(r.Value))
	fmt.Fprintf(cmd.ErrOrStderr(), "%d instructions\n", r.Instructions)
	return nil
}

// runProject runs the container of this project on a made-up device.
func runProject(cmd *cobra.Command, context []byte, budget int32, tf *traceFlags, asJSON bool) error {
	p, err := openProject()
	if err != nil {
		return err
	}
	b, err := p.Build(cmd.Context())
	if err != nil {
		return projectError(err)
	}
	c, err := femtotest.Open(b.Image, femtotest.Config{Hook: b.Hook, Budget: budget})
	if err != nil {
		return &commandError{exit: exitRejected, what: b.File + " cannot be run", why: err.Error(), err: err}
	}
	c.Sensors = femtotest.SomeSensors()
	t, err := tf.start(cmd, b.Image, b.Debug, c.Hook(), asJSON, p.Dir)
	if err != nil {
		return err
	}
	c.Before = t.before()
	r := c.Fire(context)
	result := localRun{Value: r.Value, Fault: remote.Fault(r.Fault), PC: uint32(r.PC), Address: r.Address,
		Instructions: uint64(r.Instructions), Output: append([]string{}, r.Log...), Waiting: r.Waiting}
	if c.Hook() == "coap" && r.Fault == vm.OK {
		a := c.Answer(r)
		result.Answer = &answer{codeText(a.Code), string(a.Payload)}
	}
	if !asJSON {
		for _, line := range r.Log {
			fmt.Fprintln(cmd.ErrOrStderr(), printable(line))
		}
	}
	if err := printRun(cmd, &result, t, asJSON); err != nil || r.Fault == vm.OK {
		return err
	}
	return faultDiagnostic(p.Dir, b.Debug, r.Fault, r.PC, r.Address, fmt.Sprintf("%s, after %d instructions", b.File, r.Instructions))
}

// codeText is a CoAP code as people write it, "2.05".
func codeText(code byte) string { return fmt.Sprintf("%d.%02d", code>>5, code&31) }

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
