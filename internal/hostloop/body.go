package main

import (
	"fmt"
	"io"
	"strings"
)

// A body writes the statements that execute a pattern.
type body struct {
	io.Writer
	pattern
	registers, constants int
	value, place         string // what the instruction before left, and where it belongs
}

func (b *body) printf(format string, args ...any) { fmt.Fprintf(b, format, args...) }

func (b *body) register() string {
	if b.registers++; b.registers > 7 {
		panic(b.code() + " names too many registers")
	}
	return fmt.Sprintf("m.r[o.r%d&15]", b.registers-1)
}

func (b *body) constant() string {
	switch b.constants++; b.constants {
	case 1:
		return "o.k0"
	case 2:
		return "o.k1"
	case 3:
		return "uint64(o.k2)"
	}
	panic(b.code() + " names too many constants")
}

func (b *body) write() {
	last := len(b.pattern) - 1
	for i, p := range b.pattern {
		// Registers and constants are numbered as decode does it.
		dst, src := "", ""
		if p.destination && p.link != '.' && (p.link != '@' || p.kind == load) {
			dst = b.register()
		}
		if p.source && p.link != '>' && (p.link != '@' || p.kind == store) {
			src = b.register()
		}
		constant := ""
		if p.constant {
			constant = b.constant()
		}
		if p.link != 0 && b.value == "" {
			panic(b.code() + ": there is no value to take")
		}
		switch p.link {
		case '.':
			dst = b.value
		case '>':
			src = b.value
		}
		switch p.kind {
		case alu:
			if p.link != '.' {
				b.place = dst
			}
			if p.constant {
				src = constant
			}
			b.keep(i, operands(p.does, dst, src))
		case load:
			if p.link == '@' {
				src = b.value
			}
			b.place = dst
			b.access(i, src, constant)
			b.keep(i, loaded(p.width, i))
		case store:
			if p.link == '@' {
				dst = b.value
			}
			b.access(i, dst, constant)
			b.printf("%s\n", stored(p.width, i, src))
			b.value = ""
		case jump:
			if p.constant {
				src = constant
			}
			condition := operands(p.does, dst, src)
			if i < last {
				b.printf("if %s {\npc += %d\nbudget++\ncontinue\n}\n", condition, i+1)
				continue
			}
			b.advance(last)
			if p.does != "" {
				b.printf("if !(%s) {\ncontinue\n}\n", condition)
			}
		case call:
			b.printf("%s", calls[p.name])
		}
	}
	if k := b.pattern[last].kind; k != jump && k != call {
		b.advance(last)
		b.printf("continue\n")
	}
}

func (b *body) advance(slots int) {
	if slots > 0 {
		b.printf("pc += %d\n", slots)
	}
}

// keep writes the value of instruction i to its register, unless the next one
// changes it at once.
func (b *body) keep(i int, value string) {
	next := part{}
	if i+1 < len(b.pattern) {
		next = b.pattern[i+1]
	}
	if next.link == 0 {
		b.printf("%s = %s\n", b.place, value)
		b.value = ""
		return
	}
	b.value = fmt.Sprintf("v%d", i)
	b.printf("%s := %s\n", b.value, value)
	if next.link != '.' || next.kind == jump {
		b.printf("%s = %s\n", b.place, b.value)
	}
}

// access writes the tests that make mem and to of instruction i.
func (b *body) access(i int, base, offset string) {
	p := b.pattern[i]
	fault := "fault = FaultMemory\nbreak run\n}\n"
	if i > 0 {
		fault = fmt.Sprintf("pc += %d\n%s", i, fault)
	}
	b.printf("address%d := %s + %s\n", i, base, offset)
	b.printf("if address%d>>regionShift >= Regions {\n%s", i, fault)
	if p.kind == store {
		b.printf("if !m.Region[address%d>>regionShift].Writable {\n%s", i, fault)
	}
	b.printf("mem%d, to%d := m.Region[address%d>>regionShift].Bytes, int(address%d&offsetMask)\n", i, i, i, i)
	b.printf("if to%d > len(mem%d)-%d {\n%s", i, i, p.width, fault)
}

func operands(does, a, b string) string {
	return strings.NewReplacer("A", a, "B", b).Replace(does)
}

// Go's compiler does not make calls part of a function as large as this one,
// and with calls in it moves all variables to the stack. So accesses are spelt
// out; it joins their bytes.

func loaded(width, i int) string {
	bytes := make([]string, width)
	for n := range bytes {
		bytes[n] = fmt.Sprintf("uint64(mem%d[to%d+%d])<<%d", i, i, n, 8*n)
	}
	bytes[0] = fmt.Sprintf("uint64(mem%d[to%d])", i, i)
	return strings.Join(bytes, " | ")
}

func stored(width, i int, value string) string {
	if width == 1 {
		return fmt.Sprintf("mem%d[to%d] = uint8(%s)", i, i, value)
	}
	places, bytes := make([]string, width), make([]string, width)
	for n := range places {
		places[n] = fmt.Sprintf("mem%d[to%d+%d]", i, i, n)
		bytes[n] = fmt.Sprintf("uint8(v%d>>%d)", i, 8*n)
	}
	places[0], bytes[0] = fmt.Sprintf("mem%d[to%d]", i, i), fmt.Sprintf("uint8(v%d)", i)
	return fmt.Sprintf("v%d := %s\n%s = %s", i, value, strings.Join(places, ", "), strings.Join(bytes, ", "))
}

// calls are those of functions of the program, and wide moves.
var calls = map[string]string{
	"Wide": `m.r[o.r0&15] = o.k0
		pc++
		budget++
		continue
	`,
	"Call": `if m.depth >= MaxDepth {
			fault = FaultDepth
			break run
		}
		f := m.open()
		m.depth++
		*f = [frameSize]uint64{m.r[6], m.r[7], m.r[8], m.r[9], uint64(pc * slot)}
		m.r[isa.FramePointer] -= uint64(m.frame)
	`,
	"Exit": `if m.depth == 0 {
			break run
		}
		m.depth--
		f := m.open()
		m.r[6], m.r[7], m.r[8], m.r[9] = f[0], f[1], f[2], f[3]
		m.r[isa.FramePointer] += uint64(m.frame)
		budget += int32(int(f[4]&textMask)/slot - pc)
		pc = int(f[4]&textMask) / slot
		if budget < 0 {
			fault = FaultBudget
			pc++
			break run
		}
		continue
	`,
}
