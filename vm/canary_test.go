package vm_test

import (
	"bytes"
	"math/rand"
	"testing"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// run runs text, which Check accepted, in pieces and verifies everything that
// must hold of any program. It leaves memory as it was.
func (p *prison) run(t *testing.T, text []byte, need vm.Need, budget, quantum int32) {
	t.Helper()
	kept := bytes.Clone(text)
	p.Frame, p.Quantum = need.Frame, quantum
	p.Reset(text, budget)
	for i, region := range []int{vm.RegionStack, vm.RegionData, vm.RegionRodata, vm.RegionGrant, 15} {
		p.SetRegister(3+i, vm.Address(region, uint32(len(p.Region[region].Bytes)))-uint64(i))
	}
	status := p.Run()
	for pieces := 0; status == vm.Suspended; status = p.Run() {
		if pieces++; pieces > int(budget)+10 {
			t.Fatalf("%d pieces of a budget of %d", pieces, budget)
		}
	}
	slots := uint32(len(text) / 8)
	switch {
	case status != vm.Done && status != vm.Faulted:
		t.Fatalf("status %d", status)
	case p.Instructions() > uint32(budget)+slots:
		t.Fatalf("%d instructions with a budget of %d and %d slots", p.Instructions(), budget, slots)
	case p.PC() < 0 || p.PC() > int(slots):
		t.Fatalf("pc %d of %d", p.PC(), slots)
	case p.Fault() == vm.FaultInstruction || p.Fault() == vm.FaultRegister || p.Fault() == vm.FaultJump:
		t.Fatalf("%v at run time", p.Fault())
	case !bytes.Equal(kept, text):
		t.Fatal("the text changed")
	}
	p.verify(t)
	copy(p.block, p.before)
}

// randomProgram makes a text that Check is likely to accept and that touches
// memory around the ends of the regions.
func randomProgram(r *rand.Rand, opcodes []byte) []byte {
	n := 2 + r.Intn(24)
	var text []byte
	for len(text) < n*8 {
		in := isa.Instruction{Opcode: opcodes[r.Intn(len(opcodes))], Dst: uint8(r.Intn(11)), Src: uint8(r.Intn(11))}
		switch r.Intn(4) {
		case 0:
			in.Imm = r.Int31() - 1<<30
		case 1:
			in.Imm = int32(edges[r.Intn(len(edges))])
		default:
			in.Imm = int32(r.Intn(40) - 20)
		}
		slots := len(text) / 8
		jump := int16(r.Intn(n) - slots - 1)
		x := in.Opcode&isa.SourceX != 0
		switch in.Class() {
		case isa.ClassALU, isa.ClassALU64:
			switch in.Opcode & 0xf0 {
			case isa.END:
				in.Imm, in.Src = 16<<r.Intn(3), 0
			case isa.NEG:
				in.Imm, in.Src = 0, 0
			case isa.DIV, isa.MOD:
				in.Offset = int16(r.Intn(2))
			case isa.MOV:
				if x {
					in.Offset = []int16{0, 0, 8, 16, 32}[r.Intn(5)]
				}
			}
			if in.Opcode&0xf0 != isa.END {
				if x {
					in.Imm = 0
				} else {
					in.Src = 0
				}
			}
		case isa.ClassJMP, isa.ClassJMP32:
			in.Offset = jump
			switch {
			case in.Opcode == isa.ClassJMP|isa.CALL:
				in.Dst, in.Offset = 0, 0
				if in.Src = uint8(r.Intn(2)); in.Src == isa.CallLocal {
					in.Imm = int32(jump)
				} else {
					in.Imm = int32(1 + r.Intn(3))
				}
			case in.Opcode == isa.ClassJMP|isa.EXIT:
				in = isa.Instruction{Opcode: in.Opcode}
			case in.Opcode == isa.ClassJMP|isa.JA:
				in = isa.Instruction{Opcode: in.Opcode, Offset: jump}
			case in.Opcode == isa.ClassJMP32|isa.JA:
				in = isa.Instruction{Opcode: in.Opcode, Imm: int32(jump)}
			case x:
				in.Imm = 0
			default:
				in.Src = 0
			}
		case isa.ClassLD:
			in.Src = 0
			text = in.Append(text)
			in = isa.Instruction{Imm: int32(r.Intn(2))}
		case isa.ClassLDX:
			in.Imm, in.Offset = 0, int16(r.Intn(48)-40)
		case isa.ClassST:
			in.Src, in.Offset = 0, int16(r.Intn(48)-40)
		case isa.ClassSTX:
			in.Offset = int16(r.Intn(48) - 40)
			if in.Opcode&isa.ModeMask == isa.ATOMIC {
				in.Imm = []int32{0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1}[r.Intn(10)]
			} else {
				in.Imm = 0
			}
		}
		text = in.Append(text)
	}
	return isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}.Append(text)
}

func TestCanaries(t *testing.T) {
	var opcodes []byte
	for source := range forms() {
		opcodes = append(opcodes, assemble(t, source)[0])
	}
	for i := range opcodes {
		if c := opcodes[i] & isa.ClassMask; c == isa.ClassST || c == isa.ClassSTX || c == isa.ClassLDX {
			opcodes = append(opcodes, opcodes[i], opcodes[i]) // likelier
		}
	}
	var granted vm.HelperSet
	granted.Add(1)
	granted.Add(2)
	granted.Add(3)
	r := rand.New(rand.NewSource(1))
	p := newPrison(t)
	accepted, longest, faults := 0, uint32(0), map[vm.Fault]int{}
	for range 60000 {
		text := randomProgram(r, opcodes)
		need, err := vm.Check(text, &granted)
		if err.Fault != vm.OK {
			continue
		}
		accepted++
		p.run(t, text, need, 300, []int32{0, 0, 1, 17}[accepted%4])
		faults[p.Fault()]++
		longest = max(longest, p.Instructions())
	}
	t.Logf("%d accepted, faults %v", accepted, faults)
	if accepted < 10000 || longest < 300 || faults[vm.OK] < 1000 || faults[vm.FaultMemory] < 3000 || faults[vm.FaultBudget] < 100 {
		t.Errorf("the programs are not varied enough: %d accepted, faults %v", accepted, faults)
	}
}

// FuzzCheck: the check takes any bytes without a panic, and what it accepts
// runs within its budget and its regions.
func FuzzCheck(f *testing.F) {
	for _, source := range []string{
		"exit",
		"lddw %r1, 0x20000000\nstxdw [%r1+16], %r1\nja -2",
		"call 1\ncall local +1\nexit\nlock fetch add [%r10-8], %r1\nexit",
	} {
		f.Add(assemble(f, source))
	}
	var granted vm.HelperSet
	granted.Add(1)
	granted.Add(2)
	granted.Add(3)
	f.Fuzz(func(t *testing.T, text []byte) {
		need, err := vm.Check(text, &granted)
		if err.Fault != vm.OK {
			if err.PC < 0 || err.PC*8 > len(text) {
				t.Fatalf("pc %d of %d bytes", err.PC, len(text))
			}
			return
		}
		newPrison(t).run(t, text, need, 500, int32(len(text)%3)*50)
	})
}
