package asm

import (
	"strings"

	"github.com/femto-containers/femto/isa"
)

// conformance reads an instruction as the bpf_conformance suite writes them,
// and those that both notations share.
func (a *assembler) conformance(l *line) {
	t := l.next()
	if op, width, ok := byteOrder(t.text); ok {
		a.emit(l, isa.Instruction{Opcode: op, Dst: l.register(), Imm: width})
		return
	}
	if op, ok := aluOpcode(t.text); ok {
		a.alu(l, op, strings.HasPrefix(t.text, "movsx"))
		return
	}
	if op, ok := jumpOpcode(t.text); ok {
		a.jump(l, op)
		return
	}
	if op, ok := memoryOpcode(t.text); ok {
		a.memory(l, op)
		return
	}
	switch t.text {
	case "exit":
		if a.exit == nil {
			here := a.here()
			a.exit = &here
		}
		a.emit(l, isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT})
	case "lddw", "lddwd", "lddwr":
		in := isa.Instruction{Opcode: map[string]uint8{"lddw": isa.LDDW, "lddwd": isa.LDDWD, "lddwr": isa.LDDWR}[t.text]}
		in.Dst = l.register()
		l.expect(",")
		a.wide(l, in)
	case "call":
		a.call(l)
	case "lock":
		a.lock(l)
	default:
		if looksLikeRegister(t) {
			l.fail(t, "%s is no register: there are r0 to r10", t.name())
		}
		l.fail(t, "there is no instruction %s", t.name())
	}
}

func (a *assembler) alu(l *line, op aluOp, registerOnly bool) {
	in := isa.Instruction{Opcode: op.opcode, Offset: op.offset, Dst: l.register()}
	if op.opcode&0xf0 != isa.NEG {
		l.expect(",")
		if t := l.peek(); !l.second(&in) && registerOnly {
			l.fail(t, "a register is needed, not a number")
		}
	}
	a.emit(l, in)
}

// second reads the source register or the immediate of a two-operand form, and
// reports whether it was a register.
func (l *line) second(in *isa.Instruction) bool {
	if n, half, ok := registerOf(l.peek()); ok && !half {
		l.next()
		in.Opcode |= isa.SourceX
		in.Src = n
		return true
	}
	in.Imm = l.immediate()
	return false
}

func (a *assembler) jump(l *line, opcode uint8) {
	in := isa.Instruction{Opcode: opcode}
	if opcode&0xf0 != isa.JA {
		in.Dst = l.register()
		l.expect(",")
		l.second(&in)
		l.expect(",")
	}
	how := useOffset
	if opcode == isa.ClassJMP32|isa.JA {
		how = useImm
	}
	a.target(l, in, how)
}

func (a *assembler) memory(l *line, opcode uint8) {
	in := isa.Instruction{Opcode: opcode}
	if in.Class() == isa.ClassLDX {
		in.Dst = l.register()
		l.expect(",")
		in.Src, in.Offset = l.address()
		a.emit(l, in)
		return
	}
	in.Dst, in.Offset = l.address()
	l.expect(",")
	if in.Class() == isa.ClassSTX {
		in.Src = l.register()
	} else {
		in.Imm = l.immediate()
	}
	a.emit(l, in)
}

// address reads [%rN], [%rN+offset] or [%rN-offset].
func (l *line) address() (uint8, int16) {
	l.expect("[")
	n := l.register()
	return n, l.signedOffset("]")
}

// call reads what both notations have behind "call".
func (a *assembler) call(l *line) {
	in := isa.Instruction{Opcode: isa.ClassJMP | isa.CALL}
	t := l.peek()
	if n, half, ok := registerOf(t); ok && !half {
		l.next()
		a.emit(l, isa.Instruction{Opcode: isa.CALLX, Dst: n})
		return
	}
	// A label may bear one of these names.
	qualified := l.ahead(1).kind != end
	switch {
	case qualified && l.accept("local"):
		in.Src = isa.CallLocal
		a.target(l, in, useImm)
		return
	case qualified && l.accept("runtime"):
		in.Src = isa.CallBTF
	case qualified:
		l.accept("helper")
	}
	if t := l.peek(); t.kind == word {
		if _, constant := a.source.constants[t.text]; !constant {
			a.refer(l, useCall, l.next(), 0)
			a.emit(l, in)
			return
		}
	}
	in.Imm = l.immediate()
	a.emit(l, in)
}

func (a *assembler) lock(l *line) {
	fetch := l.accept("fetch")
	t := l.next()
	in := isa.Instruction{Opcode: isa.ClassSTX | isa.ATOMIC | isa.DW}
	name, narrow := strings.CutSuffix(t.text, "32")
	if narrow {
		in.Opcode = isa.ClassSTX | isa.ATOMIC | isa.W
	}
	imm, known := atomics[name]
	if !known {
		l.fail(t, "there is no atomic operation %s", t.name())
	}
	in.Imm = imm
	if fetch {
		in.Imm |= isa.Fetch
	}
	in.Dst, in.Offset = l.address()
	l.expect(",")
	in.Src = l.register()
	a.emit(l, in)
}
