package terminal

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A verb is a command and what it does.
type verb struct {
	names   string // the short one first
	do      func(f *front, args string) error
	repeats bool // Enter repeats it
}

var verbs []verb

// The table is filled here, for its functions lead back to it.
func init() {
	step := func(how debug.Step, back bool) func(*front, string) error {
		return func(f *front, args string) error {
			return f.times(args, func() debug.Stop { return f.session.Step(how, back) })
		}
	}
	run := func(back bool) func(*front, string) error {
		return func(f *front, args string) error {
			return f.times(args, func() debug.Stop { return f.session.Continue(back) })
		}
	}
	verbs = []verb{
		{"s step", step(debug.In, false), true},
		{"n next", step(debug.Over, false), true},
		{"fin finish", step(debug.Out, false), true},
		{"c continue", run(false), true},
		{"si stepi", step(debug.Instruction, false), true},
		{"ni nexti", step(debug.Next, false), true},
		{"rs", step(debug.In, true), true},
		{"rn", step(debug.Over, true), true},
		{"rfin", step(debug.Out, true), true},
		{"rc", run(true), true},
		{"rsi", step(debug.Instruction, true), true},
		{"rni", step(debug.Next, true), true},
		{"goto", (*front).goTo, false},
		{"run", (*front).again, false},
		{"b break", (*front).setBreakpoint, false},
		{"w watch", (*front).setWatch, false},
		{"d delete", (*front).remove, false},
		{"bl", (*front).listBreakpoints, false},
		{"p print", (*front).print, false},
		{"set", (*front).set, false},
		{"x", (*front).examine, true},
		{"v locals", (*front).locals, false},
		{"g globals", (*front).globals, false},
		{"r registers", (*front).registers, false},
		{"bt backtrace", (*front).backtrace, false},
		{"f frame", (*front).setFrame, false},
		{"l list", (*front).list, true},
		{"dis", (*front).disassemble, false},
		{"stores", (*front).stores, false},
		{"calls", (*front).calls, false},
		{"log", (*front).log, false},
		{"i info", (*front).info, false},
		{"h help", (*front).help, false},
		{"q quit", func(f *front, _ string) error { f.quit = true; return nil }, false},
	}
}

// command does what a line says.
func (f *front) command(line string) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return
	}
	name, args, _ := strings.Cut(line, " ")
	args = strings.TrimSpace(args)
	if name, address, ok := strings.Cut(name, "/"); ok && name == "x" && args == "" {
		args = address
	}
	for i := range verbs {
		v := &verbs[i]
		if !slices.Contains(strings.Fields(v.names), name) {
			continue
		}
		f.last = ""
		if v.repeats {
			f.last = line
		}
		if err := v.do(f, args); err != nil {
			f.printf("%s\n", f.paint(red, err.Error()))
		}
		return
	}
	f.last = ""
	f.printf("%s\n", f.paint(red, fmt.Sprintf("there is no command %s: h lists them", name)))
}

// times repeats a step; it ends early at whatever else stops it.
func (f *front) times(args string, step func() debug.Stop) error {
	n := 1
	if args != "" {
		var err error
		if n, err = strconv.Atoi(args); err != nil || n < 1 {
			return fmt.Errorf("how often? %s is no number", args)
		}
	}
	f.before = f.session.State().Registers
	var stop debug.Stop
	for range n {
		stop = step()
		if stop.Reason != debug.Stepped && stop.Reason != debug.Hit {
			break
		}
	}
	f.stopped(stop)
	return nil
}

func (f *front) goTo(args string) error {
	at, err := strconv.Atoi(args)
	if err != nil || at < 0 {
		return fmt.Errorf("to which time? i shows where this is")
	}
	f.before = f.session.State().Registers
	f.stopped(f.session.GoTo(at))
	return nil
}

func (f *front) again(string) error {
	if err := f.begin(); err != nil {
		return err
	}
	f.show("begun anew")
	return nil
}

func (f *front) setBreakpoint(args string) error {
	where, condition, hits := cutCondition(args)
	s := f.session
	var b *debug.Breakpoint
	var err error
	file, line, isLine := strings.Cut(where, ":")
	switch {
	case where == "":
		b, err = s.BreakInstruction(f.current().Slot)
	case strings.HasPrefix(where, "*"):
		var slot int
		if slot, err = strconv.Atoi(where[1:]); err != nil {
			return fmt.Errorf("%s is not the number of an instruction", where[1:])
		}
		b, err = s.BreakInstruction(slot)
	case isLine:
		n, bad := strconv.Atoi(line)
		if bad != nil {
			return fmt.Errorf("%s is not the number of a line", line)
		}
		b, err = s.BreakLine(file, n)
	default:
		if n, bad := strconv.Atoi(where); bad == nil {
			name := f.current().Place.File
			if files := s.Files(); name == "" && len(files) > 0 {
				name = files[0]
			}
			b, err = s.BreakLine(name, n)
			break
		}
		b, err = s.BreakFunction(where)
	}
	return f.made(b, err, condition, hits)
}

// cutCondition divides WHERE if CONDITION hits N.
func cutCondition(args string) (where, condition, hits string) {
	if before, after, ok := strings.Cut(" "+args, " hits "); ok {
		args, hits = strings.TrimSpace(before), strings.TrimSpace(after)
	}
	where, condition, _ = strings.Cut(args, " if ")
	if rest, ok := strings.CutPrefix(args, "if "); ok {
		where, condition = "", rest
	}
	return strings.TrimSpace(where), strings.TrimSpace(condition), hits
}

// made completes a breakpoint and says what it is.
func (f *front) made(b *debug.Breakpoint, err error, condition, hits string) error {
	if err != nil {
		return err
	}
	if err := f.session.SetCondition(b, condition, hits); err != nil {
		f.session.Remove(b)
		return err
	}
	f.printf("%s\n", f.describe(b))
	return nil
}

func (f *front) describe(b *debug.Breakpoint) string {
	text := fmt.Sprintf("breakpoint %d: %s", b.ID, b.Name)
	if b.Kind == "watch" {
		text = fmt.Sprintf("breakpoint %d: changes of %s, %s at %#x", b.ID, b.Name, debug.Count(b.Size, "byte"), b.Address)
	} else if len(b.Slots) > 0 && b.Kind != "instruction" {
		slots := make([]string, len(b.Slots))
		for i, slot := range b.Slots {
			slots[i] = strconv.Itoa(slot)
		}
		text += ", before instruction " + strings.Join(slots, ", ")
	}
	if c := b.Condition(); c != "" {
		text += ", " + c
	}
	if b.Hits > 0 {
		text += ", reached " + debug.Count(b.Hits, "time")
	}
	return text
}

func (f *front) setWatch(args string) error {
	what, condition, hits := cutCondition(args)
	v, err := f.session.Eval(what, f.frame)
	if err != nil {
		return err
	}
	if !v.InMemory || v.Size == 0 {
		return fmt.Errorf("%s is not in memory, where changes are seen", what)
	}
	b, err := f.session.Watch(what, v.Address, v.Size)
	return f.made(b, err, condition, hits)
}

func (f *front) remove(args string) error {
	list := slices.Clone(f.session.Breakpoints())
	found := args == ""
	for _, b := range list {
		if args == "" || strconv.Itoa(b.ID) == args {
			f.session.Remove(b)
			f.printf("removed breakpoint %d: %s\n", b.ID, b.Name)
			found = true
		}
	}
	if !found {
		return fmt.Errorf("there is no breakpoint %s: bl lists them", args)
	}
	return nil
}

func (f *front) listBreakpoints(string) error {
	for _, b := range f.session.Breakpoints() {
		f.printf("%s\n", f.describe(b))
	}
	if len(f.session.Breakpoints()) == 0 {
		f.printf("no breakpoints: b sets one\n")
	}
	return nil
}

func (f *front) print(args string) error {
	v, err := f.session.Eval(args, f.frame)
	if err != nil {
		return err
	}
	f.printf("%s\n", f.value(v))
	return nil
}

// value writes the value of an expression; of a register, as an address if it
// is one.
func (f *front) value(v debug.Value) string {
	if v.InReg && v.Type.Kind == "" {
		return f.session.RegisterText(v.Bits)
	}
	return printable(f.session.Text(v))
}

func (f *front) set(args string) error {
	target, value, ok := strings.Cut(args, "=")
	if !ok {
		return fmt.Errorf("set what? set r1 = 5")
	}
	v, err := f.session.Set(strings.TrimSpace(target), strings.TrimSpace(value), f.frame)
	if err != nil {
		return err
	}
	f.show("")
	f.printf("%s is %s\n", strings.TrimSpace(target), f.value(v))
	return nil
}

func (f *front) examine(args string) error {
	n := 32
	if at := strings.LastIndexByte(args, ' '); at > 0 {
		if count, err := strconv.Atoi(args[at+1:]); err == nil {
			if _, err := debug.Parse(args[:at]); err == nil {
				args, n = args[:at], count
			}
		}
	}
	v, err := f.session.Eval(args, f.frame)
	if err != nil {
		return err
	}
	address := v.Bits
	if v.InMemory && v.Type.Kind != "pointer" {
		address = v.Address
	}
	b := f.session.Readable(address, min(max(n, 1), 4096))
	if len(b) == 0 {
		return fmt.Errorf("nothing can be read at %#x", address)
	}
	f.dump(address, b)
	return nil
}

// dump writes memory, 16 bytes a line.
func (f *front) dump(address uint64, b []byte) {
	for len(b) > 0 {
		n := min(16, len(b))
		text := make([]byte, n)
		for i, c := range b[:n] {
			text[i] = '.'
			if c >= ' ' && c < 0x7f {
				text[i] = c
			}
		}
		f.printf("0x%08x  %-47s  %s\n", address, strings.TrimRight(fmt.Sprintf("% x", b[:n]), " "), text)
		address += uint64(n)
		b = b[n:]
	}
}

func (f *front) locals(string) error  { return f.variables(false) }
func (f *front) globals(string) error { return f.variables(true) }

func (f *front) variables(global bool) error {
	list := f.session.Variables(f.current(), global)
	if !f.session.HasVariables() {
		return fmt.Errorf("the side file of this image has no variables")
	}
	for _, v := range list {
		f.printf("%s %s = %s\n", v.Type, v.Name, printable(f.session.VariableText(v)))
	}
	if len(list) == 0 {
		f.printf("no variables here\n")
	}
	return nil
}

func (f *front) registers(string) error {
	frame := f.current()
	for n := range isa.Registers {
		text := "not kept by the call"
		if v, ok := frame.Register(n); ok {
			text = f.session.RegisterText(v)
		}
		line := fmt.Sprintf("%-4s%s", fmt.Sprintf("r%d", n), text)
		if f.changed(n) {
			line = f.paint(yellow, line+"  *")
		}
		f.printf("%s\n", line)
	}
	f.printf("%-4s%d\n", "pc", frame.Slot)
	return nil
}

func (f *front) backtrace(string) error {
	for i, frame := range f.session.Frames() {
		mark := " "
		if i == f.frame {
			mark = ">"
		}
		f.printf("%s%d  %s\n", mark, i, frameText(frame))
	}
	return nil
}

func frameText(frame debug.Frame) string {
	text := frame.Function
	if frame.HasPlace {
		text += fmt.Sprintf(" at %s:%d", frame.Place.File, frame.Place.Line)
	}
	text += fmt.Sprintf(", instruction %d", frame.Slot)
	if frame.Inlined {
		text += ", inlined"
	}
	return text
}

func (f *front) setFrame(args string) error {
	n, err := strconv.Atoi(args)
	if err != nil || n < 0 || n >= len(f.session.Frames()) {
		return fmt.Errorf("which frame? bt lists them")
	}
	f.frame, f.from = n, 0
	f.show("")
	return nil
}

const listed = 10

func (f *front) list(args string) error {
	frame := f.current()
	if !frame.HasPlace {
		return f.disassemble(args)
	}
	lines := f.Sources.Lines(frame.Place.File)
	if lines == nil {
		return fmt.Errorf("%s is not there", frame.Place.File)
	}
	from := f.from
	if from == 0 {
		from = frame.Place.Line - listed/2
	}
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil {
			return fmt.Errorf("%s is not the number of a line", args)
		}
		from = n - listed/2
	}
	from = max(from, 1)
	if from > len(lines) {
		f.from = 0
		return fmt.Errorf("%s has %d lines", frame.Place.File, len(lines))
	}
	for n := from; n < from+listed && n <= len(lines); n++ {
		f.printf("%s\n", f.sourceLine(frame.Place, n, lines[n-1], 0))
	}
	f.from = from + listed
	f.last = "l"
	return nil
}

func (f *front) disassemble(args string) error {
	slot := f.current().Slot
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil {
			return fmt.Errorf("%s is not the number of an instruction", args)
		}
		slot = n
	}
	at := f.session.Index(slot)
	for i := max(0, at-listed/2); i < min(at+listed, len(f.session.Listing)); i++ {
		f.printf("%s\n", f.instruction(i, true))
	}
	return nil
}

func (f *front) stores(string) error {
	any := false
	for i, name := range []string{"local", "tenant", "global"} {
		pairs := f.session.State().Stores[i]
		for _, key := range slices.Sorted(maps.Keys(pairs)) {
			f.printf("%s[%d] = %d\n", name, key, pairs[key])
			any = true
		}
	}
	if !any {
		f.printf("the stores are empty\n")
	}
	return nil
}

func (f *front) calls(string) error {
	all := f.session.Calls()
	for i := range all {
		f.printf("%d: %s, from instruction %d\n", i+1, printable(f.session.CallText(&all[i])), all[i].Slot)
	}
	if len(all) == 0 {
		f.printf("no helper has been called\n")
	}
	return nil
}

func (f *front) log(string) error {
	for _, line := range f.session.Lines() {
		f.printf("%s\n", printable(line))
	}
	if len(f.session.Lines()) == 0 {
		f.printf("nothing has been printed\n")
	}
	return nil
}

func (f *front) info(string) error {
	at, begin, front := f.session.At()
	activation, since := f.session.Activation()
	f.printf("time %d; %d to %d can be gone to without executing anything\n", at, begin, front)
	f.printf("activation %d, instruction %d of it, budget %d\n", activation, at-since, f.session.State().Budget)
	for i, region := range f.session.State().Region {
		if len(region.Bytes) > 0 {
			access := "read"
			if region.Writable {
				access = "read, write"
			}
			f.printf("%-10s %#x, %s, %s\n", symbols.RegionName(i), vm.Address(i, 0), debug.Count(len(region.Bytes), "byte"), access)
		}
	}
	return nil
}

func (f *front) help(string) error {
	f.printf("%s", helpText)
	return nil
}

// helpText fits 80 columns and, with the prompt, 24 lines.
const helpText = `forwards   s  step: to the next line      n  next: the same, over calls
           si ni  one instruction          fin  until this function returns
           c  continue                     s 3  three times; Enter: once more
back       rs rn rsi rni rfin rc  the same backwards, as if nothing had happened
           goto TIME  (i shows the time)   run  begin anew, breakpoints stay
stop       b WHERE [if CONDITION] [hits N]  break at LINE, FILE:LINE, FUNCTION,
             HELPER or *INSTRUCTION; hits 3 is from the third time on, == 3 the
             third alone, % 3 every third
           w EXPRESSION  watch: where it changes
           bl  list them                   d [NUMBER]  delete one, or all
look       p EXPRESSION  print: count + 1, *s, s->raw[0], r1, u32[r1+4], local[7]
           v  variables (locals)           g  globals
           r  registers                    x ADDRESS [BYTES]  memory
           bt  backtrace                   f N  frame: look at another function
           l [LINE]  list the source       dis [INSTRUCTION]  disassembly
           stores    calls (of helpers)    log    i  info: time, budget, regions
change     set VARIABLE = EXPRESSION       a register, or what is in memory
leave      q  quit
`
