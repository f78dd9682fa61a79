package refvm

// Operation codes of arithmetic instructions (RFC 9669 §4.1).
const (
	codeADD  = 0x0
	codeSUB  = 0x1
	codeMUL  = 0x2
	codeDIV  = 0x3
	codeOR   = 0x4
	codeAND  = 0x5
	codeLSH  = 0x6
	codeRSH  = 0x7
	codeNEG  = 0x8
	codeMOD  = 0x9
	codeXOR  = 0xa
	codeMOV  = 0xb
	codeARSH = 0xc
	codeEND  = 0xd
)

// alu64 executes a 64-bit arithmetic instruction. Go's integers wrap as the
// RFC says, and its signed division truncates and wraps.
func (m *Machine) alu64(in instruction) {
	dst := m.Reg[in.dst]
	src := uint64(in.imm)
	if in.register() {
		src = m.Reg[in.src]
	}
	switch in.code() {
	case codeADD:
		dst = dst + src
	case codeSUB:
		dst = dst - src
	case codeMUL:
		dst = dst * src
	case codeDIV:
		if src == 0 {
			dst = 0
		} else if in.offset == 1 {
			dst = uint64(int64(dst) / int64(src))
		} else {
			dst = dst / src
		}
	case codeOR:
		dst = dst | src
	case codeAND:
		dst = dst & src
	case codeLSH:
		dst = dst << (src % 64)
	case codeRSH:
		dst = dst >> (src % 64)
	case codeNEG:
		dst = 0 - dst
	case codeMOD:
		if src == 0 {
			// unchanged
		} else if in.offset == 1 {
			dst = uint64(int64(dst) % int64(src))
		} else {
			dst = dst % src
		}
	case codeXOR:
		dst = dst ^ src
	case codeMOV:
		dst = src
		if in.offset != 0 {
			dst = uint64(signExtend(src, int(in.offset)))
		}
	case codeARSH:
		dst = uint64(int64(dst) >> (src % 64))
	case codeEND:
		dst = swapBytes(dst, int(in.imm))
	}
	m.Reg[in.dst] = dst
	m.next(1)
}

// alu executes a 32-bit arithmetic instruction: its operands are the lower
// halves, and the upper half of the result is zero.
func (m *Machine) alu(in instruction) {
	if in.code() == codeEND {
		m.byteOrder(in)
		return
	}
	dst := uint32(m.Reg[in.dst])
	src := uint32(in.imm)
	if in.register() {
		src = uint32(m.Reg[in.src])
	}
	switch in.code() {
	case codeADD:
		dst = dst + src
	case codeSUB:
		dst = dst - src
	case codeMUL:
		dst = dst * src
	case codeDIV:
		if src == 0 {
			dst = 0
		} else if in.offset == 1 {
			dst = uint32(int32(dst) / int32(src))
		} else {
			dst = dst / src
		}
	case codeOR:
		dst = dst | src
	case codeAND:
		dst = dst & src
	case codeLSH:
		dst = dst << (src % 32)
	case codeRSH:
		dst = dst >> (src % 32)
	case codeNEG:
		dst = 0 - dst
	case codeMOD:
		if src == 0 {
			// the lower half is unchanged
		} else if in.offset == 1 {
			dst = uint32(int32(dst) % int32(src))
		} else {
			dst = dst % src
		}
	case codeXOR:
		dst = dst ^ src
	case codeMOV:
		dst = src
		if in.offset != 0 {
			dst = uint32(signExtend(uint64(src), int(in.offset)))
		}
	case codeARSH:
		dst = uint32(int32(dst) >> (src % 32))
	}
	m.Reg[in.dst] = uint64(dst)
	m.next(1)
}

// byteOrder converts between the byte order of the host, which is little
// endian here, and the one that the source bit names (RFC 9669 §4.2).
func (m *Machine) byteOrder(in instruction) {
	width := int(in.imm)
	value := m.Reg[in.dst]
	if in.register() {
		m.Reg[in.dst] = swapBytes(value, width)
	} else {
		m.Reg[in.dst] = lowerBits(value, width)
	}
	m.next(1)
}

func lowerBits(value uint64, width int) uint64 {
	if width == 64 {
		return value
	}
	return value % (1 << width)
}

// swapBytes reverses the bytes of the lower bits of value.
func swapBytes(value uint64, width int) uint64 {
	var swapped uint64
	for range width / 8 {
		swapped = swapped*256 + value%256
		value /= 256
	}
	return swapped
}
