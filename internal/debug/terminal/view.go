package terminal

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// Colours, as SGR parameters.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	dim    = "2"
	bold   = "1"
	marked = "7" // reverse
)

func (f *front) paint(color, text string) string {
	if !f.Color || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// Narrower or lower than this, the view would not fit: then it is cut.
const (
	leastColumns = 40
	leastLines   = 16
)

// draw draws the view: what the container is about to do, and what it has.
func (f *front) draw(why string) {
	columns, lines := f.Size()
	columns, lines = max(columns, leastColumns), max(lines, leastLines)
	var out []string
	out = append(out, f.paint(marked, pad(f.header(), columns)))
	registers := f.registerLines(columns)
	var below []string
	if locals := f.localLines(columns, (lines-len(registers)-8)/3); len(locals) > 0 {
		below = append(below, f.rule("variables", columns))
		below = append(below, locals...)
	}
	below = append(below, f.rule("calls", columns))
	below = append(below, f.stackLines(columns, 3)...)
	if printed := f.session.Lines(); len(printed) > 0 {
		below = append(below, f.rule("log", columns))
		for _, line := range printed[max(0, len(printed)-2):] {
			below = append(below, cut(printable(line), columns))
		}
	}
	said := wrap(strings.TrimSpace(why), columns)
	around := 4 + max(lines-24, 0)/3 // rules, the prompt, and room for what commands say
	room := max(lines-len(out)-len(registers)-len(below)-len(said)-around, 3)
	out = append(out, f.codeLines(columns, room)...)
	out = append(out, f.rule("registers", columns))
	out = append(out, registers...)
	out = append(out, below...)
	out = append(out, f.rule("", columns))
	f.printf("\x1b[H\x1b[2J%s\n", strings.Join(out, "\n"))
	color := cyan
	if end := f.session.End(); end != nil && end.Fault != vm.OK {
		color = red
	}
	for _, line := range said {
		f.printf("%s\n", f.paint(color, line))
	}
}

// wrap breaks text between words.
func wrap(text string, columns int) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		for len(line) > columns {
			at := strings.LastIndexByte(line[:columns], ' ')
			if at <= 0 {
				break
			}
			list, line = append(list, line[:at]), line[at+1:]
		}
		if line != "" {
			list = append(list, line)
		}
	}
	return list
}

func (f *front) header() string {
	frame := f.current()
	at, _, front := f.session.At()
	activation, since := f.session.Activation()
	place := fmt.Sprintf("instruction %d", frame.Slot)
	if frame.HasPlace {
		place = fmt.Sprintf("%s:%d", frame.Place.File, frame.Place.Line)
	}
	text := fmt.Sprintf(" %s  %s  %s  activation %d.%d  budget %d", f.Name, frame.Function, place, activation, at-since, f.session.State().Budget)
	if at < front {
		text += fmt.Sprintf("  %d back", front-at)
	}
	return text
}

func (f *front) rule(title string, columns int) string {
	text := strings.Repeat(f.Rule, columns)
	if title != "" {
		text = f.Rule + f.Rule + " " + title + " "
		text += strings.Repeat(f.Rule, max(columns-utf8.RuneCountInString(text), 0))
	}
	return f.paint(dim, text)
}

// codeLines is the source around the place that is looked at or, if there is
// none, the instructions.
func (f *front) codeLines(columns, room int) (list []string) {
	frame := f.current()
	lines := []string(nil)
	if frame.HasPlace {
		lines = f.Sources.Lines(frame.Place.File)
	}
	if frame.Place.Line > len(lines) || lines == nil {
		at := f.session.Index(frame.Slot)
		first := window(at, len(f.session.Listing), room)
		for i := first; i < min(first+room, len(f.session.Listing)); i++ {
			list = append(list, f.instruction(i, true))
		}
		return fill(list, room)
	}
	assembly := 0
	if room >= 14 {
		assembly = 5
		room -= assembly + 1
	}
	first := window(frame.Place.Line-1, len(lines), room)
	for i := first; i < min(first+room, len(lines)); i++ {
		list = append(list, f.sourceLine(frame.Place, i+1, lines[i], columns))
	}
	list = fill(list, room)
	if assembly > 0 {
		list = append(list, f.rule("instructions", columns))
		at := f.session.Index(frame.Slot)
		first := window(at, len(f.session.Listing), assembly)
		for i := first; i < min(first+assembly, len(f.session.Listing)); i++ {
			list = append(list, f.instruction(i, true))
		}
	}
	return list
}

// window is the first of room lines that have line at in their middle.
func window(at, total, room int) int { return max(min(at-room/2, total-room), 0) }

func fill(list []string, n int) []string {
	for len(list) < n {
		list = append(list, "")
	}
	return list
}

// sourceLine is a line of source with its number, and marks: * is a
// breakpoint, > is where the session stands.
func (f *front) sourceLine(here debug.Place, n int, text string, columns int) string {
	mark, arrow := " ", " "
	for _, b := range f.session.Breakpoints() {
		if b.Place.File == here.File && b.Place.Line == n {
			mark = "*"
		}
	}
	if n == here.Line {
		arrow = ">"
	}
	text = printable(untab(text))
	if columns > 0 {
		text = cut(text, columns-9)
	}
	line := fmt.Sprintf("%5d  %s", n, text)
	if n == here.Line {
		line = f.paint(bold, line)
	}
	return f.paint(red, mark) + f.paint(green, arrow) + line
}

// instruction is line i of the disassembly.
func (f *front) instruction(i int, marks bool) string {
	line := &f.session.Listing[i]
	text := fmt.Sprintf("%5d  %s", line.Slot, line.Text)
	if function := f.session.Function(line.Slot); function.Slot == line.Slot && marks {
		text += f.paint(dim, "    ; "+function.Name)
	} else if line.Comment != "" {
		text += f.paint(dim, "    ; "+line.Comment)
	}
	if !marks {
		return text
	}
	mark, arrow := " ", " "
	for _, b := range f.session.Breakpoints() {
		for _, slot := range b.Slots {
			if slot == line.Slot {
				mark = "*"
			}
		}
	}
	slot := f.current().Slot
	if line.Slot == slot {
		arrow = ">"
		text = f.paint(bold, text)
	}
	return f.paint(red, mark) + f.paint(green, arrow) + text
}

// registerLines shows all registers, those that have changed since the last stop
// in colour and with a star.
func (f *front) registerLines(columns int) (list []string) {
	frame := f.current()
	var cells []string
	for n := range isa.Registers {
		text := "?"
		if v, ok := frame.Register(n); ok {
			text = short(f.session.RegisterText(v))
		}
		star := " "
		if f.changed(n) {
			star = "*"
		}
		cells = append(cells, fmt.Sprintf("%s%-3s %s", star, fmt.Sprintf("r%d", n), text))
	}
	cells = append(cells, fmt.Sprintf(" pc  %d", frame.Slot))
	wide := 26
	perLine := max(columns/wide, 1)
	rows := (len(cells) + perLine - 1) / perLine
	for row := range rows {
		var line strings.Builder
		for column := range perLine {
			i := column*rows + row
			if i >= len(cells) {
				continue
			}
			text := pad(cut(cells[i], wide-1), wide)
			if strings.HasPrefix(cells[i], "*") {
				text = f.paint(yellow, text)
			}
			line.WriteString(text)
		}
		list = append(list, line.String())
	}
	return list
}

// short leaves of an address what its region is, and where in it.
func short(text string) string {
	if at := strings.Index(text, " ("); at > 0 && strings.HasPrefix(text, "0x") {
		return strings.TrimSuffix(text[at+2:], ")")
	}
	return text
}

func (f *front) localLines(columns, room int) (list []string) {
	for _, v := range f.session.Variables(f.current(), false) {
		if len(list) == max(room, 2) {
			list[len(list)-1] = f.paint(dim, "v lists them all")
			break
		}
		text := cut(fmt.Sprintf(" %s = %s", v.Name, printable(f.session.VariableText(v))), columns)
		if v.Err != nil {
			text = f.paint(dim, text)
		}
		list = append(list, text)
	}
	return list
}

func (f *front) stackLines(columns, room int) (list []string) {
	frames := f.session.Frames()
	for i, frame := range frames {
		if i == room-1 && len(frames) > room {
			list = append(list, f.paint(dim, fmt.Sprintf(" and %d more: bt lists them", len(frames)-i)))
			break
		}
		mark := " "
		if i == f.frame {
			mark = ">"
		}
		list = append(list, cut(fmt.Sprintf("%s%d  %s", mark, i, frameText(frame)), columns))
	}
	return list
}

// pad makes text n characters wide.
func pad(text string, n int) string {
	text = cut(text, n)
	return text + strings.Repeat(" ", max(n-utf8.RuneCountInString(text), 0))
}

// cut leaves n characters of text.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	r := []rune(text)
	return string(r[:max(n-1, 0)]) + "~"
}
