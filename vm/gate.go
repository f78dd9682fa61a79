package vm

// An Arg is how a helper takes one of its five arguments, r1 to r5.
type Arg uint16

// The kinds of arguments. A length is 64 bits, in bytes.
const (
	ArgNone   Arg = 0                       // not used
	ArgValue  Arg = 1                       // a number
	ArgString Arg = argFixed | 1<<argShift  // address of a NUL-terminated string to read
	ArgRead   Arg = argPointer              // address of bytes to read; their length is the next ArgValue
	ArgWrite  Arg = argPointer | argWritten // address of bytes to write; their length is the next ArgValue

	// Bits of ArgRead and of the kinds like it.
	argWritten Arg = 1
	argFixed   Arg = 2 // the length is in the bits above
	argPointer Arg = 4
	argShift       = 3
	maxStruct      = 1<<13 - 1
)

// ReadN is the address of exactly n bytes to read, n below 8192.
func ReadN(n int) Arg { return ArgRead | argFixed | Arg(n&maxStruct)<<argShift }

// WriteN is the address of exactly n bytes to write, n below 8192.
func WriteN(n int) Arg { return ArgWrite | argFixed | Arg(n&maxStruct)<<argShift }

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
	access := ArgRead
	if write {
		access = ArgWrite
	}
	c.m.address = addr
	ok := c.m.allow(length(uint64(n)), access)
	c.m.opened(addr, write)
	return c.m.window, ok
}

// String returns the NUL-terminated string at addr without its NUL, under the
// conditions of Bytes.
func (c *Call) String(addr uint64) ([]byte, bool) {
	c.m.address = addr
	ok := c.m.allow(1, ArgString)
	return c.m.window, ok
}

// Charge takes n instructions from the container's budget, for a helper whose
// work depends on more than the bytes it was handed.
func (c *Call) Charge(n uint32) { c.m.charge(n) }

// allow sets window to what find finds and charges for it, or notes that
// there is nothing.
func (m *Machine) allow(n int, access Arg) bool {
	if !m.find(n, access) {
		m.call.Fault = FaultMemory
		return false
	}
	m.charge(uint32(len(m.window)) / 8)
	return true
}

// callHelper runs the helper that the call instruction at pc names by number and moves
// on; on a fault pc stays.
//
//go:noinline
func (m *Machine) callHelper(number int32) Fault {
	helpers := m.Helpers
	for ; len(helpers) > 0; helpers = helpers[1:] {
		if int32(helpers[0].Number) == number {
			return m.invoke(&helpers[0])
		}
	}
	return FaultCall
}

func (m *Machine) invoke(h *Helper) Fault {
	c := &m.call
	c.m, c.Env, c.Fault = m, m.Env, OK
	copy(c.R[:], m.r[1:6])
	m.charge(uint32(h.Cost))
	for i := range h.Args {
		// Most arguments are numbers, or not used.
		if c.Mem[i] = nil; h.Args[i] > ArgValue && !m.convert(&h.Args, i) {
			return c.Fault
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
	if m.budget < 0 {
		return FaultBudget
	}
	return OK
}

// convert sets Mem[i] to the memory that argument i points to, and reports
// whether the container may hand it over.
func (m *Machine) convert(args *[5]Arg, i int) bool {
	c := &m.call
	arg := args[i]
	n := int(arg >> argShift)
	if arg&argFixed == 0 {
		for at := i; ; at++ {
			if at == len(args) {
				c.Fault = FaultArgument
				return false
			}
			if args[at] == ArgValue {
				n = length(c.R[at])
				break
			}
		}
	}
	m.address = c.R[i]
	ok := m.allow(n, arg)
	c.Mem[i] = m.window
	return ok
}

// length is n, or something greater than any region.
func length(n uint64) int {
	if n>>regionShift != 0 {
		return 1 << regionShift
	}
	return int(n & offsetMask)
}

// find sets window to the n bytes at address, with no capacity beyond them, if
// they may be read, or written if access has that bit; to the string at
// address without its NUL if access is ArgString; and to nil otherwise. Zero
// bytes may be anywhere.
//
//go:noinline
func (m *Machine) find(n int, access Arg) bool {
	m.window = nil
	if n == 0 {
		return true
	}
	addr := m.address
	region := &m.Region[uint32(addr)>>regionShift]
	mem := region.Bytes
	at := int(addr & offsetMask)
	if addr>>32 != 0 || access&argWritten != 0 && !region.Writable {
		return false
	}
	end := at
	if access&argPointer == 0 { // a string
		for ; ; end++ {
			if outside(end, 1, len(mem)) {
				return false
			}
			if mem[end] == 0 {
				break
			}
		}
	} else {
		if outside(at, n, len(mem)) {
			return false
		}
		end += n
	}
	m.window = mem[at:end:end]
	return true
}

// charge takes n from the budget. A budget that is far overdrawn already is
// left alone, so that it cannot wrap.
//
//go:noinline
func (m *Machine) charge(n uint32) {
	if m.budget < -MaxBudget {
		return
	}
	m.budget -= int32(n)
	m.charged += int32(n)
}
