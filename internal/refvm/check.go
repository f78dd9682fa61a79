package refvm

import "github.com/femto-containers/femto/vm"

// Check returns, for each slot that starts an instruction, every reason to
// refuse it, in the order of the slots; a text that may run has none.
// A text of a wrong length has vm.FaultLength at slot 0. Granted are the
// numbers of the helpers that may be called.
func Check(text []byte, granted map[uint8]bool) map[int][]vm.Fault {
	if len(text) == 0 || len(text)%slotBytes != 0 || len(text) > vm.MaxText {
		return map[int][]vm.Fault{0: {vm.FaultLength}}
	}
	c := checker{text: text, granted: granted, starts: map[int]bool{}, refused: map[int][]vm.Fault{}}
	for c.slot = 0; c.slot < c.slots(); c.slot += c.length() {
		c.starts[c.slot] = text[c.slot*slotBytes] != 0 // which is no instruction's opcode
	}
	for c.slot = 0; c.slot < c.slots(); c.slot += c.length() {
		c.instruction(decode(text, c.slot))
	}
	return c.refused
}

type checker struct {
	text    []byte
	granted map[uint8]bool
	starts  map[int]bool // slots that start an instruction
	slot    int
	refused map[int][]vm.Fault
}

func (c *checker) slots() int { return len(c.text) / slotBytes }

func (c *checker) length() int {
	if decode(c.text, c.slot).wide() {
		return 2
	}
	return 1
}

func (c *checker) refuse(when bool, fault vm.Fault) {
	if when {
		c.refused[c.slot] = append(c.refused[c.slot], fault)
	}
}

// Fields of an instruction, and what becomes of the destination register.
const (
	usesDst = 1 << iota
	writesDst
	usesSrc
	usesOffset
	usesImm
)

// fields refuses unused fields that are not zero (RFC 9669 §3.1: "Unused
// fields shall be cleared to zero"), registers that do not exist, and writing
// r10, which is read-only.
func (c *checker) fields(in instruction, use int) {
	c.refuse(use&(usesDst|writesDst) == 0 && in.dst != 0, vm.FaultField)
	c.refuse(use&usesSrc == 0 && in.src != 0, vm.FaultField)
	c.refuse(use&usesOffset == 0 && in.offset != 0, vm.FaultField)
	c.refuse(use&usesImm == 0 && in.imm != 0, vm.FaultField)
	c.refuse(in.dst > 10 || in.src > 10, vm.FaultRegister)
	c.refuse(use&writesDst != 0 && in.dst == 10, vm.FaultRegister)
}

func (c *checker) instruction(in instruction) {
	switch in.class() {
	case classLD:
		c.ld(in)
	case classLDX:
		signed := in.mode() == modeMEMSX && in.size() < 8
		c.refuse(in.mode() != modeMEM && !signed, vm.FaultInstruction)
		c.fields(in, writesDst|usesSrc|usesOffset)
		c.fallsThrough(1)
	case classST:
		c.refuse(in.mode() != modeMEM, vm.FaultInstruction)
		c.fields(in, usesDst|usesOffset|usesImm)
		c.fallsThrough(1)
	case classSTX:
		c.stx(in)
	case classALU, classALU64:
		c.arithmetic(in)
	case classJMP:
		c.jmp(in)
	case classJMP32:
		c.jmp32(in)
	}
}

// fallsThrough refuses an instruction after which execution may go on beyond
// the end.
func (c *checker) fallsThrough(slots int) {
	c.refuse(c.slot+slots >= c.slots(), vm.FaultNoReturn)
}

// goesTo refuses a target that is no instruction.
func (c *checker) goesTo(distance int64) {
	c.refuse(!c.starts[c.slot+1+int(distance)], vm.FaultJump)
}

func (c *checker) ld(in instruction) {
	if in.mode() == modeABS || in.mode() == modeIND {
		c.refuse(true, vm.FaultPacket)
		return
	}
	if !in.wide() {
		c.refuse(true, vm.FaultInstruction)
		return
	}
	if in.opcode == opcodeLDDW && in.src >= 1 && in.src <= 6 {
		c.refuse(true, vm.FaultPseudo)
		in.src = 0 // a subtype, not an unused field
	}
	c.fields(in, writesDst|usesImm)
	if c.slot+1 >= c.slots() {
		c.refuse(true, vm.FaultWide)
		return
	}
	second := c.text[(c.slot+1)*slotBytes:]
	c.refuse(littleEndian(second[:4]) != 0, vm.FaultWide)
	c.fallsThrough(2)
}

func (c *checker) stx(in instruction) {
	if in.mode() != modeATOMIC {
		c.refuse(in.mode() != modeMEM, vm.FaultInstruction)
		c.fields(in, usesDst|usesSrc|usesOffset)
		c.fallsThrough(1)
		return
	}
	c.refuse(in.size() < 4, vm.FaultInstruction)
	c.fields(in, usesDst|usesSrc|usesOffset|usesImm)
	switch in.imm {
	case atomicADD, atomicOR, atomicAND, atomicXOR, atomicCMPXCHG:
	case atomicADD + atomicFETCH, atomicOR + atomicFETCH, atomicAND + atomicFETCH, atomicXOR + atomicFETCH, atomicXCHG:
		c.refuse(in.src == 10, vm.FaultRegister)
	default:
		c.refuse(true, vm.FaultField)
	}
	c.fallsThrough(1)
}

func (c *checker) arithmetic(in instruction) {
	operand := usesImm
	if in.register() {
		operand = usesSrc
	}
	switch in.code() {
	case codeDIV, codeMOD: // offset 1: signed
		c.refuse(in.offset != 0 && in.offset != 1, vm.FaultField)
		c.fields(in, writesDst|operand|usesOffset)
	case codeMOV: // offset 8, 16, 32: sign-extending, from a register
		if in.register() {
			narrower := in.offset == 0 || in.offset == 8 || in.offset == 16
			c.refuse(!narrower && !(in.offset == 32 && in.class() == classALU64), vm.FaultField)
			c.fields(in, writesDst|operand|usesOffset)
		} else {
			c.fields(in, writesDst|operand)
		}
	case codeNEG: // only with the source bit clear
		c.refuse(in.register(), vm.FaultInstruction)
		c.fields(in, writesDst)
	case codeEND: // the source bit is reserved in ALU64
		c.refuse(in.register() && in.class() == classALU64, vm.FaultInstruction)
		c.refuse(in.imm != 16 && in.imm != 32 && in.imm != 64, vm.FaultField)
		c.fields(in, writesDst|usesImm)
	default:
		c.refuse(in.code() > codeEND, vm.FaultInstruction)
		c.fields(in, writesDst|operand)
	}
	c.fallsThrough(1)
}

func (c *checker) jmp(in instruction) {
	switch {
	case in.code() == codeCALL && in.register():
		c.refuse(true, vm.FaultCallx)
	case in.code() <= codeJA && in.register(), in.code() == codeEXIT && in.register():
		c.refuse(true, vm.FaultInstruction)
	case in.code() == codeJA:
		c.fields(in, usesOffset)
		c.goesTo(in.offset)
	case in.code() == codeEXIT:
		c.fields(in, 0)
	case in.code() == codeCALL:
		c.fields(in, usesSrc|usesImm)
		c.call(in)
		c.fallsThrough(1)
	default:
		c.conditional(in)
	}
}

func (c *checker) jmp32(in instruction) {
	switch in.code() {
	case codeJA:
		c.refuse(in.register(), vm.FaultInstruction)
		c.fields(in, usesImm)
		c.goesTo(in.imm)
	case codeCALL, codeEXIT:
		c.refuse(true, vm.FaultInstruction)
	default:
		c.conditional(in)
	}
}

func (c *checker) conditional(in instruction) {
	operand := usesImm
	if in.register() {
		operand = usesSrc
	}
	c.refuse(in.code() > codeJSLE, vm.FaultInstruction)
	c.fields(in, usesDst|operand|usesOffset)
	c.goesTo(in.offset)
	c.fallsThrough(1)
}

func (c *checker) call(in instruction) {
	switch in.src {
	case callLocal:
		c.goesTo(in.imm)
	case callHelper:
		number := uint32(in.imm)
		c.refuse(number > 255, vm.FaultCall)
		c.refuse(number <= 255 && !c.granted[uint8(number)], vm.FaultNotGranted)
	default:
		c.refuse(true, vm.FaultCall)
	}
}
