package vm

import "encoding/binary"

// An Arg is how a helper takes one of its five arguments, r1 to r5.
type Arg uint16

// The kinds of arguments. A length is 64 bits, in bytes.
const (
	ArgNone   Arg = iota // not used
	ArgValue             // a number
	ArgRead              // address of bytes to read; their length is the next ArgValue
	ArgWrite             // address of bytes to write; their length is the next ArgValue
	ArgString            // address of a NUL-terminated string to read
	argReadN
	argWriteN
)

const (
	argKinds  = 8
	maxStruct = 1<<13 - 1
)

// ReadN is the address of exactly n bytes to read, n below 8192.
func ReadN(n int) Arg { return argReadN | Arg(n&maxStruct)*argKinds }

// WriteN is the address of exactly n bytes to write, n below 8192.
func WriteN(n int) Arg { return argWriteN | Arg(n&maxStruct)*argKinds }

// A Helper is a function of the host that containers may call by number.
type Helper struct {
	Number uint8
	Name   string
	Args   [5]Arg
	Cost   uint16 // instructions charged to the budget for each call
	Call   func(*Call) uint64
}

// A Call is what a helper sees of a container. It is valid until the helper
// returns; the slices in it alias the container's memory and must not be kept.
type Call struct {
	R     [5]uint64 // r1 to r5
	Mem   [5][]byte // the bytes of the pointer arguments, checked
	Env   any       // the machine's
	Fault Fault     // set by the helper to stop the container
	m     *Machine
}

// Bytes returns the n bytes at addr if the container may read them, or write
// them if write is set. Zero bytes are allowed at any address. Access is
// charged, an instruction for eight bytes. On failure the container is stopped
// with FaultMemory when the helper returns.
func (c *Call) Bytes(addr uint64, n int, write bool) ([]byte, bool) {
	b, fault := c.m.bytes(addr, uint64(n), write)
	if fault != OK {
		c.Fault = fault
	}
	return b, fault == OK
}

// String returns the NUL-terminated string at addr without its NUL, under the
// conditions of Bytes.
func (c *Call) String(addr uint64) ([]byte, bool) {
	b, fault := c.m.str(addr)
	if fault != OK {
		c.Fault = fault
	}
	return b, fault == OK
}

// callHelper runs the helper that the call instruction at pc names and moves
// on; on a fault pc stays.
func (m *Machine) callHelper() Fault {
	number := binary.LittleEndian.Uint32(m.text[m.pc+4:])
	var h *Helper
	for i := range m.Helpers {
		if uint32(m.Helpers[i].Number) == number {
			h = &m.Helpers[i]
			break
		}
	}
	if h == nil {
		return FaultCall
	}
	c := &m.call
	c.m, c.Env, c.Fault = m, m.Env, OK
	for i := range c.R {
		c.R[i] = m.r[i+1]
	}
	m.charge(uint32(h.Cost))
	for i := range h.Args {
		var fault Fault
		c.Mem[i], fault = m.argument(&h.Args, i)
		if fault != OK {
			return fault
		}
	}
	if m.budget+m.reserve < 0 {
		return FaultBudget
	}
	result := h.Call(c)
	if c.Fault != OK {
		return c.Fault
	}
	m.r[0] = result
	m.pc += slot
	return OK
}

// argument returns the memory that argument i of a helper points to, nil if it
// is no pointer.
func (m *Machine) argument(args *[5]Arg, i int) ([]byte, Fault) {
	arg := args[i]
	addr := m.r[i+1]
	switch kind := arg % argKinds; kind {
	case ArgRead, ArgWrite:
		for n := i + 1; n < len(args); n++ {
			if args[n] == ArgValue {
				return m.bytes(addr, m.r[n+1], kind == ArgWrite)
			}
		}
		return nil, FaultArgument
	case ArgString:
		return m.str(addr)
	case argReadN, argWriteN:
		return m.bytes(addr, uint64(arg/argKinds), kind == argWriteN)
	}
	return nil, OK
}

// bytes returns the n bytes at addr, with no capacity beyond them.
func (m *Machine) bytes(addr, n uint64, write bool) ([]byte, Fault) {
	if n == 0 {
		return nil, OK
	}
	b, ok := m.find(addr, n, write)
	if !ok {
		m.address = addr
		return nil, FaultMemory
	}
	m.charge(uint32(n / 8))
	return b, OK
}

func (m *Machine) str(addr uint64) ([]byte, Fault) {
	rest, _ := m.find(addr, 0, false)
	for end := range rest {
		if rest[end] == 0 {
			m.charge(uint32(end) / 8)
			return rest[:end:end], OK
		}
	}
	m.address = addr
	return nil, FaultMemory
}

// find returns the n bytes at addr, with no capacity beyond them, or for n = 0
// all that follow in the region.
func (m *Machine) find(addr, n uint64, write bool) ([]byte, bool) {
	region := &m.Region[uint32(addr)>>regionShift]
	at := int(addr & offsetMask)
	end := len(region.Bytes)
	if addr>>32 != 0 || at > end || n > uint64(end-at) || write && !region.Writable {
		return nil, false
	}
	if n != 0 {
		end = at + int(n)
	}
	return region.Bytes[at:end:end], true
}

// charge takes n from the budget. A budget that is far overdrawn already is
// left alone, so that it cannot wrap.
func (m *Machine) charge(n uint32) {
	if m.budget < -MaxBudget {
		return
	}
	m.budget -= int32(n)
	m.charged += int32(n)
}
