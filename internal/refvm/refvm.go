// Package refvm is a second interpreter of eBPF programs, slow and obvious,
// written from the text of RFC 9669 to judge package vm in tests.
package refvm

import "github.com/femto-containers/femto/vm"

// MaxCalls is how many local calls may be open at once.
const MaxCalls = 8

// A Helper is a function of the host. It reaches memory through the machine
// and returns the value of r0, or a fault that stops the program.
type Helper struct {
	Cost int64
	Call func(m *Machine, args [5]uint64) (uint64, vm.Fault)

	// Prepare, if not nil, runs before the budget is tested for the call; what
	// it charges can refuse the call.
	Prepare func(m *Machine, args [5]uint64) vm.Fault
}

// A Machine runs one program once. The caller fills the first group of fields;
// the second is what Run leaves behind.
type Machine struct {
	Region  [vm.Regions]vm.Region
	Helpers map[uint8]Helper
	Frame   uint64                               // stack in bytes that each local call reserves
	Budget  int64                                // instructions
	Trace   func()                               // if not nil, called before each instruction
	Access  func(addr uint64, n int, write bool) // if not nil, called before each access

	Reg      [11]uint64
	PC       int // slot of the instruction that faulted, or of the next one
	Fault    vm.Fault
	Address  uint64 // of the access that faulted with vm.FaultMemory
	Executed int64  // instructions, without the one that faulted
	Charged  int64  // by helpers

	text  []byte
	calls []call
	done  bool
}

// A call is what a local call must restore.
type call struct {
	next           int
	r6, r7, r8, r9 uint64
	r10            uint64
}

// Depth returns how many local calls are open.
func (m *Machine) Depth() int { return len(m.calls) }

// Enter sets the registers as a program finds them: r1 and r2 the address and
// length of the context, r10 the end of the stack, the others 0.
func (m *Machine) Enter() {
	m.Reg = [11]uint64{}
	if n := len(m.Region[vm.RegionContext].Bytes); n != 0 {
		m.Reg[1] = regionStart(vm.RegionContext)
		m.Reg[2] = uint64(n)
	}
	m.Reg[10] = regionStart(vm.RegionStack) + uint64(len(m.Region[vm.RegionStack].Bytes))
}

func regionStart(region int) uint64 { return uint64(region) << 28 }

// Run executes text, which Check has accepted, from its first instruction to
// the exit of the program or to a fault.
func (m *Machine) Run(text []byte) {
	m.text = text
	for !m.done && m.Fault == vm.OK {
		m.step()
	}
}

// step executes one instruction. An instruction that faults changes nothing.
func (m *Machine) step() {
	if m.Trace != nil {
		m.Trace()
	}
	in := decode(m.text, m.PC)
	switch in.class() {
	case classLD:
		m.ld(in)
	case classLDX:
		m.ldx(in)
	case classST:
		m.st(in)
	case classSTX:
		m.stx(in)
	case classALU:
		m.alu(in)
	case classJMP:
		m.jmp(in)
	case classJMP32:
		m.jmp32(in)
	case classALU64:
		m.alu64(in)
	}
}

// next counts the instruction just executed and goes on behind it.
func (m *Machine) next(slots int) {
	m.Executed++
	m.PC += slots
}

// transfer counts the instruction just executed and goes on at slot target.
// The budget is tested at transfers only: what was executed and charged may
// exceed it by no more than the slots before the target.
func (m *Machine) transfer(target int) {
	m.Executed++
	m.PC = target
	if m.overspent() {
		m.Fault = vm.FaultBudget
	}
}

func (m *Machine) overspent() bool { return m.Executed+m.Charged > m.Budget+int64(m.PC) }

func (m *Machine) fail(fault vm.Fault) { m.Fault = fault }
