package refvm

// An instruction is one slot, or two of a wide instruction, taken apart
// (RFC 9669 §3).
type instruction struct {
	opcode  byte
	dst     int
	src     int
	offset  int64 // sign-extended
	imm     int64 // sign-extended
	nextImm int64 // of the second slot of a wide instruction, sign-extended
}

// Instruction classes: the three least significant bits of the opcode.
const (
	classLD = iota
	classLDX
	classST
	classSTX
	classALU
	classJMP
	classJMP32
	classALU64
)

const slotBytes = 8

// decode reads the instruction at a slot of text. The imm of the slot after it
// is read if there is one.
func decode(text []byte, slot int) instruction {
	b := text[slot*slotBytes:]
	in := instruction{
		opcode: b[0],
		dst:    int(b[1] % 16),
		src:    int(b[1] / 16),
		offset: signExtend(littleEndian(b[2:4]), 16),
		imm:    signExtend(littleEndian(b[4:8]), 32),
	}
	if len(b) >= 2*slotBytes {
		in.nextImm = signExtend(littleEndian(b[12:16]), 32)
	}
	return in
}

func (in instruction) class() byte { return in.opcode % 8 }

// code is the operation of arithmetic and jump instructions.
func (in instruction) code() byte { return in.opcode / 16 }

// register reports whether the source operand is a register ("X"), not the
// immediate ("K").
func (in instruction) register() bool { return in.opcode/8%2 == 1 }

// mode is the addressing mode of load and store instructions.
func (in instruction) mode() byte { return in.opcode / 32 }

// size is the number of bytes that a load or store instruction moves.
func (in instruction) size() int {
	return [4]int{4, 2, 1, 8}[in.opcode/8%4] // W, H, B, DW
}

// Addressing modes.
const (
	modeIMM    = 0
	modeABS    = 1
	modeIND    = 2
	modeMEM    = 3
	modeMEMSX  = 4
	modeATOMIC = 6
)

// Wide instructions: the one of the RFC, and those of the papers.
const (
	opcodeLDDW  = 0x18
	opcodeLDDWD = 0xb8
	opcodeLDDWR = 0xd8
)

func (in instruction) wide() bool {
	return in.opcode == opcodeLDDW || in.opcode == opcodeLDDWD || in.opcode == opcodeLDDWR
}

// littleEndian is the number whose bytes are b, the least significant first.
func littleEndian(b []byte) uint64 {
	var n uint64
	for i := len(b) - 1; i >= 0; i-- {
		n = n*256 + uint64(b[i])
	}
	return n
}

// signExtend takes the lower bits of n as a signed number of that many bits
// (RFC 9669 §2.3).
func signExtend(n uint64, bits int) int64 {
	if bits == 64 {
		return int64(n)
	}
	n %= 1 << bits
	if n < 1<<(bits-1) {
		return int64(n)
	}
	return int64(n) - 1<<bits
}
