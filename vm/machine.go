package vm

import "github.com/femto-containers/femto/isa"

// A Status says how Run ended.
type Status uint8

const (
	Ready     Status = iota // Reset and not yet run
	Done                    // exited; Result is valid
	Faulted                 // stopped for good; Fault, PC and FaultAddress say why
	Suspended               // the quantum is spent; Run goes on
)

// frameSize is how many words a local call saves: r6 to r9 and the pc to
// return to.
const frameSize = 5

// A Machine is the state of one activation. Containers that run to completion
// may share one; a suspended container keeps its own. The exported fields are
// set up by the host before Reset and left alone while a run is suspended.
type Machine struct {
	// What is not exported is written by Reset and Run only: the run loop
	// relies on pc and the return addresses being at instructions of
	// checked text. It is first, where access to it is shortest.
	status  Status
	fault   Fault
	depth   uint8
	frame   uint16
	Frame   uint16 // Need.Frame of the program; 0: DefaultFrame
	address uint64
	text    []byte
	pc      int // byte offset of the next instruction

	// budget is what may still be executed in this quantum, plus the slot
	// index of pc: so that straight execution leaves it alone and a jump
	// adds its distance. It is negative when the quantum is spent. reserve
	// is what further quanta may take.
	budget  int32
	reserve int32
	limit   int32
	charged int32

	window  []byte // what find found
	Quantum int32  // instructions after which Run suspends; 0: never
	Helpers []Helper
	Env     any // handed to helpers, for the host's own use

	space

	hostState
	tapState
	frames [MaxDepth * frameSize]uint64
	call   Call
}

// space is what instructions reach: registers and regions.
type space struct {
	r      [16]uint64 // first, where access to it is cheapest
	Region [Regions]Region
}

// Reset prepares an activation of text, which Check has accepted and which
// must stay unchanged until the activation ends, with a budget in
// instructions, 0 to MaxBudget. It reads Region: r1 is the address of the
// context and r2 its length (both 0 if the context is empty), r10 the end of
// the stack, all other registers 0. It does not clear the stack.
func (m *Machine) Reset(text []byte, budget int32) {
	budget = min(max(budget, 0), MaxBudget)
	m.status, m.fault, m.address = Ready, OK, 0
	m.text, m.pc, m.depth = text, 0, 0
	m.prepare(text)
	m.frame = m.Frame
	if m.frame == 0 {
		m.frame = DefaultFrame
	}
	m.limit, m.charged = budget, 0
	m.budget, m.reserve = budget, 0
	if m.Quantum > 0 && m.Quantum < budget {
		m.budget, m.reserve = m.Quantum, budget-m.Quantum
	}
	m.r = [16]uint64{}
	if n := len(m.Region[RegionContext].Bytes); n > 0 {
		m.r[1], m.r[2] = Address(RegionContext, 0), uint64(n)
	}
	m.r[isa.FramePointer] = Address(RegionStack, uint32(len(m.Region[RegionStack].Bytes)))
}

// SetRegister sets register n, 0 to 9, after Reset and before Run.
func (m *Machine) SetRegister(n int, v uint64) {
	if uint(n) < isa.FramePointer {
		m.r[n] = v
	}
}

// Register returns register n, 0 to 10.
func (m *Machine) Register(n int) uint64 { return m.r[n&15] }

// Run executes until the program exits, faults, or has spent its quantum; in
// the last case calling Run again goes on. Run on a machine that is Done or
// Faulted changes nothing.
//
//go:noinline
func (m *Machine) Run() Status {
	if m.status != Ready && m.status != Suspended {
		return m.status
	}
	for {
		fault := m.execute()
		if fault == isRare {
			fault = m.step()
		}
		switch fault {
		case OK:
		case exited:
			m.status = Done
			return Done
		case FaultBudget:
			return m.spent()
		default:
			return m.stop(fault)
		}
	}
}

func (m *Machine) stop(fault Fault) Status {
	m.fault, m.status = fault, Faulted
	return Faulted
}

// spent opens the next quantum, or stops a program whose budget is spent.
func (m *Machine) spent() Status {
	if m.budget+m.reserve < 0 {
		return m.stop(FaultBudget)
	}
	grant := min(max(m.Quantum, -m.budget), m.reserve)
	m.budget += grant
	m.reserve -= grant
	m.status = Suspended
	return Suspended
}

// Result returns r0 of a program that is Done.
func (m *Machine) Result() uint64 { return m.r[0] }

// Fault returns why a program is Faulted, OK otherwise.
func (m *Machine) Fault() Fault { return m.fault }

// PC returns the slot of the instruction that faulted, or of the one that
// would have come next: after exit, suspension or the end of the budget.
func (m *Machine) PC() int { return m.pc >> slotShift }

// FaultAddress returns the address whose access faulted with FaultMemory.
func (m *Machine) FaultAddress() uint64 { return m.address }

// Instructions returns how many instructions were executed since Reset,
// without the one that faulted and without what helpers charged.
func (m *Machine) Instructions() uint32 {
	return uint32(m.limit - m.budget - m.reserve + int32(m.pc>>slotShift) - m.charged)
}

// Charged returns what helpers charged to the budget since Reset.
func (m *Machine) Charged() uint32 { return uint32(m.charged) }
