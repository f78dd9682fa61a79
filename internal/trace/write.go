package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// Kinds are what can be chosen of a trace: steps that access memory, that call
// helpers, that are local calls or return from them, that jump, or the first
// ones at a line of the source. None chosen is all.
var Kinds = []string{"memory", "helpers", "calls", "jumps", "lines"}

// A Filter says which steps of a trace are wanted.
type Filter struct {
	Kinds     []string // of Kinds; none: all steps
	Functions []string // names; none: all
	Limit     int      // steps that are written; 0: all
}

// Passes reports whether a step, at whose line of the source the trace was
// not before if fresh is set, is wanted.
func (f *Filter) Passes(p *symbols.Program, s *Step, fresh bool) bool {
	switch {
	case s.Fault != vm.OK: // which is wanted always
		return true
	case len(f.Functions) > 0 && !slices.Contains(f.Functions, p.Function(s.Slot).Name):
		return false
	case len(f.Kinds) == 0:
		return true
	}
	for _, kind := range f.Kinds {
		switch kind {
		case "memory":
			if s.Access != nil {
				return true
			}
		case "helpers":
			if s.Call != nil {
				return true
			}
		case "calls":
			if CallsLocal(s.Instruction) || s.Instruction.Opcode == isa.ClassJMP|isa.EXIT {
				return true
			}
		case "jumps":
			if Conditional(s.Instruction) {
				return true
			}
		case "lines":
			if fresh {
				return true
			}
		}
	}
	return false
}

// A Writer writes steps, for people or as JSON lines.
type Writer struct {
	W       io.Writer
	JSON    bool
	Program *symbols.Program
	Sources *symbols.Sources
	Filter  Filter

	Steps   int // that were executed
	LeftOut int // that were wanted, but beyond the limit

	written int
	at      place // of the last step
	shown   place // that was written
	err     error
}

type place struct {
	file string
	line int
}

// line is a step as JSON.
type line struct {
	Type      string     `json:"type"`
	Slot      int        `json:"slot"`
	Function  string     `json:"function"`
	Offset    int        `json:"offset"` // slots from the beginning of the function
	Depth     int        `json:"depth"`  // open local calls
	File      string     `json:"file,omitempty"`
	Line      int        `json:"line,omitempty"`
	Text      string     `json:"text"`
	Registers []Register `json:"registers"` // that it changed
	Access    *Access    `json:"access,omitempty"`
	Call      *Call      `json:"call,omitempty"`
	Budget    int        `json:"budget"` // left afterwards
	Fault     string     `json:"fault,omitempty"`
}

// Step writes a step, if it is wanted. It is for Tracer.Each.
func (w *Writer) Step(m *vm.Machine, s *Step) {
	if w.Steps == 0 && !w.JSON && w.err == nil {
		_, w.err = fmt.Fprintf(w.W, "%7s %5s  %-20s %-32s %s\n", "LEFT", "SLOT", "WHERE", "INSTRUCTION", "WHAT IT DID")
	}
	w.Steps++
	before := w.at
	if l, ok := w.Program.Place(s.Slot); ok { // what has no line goes with those before it
		w.at = place{l.File, l.Line}
	}
	switch {
	case w.err != nil || !w.Filter.Passes(w.Program, s, w.at != before):
		return
	case w.Filter.Limit > 0 && w.written >= w.Filter.Limit && s.Fault == vm.OK:
		w.LeftOut++
		return
	}
	w.written++
	if w.JSON {
		w.json(s)
		return
	}
	if w.at != w.shown {
		w.shown = w.at
		if w.at.line > 0 {
			text := strings.TrimSpace(w.Sources.Line(w.at.file, w.at.line))
			_, w.err = fmt.Fprintln(w.W, strings.TrimRight(fmt.Sprintf("%s:%d  %s", Printable(w.at.file), w.at.line, Printable(text)), " "))
		}
	}
	if w.err == nil {
		_, w.err = fmt.Fprintln(w.W, strings.TrimRight(fmt.Sprintf("%7d %5d  %-20s %-32s %s", s.Budget, s.Slot,
			cut(Printable(w.Program.Where(s.Slot)), 20), w.Program.Line(s.Slot).Text, w.did(m, s)), " "))
	}
}

func (w *Writer) json(s *Step) {
	f := w.Program.Function(s.Slot)
	l := line{Type: "step", Slot: s.Slot, Function: f.Name, Offset: s.Slot - f.Slot, Depth: len(s.Stack), File: w.at.file, Line: w.at.line,
		Text: w.Program.Line(s.Slot).Text, Registers: s.Changed, Access: s.Access, Call: s.Call, Budget: s.Budget}
	if s.Fault != vm.OK {
		l.Fault = s.Fault.Error()
	}
	if l.Registers == nil {
		l.Registers = []Register{}
	}
	w.Put(l)
}

// Put writes another JSON line.
func (w *Writer) Put(v any) {
	if w.err != nil {
		return
	}
	var b []byte
	if b, w.err = json.Marshal(v); w.err == nil {
		_, w.err = fmt.Fprintf(w.W, "%s\n", b)
	}
}

// End says how many steps the limit left out, in JSON, and returns the error of
// writing, if there was one.
func (w *Writer) End() error {
	if w.JSON && w.LeftOut > 0 {
		w.Put(map[string]any{"type": "gap", "left_out": w.LeftOut})
	}
	return w.err
}

// did is what a step did, in words.
func (w *Writer) did(m *vm.Machine, s *Step) string {
	var parts []string
	switch {
	case s.Call != nil:
		parts = append(parts, s.Call.String())
		if s.Cost > 0 {
			parts = append(parts, fmt.Sprintf("costs %d", s.Cost))
		}
	case s.Access != nil:
		parts = append(parts, s.Access.String())
	}
	for _, r := range s.Changed {
		switch {
		case r.Number == 0 && s.Call != nil:
		case s.Access != nil && !s.Access.Write:
			parts[0] = fmt.Sprintf("r%d = %s", r.Number, r.Text) + " from " + s.Access.where()
		default:
			parts = append(parts, fmt.Sprintf("r%d = %s", r.Number, r.Text))
		}
	}
	if l := w.Program.Line(s.Slot); l.Wide && strings.HasPrefix(l.Comment, `"`) {
		parts = append(parts, l.Comment) // the string that it points at
	}
	if Conditional(s.Instruction) && s.Next >= 0 {
		if s.Next == s.Slot+1 {
			parts = append(parts, "not taken")
		} else {
			parts = append(parts, "taken")
		}
	}
	if s.Fault != vm.OK {
		parts = append(parts, "FAULT: "+s.Fault.Error())
	}
	return Printable(strings.Join(parts, "; "))
}

// where is the address with what the source calls it.
func (a *Access) where() string {
	if a.Symbol == "" {
		return a.Name
	}
	return a.Name + " <" + a.Symbol + ">"
}

// String is "context+8 <count> is 42" or "stack-4 := 1".
func (a *Access) String() string {
	where := a.where()
	switch {
	case a.Failed && a.Write:
		return fmt.Sprintf("cannot write %d B to %s", a.Size, where)
	case a.Failed:
		return fmt.Sprintf("cannot read %d B from %s", a.Size, where)
	case a.Write:
		return fmt.Sprintf("%s := %s", where, a.Text)
	}
	return fmt.Sprintf("%s is %s", where, a.Text)
}

// cut shortens a name in its middle: beginnings and ends tell more.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n/2-1]) + "…" + string(r[len(r)-n/2:])
}

// Printable keeps what containers and sources hold from reaching a terminal as
// escapes.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffd:
			return '?'
		}
		return r
	}, s)
}
