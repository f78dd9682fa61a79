// Package terminal is a debugger for people without an editor: commands in the
// manner of gdb and, on a terminal, a view of source, registers and variables
// that is drawn anew wherever the container stops.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// Config says what is shown, and how.
type Config struct {
	Name    string
	Open    func(debug.Config) (*debug.Session, error) // begins anew, too
	Sources *symbols.Sources
	Hook    string // whose context has fields; "": it has none

	View   bool // draw the view: Out is a terminal
	Color  bool
	Echo   bool              // repeat commands: they do not come from a terminal
	Size   func() (int, int) // columns and lines, for the view
	Read   func(prompt string) (string, error)
	Out    io.Writer
	Rule   string             // what lines are drawn with
	Listen func(pause func()) // told what stops a container that runs
}

// A front is a debugger at work.
type front struct {
	Config
	session *debug.Session
	frame   int                   // that is looked at
	last    string                // command, which Enter repeats
	from    int                   // the first line that list shows next
	before  [isa.Registers]uint64 // at the last stop
	ended   []string              // activations, since the view was drawn
	quit    bool
}

// ErrQuit is what Read returns when nobody wants to go on.
var ErrQuit = io.EOF

const prompt = "(femto) "

// Run debugs until somebody quits. The session begins before the first
// instruction.
func Run(ctx context.Context, c Config) error {
	f := &front{Config: c}
	if err := f.begin(); err != nil {
		return err
	}
	defer func() { f.session.Close() }()
	stop := context.AfterFunc(ctx, func() { f.pause() })
	defer stop()
	f.printf("debugging %s: h lists the commands, q quits\n", f.Name)
	f.show("")
	for !f.quit && ctx.Err() == nil {
		line, err := f.Read(prompt)
		if err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
		if f.Echo {
			f.printf("%s%s\n", prompt, line)
		}
		if strings.TrimSpace(line) == "" {
			line = f.last
		}
		f.command(line)
	}
	return ctx.Err()
}

// begin opens the session, or opens it again with the breakpoints that were
// set.
func (f *front) begin() error {
	s, err := f.Open(debug.Config{Output: f.output})
	if err != nil {
		return err
	}
	if old := f.session; old != nil {
		s.TakeBreakpoints(old)
		old.Close()
	}
	f.session, f.frame, f.before = s, 0, s.State().Registers
	if f.Listen != nil {
		f.Listen(f.pause)
	}
	return nil
}

func (f *front) pause() { f.session.Pause() }

func (f *front) printf(format string, args ...any) { fmt.Fprintf(f.Out, format, args...) }

// output says what happens for the first time.
func (f *front) output(o debug.Output) {
	text := "| " + printable(o.Line)
	if o.End != nil {
		if o.End.Last || o.End.Fault != vm.OK || o.End.Err != nil {
			return // it stops for them
		}
		text = f.session.EndText(o.End)
	}
	switch {
	case !f.View:
		f.printf("%s\n", text)
	case o.End != nil:
		f.ended = append(f.ended, text)
	}
}

// printable keeps what containers print from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// stopped says why the container stands where it does, and shows where.
func (f *front) stopped(stop debug.Stop) {
	f.frame, f.from = 0, 0
	s := f.session
	why := ""
	switch stop.Reason {
	case debug.Hit:
		var names []string
		for _, b := range stop.Breakpoints {
			name := fmt.Sprintf("breakpoint %d, %s", b.ID, b.Name)
			if b.Hits > 1 {
				name += ", reached " + debug.Count(b.Hits, "time")
			}
			names = append(names, name)
		}
		why = strings.Join(names, "; ")
		if stop.Err != nil {
			why += " (its condition: " + stop.Err.Error() + ")"
		}
	case debug.Paused:
		why = "paused"
	case debug.Beginning:
		why = "this is as far back as is kept"
	case debug.Faulted, debug.Ended:
		if stop.End != nil {
			why = s.EndText(stop.End)
		}
		if stop.Reason == debug.Ended {
			why += "; that was the last: rc and rn go back, run begins anew"
		}
	}
	f.show(why)
}

// show shows where the session is.
func (f *front) show(why string) {
	if f.View {
		f.draw(strings.Join(append(f.ended, why), "\n"))
		f.ended = nil
		return
	}
	if why != "" {
		f.printf("%s\n", why)
	}
	f.where()
}

// where says in two lines where the session is.
func (f *front) where() {
	frame := f.current()
	if !frame.HasPlace {
		f.printf("%s, instruction %d\n", frame.Function, frame.Slot)
		f.printf("%s\n", f.instruction(f.session.Index(frame.Slot), false))
		return
	}
	f.printf("%s at %s:%d, instruction %d\n", frame.Function, frame.Place.File, frame.Place.Line, frame.Slot)
	if text := f.Sources.Line(frame.Place.File, frame.Place.Line); text != "" {
		f.printf("%5d  %s\n", frame.Place.Line, printable(untab(text)))
	} else {
		f.printf("%s\n", f.instruction(f.session.Index(frame.Slot), false))
	}
}

// changed reports whether register n has changed since the last stop.
func (f *front) changed(n int) bool {
	return f.frame == 0 && f.before[n] != f.session.State().Registers[n]
}

// current is the frame that is looked at.
func (f *front) current() debug.Frame {
	frames := f.session.Frames()
	return frames[min(f.frame, len(frames)-1)]
}

// untab lets lines be as wide as they have characters.
func untab(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if r != '\t' {
			b.WriteRune(r)
			n++
			continue
		}
		for {
			b.WriteByte(' ')
			if n++; n%4 == 0 {
				break
			}
		}
	}
	return b.String()
}
