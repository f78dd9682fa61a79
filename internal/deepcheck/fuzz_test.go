package deepcheck

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"math/rand/v2"

	"github.com/femto-containers/femto/internal/refvm"
	"github.com/femto-containers/femto/internal/vmfuzz"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// envOf is what the analysis is told of a case, more or less precisely as vague
// says.
func envOf(k vmfuzz.Case, need vm.Need, vague byte) *Env {
	env := &Env{Text: k.Text, Need: need, Initial: &k.Register}
	for _, r := range k.Regions {
		known := Region{Min: uint32(r.Size), Max: uint32(r.Size), Write: No}
		if r.Writable {
			known.Write = Yes
		}
		if vague&1 != 0 {
			known.Min /= 2
		}
		if vague&2 != 0 {
			known.Max = min(2*known.Max+64, vm.MaxRegion)
		}
		if vague&4 != 0 {
			known.Write = Maybe
		}
		if r.Number == vm.RegionRodata || r.Number == vm.RegionData {
			known = Region{Min: uint32(r.Size), Max: uint32(r.Size), Write: known.Write}
		}
		if vague&8 != 0 && r.Number == vm.RegionContext {
			known.Min = 0
		}
		env.Region[r.Number] = known
		if r.Number == vm.RegionRodata {
			env.Rodata = r.Bytes()
		}
	}
	env.Helper = func(n uint8) *Helper {
		for _, h := range vmfuzz.Helpers() {
			if h.Number == n {
				return &Helper{Name: fmt.Sprint("helper ", n), Args: h.Args, Cost: uint64(h.Cost), Result: anything, Opaque: n == 8}
			}
		}
		return nil
	}
	return env
}

// compare runs a case on the slow interpreter and holds every step of it against
// what the analysis says.
func compareWith(t *testing.T, k vmfuzz.Case, vague byte) *Result {
	t.Helper()
	var granted vm.HelperSet
	for _, h := range vmfuzz.Helpers() {
		granted.Add(h.Number)
	}
	need, refused := vm.Check(k.Text, &granted)
	if refused.Fault != vm.OK {
		return nil
	}
	env := envOf(k, need, vague)
	r := Analyze(env)

	var m refvm.Machine
	vmfuzz.Prepare(k, need, &m)
	var run *analysis
	ctx := uint64(len(m.Region[vm.RegionContext].Bytes))
	for _, a := range r.runs {
		if a.constants[length].contains(ctx) {
			run = a
		}
	}
	if run == nil && !r.GaveUp {
		t.Fatalf("no run for a context of %d bytes", ctx)
	}
	stack := uint64(len(m.Region[vm.RegionStack].Bytes))
	constants := [register]uint64{length: ctx, stackEnd: base(vm.RegionStack) + stack}
	var callers []int // slots of the calls that are open
	m.Trace = func() {
		if r.GaveUp {
			return
		}
		for len(callers) > m.Depth() {
			callers = callers[:len(callers)-1]
		}
		c := run.root
		for _, call := range callers {
			if c = c.calls[call]; c == nil {
				t.Fatalf("slot %d: the chain of calls %v is not known", m.PC, callers)
			}
		}
		p := c.points[m.PC]
		if p == nil || p.state == nil {
			t.Fatalf("slot %d in calls %v is executed, and was said never to be", m.PC, callers)
		}
		holds(t, p, &m, constants)
		if in := run.fetch(m.PC); isCall(in) {
			callers = append(callers, m.PC)
		}
	}
	use, known := r.StackUse()
	m.Access = func(addr uint64, n int, _ bool) {
		end := constants[stackEnd]
		if known && n > 0 && addr >= base(vm.RegionStack) && addr <= end && uint64(n) <= end-addr && end-addr > uint64(use) {
			t.Fatalf("slot %d accesses the stack %d bytes below its end, at most %d expected", m.PC, end-addr, use)
		}
	}
	m.Run(k.Text)

	if m.Fault == vm.FaultMemory {
		any := false
		for _, found := range r.Accesses {
			any = any || found.Slot == m.PC && found.Verdict != Safe
		}
		if !any {
			t.Fatalf("slot %d faults at %#x and was called safe", m.PC, m.Address)
		}
	}
	if m.Fault == vm.FaultDepth && len(r.Calls) == 0 && !r.GaveUp {
		t.Fatalf("slot %d: calls are too deep, which was not said", m.PC)
	}
	if r.Bound.Known && uint64(m.Executed+m.Charged) > r.Bound.Instructions {
		t.Fatalf("%d instructions, with %d charged, at most %d expected", m.Executed+m.Charged, m.Charged, r.Bound.Instructions)
	}
	return r
}

// holds compares the machine with the state of the point that it is at.
func holds(t *testing.T, p *point, m *refvm.Machine, constants [register]uint64) {
	t.Helper()
	value := func(i int) uint64 {
		if i < register {
			return constants[i]
		}
		return m.Reg[i-register]
	}
	for i := register; i < variables; i++ {
		for j := range i {
			if j == grant {
				continue
			}
			if d := value(i) - value(j); !p.state.differ[index(i, j)].contains(d) {
				t.Fatalf("slot %d: r%d = %#x less variable %d = %#x is %#x, not in %+v", p.slot, i-register, value(i), j, value(j), d, p.state.differ[index(i, j)])
			}
		}
		if l := p.state.link[i-register]; l != (link{}) && value(i) != value(int(l.to))-value(int(l.from)) {
			t.Fatalf("slot %d: r%d is not the difference that it was said to be", p.slot, i-register)
		}
	}
	stack := m.Region[vm.RegionStack].Bytes
	for _, c := range p.state.cells {
		at := len(stack) + int(c.at)
		if at < 0 || at+int(c.size) > len(stack) {
			t.Fatalf("slot %d: a cell at %d, outside the stack", p.slot, c.at)
		}
		var v uint64
		for i := int(c.size) - 1; i >= 0; i-- {
			v = v<<8 | uint64(stack[at+i])
		}
		for j := range register {
			if j != grant && !c.value[j].contains(v-value(j)) {
				t.Fatalf("slot %d: the %d bytes at %d are %#x, less variable %d not in %+v", p.slot, c.size, c.at, v, j, c.value[j])
			}
		}
		for n := range isa.Registers {
			if c.holds>>n&1 != 0 && m.Reg[n] != v {
				t.Fatalf("slot %d: r%d is %#x, and not what is at %d, %#x", p.slot, n, m.Reg[n], c.at, v)
			}
		}
	}
}

// FuzzSound makes programs and contexts: nothing that the analysis says is
// contradicted by a run.
func FuzzSound(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef"), byte(0))
	f.Fuzz(func(t *testing.T, data []byte, vague byte) {
		compareWith(t, vmfuzz.Make(data), vague)
	})
}

// TestSound is FuzzSound with inputs that are as good as random, for some time.
func TestSound(t *testing.T) {
	limit := 4 * time.Second
	if s := os.Getenv("DEEPCHECK_SECONDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		limit = time.Duration(n) * time.Second
	}
	seed := uint64(11)
	if limit > 10*time.Second {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	var current string
	defer func() {
		if t.Failed() {
			t.Logf("a seed for FuzzSound:\n%s", current)
		}
	}()
	var programs, gaveUp, bounded int
	var verdicts [3]int
	for end := time.Now().Add(limit); time.Now().Before(end) && (limit > 10*time.Second || programs < 1500); {
		data := make([]byte, 40+random.IntN(500))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		data[0] = byte(random.IntN(10)) // no damage
		vague := byte(random.Uint32())
		if random.IntN(2) == 0 {
			vague = 0
		}
		current = fmt.Sprintf("[]byte(%q)\nbyte(%d)", data, vague)
		r := compareWith(t, vmfuzz.Make(data), vague)
		if r == nil {
			continue
		}
		programs++
		if r.GaveUp {
			gaveUp++
		}
		if r.Bound.Known {
			bounded++
		}
		for _, found := range r.Accesses {
			verdicts[found.Verdict]++
		}
	}
	t.Logf("%d programs: %d given up, %d bounded; accesses: %d safe, %d left to run time, %d certain to fault", programs, gaveUp, bounded, verdicts[Safe], verdicts[Open], verdicts[Fatal])
	if verdicts[Safe] == 0 || verdicts[Fatal] == 0 || gaveUp > programs/10 {
		t.Error("the comparison says nothing")
	}
}
