package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/replay"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/suit"
	"github.com/femto-containers/femto/vm"
)

// A recordVerb has a device's recorder do something and follows it.
type recordVerb struct {
	connection
	keyFile string
	count   int
	asJSON  bool
	hook    string
	name    string
}

func (v *recordVerb) addFlags(cmd *cobra.Command, count int, what string) {
	v.connection.addFlags(cmd)
	addKeyFlag(cmd, &v.keyFile)
	cmd.Flags().IntVar(&v.count, "count", count, what)
}

func (v *recordVerb) check(cmd *cobra.Command, container string) (err error) {
	if v.hook, v.name, err = splitContainer(cmd, container); err != nil {
		return err
	}
	if v.count < 1 || v.count > 0xffff {
		return usageError(cmd, fmt.Errorf("--count %d: must be 1 to %d", v.count, 0xffff))
	}
	return nil
}

// patient lets the command wait for activations until Ctrl-C, unless a flag says
// how long.
func (v *recordVerb) patient(cmd *cobra.Command) {
	if !cmd.Flags().Changed("timeout") {
		v.timeout = 1 << 62
	}
}

// order sends the command to record in a mode, or with 0 to end that.
func (v *recordVerb) order(ctx context.Context, d *remote.Device, key author.PrivateKey, mode engine.RecordMode) error {
	_, err := sendCommand(ctx, d, key, &author.Command{Verb: agent.VerbRecord, Name: v.name, Arg: []any{uint(mode), v.count}}, v.hook)
	var refused *remote.RefusedError
	if errors.As(err, &refused) && suit.Reason(refused.Report.Reason) == suit.ReasonCommand {
		return v.without(d, err)
	}
	if errors.As(err, &refused) && refused.Report.Detail == agent.DetailAgent && agent.Error(refused.Report.Code) == agent.ErrAbsent {
		return noContainer(d, placeName(v.hook, v.name))
	}
	return err
}

// without says that a device does not record.
func (v *recordVerb) without(d *remote.Device, err error) error {
	return &commandError{exit: exitMismatch, what: "the device does not record", where: d.URI,
		why: "its firmware was built without the tag record", try: []string{v.info()}, err: err}
}

// follow calls do for what is recorded until that is all, or ctx is done: then it
// ends the recording and calls do once more.
func (v *recordVerb) follow(ctx context.Context, d *remote.Device, key author.PrivateKey, do func(*remote.Recording) error) error {
	err := d.FollowRecording(ctx, func(r *remote.Recording) (bool, error) {
		return r.State == engine.RecordGoing || r.Position() < r.End, do(r)
	})
	var status *client.StatusError
	if errors.As(err, &status) && status.Code == coap.NotFound {
		return v.without(d, err)
	}
	if errors.Is(err, remote.ErrRecordingOvertaken) {
		return &commandError{exit: exitRefused, what: "another recording was begun", where: d.URI,
			why: "a device has room for one, and its owner or the container's tenant wanted another", err: err}
	}
	if ctx.Err() == nil {
		return err
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return v.order(ending, d, key, 0)
}

func newContainerRecordCommand() *cobra.Command {
	var v recordVerb
	var untilFault, detach, fetch bool
	var output string
	cmd := &cobra.Command{
		Use:   "record HOOK[/NAME]",
		Short: "Record activations of a container, to execute them again here",
		Long: `Has a device note what the next activations of a container depend on: the
context, what helpers return and write, what is in its memory; and how they end.
Waits for them, and writes a file from which femto run --replay executes them
again, instruction for instruction. The container runs as if nobody looked.

The device has a few kilobytes for it: when they are used up the recording ends.
With --until-fault it forgets the oldest activations instead, and ends with the
first that faults. Ctrl-C ends it, too; what is there by then is kept. Of a
long-running container each turn counts as an activation.

The command is signed, by the key of the container's tenant or of the owner.
Firmware has a recorder if it was built with the tag record; simulated devices
have one.`,
		Example: "  femto container record event/limit --count 10 -d " + exampleURI + `
  femto container record event/limit --until-fault
  femto container record event/limit --until-fault --detach
  femto container record event/limit --fetch -o limit.recording
  femto run --replay limit.recording`,
		Args: exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.check(cmd, args[0]); err != nil {
				return err
			}
			if detach && fetch {
				return usageError(cmd, errors.New("--detach and --fetch exclude each other"))
			}
			if output == "" {
				output = recordingName(v.hook, v.name)
			}
			mode := engine.RecordInputs
			if untilFault {
				mode |= engine.RecordUntilFault
				if !cmd.Flags().Changed("count") {
					v.count = 0xffff
				}
			}
			var key author.PrivateKey
			var err error
			if !fetch {
				if key, err = loadSigningKey(v.keyFile); err != nil {
					return err
				}
			}
			if !detach && !fetch {
				v.patient(cmd)
			}
			var f *replay.File
			err = v.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				if !fetch {
					if err := v.order(ctx, d, key, mode); err != nil || detach {
						return err
					}
					told := -1
					fmt.Fprintf(cmd.ErrOrStderr(), "recording %s: Ctrl-C ends it\n", args[0])
					err := v.follow(ctx, d, key, func(r *remote.Recording) error {
						if r.Activations.Done != told && !v.asJSON {
							told = r.Activations.Done
							fmt.Fprintln(cmd.ErrOrStderr(), activationsText(told, v.count, untilFault))
						}
						return nil
					})
					if err != nil {
						return err
					}
				}
				fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
				defer cancel()
				f, err = v.fetch(fetching, d)
				return err
			})
			switch {
			case err != nil:
				return err
			case detach:
				fmt.Fprintf(cmd.ErrOrStderr(), "recording %s: fetch it with %s\n", args[0], command("femto", "container", "record", args[0], "-d", v.uri, "--fetch"))
				return nil
			}
			return v.save(cmd, f, output)
		},
	}
	v.addFlags(cmd, 10, "`NUMBER` of activations, 1 to 65535; with --until-fault as many as it takes")
	f := cmd.Flags()
	f.BoolVar(&untilFault, "until-fault", false, "keep the last activations up to the first that faults")
	f.StringVarP(&output, "output", "o", "", "`FILE` to write; by default HOOK-NAME.recording, of a project in .femto")
	f.BoolVar(&detach, "detach", false, "do not wait: --fetch gets the recording later")
	f.BoolVar(&fetch, "fetch", false, "write what was recorded so far, and begin nothing")
	addJSONFlag(cmd, &v.asJSON)
	return cmd
}

func activationsText(done, wanted int, untilFault bool) string {
	if untilFault {
		return countText(done, "activation")
	}
	return fmt.Sprintf("%d of %d activations", done, wanted)
}

// countText is a number of things for people.
func countText(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// recordingName is where a recording goes unless told otherwise.
func recordingName(hook, name string) string {
	file := hook + ".recording"
	if name != "" {
		file = hook + "-" + name + ".recording"
	}
	if p, err := project.Find("."); err == nil {
		return filepath.Join(p.Dir, project.Folder, file)
	}
	return file
}

// fetch gets all that was recorded, with what the device says of itself.
func (v *recordVerb) fetch(ctx context.Context, d *remote.Device) (*replay.File, error) {
	info, err := d.Info(ctx)
	if err != nil {
		return nil, err
	}
	r, err := d.Recording(ctx)
	var status *client.StatusError
	if errors.As(err, &status) && status.Code == coap.NotFound {
		return nil, v.without(d, err)
	}
	if err != nil {
		return nil, err
	}
	none := &commandError{exit: exitMismatch, what: "nothing was recorded of " + placeName(v.hook, v.name), where: d.URI,
		try: []string{command("femto", "container", "record", placeName(v.hook, v.name), "-d", d.URI)}}
	switch {
	case r.State == engine.RecordNone:
		none.why = "the device has recorded nothing since it was started"
		return nil, none
	case r.Hook != v.hook || r.Name != v.name:
		none.why = "the device's recording is of " + placeName(r.Hook, r.Name)
		return nil, none
	case r.Mode&engine.RecordTrace != 0:
		none.why = "the device was asked for a trace last"
		return nil, none
	case r.End == r.Oldest && r.State == engine.RecordFull:
		none.why = "the first activation does not fit into the device's memory for recordings"
		return nil, none
	case r.End == r.Oldest:
		none.exit, none.why = exitFailure, "it has not run since"
		none.try = []string{command("femto", "hook", "ls", "-d", d.URI), command("femto", "ps", "-d", d.URI)}
		return nil, none
	}
	f := &replay.File{Format: r.Format, ID: r.ID, State: r.State, Mode: r.Mode, Hook: r.Hook, Name: r.Name, Digest: r.Digest,
		Progress: replay.Progress{Done: r.Activations.Done, Wanted: r.Activations.Wanted}, Items: r.Items,
		Device: info.Device[:], Board: info.Board, Version: info.Version}
	b, err := f.Bytes()
	if err != nil {
		return nil, err
	}
	if f, err = replay.Parse(b); err != nil {
		return nil, fmt.Errorf("the device's recording is not understood: %w", err)
	}
	return f, nil
}

// recordStates is why a recording has no more activations.
var recordStates = map[engine.RecordState]string{
	engine.RecordGoing: "going on", engine.RecordDone: "done", engine.RecordFull: "full",
	engine.RecordEnded: "ended", engine.RecordWithout: "replaced",
}

// save writes the file and says what is in it.
func (v *recordVerb) save(cmd *cobra.Command, f *replay.File, output string) error {
	b, err := f.Bytes()
	if err != nil {
		return err
	}
	if dir := filepath.Dir(output); filepath.Base(dir) == project.Folder {
		_ = os.MkdirAll(dir, 0o755) // WriteFile says what is wrong
	}
	if err := os.WriteFile(output, b, 0o644); err != nil {
		return &commandError{exit: exitUsage, what: "cannot write " + output, why: reason(err), err: err}
	}
	if v.asJSON {
		return writeJSON(cmd.OutOrStdout(), "femto.container.record/1", map[string]any{
			"file": output, "hook": f.Hook, "name": f.Name, "digest": remote.Digest(f.Digest), "state": recordStates[f.State],
			"activations": f.Len(), "bytes": len(f.Items), "faulted": f.Faulted(),
		})
	}
	fmt.Fprintln(cmd.OutOrStdout(), output)
	why := map[engine.RecordState]string{
		engine.RecordFull:    "; the device has no room for more",
		engine.RecordWithout: "; then the container was replaced or removed",
		engine.RecordGoing:   "; it goes on",
	}[f.State]
	talk := cmd.ErrOrStderr()
	fmt.Fprintf(talk, "%s in %d B%s\n", countText(f.Len(), "activation"), len(f.Items), why)
	if n := f.Faulted(); n > 0 {
		fmt.Fprintf(talk, "activation %d: %v\n", n, f.Recorded(n))
	}
	fmt.Fprintf(talk, "try: %s\n", command("femto", "run", "--replay", output))
	return nil
}

func newContainerTraceCommand() *cobra.Command {
	var v recordVerb
	cmd := &cobra.Command{
		Use:   "trace HOOK[/NAME]",
		Short: "Print activations and calls of helpers as they happen",
		Long: `Has a device tell when a container begins and ends, and which helpers it calls
with what, until Ctrl-C or for so many activations. The device keeps the last few:
how many came and went unseen is told. The container runs as if nobody looked.

The command is signed, by the key of the container's tenant or of the owner. With
--json each line is a JSON object: "type" is begin, call, end or gap; the last one
is result.`,
		Example: "  femto container trace event/limit -d " + exampleURI + "\n  femto container trace timer --count 5 --json",
		Args:    exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.check(cmd, args[0]); err != nil {
				return err
			}
			key, err := loadSigningKey(v.keyFile)
			if err != nil {
				return err
			}
			v.patient(cmd)
			p := &tracePrinter{cmd: cmd, asJSON: v.asJSON}
			err = v.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				if err := v.order(ctx, d, key, engine.RecordTrace); err != nil {
					return err
				}
				if !v.asJSON {
					fmt.Fprintf(cmd.ErrOrStderr(), "tracing %s: Ctrl-C ends it\n", args[0])
				}
				return v.follow(ctx, d, key, p.print)
			})
			if err != nil {
				return err
			}
			p.end()
			return nil
		},
	}
	v.addFlags(cmd, 100, "`NUMBER` of activations, 1 to 65535, after which it ends")
	cmd.Flags().BoolVar(&v.asJSON, "json", false, "print a JSON object per line instead of text")
	return cmd
}

// A tracePrinter prints what a device tells of a container's activations.
type tracePrinter struct {
	cmd    *cobra.Command
	asJSON bool
	rest   []byte // of an item
	at     uint32 // position that is read next
	seen   uint32 // items
	lost   uint32
	ends   int // of activations
}

func (p *tracePrinter) print(r *remote.Recording) error {
	if p.at < r.Oldest {
		lost := r.Number - p.seen
		p.lost += lost
		p.seen, p.rest = r.Number, nil
		p.line("gap", map[string]any{"items": lost}, fmt.Sprintf("           %d items are lost: the device keeps the last few only", lost))
	}
	items, rest, err := replay.ParseItems(append(p.rest, r.Items...))
	if err != nil {
		return fmt.Errorf("the device's trace is not understood: %w", err)
	}
	p.rest, p.at = append([]byte{}, rest...), r.Position()
	p.seen += uint32(len(items))
	for _, item := range items {
		switch i := item.(type) {
		case *replay.Enter:
			what := "begins"
			if i.Resumed() {
				what = "goes on"
			}
			context := ""
			if i.Length > 0 {
				context = fmt.Sprintf(" with %d bytes: % x", i.Length, i.Context)
				if int(i.Length) > len(i.Context) {
					context += " …"
				}
			}
			p.line("begin", map[string]any{"time_us": i.Time, "resumed": i.Resumed(), "context_length": i.Length, "context": hex.EncodeToString(i.Context)},
				fmt.Sprintf("%10.3f %s%s", (time.Duration(i.Time)*time.Microsecond).Seconds(), what, context))
		case *replay.Call:
			name := symbols.HelperName(int(i.Helper))
			text := name + "("
			for n, v := range i.Arguments {
				if n > 0 {
					text += ", "
				}
				text += argumentText(v)
			}
			text += ")"
			switch {
			case i.End < 0:
				text += ": " + vm.Fault(i.End).Error()
			case i.End > 0:
				text += " waits"
			default:
				text += " = " + argumentText(i.R0)
			}
			fields := map[string]any{"helper": name, "number": i.Helper, "slot": i.PC, "arguments": i.Arguments, "result": i.R0, "waits": i.End > 0}
			fields["fault"] = remote.Fault(min(i.End, 0))
			p.line("call", fields, fmt.Sprintf("           %-40s slot %d", text, i.PC))
		case *replay.End:
			p.ends++
			o := i.Outcome()
			p.line("end", map[string]any{"value": int64(o.Value), "fault": remote.Fault(o.Fault), "waits": o.Status == vm.Suspended, "slot": o.PC,
				"address": o.Address, "instructions": uint64(o.Instructions) + uint64(o.Charged)}, "           "+o.String())
		}
	}
	return nil
}

// argumentText is a number as it is read best: addresses in hexadecimal.
func argumentText(v uint64) string {
	if region := v >> 28; region >= vm.RegionStack && region <= vm.RegionRodata {
		return fmt.Sprintf("%s+%#x", symbols.RegionName(int(region)), v&(1<<28-1))
	}
	return trace.NumberText(v)
}

func (p *tracePrinter) line(kind string, fields map[string]any, text string) {
	out := p.cmd.OutOrStdout()
	if !p.asJSON {
		fmt.Fprintln(out, text)
		return
	}
	fields["type"] = kind
	if b, err := json.Marshal(fields); err == nil {
		fmt.Fprintf(out, "%s\n", b)
	}
}

func (p *tracePrinter) end() {
	switch {
	case p.asJSON:
		p.line("result", map[string]any{"schema": "femto.container.trace/1", "activations": p.ends, "lost": p.lost}, "")
	case p.seen == 0:
		fmt.Fprintln(p.cmd.ErrOrStderr(), "it has not run since")
	}
}
