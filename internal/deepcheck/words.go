package deepcheck

import (
	"fmt"
	"strings"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Kind is what a certain fault is.
type Kind uint8

// The kinds, by the region that the address lies in.
const (
	Nowhere Kind = iota
	OutsideStack
	OutsideContext
	OutsideData
	ReadOnly
)

// A Report is what was found, in words and at lines of the source.
type Report struct {
	GaveUp       bool      `json:"gave_up"` // too large to follow: nothing is proven
	Instructions Worst     `json:"instructions"`
	Stack        Stack     `json:"stack"`
	Accesses     Counts    `json:"accesses"`
	Findings     []Finding `json:"findings"` // accesses that are not proven safe, and calls
}

// Worst is what an activation executes at most.
type Worst struct {
	Known bool   `json:"known"`
	Most  uint64 `json:"most"` // with what helpers charge
	Why   string `json:"why"`  // it is not known; or which loop or helper takes most of it, "" if none does

	// Place is that of the loop or helper that Why is about; File "": not known.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Stack is what a container takes of it.
type Stack struct {
	Reserved uint32   `json:"reserved"` // bytes, by what the device's check finds
	Used     *uint32  `json:"used"`     // bytes that are ever accessed; null: not known
	Calls    []string `json:"calls"`    // the longest chain of local calls
}

// Counts are numbers of places in the text where memory is accessed.
type Counts struct {
	Total   int `json:"total"`
	Safe    int `json:"safe"`
	RunTime int `json:"run_time"`
	Fault   int `json:"fault"`
}

// A Finding is an access that is not proven safe.
type Finding struct {
	Verdict  string   `json:"verdict"` // "run time", "fault"
	Slot     int      `json:"slot"`
	Function string   `json:"function"` // "": not known
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	What     string   `json:"what"`
	Why      []string `json:"why"` // where the value comes from, the last step first
	Try      string   `json:"try"`
	Kind     Kind     `json:"-"`
}

// A writer of findings knows the source.
type words struct {
	env   *Env
	debug *build.Debug // may be nil
}

// Report says what r found. debug may be nil.
func (r *Result) Report(env *Env, debug *build.Debug) *Report {
	w := words{env, debug}
	rep := &Report{GaveUp: r.GaveUp, Findings: []Finding{}}
	rep.Instructions = Worst{Known: r.Bound.Known, Most: r.Bound.Instructions}
	about := r.Bound.Slot
	switch heavy := r.Bound.Heaviest; {
	case r.Bound.Known && heavy.Instructions == 0:
		about = -1
	case r.Bound.Known && heavy.Times == 0:
		about = heavy.Slot
		rep.Instructions.Why = fmt.Sprintf("the call of %s%s takes up to %d", w.helper(heavy.Slot), w.at(heavy.Slot), heavy.Instructions)
	case r.Bound.Known:
		about = heavy.Slot
		rep.Instructions.Why = fmt.Sprintf("the loop%s takes up to %d: it is gone through up to %d times", w.at(heavy.Slot), heavy.Instructions, heavy.Times)
	case r.GaveUp || r.Bound.Slot < 0:
		rep.Instructions.Why = "there are too many ways through it"
	case r.Bound.Helper:
		rep.Instructions.Why = "what the helper" + w.at(r.Bound.Slot) + " takes is not known"
	default:
		rep.Instructions.Why = "no bound is known for the loop" + w.at(r.Bound.Slot)
	}
	if about >= 0 {
		f := w.place(about)
		rep.Instructions.File, rep.Instructions.Line, rep.Instructions.Column = f.File, f.Line, f.Column
	}
	rep.Stack = Stack{Reserved: env.Need.Stack, Calls: w.deepest(r)}
	if used, ok := r.StackUse(); ok {
		rep.Stack.Used = &used
	}
	for i := range r.Accesses {
		a := &r.Accesses[i]
		if a.Stop {
			continue
		}
		rep.Accesses.Total++
		switch a.Verdict {
		case Safe:
			rep.Accesses.Safe++
			continue
		case Open:
			rep.Accesses.RunTime++
		default:
			rep.Accesses.Fault++
		}
		rep.Findings = append(rep.Findings, w.finding(a))
	}
	for _, slot := range r.Calls {
		f := w.place(slot)
		f.Verdict, f.What = Open.String(), fmt.Sprintf("calls a function while %d are open, which a device stops", vm.MaxDepth)
		rep.Findings = append(rep.Findings, f)
	}
	return rep
}

// at is " at file:line", or the slot.
func (w *words) at(slot int) string {
	if line, ok := w.line(slot); ok {
		return fmt.Sprintf(" at %s:%d", line.File, line.Line)
	}
	return fmt.Sprintf(" at instruction %d", slot)
}

// line is where in the source an instruction comes from. The compiler gives none to
// some jumps: then it is that of the instruction before in the same function.
func (w *words) line(slot int) (line build.Line, ok bool) {
	if w.debug == nil {
		return line, false
	}
	name := w.function(slot)
	for ; slot >= 0 && !ok && w.function(slot) == name; slot-- {
		line, ok = w.debug.Place(slot)
	}
	return line, ok
}

func (w *words) function(slot int) string {
	if w.debug != nil {
		if f, ok := w.debug.Function(slot); ok {
			return f.Name
		}
	}
	return ""
}

func (w *words) place(slot int) Finding {
	f := Finding{Slot: slot, Function: w.function(slot), Why: []string{}}
	if line, ok := w.line(slot); ok {
		f.File, f.Line, f.Column = line.File, line.Line, line.Column
	}
	return f
}

// deepest is the longest chain of local calls that is reached.
func (w *words) deepest(r *Result) []string {
	var longest *chain
	for _, a := range r.runs {
		for _, p := range a.points {
			if p.state != nil && (longest == nil || p.chain.depth > longest.depth) {
				longest = p.chain
			}
		}
	}
	names := []string{}
	for c := longest; c != nil; c = c.caller {
		slot := 0
		if c.caller != nil {
			in := isa.Decode(w.env.Text[c.call*isa.Size:])
			slot = c.call + 1 + int(in.Imm)
		}
		name := w.function(slot)
		if name == "" {
			name = fmt.Sprintf("function at instruction %d", slot)
		}
		names = append([]string{name}, names...)
	}
	return names
}

func bytesOf(n uint64) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// finding describes an access.
func (w *words) finding(a *Access) Finding {
	f := w.place(a.Slot)
	f.Verdict = a.Verdict.String()
	does := "reads"
	if a.Write {
		does = "writes"
	}
	f.What = does + " " + bytesOf(a.Size)
	switch {
	case a.Arg > 0 && a.Text && a.found.format:
		f.What = w.helper(a.Slot) + " reads a text for %s"
	case a.Arg > 0 && a.Text:
		f.What = w.helper(a.Slot) + " reads a text"
	case a.Arg > 0 && a.Size > vm.MaxRegion:
		f.What = w.helper(a.Slot) + " " + does + " any number of bytes"
	case a.Arg > 0:
		f.What = w.helper(a.Slot) + " " + does + " " + map[bool]string{true: "up to "}[a.Verdict == Open] + bytesOf(a.Size)
	}
	if a.state == nil {
		f.Why = append(f.Why, "the container is too large to follow all ways through it")
		return f
	}
	where, kind := w.where(a)
	f.What += " " + where
	f.Kind = kind
	f.Why = w.origins(a)
	f.Try = w.advice(a, kind)
	if a.found.format && kind == Nowhere {
		f.Try = "%s takes the address of a text; a number is printed by %d"
	}
	return f
}

func (w *words) helper(slot int) string {
	in := isa.Decode(w.env.Text[slot*isa.Size:])
	if h := w.env.Helper(uint8(in.Imm)); h != nil {
		return h.Name
	}
	return fmt.Sprintf("helper %#02x", uint8(in.Imm))
}

// spread is a range of offsets.
func offsets(n num) string {
	if v, known := n.known(); known {
		return fmt.Sprint(int64(v))
	}
	return fmt.Sprintf("%d..%d", n.smin, n.smax)
}

// where says in words which addresses an access is for.
func (w *words) where(a *Access) (string, Kind) {
	s, t := a.state, &a.found
	at := s.abs(t.reg).add(exactly(uint64(t.offset)))
	region := s.region(t.reg, t.offset)
	switch {
	case region == vm.RegionStack:
		end := s.differ[index(t.reg, stackEnd)].add(exactly(uint64(t.offset)))
		where := "of the stack, at an offset that is not known"
		if end.smin > -vm.MaxRegion && end.smax < vm.MaxRegion {
			where = fmt.Sprintf("at offset %s from the end of the stack", offsets(end))
		}
		return fmt.Sprintf("%s, of which %d bytes are sure", where, w.env.Region[vm.RegionStack].Min), OutsideStack
	case region == vm.RegionContext:
		r := &w.env.Region[vm.RegionContext]
		end := s.differ[index(t.reg, length)].add(exactly(uint64(t.offset))).sub(exactly(base(region)))
		where := "at offset " + offsets(at.sub(exactly(base(region))))
		if v, known := end.known(); known && r.Min != r.Max {
			where = fmt.Sprintf("at offset length%+d", int64(v))
			if int64(v) == 0 {
				where = "at offset length"
			}
		}
		kind := a.kind(OutsideContext, r)
		if kind == ReadOnly {
			return where + " of the context, which may only be read", kind
		}
		return where + " of the context, " + hasBytes(r.Min, r.Max), kind
	case region == vm.RegionData || region == vm.RegionRodata:
		r := &w.env.Region[region]
		name := map[int]string{vm.RegionData: "the variables (.data), of which there are", vm.RegionRodata: "the constants (.rodata), of which there are"}[region]
		return fmt.Sprintf("at offset %s of %s %s", offsets(at.sub(exactly(base(region)))), name, bytesOf(uint64(r.Max))), a.kind(OutsideData, r)
	case at.umax < base(vm.RegionStack):
		if v, known := at.known(); known {
			return fmt.Sprintf("at address %d, where nothing is", v), Nowhere
		}
		return fmt.Sprintf("at address %v, where nothing is", at), Nowhere
	case at.umin > 1<<32:
		return "at an address beyond 32 bits, where nothing is", Nowhere
	case region >= vm.RegionGrant:
		return fmt.Sprintf("at address %#x..%#x, of what the hook may grant", at.umin, at.umax), Nowhere
	}
	return "at an address that is not known", Nowhere
}

func hasBytes(low, high uint32) string {
	switch {
	case low == high && low == 0:
		return "which is empty"
	case low == high:
		return "which has " + bytesOf(uint64(low))
	case high >= vm.MaxRegion && low == 0:
		return "whose length is not known"
	}
	return fmt.Sprintf("which has %d to %d bytes", low, high)
}

// kind is what a certain fault is.
func (a *Access) kind(outside Kind, r *Region) Kind {
	if a.Write && r.Write == No && r.Max > 0 {
		return ReadOnly
	}
	return outside
}

// origins tells where the address of an access comes from.
func (w *words) origins(a *Access) []string {
	const steps = 4
	var list []string
	state, reg, chain := a.state, a.found.reg, a.point.chain
	for len(list) < steps {
		n := reg - register
		slot := int(state.origin[n])
		name := fmt.Sprintf("r%d", n)
		switch slot {
		case severalOne:
			return append(list, fmt.Sprintf("%s is %s, from different places on different ways", name, w.value(a, state, reg)))
		case lost:
			return append(list, name+" is not kept when a helper is called")
		case atEntry:
			switch d, known := state.differ[index(reg, stackEnd)].known(); {
			case known && d == 0 || n == isa.FramePointer:
				return append(list, name+" is the end of the stack")
			case state.abs(reg) == exactly(base(vm.RegionContext)):
				return append(list, name+" is the address of the context")
			case state.differ[index(reg, length)] == exactly(0):
				return append(list, name+" is the length of the context, "+hasBytes(w.env.Region[vm.RegionContext].Min, w.env.Region[vm.RegionContext].Max))
			case n == 1:
				return append(list, "r1 is 0 where there is no context")
			}
			return append(list, name+" is 0 from the beginning")
		}
		in := isa.Decode(w.env.Text[slot*isa.Size:])
		at := w.at(slot)
		before := chain.points[slot]
		if before == nil || before.state == nil {
			return list
		}
		x := in.Opcode&isa.SourceX != 0
		value := w.value(a, state, reg)
		switch class := in.Class(); {
		case isHelperCall(in):
			return append(list, fmt.Sprintf("%s is what %s returns%s", name, w.helper(slot), at))
		case isCall(in):
			return append(list, fmt.Sprintf("%s is what the function called%s leaves in it", name, at))
		case class == isa.ClassLDX:
			from := register + int(in.Src)
			region := map[int]string{vm.RegionStack: "the stack", vm.RegionContext: "the context", vm.RegionData: "the variables", vm.RegionRodata: "the constants"}[before.state.region(from, int64(in.Offset))]
			if region == "" {
				region = "memory"
			}
			return append(list, fmt.Sprintf("%s is %s, read from %s%s", name, value, region, at))
		case class == isa.ClassLD:
			return append(list, fmt.Sprintf("%s is a constant%s", name, at))
		case (class == isa.ClassALU || class == isa.ClassALU64) && in.Opcode&0xf0 == isa.MOV && !x:
			return append(list, fmt.Sprintf("%s is the constant %d%s", name, in.Imm, at))
		case (class == isa.ClassALU || class == isa.ClassALU64) && x:
			dst, src := register+int(in.Dst), register+int(in.Src)
			list = append(list, fmt.Sprintf("%s is %s%s", name, w.formula(in), at))
			// The operand that is known less goes on.
			reg = dst
			if in.Opcode&0xf0 == isa.MOV || vague(before.state, src) > vague(before.state, dst) {
				reg = src
			}
			state = before.state
			if k := register + int(in.Dst); k == reg && int(state.origin[k-register]) == slot {
				return list
			}
		case class == isa.ClassALU || class == isa.ClassALU64:
			if text, ok := w.changed(in); ok {
				list = append(list, fmt.Sprintf("%s is %s: %s%s", name, value, text, at))
			}
			state, reg = before.state, register+int(in.Dst)
			if int(state.origin[reg-register]) == slot {
				return append(list, fmt.Sprintf("%s is %s, changed%s again and again", name, value, at))
			}
		default:
			return list
		}
	}
	return list
}

// vague is how many values a register may have, seen from the end of the stack.
func vague(s *state, reg int) uint64 {
	n, d := s.abs(reg), s.differ[index(reg, stackEnd)]
	return min(n.umax-n.umin, d.umax-d.umin)
}

var signs = map[uint8]string{isa.ADD: "+", isa.SUB: "-", isa.MUL: "*", isa.DIV: "/", isa.OR: "|", isa.AND: "&", isa.LSH: "<<", isa.RSH: ">>", isa.MOD: "%", isa.XOR: "^", isa.ARSH: ">>"}

func (w *words) formula(in isa.Instruction) string {
	if in.Opcode&0xf0 == isa.MOV {
		return fmt.Sprintf("r%d", in.Src)
	}
	return fmt.Sprintf("r%d %s r%d", in.Dst, signs[in.Opcode&0xf0], in.Src)
}

// changed is what an instruction with a constant does, if it says something
// about its result.
func (w *words) changed(in isa.Instruction) (string, bool) {
	switch code := in.Opcode & 0xf0; code {
	case isa.AND, isa.OR, isa.XOR, isa.MUL, isa.DIV, isa.MOD:
		return fmt.Sprintf("r%d %s %d", in.Dst, signs[code], in.Imm), true
	case isa.LSH, isa.RSH, isa.ARSH:
		return fmt.Sprintf("r%d %s %d", in.Dst, signs[code], in.Imm), in.Imm != 32
	}
	return "", false
}

// value is what a register may be.
func (w *words) value(a *Access, s *state, reg int) string {
	n := s.abs(reg)
	switch region := s.region(reg, 0); region {
	case vm.RegionStack, vm.RegionContext, vm.RegionData, vm.RegionRodata:
		return fmt.Sprintf("an address of %s, offset %s", map[int]string{vm.RegionStack: "the stack", vm.RegionContext: "the context",
			vm.RegionData: "the variables", vm.RegionRodata: "the constants"}[region], offsets(n.sub(exactly(base(region)))))
	}
	return strings.Replace(n.String(), "any number", "any 64-bit number", 1)
}

// advice is what to write, as far as it is clear.
func (w *words) advice(a *Access, kind Kind) string {
	region := a.state.region(a.found.reg, a.found.offset)
	r := &w.env.Region[region]
	switch {
	case kind == ReadOnly:
		return "copy what is to be changed to a variable"
	case region == vm.RegionContext && r.Min != r.Max:
		return "compare with length before the access"
	case region == vm.RegionContext || region == vm.RegionData || region == vm.RegionRodata || region == vm.RegionStack:
		return "compare the index with the number of elements before the access"
	}
	if at := a.state.abs(a.found.reg); at.umin == 0 && at.umax < base(vm.RegionStack) {
		return "do not follow an address that may be 0"
	}
	return ""
}
