package refvm

import "github.com/femto-containers/femto/vm"

// Memory returns the n bytes at addr if they lie inside one region and may be
// read, or written if write is set; otherwise it notes the address for
// vm.FaultMemory. The region is the address divided by 2^28, of sixteen.
func (m *Machine) Memory(addr uint64, n int, write bool) ([]byte, bool) {
	if m.Access != nil {
		m.Access(addr, n, write)
	}
	region := addr / (1 << 28)
	start := addr % (1 << 28)
	if region < vm.Regions {
		r := m.Region[region]
		end := start + uint64(n)
		if end <= uint64(len(r.Bytes)) && (r.Writable || !write) {
			return r.Bytes[start:end], true
		}
	}
	m.Address = addr
	return nil, false
}

// ld executes the 64-bit immediate instructions (RFC 9669 §5.4); LDDWD and
// LDDWR add the start of .data or .rodata to a signed immediate.
func (m *Machine) ld(in instruction) {
	switch in.opcode {
	case opcodeLDDW:
		m.Reg[in.dst] = uint64(in.nextImm)<<32 | uint64(uint32(in.imm))
	case opcodeLDDWD:
		m.Reg[in.dst] = regionStart(vm.RegionData) + uint64(in.imm) + uint64(in.nextImm)<<32
	case opcodeLDDWR:
		m.Reg[in.dst] = regionStart(vm.RegionRodata) + uint64(in.imm) + uint64(in.nextImm)<<32
	}
	m.next(2)
}

// ldx executes loads, with zero or sign extension (RFC 9669 §5.1, §5.2).
func (m *Machine) ldx(in instruction) {
	b, ok := m.Memory(m.Reg[in.src]+uint64(in.offset), in.size(), false)
	if !ok {
		m.fail(vm.FaultMemory)
		return
	}
	value := littleEndian(b)
	if in.mode() == modeMEMSX {
		value = uint64(signExtend(value, 8*in.size()))
	}
	m.Reg[in.dst] = value
	m.next(1)
}

// st stores the immediate.
func (m *Machine) st(in instruction) {
	m.store(in, uint64(in.imm))
}

// stx stores a register, or executes an atomic operation.
func (m *Machine) stx(in instruction) {
	if in.mode() == modeATOMIC {
		m.atomic(in)
		return
	}
	m.store(in, m.Reg[in.src])
}

func (m *Machine) store(in instruction, value uint64) {
	b, ok := m.Memory(m.Reg[in.dst]+uint64(in.offset), in.size(), true)
	if !ok {
		m.fail(vm.FaultMemory)
		return
	}
	putLittleEndian(b, value)
	m.next(1)
}

func putLittleEndian(b []byte, value uint64) {
	for i := range b {
		b[i] = byte(value % 256)
		value /= 256
	}
}

// Atomic operations, in the immediate (RFC 9669 §5.3).
const (
	atomicADD     = 0x00
	atomicOR      = 0x40
	atomicAND     = 0x50
	atomicXOR     = 0xa0
	atomicFETCH   = 0x01
	atomicXCHG    = 0xe1
	atomicCMPXCHG = 0xf1
)

// atomic executes an atomic operation. Nothing else touches the memory while
// a program runs.
func (m *Machine) atomic(in instruction) {
	width := 8 * in.size()
	b, ok := m.Memory(m.Reg[in.dst]+uint64(in.offset), in.size(), true)
	if !ok {
		m.fail(vm.FaultMemory)
		return
	}
	old := littleEndian(b)
	src := lowerBits(m.Reg[in.src], width)
	switch in.imm {
	case atomicADD, atomicADD + atomicFETCH:
		putLittleEndian(b, old+src)
	case atomicOR, atomicOR + atomicFETCH:
		putLittleEndian(b, old|src)
	case atomicAND, atomicAND + atomicFETCH:
		putLittleEndian(b, old&src)
	case atomicXOR, atomicXOR + atomicFETCH:
		putLittleEndian(b, old^src)
	case atomicXCHG:
		putLittleEndian(b, src)
	case atomicCMPXCHG:
		if old == lowerBits(m.Reg[0], width) {
			putLittleEndian(b, src)
		}
		m.Reg[0] = old
	}
	if in.imm%2 == atomicFETCH && in.imm != atomicCMPXCHG {
		m.Reg[in.src] = old
	}
	m.next(1)
}
