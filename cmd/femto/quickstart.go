package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/vm"
)

func newQuickstartCommand() *cobra.Command {
	var asJSON bool
	var board boardFlags
	cmd := &cobra.Command{
		Use:   "quickstart",
		Short: "See a signed container deployed to a simulated device",
		Long: `Makes a key and a simulated device in a temporary folder, signs and deploys the
Fletcher-32 container, fires its hook, shows what the device refuses and why,
restarts the device, and cleans up. Needs no network, no root, no other tool.
The exit status is 0 only if every step happened.

With --board the same happens on an emulated microcontroller, which needs QEMU
and a firmware (make boards).`,
		Example: `  femto quickstart
  femto quickstart --json
  femto quickstart --board lm3s6965`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A reader that goes away, such as head, must not keep the folder
			// from being removed.
			signal.Ignore(syscall.SIGPIPE)
			if err := board.check(cmd); err != nil {
				return err
			}
			q := &quickstart{talk: cmd.OutOrStdout(), board: board}
			q.result.Refused = []refusedByWhy{}
			if asJSON {
				q.talk = io.Discard
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), quickstartLimit)
			defer cancel()
			err := q.run(ctx)
			if cmd.Context().Err() != nil {
				return cmd.Context().Err()
			}
			if asJSON {
				if werr := writeJSON(cmd.OutOrStdout(), "femto.quickstart/1", q.result); err == nil {
					err = werr
				}
			}
			var known *commandError
			if errors.As(err, &known) {
				return known
			}
			if err != nil {
				return &commandError{exit: exitFailure, what: "the quickstart did not get through", where: "step " + q.step,
					why: err.Error(), try: []string{"femto quickstart --json"}, err: err}
			}
			return nil
		},
	}
	board.add(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// quickstartLimit is many times what the quickstart takes.
const quickstartLimit = 30 * time.Second

// quickstart is the whole road in one process: author, operator and device.
type quickstart struct {
	talk  io.Writer
	board boardFlags
	step  string

	dir      string
	key      author.PrivateKey
	public   author.PublicKey
	device   *remote.Device
	stop     func() error // ends the device and says how it ended
	result   quickstartResult
	sequence uint64 // of the container that stays
}

// quickstartResult is the same as data.
type quickstartResult struct {
	OK           bool           `json:"ok"`
	Device       string         `json:"device"`
	Deploy       *deployed      `json:"deploy"`
	Result       string         `json:"result"`
	Expected     string         `json:"expected"`
	Instructions uint64         `json:"instructions"`
	Fire         wire           `json:"fire_wire"`
	Refused      []refusedByWhy `json:"refused"`
	Persistent   bool           `json:"persistent"`
}

type refusedByWhy struct {
	Attempt string `json:"attempt"`
	Stage   string `json:"stage"`
	Reason  string `json:"reason"`
}

// say prints a line for a step.
func (q *quickstart) say(format string, args ...any) {
	fmt.Fprintf(q.talk, "%-9s %s\n", q.step, fmt.Sprintf(format, args...))
}

func (q *quickstart) run(ctx context.Context) (err error) {
	q.step = "project"
	if q.dir, err = os.MkdirTemp("", "femto-quickstart-"); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, q.halt(), os.RemoveAll(q.dir))
		if q.result.OK = err == nil; q.result.OK {
			q.next()
		}
	}()
	q.say("%s, removed at the end", q.dir)

	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"key", q.makeKey},
		{"device", q.startDevice},
		{"deploy", q.deploy},
		{"fire", q.fire},
		{"refused", q.refuse},
		{"stopped", q.outlaw},
		{"restart", q.restart},
	} {
		q.step = step.name
		if err := step.do(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (q *quickstart) makeKey(context.Context) (err error) {
	if q.key, err = author.GenerateKey(); err != nil {
		return err
	}
	path := filepath.Join(q.dir, "tenant.key")
	if err := q.key.Save(path); err != nil {
		return err
	}
	// What is used from here on is what the files hold.
	if q.key, err = author.LoadPrivate(path); err != nil {
		return err
	}
	if q.public, err = author.LoadPublic(path + ".pub"); err != nil {
		return err
	}
	q.say("tenant %s, Ed25519", q.public.ID())
	return nil
}

func (q *quickstart) startDevice(ctx context.Context) error {
	if err := q.boot(ctx); err != nil {
		return err
	}
	info, err := q.device.Info(ctx)
	if err != nil {
		return err
	}
	kind := "simulated"
	if q.board.board != "" {
		kind = "emulated"
	}
	q.say("%s, %s, on %s; %d places for containers", info.Board, kind, q.result.Device, info.Containers.Capacity)
	return nil
}

// boot starts the device on the flash file, which it makes the first time.
func (q *quickstart) boot(ctx context.Context) error {
	raw, _ := q.public.Device()
	tenants := []agent.Tenant{{Name: "tenant", Key: raw, Hooks: agent.AllHooks}}
	if q.board.board != "" {
		device, err := q.board.start(ctx, emulator.Config{Listen: "127.0.0.1:0", Folder: q.dir, Tenants: tenants}, nil)
		if err != nil {
			return err
		}
		q.stop = device.Close
		return q.open(ctx, device.URI())
	}
	device, err := sim.Open(sim.Config{
		Listen: "127.0.0.1:0", Flash: filepath.Join(q.dir, "device.flash"), Version: version, Tenants: tenants,
	})
	if err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- device.Run(running) }()
	q.stop = func() error {
		cancel()
		return errors.Join(<-ended, device.Close())
	}
	return q.open(ctx, device.URI())
}

func (q *quickstart) open(ctx context.Context, uri string) (err error) {
	q.result.Device = uri
	q.device, err = remote.Open(ctx, uri, client.Options{})
	return err
}

// halt ends the device, if one runs.
func (q *quickstart) halt() (err error) {
	if q.device != nil {
		err = q.device.Close()
		q.device = nil
	}
	if q.stop != nil {
		err = errors.Join(err, q.stop())
		q.stop = nil
	}
	return err
}

func (q *quickstart) fletcher32() *deployment {
	return &deployment{image: examples.Fletcher32, hook: "event", key: q.key}
}

func (q *quickstart) deploy(ctx context.Context) (err error) {
	if q.result.Deploy, err = q.fletcher32().to(ctx, q.device); err != nil {
		return err
	}
	r := q.result.Deploy
	q.sequence = r.Sequence
	q.say("fletcher32, %d B, as a signed manifest of %d B more: %s, %d B out, %d B in",
		r.ImageBytes, r.overhead(), exchanges(r.Wire.Exchanges), r.Wire.BytesOut, r.Wire.BytesIn)
	return nil
}

// checksum fires the hook and wants the papers' checksum.
func (q *quickstart) checksum(ctx context.Context) (*remote.Firing, error) {
	firing, err := q.device.Fire(ctx, "event", examples.Fletcher32Input)
	if err != nil {
		return nil, err
	}
	if firing.Faulted != 0 || firing.Ran != 1 || firing.Value != examples.Fletcher32Sum {
		return nil, fmt.Errorf("the container returned %#x, not %#x", firing.Value, examples.Fletcher32Sum)
	}
	return firing, nil
}

func (q *quickstart) fire(ctx context.Context) error {
	before := q.device.Stats()
	firing, err := q.checksum(ctx)
	if err != nil {
		return err
	}
	q.result.Fire = wireSince(before, q.device.Stats())
	q.result.Result = fmt.Sprintf("%#x", firing.Value)
	q.result.Expected = fmt.Sprintf("%#x", uint64(examples.Fletcher32Sum))
	q.result.Instructions = firing.Instructions
	q.say("event with %d B = %s in %d instructions: %s, %d B out, %d B in", len(examples.Fletcher32Input),
		q.result.Result, firing.Instructions, exchanges(q.result.Fire.Exchanges), q.result.Fire.BytesOut, q.result.Fire.BytesIn)
	return nil
}

// refuse tries what a device must not accept.
func (q *quickstart) refuse(ctx context.Context) error {
	stranger, err := author.GenerateKey()
	if err != nil {
		return err
	}
	flipped, strange, old := q.fletcher32(), q.fletcher32(), q.fletcher32()
	flipped.tamper = func(envelope []byte) { envelope[len(envelope)/3] ^= 1 }
	strange.key = stranger
	old.sequence = q.sequence - 1
	for _, attempt := range []struct {
		name   string
		try    *deployment
		stages string
	}{
		{"one flipped byte", flipped, "digest auth"},
		{"a stranger's key", strange, "auth"},
		{"an old sequence number", old, "setup"},
	} {
		_, err := attempt.try.to(ctx, q.device)
		var refused *remote.RefusedError
		switch {
		case err == nil:
			return fmt.Errorf("%s was accepted", attempt.name)
		case !errors.As(err, &refused):
			return fmt.Errorf("%s: %w", attempt.name, err)
		case !strings.Contains(attempt.stages, refused.Report.Stage.String()):
			return fmt.Errorf("%s: %w, instead of at stage %s", attempt.name, err, attempt.stages)
		}
		q.refused(attempt.name, refused.Report.Stage.String(), refusalReason(refused.Report))
	}
	// None of it may have touched what runs.
	_, err = q.checksum(ctx)
	return err
}

func refusalReason(r *remote.Report) string {
	if why := r.Why(); why != "" {
		return r.Reason.String() + ", " + why
	}
	return r.Reason.String()
}

func (q *quickstart) refused(attempt, stage, reason string) {
	q.result.Refused = append(q.result.Refused, refusedByWhy{attempt, stage, reason})
	q.say("%-29s %s: %s", attempt, stage, reason)
}

// outlaw runs a container that stores outside its memory.
func (q *quickstart) outlaw(ctx context.Context) error {
	const name = "outlaw"
	if _, err := (&deployment{image: examples.Outlaw, hook: "event", name: name, key: q.key}).to(ctx, q.device); err != nil {
		return err
	}
	firing, err := q.device.Fire(ctx, "event", examples.Fletcher32Input)
	if err != nil {
		return err
	}
	for _, o := range firing.Outcomes {
		if o.Name != name {
			continue
		}
		if vm.Fault(o.Fault) != vm.FaultMemory {
			return fmt.Errorf("a store outside its memory gave %v", o.Fault)
		}
		q.refused("a store outside its memory", "run", faultText(o.Fault, o.PC, o.Address))
	}
	if firing.Faulted != 1 || firing.Ran != 1 {
		return fmt.Errorf("%d containers ran and %d were stopped, instead of one each", firing.Ran, firing.Faulted)
	}
	_, err = removeContainer(ctx, q.device, q.key, "event", name)
	return err
}

// restart turns the device off and on.
func (q *quickstart) restart(ctx context.Context) error {
	if err := q.halt(); err != nil {
		return err
	}
	if err := q.boot(ctx); err != nil {
		return err
	}
	list, err := q.device.List(ctx)
	if err != nil {
		return err
	}
	if len(list) != 1 || list[0].Sequence != q.sequence {
		return fmt.Errorf("the device has %d containers after the restart, instead of one with number %d", len(list), q.sequence)
	}
	firing, err := q.checksum(ctx)
	if err != nil {
		return err
	}
	q.result.Persistent = true
	q.say("the container is still there: event = %#x", firing.Value)
	return nil
}

// nextCommands go on from here.
var nextCommands = [][]string{
	{"key", "generate", "-o", "alice.key"},
	{"device", "run", "--trust", "alice.key.pub"},
	{"deploy", "examples/fletcher32/fletcher32.bin", "--hook", "event", "--key", "alice.key", "-d", exampleURI},
}

// next prints them, as they can be typed where this command was started.
func (q *quickstart) next() {
	femto := "femto"
	if executable, err := os.Executable(); err == nil && strings.Contains(executable, "go-build") {
		femto = "go run ./cmd/femto"
	}
	fmt.Fprint(q.talk, "\nEverything happened as it should. By hand, the second in a terminal of its own:\n")
	for _, words := range nextCommands {
		fmt.Fprintf(q.talk, "  %s %s\n", femto, command(words...))
	}
}
