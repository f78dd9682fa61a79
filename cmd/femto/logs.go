package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

func newLogsCommand() *cobra.Command {
	var c connection
	var all, follow, asJSON bool
	cmd := &cobra.Command{
		Use:   "logs HOOK[/NAME] | logs --all",
		Short: "Print what a device's containers printed",
		Long: `Prints the lines that a container printed, or with --all those of every container,
as far as the device has kept them: it has room for the last few. With -f it goes
on until Ctrl-C, and starts anew when the device did. Every line comes once; how
many came and went unseen is told on standard error, and so is the story of each fault
that stopped a container.

With --json each line is a JSON object: "type" is log, fault, gap or, when the
device was started anew, status; the last one is result.`,
		Example: "  femto logs event/limit -d " + exampleURI + "\n  femto logs --all -f",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case all && len(args) > 0:
				return usageError(cmd, errors.New("--all and a container exclude each other"))
			case all:
				return nil
			case len(args) == 0:
				return usageError(cmd, errors.New("HOOK[/NAME] or --all is missing"))
			}
			return exactArgs("HOOK[/NAME]")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			p := &logPrinter{out: cmd.OutOrStdout(), talk: cmd.ErrOrStderr(), asJSON: asJSON, device: &c, faults: map[string]uint64{}}
			if !all {
				hook, name, _ := strings.Cut(args[0], "/")
				if hook == "" || strings.HasSuffix(args[0], "/") {
					return usageError(cmd, fmt.Errorf("%q is not HOOK or HOOK/NAME", args[0]))
				}
				if err := checkName(cmd, name); err != nil {
					return err
				}
				p.only = args[0]
			}
			if follow && !cmd.Flags().Changed("timeout") {
				c.timeout = 1 << 62 // it ends by Ctrl-C
			}
			err := c.with(cmd, client.Options{}, func(ctx context.Context, d *remote.Device) error {
				return p.print(ctx, d, follow)
			})
			if follow && errors.Is(err, context.Canceled) {
				err = nil
			}
			if err == nil {
				p.end()
			}
			return err
		},
	}
	c.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "print the lines of every container")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing until Ctrl-C")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object per line instead of text")
	return cmd
}

// A logPrinter prints the lines of a device.
type logPrinter struct {
	out, talk io.Writer
	asJSON    bool
	only      string // container; empty: every one
	last      *remote.Lines
	lines     int
	stories   int
	lost      uint64
	device    *connection
	faults    map[string]uint64 // of each container, that were told
	asked     time.Time         // for faults
}

// print prints what the device has kept, and if follow what comes.
func (p *logPrinter) print(ctx context.Context, d *remote.Device, follow bool) error {
	if err := errors.Join(p.rest(ctx, d), p.stops(ctx, d)); err != nil || !follow {
		return err
	}
	return d.FollowLogs(ctx, func(told bool) error {
		if err := p.rest(ctx, d); err != nil || !told && time.Since(p.asked) < faultInterval {
			return err
		}
		return p.stops(ctx, d)
	})
}

// faultInterval is at least between two looks for faults at a device that does not
// say when there is one.
const faultInterval = time.Second

// stops tells of faults that were not told of.
func (p *logPrinter) stops(ctx context.Context, d *remote.Device) error {
	list, err := d.List(ctx)
	if err != nil {
		return err
	}
	p.asked = time.Now()
	for i := range list {
		c := &list[i]
		name := placeName(c.Hook, c.Name)
		if c.Faults == p.faults[name] || p.only != "" && p.only != name {
			continue
		}
		p.faults[name] = c.Faults
		story := p.device.lastFault(c)
		p.stories++
		switch {
		case story == nil:
		case p.asJSON:
			p.json("fault", map[string]any{"fault": story, "faults": c.Faults})
		default:
			story.print(p.talk)
		}
	}
	return nil
}

// rest prints the lines after the last one.
func (p *logPrinter) rest(ctx context.Context, d *remote.Device) error {
	for {
		lines, err := d.Logs(ctx, p.last)
		var status *client.StatusError
		if errors.As(err, &status) && status.Code == coap.NotFound {
			return &commandError{exit: exitMismatch, what: "the device keeps no log", where: d.URI,
				why: "its firmware leaves it out", try: []string{command("femto", "device", "info", "-d", d.URI)}, err: err}
		}
		if err != nil {
			return err
		}
		if p.last != nil && p.last.Boot != lines.Boot {
			p.event("status", map[string]any{"text": "the device was started anew"}, "the device was started anew")
		}
		if lines.Lost > 0 {
			p.lost += uint64(lines.Lost)
			p.event("gap", map[string]any{"lines": lines.Lost}, fmt.Sprintf("%d lines are lost: the device keeps the last few only", lines.Lost))
		}
		for i := range lines.Lines {
			p.line(&lines.Lines[i])
		}
		p.last = lines
		if len(lines.Lines) == 0 {
			return nil
		}
	}
}

func (p *logPrinter) line(l *remote.Line) {
	if p.only != "" && p.only != l.Container {
		return
	}
	p.lines++
	if p.asJSON {
		p.json("log", map[string]any{"time_us": l.Time, "container": l.Container, "text": string(l.Text)})
		return
	}
	at := time.Duration(l.Time) * time.Microsecond
	label := ""
	if p.only == "" {
		label = "[" + l.Container + "] "
	}
	fmt.Fprintf(p.out, "%10.3f %s%s\n", at.Seconds(), label, printable(string(l.Text)))
}

// event tells what is no line.
func (p *logPrinter) event(kind string, fields map[string]any, text string) {
	if p.asJSON {
		p.json(kind, fields)
		return
	}
	fmt.Fprintln(p.talk, text)
}

func (p *logPrinter) end() {
	switch {
	case p.asJSON:
		p.json("result", map[string]any{"schema": "femto.logs/1", "lines": p.lines, "lost": p.lost})
	case p.lines == 0 && p.stories == 0:
		fmt.Fprintln(p.talk, "nothing was printed")
	}
}

func (p *logPrinter) json(kind string, fields map[string]any) {
	fields["type"] = kind
	text, err := json.Marshal(fields)
	if err == nil {
		fmt.Fprintf(p.out, "%s\n", text)
	}
}
