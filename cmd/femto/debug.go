package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/debug/dap"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/replay"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

func newDebugCommand() *cobra.Command {
	var l dap.Launch
	var f contextFlags
	var serve, plain bool
	var listen string
	var advance time.Duration
	cmd := &cobra.Command{
		Use:   "debug [IMAGE]",
		Short: "Step through this project or an image, forwards and backwards",
		Long: `Runs the container one instruction or line at a time on a made-up device, like
femto run, and shows source, registers, variables and stores. It goes backwards
as well: to the line before, to the breakpoint before, to the call. Commands are
those of gdb; h lists them. Without a terminal they are read from standard
input, one a line.

With --dap an editor does the showing: the Debug Adapter Protocol on standard
input and output or, with --listen, on a TCP port for one editor after the
other. Projects that femto init makes have launch files for VS Code and Neovim.`,
		Example: `  femto debug
  femto debug fletcher32.bin --ctx-file input.txt
  femto debug --replay event-limit.recording
  femto debug --dap --listen 127.0.0.1:4711`,
		Args: optionalArg("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			context, err := f.read(cmd)
			if err != nil {
				return err
			}
			given := f.hex != "" || f.file != ""
			if given && l.Replay != "" {
				return usageError(cmd, errors.New("--replay has its own context: --ctx and --ctx-file make no sense with it"))
			}
			if l.Budget < 0 || l.Budget > vm.MaxBudget {
				return usageError(cmd, fmt.Errorf("--budget must be 1 to %d", vm.MaxBudget))
			}
			if l.Count < 1 || l.Count > maxActivations {
				return usageError(cmd, fmt.Errorf("--count must be 1 to %d", maxActivations))
			}
			if cmd.Flags().Changed("listen") && !serve {
				return usageError(cmd, errors.New("--listen is for --dap"))
			}
			if given {
				l.Context = hex.EncodeToString(context)
			}
			if advance > 0 {
				l.Advance = advance.String()
			}
			if len(args) > 0 {
				l.Program = args[0]
			}
			if serve {
				return serveEditors(cmd, l, listen)
			}
			d, err := openDebuggee(cmd, &l)
			if err != nil {
				return err
			}
			return debugInTerminal(cmd, d, plain)
		},
	}
	f.add(cmd)
	cmd.Flags().Int32Var(&l.Budget, "budget", 0, "`INSTRUCTIONS` that an activation may execute; 0: what the image says")
	cmd.Flags().IntVar(&l.Count, "count", 1, "activations, all with the same context")
	cmd.Flags().DurationVar(&advance, "advance", 0, "`TIME` to let pass afterwards, for a container that waits")
	cmd.Flags().StringVar(&l.Hook, "hook", "", "`NAME` of the hook; otherwise what project or image say")
	cmd.Flags().StringVar(&l.Replay, "replay", "", "`FILE` of femto container record, to execute that again")
	cmd.Flags().BoolVar(&serve, "dap", false, "serve an editor instead of a person")
	cmd.Flags().StringVar(&listen, "listen", "", "`ADDRESS` to listen on with --dap, such as 127.0.0.1:4711")
	cmd.Flags().BoolVar(&plain, "plain", false, "lines instead of a view, also on a terminal")
	cmd.AddCommand(newBPFPluginCommand())
	return cmd
}

// maxActivations bounds --count.
const maxActivations = 10_000

// A debuggee is what can be debugged, again and again.
type debuggee struct {
	name, hook string
	folder     string // of its sources
	program    *symbols.Program
	sources    *symbols.Sources
	target     func() (debug.Target, error)
}

// openDebuggee finds and builds what l names.
func openDebuggee(cmd *cobra.Command, l *dap.Launch) (*debuggee, error) {
	d := &debuggee{}
	var raw []byte
	var side *build.Debug
	var folders []string
	if l.Program != "" {
		file := l.Program
		if l.Project != "" && !filepath.IsAbs(file) {
			file = filepath.Join(l.Project, file)
		}
		opened, _, err := readProgram(cmd, file)
		if err != nil {
			return nil, err
		}
		raw, side, folders = opened.Bytes, opened.Debug, foldersOf(file)
		d.name, d.hook, d.folder = containerName(file, raw), l.Hook, folders[0]
	} else {
		dir := l.Project
		if dir == "" {
			dir = "."
		}
		p, err := project.Find(dir)
		if err != nil {
			return nil, projectError(err)
		}
		b, err := p.Build(cmd.Context())
		if err != nil {
			return nil, projectError(err)
		}
		raw, side, folders = b.Image, b.Debug, []string{p.Dir}
		d.name, d.hook, d.folder = p.Config.Container.Name, b.Hook, p.Dir
		if l.Hook != "" {
			d.hook = l.Hook
		}
	}
	var err error
	if d.program, err = symbols.Open(raw, side, ""); err != nil {
		return nil, err
	}
	d.sources = &symbols.Sources{Folders: folders}
	if l.Replay != "" {
		return d, d.replay(l.Replay, raw)
	}
	return d, d.madeUp(l, raw)
}

// replay lets d do what a device recorded.
func (d *debuggee) replay(file string, raw []byte) error {
	recording, err := replay.Open(file)
	if err == nil {
		d.hook = recording.Hook
		_, err = debug.Recording(recording, raw)
	}
	if err != nil {
		return &commandError{exit: exitUsage, what: "cannot replay " + file, why: reason(err), err: err}
	}
	d.target = func() (debug.Target, error) { return debug.Recording(recording, raw) }
	return nil
}

// madeUp lets d run on a device that does not exist.
func (d *debuggee) madeUp(l *dap.Launch, raw []byte) error {
	bad := func(what string, err error) error {
		return &commandError{exit: exitUsage, what: what, why: err.Error(), err: err}
	}
	var context []byte
	if l.Context != "" {
		var err error
		if context, err = hex.DecodeString(strings.Join(strings.Fields(l.Context), "")); err != nil {
			return bad("the context is not hexadecimal", err)
		}
	}
	contexts := make([][]byte, min(max(l.Count, 1), maxActivations))
	for i := range contexts {
		contexts[i] = context
	}
	var advance time.Duration
	if l.Advance != "" {
		var err error
		if advance, err = time.ParseDuration(l.Advance); err != nil {
			return bad("advance is not a time", err)
		}
	}
	d.target = func() (debug.Target, error) {
		c, err := femtotest.Open(raw, femtotest.Config{Hook: d.hook, Budget: l.Budget})
		if err != nil {
			return nil, &commandError{exit: exitRejected, what: d.name + " cannot be run", why: err.Error(), err: err}
		}
		c.Sensors = femtotest.SomeSensors()
		d.hook = c.Hook()
		return debug.Container(c, contexts, advance), nil
	}
	_, err := d.target()
	return err
}

// open begins a session, as c says.
func (d *debuggee) open(c debug.Config) (*debug.Session, error) {
	var err error
	if c.Target, err = d.target(); err != nil {
		return nil, err
	}
	c.Program = d.program
	s, err := debug.Open(c)
	if err != nil {
		return nil, &commandError{exit: exitRejected, what: d.name + " cannot be debugged", why: err.Error(), err: err}
	}
	return s, nil
}

// serveEditors speaks the Debug Adapter Protocol. What an editor does not say
// is as it is in l.
func serveEditors(cmd *cobra.Command, l dap.Launch, listen string) error {
	open := func(_ context.Context, asked *dap.Launch) (*dap.Target, error) {
		asked.Fill(&l)
		d, err := openDebuggee(cmd, asked)
		if err != nil {
			return nil, err
		}
		target, err := d.target()
		if err != nil {
			return nil, err
		}
		return &dap.Target{Name: d.name, Folder: d.folder, Sources: d.sources, Hook: d.hook,
			Config: debug.Config{Target: target, Program: d.program}}, nil
	}
	ctx := cmd.Context()
	if listen == "" {
		return dap.Serve(ctx, cmd.InOrStdin(), cmd.OutOrStdout(), open)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return &commandError{exit: exitFailure, what: "cannot listen on " + listen, why: err.Error(), err: err}
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	defer listener.Close()
	fmt.Fprintf(cmd.ErrOrStderr(), "debug adapter on %s, until Ctrl-C\n", listener.Addr())
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return &commandError{exit: exitFailure, what: "cannot listen on " + listen, why: err.Error(), err: err}
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		if err := dap.Serve(ctx, conn, conn, open); err != nil && ctx.Err() == nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "%v\n", err)
		}
		stop()
		conn.Close()
	}
}
