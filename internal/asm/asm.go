// Package asm assembles and disassembles the eBPF dialect of the public
// bpf_conformance suite.
package asm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/isa"
)

// An Error says which line of the source was not understood.
type Error struct {
	Line int // counted from 1
	Text string
	Why  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Why, e.Text)
}

// Assemble translates source, one instruction a line, to instruction slots.
// Comments run from '#' or ';' to the end of the line. A label stands before a
// colon; the first exit instruction also bears the label exit. The error is an
// *Error.
func Assemble(source string) ([]byte, error) {
	a := assembler{labels: map[string]int{}}
	for i, line := range strings.Split(source, "\n") {
		if err := a.line(i+1, line); err != nil {
			return nil, err
		}
	}
	return a.finish()
}

type reference struct {
	slot  int
	label string
	imm   bool // the distance goes to the immediate, not to the offset
	line  int
	text  string
}

type assembler struct {
	slots  []isa.Instruction
	labels map[string]int
	refs   []reference
}

func (a *assembler) line(number int, text string) error {
	if i := strings.IndexAny(text, "#;"); i >= 0 {
		text = text[:i]
	}
	text = strings.TrimSpace(text)
	for {
		label, rest, found := strings.Cut(text, ":")
		if !found {
			break
		}
		label = strings.TrimSpace(label)
		if _, taken := a.labels[label]; taken || !isName(label) {
			return &Error{number, text, "bad or repeated label"}
		}
		a.labels[label] = len(a.slots)
		text = strings.TrimSpace(rest)
	}
	if text == "" {
		return nil
	}
	if err := a.instruction(number, text); err != nil {
		return &Error{number, text, err.Error()}
	}
	return nil
}

func (a *assembler) finish() ([]byte, error) {
	for _, r := range a.refs {
		at, ok := a.labels[r.label]
		if !ok {
			return nil, &Error{r.line, r.text, "no label " + r.label}
		}
		distance := at - r.slot - 1
		switch {
		case r.imm:
			a.slots[r.slot].Imm = int32(distance)
		case int(int16(distance)) != distance:
			return nil, &Error{r.line, r.text, "label too far away"}
		default:
			a.slots[r.slot].Offset = int16(distance)
		}
	}
	var out []byte
	for _, in := range a.slots {
		out = in.Append(out)
	}
	return out, nil
}

func (a *assembler) emit(in ...isa.Instruction) { a.slots = append(a.slots, in...) }

func (a *assembler) instruction(number int, text string) error {
	mnemonic, rest, _ := strings.Cut(strings.Join(strings.Fields(text), " "), " ")
	operands := splitOperands(rest)
	if op, width, ok := byteOrder(mnemonic); ok {
		return a.oneRegister(isa.Instruction{Opcode: op, Imm: width}, operands)
	}
	if op, ok := aluOpcode(mnemonic); ok {
		return a.alu(op, mnemonic, operands)
	}
	if op, ok := jumpOpcode(mnemonic); ok {
		return a.jump(number, text, op, operands)
	}
	if op, ok := memoryOpcode(mnemonic); ok {
		return a.memory(op, operands)
	}
	switch mnemonic {
	case "exit":
		if _, taken := a.labels["exit"]; !taken {
			a.labels["exit"] = len(a.slots)
		}
		a.emit(isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT})
		return wantOperands(operands, 0)
	case "lddw", "lddwd", "lddwr":
		return a.wide(mnemonic, operands)
	case "call":
		return a.call(number, text, strings.Fields(rest))
	case "lock":
		return a.lock(rest)
	}
	return fmt.Errorf("unknown mnemonic %s", mnemonic)
}

func (a *assembler) oneRegister(in isa.Instruction, operands []string) (err error) {
	if err := wantOperands(operands, 1); err != nil {
		return err
	}
	in.Dst, err = register(operands[0])
	a.emit(in)
	return err
}

func (a *assembler) alu(op aluOp, mnemonic string, operands []string) (err error) {
	in := isa.Instruction{Opcode: op.opcode, Offset: op.offset}
	if op.opcode&0xf0 == isa.NEG {
		return a.oneRegister(in, operands)
	}
	if err := wantOperands(operands, 2); err != nil {
		return err
	}
	if in.Dst, err = register(operands[0]); err != nil {
		return err
	}
	if strings.HasPrefix(mnemonic, "movsx") && !isRegister(operands[1]) {
		return fmt.Errorf("%s takes a register", mnemonic)
	}
	if err := second(&in, operands[1]); err != nil {
		return err
	}
	a.emit(in)
	return nil
}

func (a *assembler) jump(number int, text string, opcode uint8, operands []string) (err error) {
	in := isa.Instruction{Opcode: opcode}
	target := len(operands) - 1
	if opcode&0xf0 == isa.JA {
		if err := wantOperands(operands, 1); err != nil {
			return err
		}
	} else {
		if err := wantOperands(operands, 3); err != nil {
			return err
		}
		if in.Dst, err = register(operands[0]); err != nil {
			return err
		}
		if err := second(&in, operands[1]); err != nil {
			return err
		}
	}
	return a.target(number, text, in, operands[target], opcode == isa.ClassJMP32|isa.JA)
}

// target emits in with its distance in the immediate or in the offset.
func (a *assembler) target(number int, text string, in isa.Instruction, target string, imm bool) error {
	if isName(target) {
		a.refs = append(a.refs, reference{len(a.slots), target, imm, number, text})
		a.emit(in)
		return nil
	}
	distance, err := strconv.ParseInt(target, 0, 32)
	switch {
	case err != nil:
		return fmt.Errorf("bad target %s", target)
	case imm:
		in.Imm = int32(distance)
	case int64(int16(distance)) != distance:
		return fmt.Errorf("target %s does not fit 16 bits", target)
	default:
		in.Offset = int16(distance)
	}
	a.emit(in)
	return nil
}

func (a *assembler) memory(opcode uint8, operands []string) (err error) {
	if err := wantOperands(operands, 2); err != nil {
		return err
	}
	in := isa.Instruction{Opcode: opcode}
	switch in.Class() {
	case isa.ClassLDX:
		if in.Dst, err = register(operands[0]); err != nil {
			return err
		}
		in.Src, in.Offset, err = address(operands[1])
	case isa.ClassSTX:
		if in.Dst, in.Offset, err = address(operands[0]); err != nil {
			return err
		}
		in.Src, err = register(operands[1])
	case isa.ClassST:
		if in.Dst, in.Offset, err = address(operands[0]); err != nil {
			return err
		}
		in.Imm, err = immediate(operands[1])
	}
	a.emit(in)
	return err
}

func (a *assembler) wide(mnemonic string, operands []string) (err error) {
	if err := wantOperands(operands, 2); err != nil {
		return err
	}
	in := isa.Instruction{Opcode: isa.LDDW}
	switch mnemonic {
	case "lddwd":
		in.Opcode = isa.LDDWD
	case "lddwr":
		in.Opcode = isa.LDDWR
	}
	if in.Dst, err = register(operands[0]); err != nil {
		return err
	}
	value, err := strconv.ParseUint(operands[1], 0, 64)
	if err != nil {
		signed, err := strconv.ParseInt(operands[1], 0, 64)
		if err != nil {
			return fmt.Errorf("bad 64-bit immediate %s", operands[1])
		}
		value = uint64(signed)
	}
	in.Imm = int32(value)
	a.emit(in, isa.Instruction{Imm: int32(value >> 32)})
	return nil
}

func (a *assembler) call(number int, text string, words []string) error {
	in := isa.Instruction{Opcode: isa.ClassJMP | isa.CALL}
	kind, target := "helper", ""
	switch len(words) {
	case 1:
		target = words[0]
	case 2:
		kind, target = words[0], words[1]
	}
	switch {
	case target == "":
		return fmt.Errorf("call takes a helper number, a register or local and a label")
	case kind == "local":
		in.Src = isa.CallLocal
		return a.target(number, text, in, target, true)
	case kind == "runtime":
		in.Src = isa.CallBTF
	case kind != "helper":
		return fmt.Errorf("unknown kind of call %s", kind)
	case isRegister(target):
		in.Opcode = isa.CALLX
		return a.oneRegister(in, []string{target})
	}
	n, err := immediate(target)
	in.Imm = n
	a.emit(in)
	return err
}

func (a *assembler) lock(rest string) (err error) {
	fetch := false
	name, rest, _ := strings.Cut(rest, " ")
	if name == "fetch" {
		fetch = true
		name, rest, _ = strings.Cut(rest, " ")
	}
	in := isa.Instruction{Opcode: isa.ClassSTX | isa.ATOMIC | isa.DW}
	if short, found := strings.CutSuffix(name, "32"); found {
		in.Opcode = isa.ClassSTX | isa.ATOMIC | isa.W
		name = short
	}
	imm, known := atomics[name]
	if !known {
		return fmt.Errorf("unknown atomic operation %s", name)
	}
	if fetch {
		imm |= isa.Fetch
	}
	in.Imm = imm
	operands := splitOperands(rest)
	if err := wantOperands(operands, 2); err != nil {
		return err
	}
	if in.Dst, in.Offset, err = address(operands[0]); err != nil {
		return err
	}
	in.Src, err = register(operands[1])
	a.emit(in)
	return err
}
