//go:build !tinygo

package vm

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/femto-containers/femto/isa"
)

// opcodeOf is the opcode that is decoded to code.
func opcodeOf(code uint8) uint8 {
	for op, c := range codes {
		if c == code {
			return uint8(op)
		}
	}
	return 0
}

// instance is text that p fits, with registers and constants by chance; or
// not quite, since it reads a register that p has not written yet.
func (p *pattern) instance(r *rand.Rand) (text []byte, fits bool) {
	value := uint8(0)
	fits = true
	for i, part := range p.parts[:p.length] {
		use := uses[part]
		in := isa.Instruction{Opcode: opcodeOf(part)}
		if use&hasDestination != 0 {
			in.Dst = uint8(r.IntN(4))
		}
		if use&hasSource != 0 {
			in.Src = uint8(r.IntN(4))
			if r.IntN(8) == 0 {
				in.Src = isa.FramePointer
			}
		}
		switch p.links[i] {
		case '.':
			in.Dst = value
			if use&isJump == 0 && use&hasSource != 0 && in.Src == value {
				fits = false
			}
		case '>':
			in.Src = value
		case '@':
			if use&isStore != 0 {
				in.Dst = value
			} else {
				in.Src = value
			}
		}
		switch {
		case use&isMemory != 0:
			in.Offset = int16(r.IntN(24) - 12)
		case use&hasConstant != 0:
			in.Imm = [...]int32{-1, -1 << 31, 0, 1, 7, 31, 32, 63}[r.IntN(8)]
		}
		if use&isJump != 0 {
			in.Offset = 1
			if i+1 == int(p.length) {
				in.Offset = int16(r.IntN(6) - 4)
			}
		}
		value = in.Dst
		text = in.Append(text)
	}
	return text, fits
}

// Each pattern, entered at its start and at each instruction, does what the
// loop of devices does: result, memory, fault, place and budget are equal.
func TestPatterns(t *testing.T) {
	defer func() { deviceLoop = false }()
	r := rand.New(rand.NewPCG(1, 2))
	const rounds = 400
	exit := isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}
	for n := range patterns {
		p := &patterns[n]
		ends := map[Fault]int{}
		for range rounds {
			var text []byte
			for range 4 {
				text = exit.Append(text) // for jumps back
			}
			start := len(text)
			instance, fits := p.instance(r)
			text = append(text, instance...)
			end := len(text)
			for range 4 {
				text = exit.Append(text)
			}
			var registers [11]uint64
			for i := range registers {
				switch r.IntN(6) {
				case 0:
					registers[i] = r.Uint64()
				case 1:
					registers[i] = uint64(r.IntN(4))
				case 2:
					registers[i] = uint64(r.Uint32())<<32 | uint64(r.IntN(4))
				default:
					registers[i] = Address(1+r.IntN(4), uint32(r.IntN(40)))
				}
			}
			registers[isa.FramePointer] = Address(RegionStack, 32)
			memory := make([]byte, 128)
			for i := range memory {
				memory[i] = byte(r.IntN(256)) >> (r.IntN(2) * 7)
			}
			budget := int32(r.IntN(8)) - 1
			at := start
			if r.IntN(3) == 0 {
				at += r.IntN(int(p.length)) * slot
			}
			var both [2]Machine
			var memories [2][]byte
			for i := range both {
				m := &both[i]
				deviceLoop = i == 1
				memories[i] = bytes.Clone(memory)
				for region := range 4 {
					m.Region[1+region] = Region{memories[i][32*region : 32*region+32 : 32*region+32], region < 3}
				}
				m.Reset(text, MaxBudget)
				copy(m.r[:], registers[:])
				m.pc = at
				m.budget = int32(at/slot) + budget + 1
				if o := &m.code[start/slot]; fits && o.code != p.code && !longer(p, o.code) {
					t.Fatalf("%s: decoded to %d", p.name(), o.code)
				}
				m.Run()
			}
			host, device := &both[0], &both[1]
			ends[host.fault]++
			if host.status != device.status || host.fault != device.fault || host.pc != device.pc ||
				host.budget != device.budget || host.r != device.r || host.address != device.address {
				t.Fatalf("%s from %d: on the host %v at %d, budget %d, registers %#x\non a device %v at %d, budget %d, registers %#x\ntext % x", p.name(), (at-start)/slot,
					host.fault, host.PC(), host.budget, host.r, device.fault, device.PC(), device.budget, device.r, text[start:end])
			}
			if !bytes.Equal(memories[0], memories[1]) {
				t.Fatalf("%s: memory differs", p.name())
			}
		}
		if ends[OK] == 0 {
			t.Errorf("%s never ran to its end: %v", p.name(), ends)
		}
		for _, part := range p.parts[:p.length] {
			if uses[part]&isMemory != 0 && ends[FaultMemory] == 0 {
				t.Errorf("%s never faulted: %v", p.name(), ends)
			}
		}
	}
}

// longer reports whether code is a pattern that begins with p.
func longer(p *pattern, code uint8) bool {
	for i := range patterns {
		if q := &patterns[i]; q.code == code && q.length > p.length {
			return bytes.HasPrefix(q.parts[:q.length], p.parts[:p.length])
		}
	}
	return false
}

func (p *pattern) name() string {
	var s []byte
	for i, part := range p.parts[:p.length] {
		if p.links[i] != 0 {
			s = append(s, p.links[i])
		}
		s = append(s, " 0x00 "[:3]...)
		s = append(s, "0123456789abcdef"[opcodeOf(part)>>4], "0123456789abcdef"[opcodeOf(part)&15], ' ')
	}
	return string(s)
}

// Text that is rewritten in place, as an install does it, is decoded again;
// text that the machine has run before is not.
func TestPrepare(t *testing.T) {
	program := func(result int32) []byte {
		text := isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceK, Imm: result}.Append(nil)
		return isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}.Append(text)
	}
	var m Machine
	text := program(0)
	run := func(want int32) {
		t.Helper()
		copy(text, program(want))
		m.Reset(text, 10)
		if m.Run() != Done || m.Result() != uint64(want) {
			t.Fatalf("%v, %d, want %d", m.fault, m.Result(), want)
		}
	}
	for i := range int32(maxPrograms + 40) {
		run(i % 300)
	}
	if n := len(m.programs); n != maxPrograms {
		t.Errorf("%d programs are kept, want %d", n, maxPrograms)
	}
	run(5)
	a, b := program(6), program(7)
	if n := testing.AllocsPerRun(100, func() {
		m.Reset(a, 10)
		m.Run()
		m.Reset(b, 10)
		m.Run()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var texts [20][]byte
	for i := range texts {
		texts[i] = program(int32(2000 + i))
		m.Prepare(texts[i])
	}
	next := 0
	if n := testing.AllocsPerRun(len(texts)-1, func() { m.Reset(texts[next], 10); next++ }); n != 0 {
		t.Errorf("%v allocations after Prepare", n)
	}
	m.Reset(program(9), 10)
	m.Prepare(program(10)) // as an install between two slices does
	if m.Run() != Done || m.Result() != 9 {
		t.Errorf("after Prepare of other text: %v, %d", m.fault, m.Result())
	}
	other := m // a copy has what was decoded, and does not disturb it
	for i := range int32(40) {
		run(1000 + i)
	}
	other.Reset(a, 10)
	if other.Run() != Done || other.Result() != 6 {
		t.Errorf("copy: %v, %d", other.fault, other.Result())
	}
	if long := make([]byte, maxDecoded+slot); true {
		m.Reset(long, 10)
		if m.code != nil {
			t.Error("long text was decoded")
		}
	}
	m.InPlace = true
	run(8)
	if m.code != nil {
		t.Error("text was decoded in spite of InPlace")
	}
}
