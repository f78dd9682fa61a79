package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/images"
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
	var hook string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "run [IMAGE]",
		Short: "Run this project or an image once, here; print what it returns",
		Long: `Runs the container in IMAGE once on this machine, in the virtual machine that
devices have, with the given context: r1 is its address, r2 its length. Prints
what it returns; what the container prints itself goes to standard error. IMAGE
may be a source outside a project (.c, .rs, .o, .s): it is compiled first. With
--hook, or if the image names its hook and no context is given, it runs on a made-up
device with that hook, as a project does.

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
  femto run respond.c --hook coap
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
			if f.hex == "" && f.file == "" {
				context = nil // that of the hook
			}
			if len(args) == 0 {
				if hook != "" {
					return usageError(cmd, errors.New("--hook is for IMAGE: femto.toml names the project's"))
				}
				if !cmd.Flags().Changed("budget") {
					budget = 0 // the project's own
				}
				return runProject(cmd, context, budget, &tf, asJSON)
			}
			opened, need, err := readProgram(cmd, args[0])
			if err != nil {
				return err
			}
			s := &subject{name: args[0], image: opened, folders: foldersOf(args[0]), hook: hook, context: context, budget: budget}
			says := contractOf(opened.Bytes)
			if hook != "" || says.LongRunning || need.Helpers.Has(engine.Wakeup) || context == nil && says.Hook != "" {
				return s.onDevice(cmd, &tf, asJSON)
			}
			return s.alone(cmd, &tf, asJSON)
		},
	}
	f.add(cmd)
	tf.add(cmd)
	rf.add(cmd)
	cmd.Flags().StringVar(&hook, "hook", "", "standard hook whose context IMAGE gets, on a made-up device, such as coap")
	completeFrom(cmd, "hook", femtotest.Hooks())
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

// A subject is what runs here once.
type subject struct {
	name    string // for messages
	image   *images.Image
	folders []string // with its sources
	hook    string   // "": what the image says
	context []byte   // nil: none is given
	budget  int32    // 0: its own
	project bool
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
	s := &subject{name: b.File, image: &images.Image{Bytes: b.Image, Debug: b.Debug, Dir: p.Dir}, folders: []string{p.Dir},
		hook: b.Hook, context: context, budget: budget, project: true}
	return s.onDevice(cmd, tf, asJSON)
}

// alone runs it on a hook that has nothing but the given context.
func (s *subject) alone(cmd *cobra.Command, tf *traceFlags, asJSON bool) error {
	result := localRun{Output: []string{}}
	t, err := tf.start(cmd, s.image.Bytes, s.image.Debug, contractOf(s.image.Bytes).Hook, asJSON, s.folders...)
	if err != nil {
		return err
	}
	outcome, err := sim.RunOnce(s.image.Bytes, s.context, s.budget, t.before(), func(line string) {
		result.Output = append(result.Output, line)
		if !asJSON {
			fmt.Fprintln(cmd.ErrOrStderr(), printable(strings.TrimSuffix(line, "\n")))
		}
	})
	if err != nil {
		return &commandError{exit: exitRejected, what: s.name + " cannot be run", why: err.Error(), err: err}
	}
	result.Value, result.Fault = outcome.Value, remote.Fault(outcome.Fault)
	result.PC, result.Address, result.Instructions = uint32(outcome.PC), outcome.Address, uint64(outcome.Instructions)
	if err := printRun(cmd, &result, t, asJSON); err != nil || outcome.Fault == vm.OK {
		return err
	}
	return s.stopped(&result, func(watch vm.Trace) {
		_, _ = sim.RunOnce(s.image.Bytes, s.context, s.budget, watch, func(string) {}) // as before
	})
}

// onDevice runs it on a made-up device with its hook.
func (s *subject) onDevice(cmd *cobra.Command, tf *traceFlags, asJSON bool) error {
	if s.hook != "" && !s.project && !slices.Contains(femtotest.Hooks(), s.hook) {
		return usageError(cmd, fmt.Errorf("--hook %s: the standard hooks are %s", s.hook, strings.Join(femtotest.Hooks(), ", ")))
	}
	c, err := femtotest.Open(s.image.Bytes, femtotest.Config{Hook: s.hook, Budget: s.budget})
	if err != nil {
		return &commandError{exit: exitRejected, what: s.name + " cannot be run", why: err.Error(), err: err}
	}
	s.hook = c.Hook()
	if s.hook == "coap" && s.context != nil {
		return usageError(cmd, errors.New("the hook coap makes its context itself: leave out --ctx and --ctx-file"))
	}
	c.Sensors = femtotest.SomeSensors()
	t, err := tf.start(cmd, s.image.Bytes, s.image.Debug, s.hook, asJSON, s.folders...)
	if err != nil {
		return err
	}
	c.Before = t.before()
	r := c.Fire(s.context)
	result := localRun{Value: r.Value, Fault: remote.Fault(r.Fault), PC: uint32(r.PC), Address: r.Address,
		Instructions: uint64(r.Instructions), Output: append([]string{}, r.Log...), Waiting: r.Waiting}
	if s.hook == "coap" && r.Fault == vm.OK {
		a := c.Answer(r)
		result.Answer = &answer{codeText(a.Code), string(a.Payload)}
	}
	if !asJSON {
		for _, line := range r.Log {
			fmt.Fprintln(cmd.ErrOrStderr(), printable(strings.TrimSuffix(line, "\n")))
		}
	}
	err = printRun(cmd, &result, t, asJSON)
	if err == nil && r.Fault == vm.OK && !asJSON && s.context == nil && len(c.DefaultContext()) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "the context was empty: %s gives one\n", s.command("--ctx", "0102ff"))
	}
	if err != nil || r.Fault == vm.OK {
		return err
	}
	return s.stopped(&result, func(watch vm.Trace) {
		c.Reset()
		c.Before = watch
		c.Fire(s.context)
	})
}

// codeText is a CoAP code as people write it, "2.05".
func codeText(code byte) string { return fmt.Sprintf("%d.%02d", code>>5, code&31) }

// stopped says what stopped the container: at which line of its source, called
// from where, and why. again runs it once more, watched, for what a result does not
// tell.
func (s *subject) stopped(r *localRun, again func(watch vm.Trace)) error {
	fault, slot := vm.Fault(r.Fault), int(r.PC)
	if reason := trapReason(s.image.Debug, fault, slot); reason != "" {
		return faultDiagnostic(s.image.Dir, s.image.Debug, fault, slot, r.Address, fmt.Sprintf("%s, after %d instructions", s.name, r.Instructions))
	}
	stop := &stop{}
	again(func(m *vm.Machine) { stop = machineStop(m) })
	stop.fault, stop.slot, stop.address = fault, slot, r.Address
	name := s.name
	if s.project {
		name = "the container"
	}
	told := stop.tell(name, s.hook, s.image)
	if at := &told.Frames[0]; at.File != "" && at.Function != "" {
		told.Why = "in " + at.Function + ", " + told.Why
	}
	told.Why += ", after " + countText(int(r.Instructions), "instruction")
	nothing := stop.address>>28 == vm.RegionNull || stop.address>>28 == vm.RegionContext
	switch {
	case fault == vm.FaultBudget:
		told.Try = append(told.Try, s.command("--trace-limit", "50"), s.command("--budget", fmt.Sprint(min(vm.MaxBudget, 10*int64(r.Instructions)))))
	case fault == vm.FaultMemory && nothing && len(s.context) == 0 && stop.lengths[vm.RegionContext] == 0:
		told.Why += "; no context was given, so r1 is a null pointer and r2 is 0"
		told.Try = append(told.Try, s.command("--ctx", "00"))
		if !s.project {
			told.Try = append(told.Try, s.command("--hook", "timer"))
		}
	default:
		told.Try = append(told.Try, s.command("--trace"))
	}
	return told.err(s.image.Dir)
}

// command is the one that ran it, with more flags.
func (s *subject) command(flags ...string) string {
	words := []string{"femto", "run"}
	if !s.project {
		words = append(words, s.name)
	}
	return command(append(words, flags...)...)
}
