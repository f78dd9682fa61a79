package vmfuzz

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/femto-containers/femto/internal/refvm"
	"github.com/femto-containers/femto/vm"
)

// An Outcome is what both implementations agreed on.
type Outcome struct {
	Refused  bool // by the check, with Fault
	Fault    vm.Fault
	Executed int64
}

// A Watch is told what a case does, by refvm.
type Watch struct {
	Instruction func(slot int)                           // before each
	Access      func(addr uint64, width int, write bool) // before each
}

// Compare checks and runs a case by vm, whole, in pieces, in pieces each on
// another machine, and an instruction at a time, and by refvm. The error says
// what differs. watch may be nil.
func Compare(k Case, watch *Watch) (Outcome, error) {
	var granted vm.HelperSet
	numbers := map[uint8]bool{}
	for n := uint8(1); n <= helpers; n++ {
		granted.Add(n)
		numbers[n] = true
	}
	kept := bytes.Clone(k.Text)
	need, refusal := vm.Check(k.Text, &granted)
	reasons := refvm.Check(k.Text, numbers)
	switch {
	case refusal.Fault == vm.OK && len(reasons) != 0:
		return Outcome{}, fmt.Errorf("vm accepts what is to be refused by slot: %v", reasons)
	case refusal.Fault != vm.OK && !slices.Contains(reasons[refusal.PC], refusal.Fault):
		return Outcome{}, fmt.Errorf("vm refuses slot %d (%v), not one of the reasons by slot: %v", refusal.PC, refusal, reasons)
	case refusal.Fault != vm.OK && k.Valid:
		return Outcome{}, fmt.Errorf("made to be valid, and refused: slot %d, %v", refusal.PC, refusal)
	case refusal.Fault != vm.OK:
		return Outcome{Refused: true, Fault: refusal.Fault}, nil
	}

	want := newYard(k.Regions)
	var ref refvm.Machine
	prepare(k, need, &ref, want)
	deepest := 0
	var path []int
	ref.Trace = func() {
		path = append(path, ref.PC)
		deepest = max(deepest, ref.Depth())
		if watch != nil {
			watch.Instruction(ref.PC)
		}
	}
	if watch != nil {
		ref.Access = watch.Access
	}
	ref.Run(k.Text)

	out := Outcome{Fault: ref.Fault, Executed: ref.Executed}
	if err := want.intact(); err != nil {
		return out, fmt.Errorf("refvm: %w", err)
	}
	if deepest > int(need.Depth) {
		return out, fmt.Errorf("%d local calls open at once, %d expected", deepest, need.Depth)
	}
	for _, cut := range []cut{{}, {quantum: k.Quantum}, {quantum: k.Quantum, moves: true}, {quantum: 1, moves: true},
		{traced: true}, {quantum: k.Quantum, traced: true}} {
		if err := compareRun(k, cut, need, &ref, path, want); err != nil {
			return out, fmt.Errorf("%+v: %w", cut, err)
		}
	}
	if !bytes.Equal(kept, k.Text) {
		return out, fmt.Errorf("the text changed")
	}
	return out, nil
}

// A cut says how a run is cut into pieces.
type cut struct {
	quantum int32
	moves   bool // each piece runs on a machine that knows only what was saved
	traced  bool // each instruction on its own
}

// A count adds up what the pieces of a run did.
type count struct{ instructions, charged int64 }

// compareRun runs k by vm. ref is how refvm ended, path the slots of what it
// began to execute, in order.
func compareRun(k Case, cut cut, need vm.Need, ref *refvm.Machine, path []int, want *yard) error {
	got := newYard(k.Regions)
	m := newMachine(got, cut, need)
	var steps []int
	if cut.traced {
		m.Before = func(m *vm.Machine) { steps = append(steps, m.PC()) }
	}
	m.Reset(k.Text, k.Budget)
	for i, v := range k.Register {
		if v != 0 {
			m.SetRegister(i, v)
		}
	}
	var before count
	status := m.Run()
	for pieces := 0; status == vm.Suspended; pieces++ {
		// Each executes an instruction at least.
		if slots := len(k.Text) / 8; pieces > int(k.Budget)+slots {
			return fmt.Errorf("%d pieces of a budget of %d and a text of %d slots", pieces, k.Budget, slots)
		}
		spent := count{before.instructions + int64(m.Instructions()), before.charged + int64(m.Charged())}
		// What is left can be below 0 between the places where it is tested,
		// which no new activation begins with.
		if left := int64(k.Budget) - spent.instructions - spent.charged; cut.moves && left >= 0 {
			saved := make([]byte, vm.SavedSize(vm.MaxDepth))
			m.Save(saved)
			m = newMachine(got, cut, need)
			m.Reset(k.Text, int32(left))
			m.Restore(saved)
			before = spent
		}
		status = m.Run()
	}
	executed, charged := before.instructions+int64(m.Instructions()), before.charged+int64(m.Charged())

	ending := vm.Done
	if ref.Fault != vm.OK {
		ending = vm.Faulted
	}
	switch {
	case status != ending:
		return fmt.Errorf("status %d (%v at %d), want %d (%v at %d)", status, m.Fault(), m.PC(), ending, ref.Fault, ref.PC)
	case m.Fault() != ref.Fault:
		return fmt.Errorf("%v at %d, want %v at %d", m.Fault(), m.PC(), ref.Fault, ref.PC)
	case m.PC() != ref.PC:
		return fmt.Errorf("%v at %d, want it at %d", m.Fault(), m.PC(), ref.PC)
	case ref.Fault == vm.FaultMemory && m.FaultAddress() != ref.Address:
		return fmt.Errorf("fault address %#x, want %#x", m.FaultAddress(), ref.Address)
	case executed != ref.Executed:
		return fmt.Errorf("%d instructions, want %d", executed, ref.Executed)
	case charged != ref.Charged:
		return fmt.Errorf("%d charged, want %d", charged, ref.Charged)
	case cut.traced && !slices.Equal(steps, path):
		return fmt.Errorf("traced %d instructions %v, want %d %v", len(steps), steps, len(path), path)
	case int(executed) > int(k.Budget)+len(k.Text)/8:
		return fmt.Errorf("%d instructions of a budget of %d and a text of %d slots", executed, k.Budget, len(k.Text)/8)
	}
	for i, v := range ref.Reg {
		if m.Register(i) != v {
			return fmt.Errorf("r%d is %#x, want %#x", i, m.Register(i), v)
		}
	}
	if err := got.intact(); err != nil {
		return err
	}
	return got.equal(want)
}

func newMachine(y *yard, cut cut, need vm.Need) *vm.Machine {
	m := &vm.Machine{Frame: need.Frame, Quantum: cut.quantum, Env: cut.quantum > 0}
	y.lend(&m.Region)
	for _, h := range helperPairs {
		m.Helpers = append(m.Helpers, h.gated)
	}
	return m
}

const gap = 24

// A yard is one block of memory in which regions lie between bytes that
// nothing may change.
type yard struct {
	block, before []byte
	regions       []Region
	at            []int // start of each region in block
}

func newYard(regions []Region) *yard {
	y := &yard{regions: regions}
	for _, r := range regions {
		y.block = append(y.block, bytes.Repeat([]byte{0xa5}, gap)...)
		y.at = append(y.at, len(y.block))
		for i := range r.Size {
			y.block = append(y.block, r.initial(i))
		}
	}
	y.block = append(y.block, bytes.Repeat([]byte{0xa5}, gap)...)
	y.before = bytes.Clone(y.block)
	return y
}

// lend fills in the regions, each with capacity to the end of the block, as a
// careless host would cut them.
func (y *yard) lend(to *[vm.Regions]vm.Region) {
	for i, r := range y.regions {
		to[r.Number] = vm.Region{Bytes: y.block[y.at[i] : y.at[i]+r.Size], Writable: r.Writable}
	}
}

// intact looks for a changed byte outside the writable regions.
func (y *yard) intact() error {
	may := make([]bool, len(y.block))
	for i, r := range y.regions {
		for j := range r.Size {
			may[y.at[i]+j] = r.Writable
		}
	}
	for i, b := range y.block {
		if b != y.before[i] && !may[i] {
			return fmt.Errorf("byte %d of the block changed, which is not writable", i)
		}
	}
	return nil
}

func (y *yard) equal(want *yard) error {
	for i, r := range y.regions {
		for j := range r.Size {
			if got, want := y.block[y.at[i]+j], want.block[y.at[i]+j]; got != want {
				return fmt.Errorf("byte %d of region %d is %#02x, want %#02x", j, r.Number, got, want)
			}
		}
	}
	return nil
}

// Helpers returns the helpers that cases call.
func Helpers() []vm.Helper {
	var list []vm.Helper
	for _, h := range helperPairs {
		list = append(list, h.gated)
	}
	return list
}

// Prepare fills in m for a run of k, whose needs are given.
func Prepare(k Case, need vm.Need, m *refvm.Machine) { prepare(k, need, m, newYard(k.Regions)) }

func prepare(k Case, need vm.Need, m *refvm.Machine, y *yard) {
	m.Frame, m.Budget, m.Helpers = uint64(need.Frame), int64(k.Budget), map[uint8]refvm.Helper{}
	if m.Frame == 0 {
		m.Frame = vm.DefaultFrame
	}
	for i, h := range helperPairs {
		m.Helpers[uint8(i+1)] = h.plain
	}
	y.lend(&m.Region)
	m.Enter()
	for i, v := range k.Register {
		if v != 0 {
			m.Reg[i] = v
		}
	}
}
