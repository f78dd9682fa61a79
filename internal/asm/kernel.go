package asm

import (
	"strings"

	"github.com/femto-containers/femto/isa"
)

// An access is a type of memory as C names it.
type access struct {
	size   uint8
	signed bool
}

var accesses = map[string]access{
	"u8": {isa.B, false}, "u16": {isa.H, false}, "u32": {isa.W, false}, "u64": {isa.DW, false},
	"s8": {isa.B, true}, "s16": {isa.H, true}, "s32": {isa.W, true},
}

var assignments = map[string]uint8{
	"+=": isa.ADD, "-=": isa.SUB, "*=": isa.MUL, "/=": isa.DIV, "|=": isa.OR, "&=": isa.AND,
	"<<=": isa.LSH, ">>=": isa.RSH, "%=": isa.MOD, "^=": isa.XOR, "=": isa.MOV,
}

var comparisons = map[string]uint8{
	"==": isa.JEQ, ">": isa.JGT, ">=": isa.JGE, "&": isa.JSET, "!=": isa.JNE,
	"s>": isa.JSGT, "s>=": isa.JSGE, "<": isa.JLT, "<=": isa.JLE, "s<": isa.JSLT, "s<=": isa.JSLE,
}

// kernel reads an instruction as the kernel and LLVM write them.
func (a *assembler) kernel(l *line) {
	t := l.peek()
	switch t.text {
	case "*":
		a.storeStatement(l)
	case "lock":
		a.lockStatement(l)
	case "if":
		a.ifStatement(l)
	case "goto":
		l.next()
		a.target(l, isa.Instruction{Opcode: isa.ClassJMP | isa.JA}, useOffset)
	case "gotol":
		l.next()
		a.target(l, isa.Instruction{Opcode: isa.ClassJMP32 | isa.JA}, useImm)
	case "callx":
		l.next()
		a.emit(l, isa.Instruction{Opcode: isa.CALLX, Dst: l.register()})
	default:
		a.assignment(l)
	}
}

// either reads a register in whole or by half.
func (l *line) either() (n uint8, half bool) {
	t := l.next()
	n, half, ok := registerOf(t)
	if !ok {
		l.fail(t, "%s is no register: there are r0 to r10, w0 to w10", t.name())
	}
	return n, half
}

// same reads a register that must be as wide as another.
func (l *line) same(half bool) uint8 {
	t := l.peek()
	n, other := l.either()
	if other != half {
		l.fail(t, "%s is not as wide as the other register", t.text)
	}
	return n
}

// this reads the one register that fits.
func (l *line) this(want uint8, half bool) {
	t := l.peek()
	if n := l.same(half); n != want {
		l.fail(t, "want the register that is assigned to, got %s", t.text)
	}
}

// operand reads a register as wide as half says, or a number.
func (l *line) operand(in *isa.Instruction, half bool) {
	if _, _, ok := registerOf(l.peek()); ok {
		in.Opcode |= isa.SourceX
		in.Src = l.same(half)
		return
	}
	in.Imm = l.immediate()
}

func (a *assembler) assignment(l *line) {
	dst, half := l.either()
	in := isa.Instruction{Opcode: isa.ClassALU64, Dst: dst}
	if half {
		in.Opcode = isa.ClassALU
	}
	signed := l.accept("s")
	op := l.next()
	if op.text == "=" && !signed {
		a.value(l, in, half)
		return
	}
	code, ok := assignments[op.text]
	switch {
	case signed && code == isa.RSH:
		code = isa.ARSH
	case signed && (code == isa.DIV || code == isa.MOD):
		in.Offset = 1
	case signed || op.kind != mark || !ok:
		l.fail(op, "%s assigns nothing", op.name())
	}
	in.Opcode |= code
	l.operand(&in, half)
	a.emit(l, in)
}

// value reads what stands behind "r1 =".
func (a *assembler) value(l *line, in isa.Instruction, half bool) {
	t := l.peek()
	_, _, isRegister := registerOf(t)
	op, width, isOrder := byteOrder(t.text)
	_, _, negated := registerOf(l.ahead(1))
	switch {
	case t.text == "-" && negated:
		l.next()
		l.this(in.Dst, half)
		in.Opcode |= isa.NEG
		a.emit(l, in)
	case isRegister:
		in.Opcode |= isa.MOV
		l.operand(&in, half)
		a.emit(l, in)
	case isOrder && t.kind == word:
		l.next()
		if half {
			l.fail(t, "the order of bytes is that of a whole register")
		}
		in.Opcode, in.Imm = op, width
		l.this(in.Dst, false)
		a.emit(l, in)
	case t.text == "(":
		l.next()
		a.signExtension(l, in, half)
	case t.text == "*":
		a.load(l, in.Dst, half)
	case t.kind == word && l.ahead(1).text == "(":
		a.exchange(l, in.Dst, half)
	default:
		a.constant(l, in, half)
	}
}

func (a *assembler) signExtension(l *line, in isa.Instruction, half bool) {
	t := l.next()
	type_, ok := accesses[t.text]
	if !ok || !type_.signed || half && type_.size == isa.W {
		l.fail(t, "nothing is extended from %s here", t.name())
	}
	l.expect(")")
	in.Opcode |= isa.MOV | isa.SourceX
	in.Offset = map[uint8]int16{isa.B: 8, isa.H: 16, isa.W: 32}[type_.size]
	in.Src = l.same(half)
	a.emit(l, in)
}

// constant reads a number of 32 bits, or one of 64 or a symbol before "ll".
func (a *assembler) constant(l *line, in isa.Instruction, half bool) {
	if l.tokens[len(l.tokens)-1].text == "ll" && l.err == nil {
		if half {
			l.fail(l.peek(), "a number of 64 bits needs a whole register")
		}
		in.Opcode = isa.LDDW
		a.wide(l, in)
		l.expect("ll")
		return
	}
	in.Opcode |= isa.MOV
	in.Imm = l.immediate()
	a.emit(l, in)
}

// pointer reads "(u32 *)".
func (l *line) pointer() access {
	l.expect("(")
	t := l.next()
	of, ok := accesses[t.text]
	if !ok {
		l.fail(t, "%s is no type of memory: there are u8 to u64 and s8 to s32", t.name())
	}
	l.expect("*")
	l.expect(")")
	return of
}

// place reads "(r1 + 4)" without what opens it.
func (l *line) place(closing string) (uint8, int16) {
	n := l.register()
	return n, l.signedOffset(closing)
}

// wideEnough refuses half a register for 64 bits.
func (l *line) wideEnough(at token, of access, half bool) {
	if half && of.size == isa.DW {
		l.fail(at, "64 bits need a whole register")
	}
}

func (a *assembler) load(l *line, dst uint8, half bool) {
	t := l.next()
	of := l.pointer()
	l.wideEnough(t, of, half)
	in := isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | of.size, Dst: dst}
	if of.signed {
		in.Opcode = isa.ClassLDX | isa.MEMSX | of.size
	}
	if l.accept("skb") {
		a.packet(l, in, of)
		return
	}
	l.expect("(")
	in.Src, in.Offset = l.place(")")
	a.emit(l, in)
}

// packet reads a legacy packet access, which no device accepts.
func (a *assembler) packet(l *line, in isa.Instruction, of access) {
	if in.Dst != 0 || of.signed {
		l.fail(l.peek(), "a packet is read to r0, without a sign")
	}
	l.expect("[")
	in.Opcode = isa.ABS | of.size
	if _, _, ok := registerOf(l.peek()); ok {
		in.Opcode = isa.IND | of.size
		in.Src = l.register()
	} else {
		in.Imm = l.immediate()
	}
	l.expect("]")
	a.emit(l, in)
}

func (a *assembler) storeStatement(l *line) {
	l.next()
	t := l.peek()
	of := l.pointer()
	if of.signed {
		l.fail(t, "a store has no sign")
	}
	in := isa.Instruction{Opcode: isa.MEM | of.size}
	l.expect("(")
	in.Dst, in.Offset = l.place(")")
	l.expect("=")
	t = l.peek()
	if n, half, ok := registerOf(t); ok {
		l.next()
		l.wideEnough(t, of, half)
		in.Opcode |= isa.ClassSTX
		in.Src = n
	} else {
		in.Opcode |= isa.ClassST
		in.Imm = l.immediate()
	}
	a.emit(l, in)
}

// atomic returns an atomic operation on memory of a type.
func (l *line) atomic(at token, of access, imm int32) isa.Instruction {
	if of.signed || of.size != isa.W && of.size != isa.DW {
		l.fail(at, "there are atomic operations on u32 and u64 only")
	}
	return isa.Instruction{Opcode: isa.ClassSTX | isa.ATOMIC | of.size, Imm: imm}
}

func (a *assembler) lockStatement(l *line) {
	l.next()
	l.expect("*")
	t := l.peek()
	of := l.pointer()
	in := l.atomic(t, of, 0)
	l.expect("(")
	in.Dst, in.Offset = l.place(")")
	op := l.next()
	imm, ok := map[string]int32{"+=": isa.AtomicAdd, "|=": isa.AtomicOr, "&=": isa.AtomicAnd, "^=": isa.AtomicXor}[op.text]
	if !ok {
		l.fail(op, "%s is no atomic operation", op.name())
	}
	in.Imm = imm
	t = l.peek()
	n, half := l.either()
	l.wideEnough(t, of, half)
	in.Src = n
	a.emit(l, in)
}

// exchange reads the atomic operations that return what was there. LLVM and
// the kernel have different names.
func (a *assembler) exchange(l *line, dst uint8, half bool) {
	t := l.next()
	name, of, cast := t.text, access{size: isa.DW}, false
	if n, ok := strings.CutPrefix(name, "atomic64_"); ok {
		name, cast = n, true
	} else if n, ok := strings.CutPrefix(name, "atomic_"); ok {
		name, cast = n, true
	} else if n, ok := strings.CutSuffix(name, "32_32"); ok {
		name, of.size = n, isa.W
	} else {
		name = strings.TrimSuffix(name, "_64")
	}
	imm, known := atomics[strings.TrimPrefix(name, "fetch_")]
	if !known || strings.HasPrefix(name, "fetch_") == (imm&isa.Fetch != 0) || strings.HasPrefix(name, "fetch_") && !cast {
		l.fail(t, "there is no atomic operation %s", t.name())
	}
	l.expect("(")
	at, opening := l.peek(), l.peek()
	if cast {
		of = l.pointer()
		l.expect("(")
	}
	in := l.atomic(at, of, imm|isa.Fetch)
	l.wideEnough(t, of, half)
	closing := ","
	if cast {
		closing = ")"
	}
	in.Dst, in.Offset = l.place(closing)
	if cast {
		l.expect(",")
	}
	if imm == isa.AtomicCmpxchg {
		l.this(0, half)
		l.expect(",")
		if dst != 0 {
			l.fail(opening, "a compare and exchange returns in r0")
		}
		in.Src = l.same(half)
	} else {
		l.this(dst, half)
		in.Src = dst
	}
	l.expect(")")
	a.emit(l, in)
}

func (a *assembler) ifStatement(l *line) {
	l.next()
	dst, half := l.either()
	in := isa.Instruction{Opcode: isa.ClassJMP, Dst: dst}
	if half {
		in.Opcode = isa.ClassJMP32
	}
	sign := ""
	if l.accept("s") {
		sign = "s"
	}
	op := l.next()
	code, ok := comparisons[sign+op.text]
	if !ok {
		l.fail(op, "%s compares nothing", op.name())
	}
	in.Opcode |= code
	l.operand(&in, half)
	l.expect("goto")
	a.target(l, in, useOffset)
}
