package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A stop is what is known of a fault: the machine's state, or as much of it as a
// device tells.
type stop struct {
	fault   vm.Fault
	slot    int
	address uint64   // of a vm.FaultMemory
	calls   []uint32 // slots that open local calls return to, the outermost first
	lengths [vm.Regions]int
}

// unknown is the length of a region of which a device does not tell.
const unknown = -1

// A story is a fault as people understand it. It is part of what --json prints.
type story struct {
	Container string   `json:"container"`
	Fault     string   `json:"fault"`
	Frames    []frame  `json:"frames"` // where it stopped, and from where that was called
	Why       string   `json:"why"`
	Image     bool     `json:"image_found"`
	Try       []string `json:"hints"`

	code   diagnose.Code
	itself bool // it stopped itself
}

// what is the story in a sentence.
func (t *story) what() string {
	if t.itself {
		return t.Container + " stopped itself: " + t.Fault
	}
	return t.Container + " was stopped: " + t.Fault
}

// A frame is a place in the program.
type frame struct {
	Slot     int    `json:"slot"`
	Function string `json:"function,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Text     string `json:"text,omitempty"`
	Assembly string `json:"assembly,omitempty"`
}

// place is a frame for a line of a table.
func (f *frame) place() string {
	if f.File != "" {
		return fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("slot %d", f.Slot)
}

// deviceStop is the last fault of a container as its device tells of it.
func deviceStop(c *remote.Container) *stop {
	s := &stop{fault: vm.Fault(c.LastFault), slot: int(c.FaultPC), address: c.FaultAddress, calls: c.FaultCalls}
	for i := range s.lengths {
		s.lengths[i] = unknown
	}
	return s
}

// machineStop is the fault of a machine.
func machineStop(m *vm.Machine) *stop {
	s := &stop{fault: m.Fault(), slot: m.PC(), address: m.FaultAddress()}
	for i := range m.Depth() {
		s.calls = append(s.calls, uint32(m.Caller(i)))
	}
	for i := range s.lengths {
		s.lengths[i] = len(m.Region[i].Bytes)
	}
	return s
}

// projectFolders are where images of the project may be that the command is called
// in.
func projectFolders() []string {
	if p, err := project.Find("."); err == nil {
		return []string{filepath.Join(p.Dir, project.Folder)}
	}
	return nil
}

// tell makes a story of a fault. img is nil if the image is not known here.
func (s *stop) tell(container, hook string, img *images.Image) *story {
	t := &story{Container: container, Fault: s.fault.Error(), Image: img != nil, Try: []string{}, code: faultCodes[s.fault]}
	if t.code == 0 {
		t.code = diagnose.OtherFault
	}
	var program *symbols.Program
	sources := &symbols.Sources{}
	if img != nil {
		program, _ = symbols.Open(img.Bytes, img.Debug, hook) // nil: as if it was not known
		if img.Dir != "" {
			sources.Folders = []string{img.Dir}
		}
	}
	slots := []int{s.slot}
	for i := len(s.calls) - 1; i >= 0; i-- {
		slots = append(slots, int(s.calls[i])-1)
	}
	for _, slot := range slots {
		t.Frames = append(t.Frames, frameAt(program, sources, slot))
	}
	t.Why = s.why(program)
	if img != nil {
		if reason := trapReason(img.Debug, s.fault, s.slot); reason != "" {
			t.Fault, t.Why, t.code, t.itself = reason, "a check that Go makes when running failed", diagnose.TrapFault, true
			if reason == "panic" {
				t.Why = "it called panic"
			}
		}
	}
	return t
}

func frameAt(program *symbols.Program, sources *symbols.Sources, slot int) frame {
	f := frame{Slot: slot}
	if program == nil {
		return f
	}
	f.Function, f.Assembly = program.Function(slot).Name, program.Line(slot).Text
	if line, ok := program.Place(slot); ok {
		f.File, f.Line, f.Column, f.Text = line.File, line.Line, line.Column, sources.Line(line.File, line.Line)
	}
	return f
}

// why says what the instruction did that it may not.
func (s *stop) why(program *symbols.Program) string {
	switch s.fault {
	case vm.FaultMemory:
		what := "it accesses"
		if program != nil {
			what = access(program.Instruction(s.slot))
		}
		return what + " " + s.where(program)
	case vm.FaultBudget:
		return "the budget of the activation was spent when it came here"
	case vm.FaultDepth:
		return fmt.Sprintf("%d local calls are open already, and no more may be", vm.MaxDepth)
	case vm.FaultArgument:
		if program != nil {
			return fmt.Sprintf("%s refused its arguments", symbols.HelperName(int(program.Instruction(s.slot).Imm)))
		}
	}
	return ""
}

// access is what an instruction does with memory.
func access(in isa.Instruction) string {
	width := map[uint8]int{isa.B: 1, isa.H: 2, isa.W: 4, isa.DW: 8}[in.Opcode&isa.SizeMask]
	bytes := fmt.Sprintf("%d bytes", width)
	if width == 1 {
		bytes = "1 byte"
	}
	switch in.Class() {
	case isa.ClassLDX:
		return "it reads " + bytes + " at"
	case isa.ClassST, isa.ClassSTX:
		return "it writes " + bytes + " at"
	case isa.ClassJMP:
		if trace.CallsHelper(in) {
			return "it calls " + symbols.HelperName(int(in.Imm)) + " with memory at"
		}
	}
	return "it accesses"
}

// where says what is at the address of a memory fault.
func (s *stop) where(program *symbols.Program) string {
	const offsetBits = 28
	region, offset := int(s.address>>offsetBits), int(s.address&(1<<offsetBits-1))
	if s.address>>32 != 0 {
		return fmt.Sprintf("%#x, which is no address", s.address)
	}
	if region == vm.RegionNull {
		return fmt.Sprintf("%#x, a null pointer's", s.address)
	}
	length := s.lengths[region]
	writes := false
	if program != nil {
		class := program.Instruction(s.slot).Class()
		writes = class == isa.ClassST || class == isa.ClassSTX
		switch region {
		case vm.RegionData:
			length = len(program.Image.Data())
		case vm.RegionRodata:
			length = len(program.Image.Rodata())
		}
	}
	text := fmt.Sprintf("%s+%#x", symbols.RegionName(region), offset)
	if offset >= 1<<(offsetBits-1) {
		text = fmt.Sprintf("%#x, before %s", s.address, symbols.RegionName(region))
	}
	if program != nil {
		if symbol := program.Symbol(s.address); symbol != "" {
			text += " (" + symbol + ")"
		}
	}
	switch {
	case length == unknown && region == vm.RegionContext && writes:
		return text + ", which is beyond the context, or may only be read"
	case length == unknown:
		return text + ", which is beyond the " + symbols.RegionName(region)
	case length == 0:
		return text + ", but there is no such memory"
	case offset < length && writes:
		return text + ", where only reading is allowed"
	}
	return fmt.Sprintf("%s, which has %s", text, bytesText(length))
}

// print writes a story as errors are written.
func (t *story) print(w io.Writer) {
	at := &t.Frames[0]
	d := diagnose.Diagnostic{Code: t.code, What: t.what(),
		Place: diagnose.Place{File: at.File, Line: at.Line, Column: at.Column, Text: at.Text}, Where: at.where()}
	if at.File == "" && at.Assembly != "" {
		d.Where += ": " + at.Assembly
	}
	lines := strings.Split(strings.TrimSuffix(d.Format(), "\n"), "\n")
	for i, line := range lines {
		if i == 1 && at.File != "" {
			line += "   (" + at.where() + ")"
		}
		fmt.Fprintln(w, printable(line))
	}
	for i := range t.Frames[1:] {
		f := &t.Frames[1+i]
		if f.File != "" {
			fmt.Fprintf(w, "  called at: %s   (%s)\n", printable(f.place()), printable(f.where()))
		} else {
			fmt.Fprintf(w, "  called at: %s\n", printable(f.where()))
		}
	}
	if t.Why != "" {
		fmt.Fprintf(w, "  why: %s\n", printable(t.Why))
	}
	for _, try := range t.Try {
		fmt.Fprintf(w, "  try: %s\n", printable(try))
	}
}

// err is the story as the error of a command.
func (t *story) err(dir string) error {
	at := &t.Frames[0]
	d := &diagnose.Diagnostic{Code: t.code, What: t.what(), Why: t.Why, Try: t.Try,
		Place: diagnose.Place{File: at.File, Line: at.Line, Column: at.Column, Text: at.Text}, Where: at.where()}
	for i := range t.Frames[1:] {
		f := &t.Frames[1+i]
		d.Why += "; called at " + f.place()
	}
	list := diagnose.List{d}
	list.Read(dir)
	return list
}

// where is a frame's place in the program.
func (f *frame) where() string {
	if f.Function == "" {
		return fmt.Sprintf("slot %d", f.Slot)
	}
	return fmt.Sprintf("slot %d, in %s", f.Slot, f.Function)
}

// placeName is how people name a container: HOOK or HOOK/NAME.
func placeName(hook, name string) string {
	if name == "" {
		return hook
	}
	return hook + "/" + name
}

// lastFault makes a story of a container's last fault, nil if there was none.
func (c *connection) lastFault(r *remote.Container) *story {
	if r.LastFault == 0 {
		return nil
	}
	name := placeName(r.Hook, r.Name)
	s := deviceStop(r)
	t := s.tell(name, r.Hook, images.Find(r.Digest, projectFolders()...))
	if !t.Image {
		if t.Why != "" {
			t.Why += "; "
		}
		t.Why += "more is known where its image was built or deployed"
	}
	if r.State == remote.State(agent.StateFaulted) { // it would never run again
		t.Try = append(t.Try, command("femto", "container", "start", name, "-d", c.uri))
	}
	if r.FaultCalls != nil { // the device has a recorder
		t.Try = append(t.Try, command("femto", "container", "record", name, "-d", c.uri, "--until-fault"),
			command("femto", "run", "--replay", recordingName(r.Hook, r.Name)))
	} else {
		t.Try = append(t.Try, command("femto", "container", "inspect", name, "-d", c.uri))
	}
	return t
}

// sourcesOf is the folder from which the sources of an image file are named.
func sourcesOf(imageFile string) string {
	dir := filepath.Dir(imageFile)
	if filepath.Base(dir) == project.Folder {
		return filepath.Dir(dir)
	}
	return dir
}
