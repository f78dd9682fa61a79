package gobpf

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// Reasons for which a container stops itself. A trap is a load from beyond the
// stack, which no container has: TrapBase plus the reason above r10. So the
// fault is one of memory, its instruction is at the line that it is about, and
// it takes one instruction.
const (
	reasonIndex = 1 + iota
	reasonSlice
	reasonDivision
	reasonShift
	reasonConvert
	reasonPanic
	reasonNil
)

// TrapBase is the offset from r10 of the first reason.
const TrapBase = 0x7f00

var reasons = [...]string{
	reasonIndex: "index out of range", reasonSlice: "slice bounds out of range", reasonDivision: "division by zero",
	reasonShift: "negative shift amount", reasonConvert: "slice is shorter than the array", reasonPanic: "panic", reasonNil: "nil dereference",
}

// Reason says why the instruction at a slot of text stops a container that was
// compiled from Go; "" if it is no trap.
func Reason(text []byte, slot int) string {
	if slot < 0 || (slot+1)*isa.Size > len(text) {
		return ""
	}
	in := isa.Decode(text[slot*isa.Size:])
	n := int(in.Offset) - TrapBase
	if in.Opcode != isa.ClassLDX|isa.MEM|isa.B || in.Dst != 0 || in.Src != isa.FramePointer || n < 1 || n >= len(reasons) {
		return ""
	}
	return reasons[n]
}

// maxStack is what a function's variables may take.
const maxStack = 512

// place gives the variables on the stack their offsets.
func (c *code) place(l *loader) {
	used := map[*stackSlot]bool{}
	var list []*stackSlot
	for _, b := range c.blocks {
		for i := range b.insts {
			if s := b.insts[i].slot; s != nil && !used[s] {
				used[s] = true
				list = append(list, s)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b *stackSlot) int { return cmp.Compare(a.size, b.size) })
	for _, s := range list {
		c.frame = (c.frame + s.size + s.align - 1) &^ (s.align - 1)
		if s.align < 8 && s.size >= 8 {
			c.frame = (c.frame + 7) &^ 7
		}
		s.offset = -c.frame
	}
	if c.frame > maxStack {
		largest := slices.MaxFunc(list, func(a, b *stackSlot) int { return cmp.Compare(a.size, b.size) })
		pos := largest.pos
		if !pos.IsValid() {
			pos = c.f.pos
		}
		l.refuse(diagnose.StackTooLarge, pos, fmt.Sprintf("variables of %s take %d bytes of stack", c.f.name, c.frame),
			fmt.Sprintf("a container's stack has %d bytes; the largest variable here is %s with %d", maxStack, largest.name, largest.size), "make it a package variable")
	}
}

// tidy removes copies to the same register and blocks that only jump on.
func (c *code) tidy() {
	color := func(r int) int {
		if r == none {
			return none
		}
		return c.color[r]
	}
	for _, b := range c.blocks {
		b.insts = slices.DeleteFunc(b.insts, func(in inst) bool { return in.copies && color(in.dst) == color(in.src) })
		for i := range b.insts {
			b.insts[i].dst, b.insts[i].src = color(b.insts[i].dst), color(b.insts[i].src)
		}
		if b.kind == endBranch {
			b.jump.dst, b.jump.src = color(b.jump.dst), color(b.jump.src)
		}
	}
	c.thread()
	c.convert()
	c.join()
	// What is left is in an order in which loops are together.
	seen := map[*mblock]bool{}
	var order []*mblock
	var walk func(b *mblock)
	walk = func(b *mblock) {
		seen[b] = true
		next := b.next()
		if len(next) == 2 && next[0].loop > next[1].loop {
			next[0], next[1] = next[1], next[0]
		}
		for _, s := range next {
			if !seen[s] {
				walk(s)
			}
		}
		order = append(order, b)
	}
	walk(c.blocks[0])
	slices.Reverse(order)
	c.blocks = c.rotate(order)
}

// thread leads jumps to blocks that only jump on to where these go.
func (c *code) thread() {
	through := func(b *mblock) *mblock {
		for n := 0; len(b.insts) == 0 && b.kind == endJump && n < len(c.blocks); n++ {
			b = b.no
		}
		return b
	}
	for _, b := range c.blocks {
		switch b.kind {
		case endBranch:
			b.yes, b.no = through(b.yes), through(b.no)
			if b.yes == b.no {
				b.kind, b.jump = endJump, inst{}
			}
		case endJump:
			b.no = through(b.no)
		}
	}
}

// join lets blocks that end alike share their end: those that return, and those
// that go on at the same block.
func (c *code) join() {
	same := func(a, b inst) bool {
		a.pos, b.pos = 0, 0
		a.copies, b.copies = false, false
		a.holds, b.holds, a.body, b.body = nil, nil, 0, 0
		return a == b
	}
	for i := 0; i < len(c.blocks); i++ {
		for n := i + 1; n < len(c.blocks); n++ {
			a, b := c.blocks[i], c.blocks[n]
			if a.kind != b.kind || a.kind != endReturn && (a.kind != endJump || a.no != b.no) || a.no == a || b.no == b {
				continue
			}
			k := 0
			for k < len(a.insts) && k < len(b.insts) && same(a.insts[len(a.insts)-1-k], b.insts[len(b.insts)-1-k]) {
				k++
			}
			// What a jump skips stays with it.
			for _, m := range []*mblock{a, b} {
				for k > 0 && len(m.insts) > k && m.insts[len(m.insts)-1-k].skip {
					k--
				}
			}
			if k < 1 || a.kind == endJump && k < 2 && len(a.insts) != k && len(b.insts) != k {
				continue
			}
			for n := range k { // what both share, holds on both ways
				x, y := &a.insts[len(a.insts)-1-n], &b.insts[len(b.insts)-1-n]
				x.holds = both(x.holds, y.holds)
				y.holds = x.holds
				if x.body != y.body {
					x.body, y.body = 0, 0
				}
			}
			a.jump.holds = both(a.jump.holds, b.jump.holds)
			b.jump.holds = a.jump.holds
			switch {
			case len(b.insts) == k:
				a, b = b, a
				fallthrough
			case len(a.insts) == k:
				b.insts = b.insts[:len(b.insts)-k]
				b.kind, b.no, b.jump = endJump, a, inst{}
			default:
				tail := &mblock{insts: slices.Clone(a.insts[len(a.insts)-k:]), loop: min(a.loop, b.loop), kind: a.kind, no: a.no, jump: a.jump}
				c.blocks = append(c.blocks, tail)
				for _, m := range []*mblock{a, b} {
					m.insts = m.insts[:len(m.insts)-k]
					m.kind, m.no, m.jump = endJump, tail, inst{}
				}
			}
		}
	}
	c.thread()
}

// convert makes two ways that only choose a register's value one: the value of
// the shorter is set before the branch.
func (c *code) convert() {
	preds := map[*mblock]int{}
	for _, b := range c.blocks {
		for _, s := range b.next() {
			preds[s]++
		}
	}
	for _, b := range c.blocks {
		if b.kind != endBranch || b.yes == b.no {
			continue
		}
		for n := range 2 {
			short, other := b.yes, b.no
			if n == 1 {
				short, other = other, short
			}
			if short.kind != endJump || len(short.insts) != 1 || preds[short] != 1 || preds[other] != 1 || short.no == other || len(other.insts) == 0 {
				continue
			}
			in := short.insts[0]
			move := in.opcode == isa.ClassALU64|isa.MOV || in.copies
			if !move || in.slot != nil || in.dst == b.jump.dst || in.dst == b.jump.src {
				continue
			}
			// The other way must set the register before it reads it.
			first := other.insts[0]
			if !first.writes || first.readsDst || first.dst != in.dst || first.src == in.dst || first.call {
				continue
			}
			in.holds = nil
			b.insts = append(b.insts, in)
			if n == 0 {
				b.yes = short.no
			} else {
				b.no = short.no
			}
			break
		}
	}
}

// rotate puts the test of a loop behind its body, so that a turn takes one
// jump.
func (c *code) rotate(order []*mblock) []*mblock {
	index := func(b *mblock) int { return slices.Index(order, b) }
	for _, head := range slices.Clone(order[1:]) {
		h := index(head)
		if head.kind != endBranch || head.yes.loop >= head.loop && head.no.loop >= head.loop {
			continue
		}
		last := -1
		for i := h + 1; i < len(order); i++ {
			if b := order[i]; b.kind == endJump && b.no == head {
				last = i
			}
		}
		if last < 0 {
			continue
		}
		order = slices.Delete(order, h, h+1)
		order = slices.Insert(order, last, head)
	}
	return order
}

func (c *code) refTrap(l *loader, reason int, in *inst) *trapStub {
	p := l.place(in.pos)
	for i := range c.traps {
		if t := &c.traps[i]; t.reason == reason && t.line == p.Line && t.file == p.File {
			t.holds = both(t.holds, in.holds)
			if t.body != in.body {
				t.body = 0
			}
			return t
		}
	}
	c.traps = append(c.traps, trapStub{reason: reason, line: p.Line, file: p.File, pos: in.pos, at: -1, holds: in.holds, body: in.body})
	return &c.traps[len(c.traps)-1]
}

// An assembler collects the text of all functions.
type assembler struct {
	l      *loader
	text   []byte
	lines  []build.Line
	calls  []pendingCall
	seen   sightings
	bodies []body // of the function that is being written
	err    error
}

type pendingCall struct {
	slot   int
	callee *function
}

func (a *assembler) slot() int { return len(a.text) / isa.Size }

func (a *assembler) line(in *inst) {
	p := a.l.place(in.pos)
	n := len(a.lines)
	if n > 0 && a.lines[n-1].File == p.File && a.lines[n-1].Line == p.Line && a.lines[n-1].Column == p.Column || p.Line == 0 && n > 0 {
		return
	}
	if n > 0 && a.lines[n-1].Slot == a.slot() {
		a.lines = a.lines[:n-1]
	}
	a.lines = append(a.lines, build.Line{Slot: a.slot(), File: p.File, Line: p.Line, Column: p.Column})
}

func reg(r int) uint8 {
	if r == none {
		return 0
	}
	return uint8(r)
}

func (a *assembler) put(in *inst) {
	a.line(in)
	width := 1
	if in.opcode == isa.LDDW || in.opcode == isa.LDDWD {
		width = 2
	}
	a.seen.see(in, a.bodies, a.slot(), width)
	out := isa.Instruction{Opcode: in.opcode, Dst: reg(in.dst), Src: reg(in.src), Offset: int16(in.offset), Imm: int32(in.imm)}
	if in.slot != nil {
		if in.opcode&isa.ClassMask == isa.ClassALU64 {
			out.Imm += int32(in.slot.offset)
		} else {
			out.Offset += int16(in.slot.offset)
		}
	}
	switch {
	case in.callee != nil:
		a.calls = append(a.calls, pendingCall{a.slot(), in.callee})
		out.Src, out.Imm = isa.CallLocal, 0
	case in.global != nil:
		out.Imm += int32(in.global.offset)
		if in.global.rodata {
			out.Opcode = isa.LDDWR
		}
	case in.skip:
		out.Offset = 1
	}
	a.text = out.Append(a.text)
	if out.Wide() {
		high := isa.Instruction{}
		if in.opcode == isa.LDDW {
			high.Imm = int32(in.imm >> 32)
		}
		a.text = high.Append(a.text)
	}
}

// function appends the text of one.
func (a *assembler) function(c *code) {
	type jump struct {
		slot int
		to   *mblock
	}
	var jumps []jump
	goes := func(in inst, to *mblock) {
		jumps = append(jumps, jump{a.slot(), to})
		a.put(&in)
	}
	traps := func(in *inst) {
		t := c.refTrap(a.l, in.trap, in)
		t.jumps = append(t.jumps, a.slot())
		out := *in
		a.put(&out)
	}
	stubs := func() {
		for i := range c.traps {
			t := &c.traps[i]
			if t.at >= 0 {
				continue
			}
			t.at = a.slot()
			a.put(&inst{opcode: isa.ClassLDX | isa.MEM | isa.B, dst: 0, src: frame10, offset: TrapBase + t.reason, pos: t.pos, holds: t.holds, body: t.body})
		}
	}
	c.at, a.bodies = a.slot(), c.f.bodies
	// Traps lie where control does not come, in front of code that ends in exit
	// or a jump, so that nothing needs to follow them.
	for _, b := range c.blocks {
		for n := range b.insts {
			if b.insts[n].trap != 0 {
				c.refTrap(a.l, b.insts[n].trap, &b.insts[n])
			}
		}
		if b.kind == endTrap {
			c.refTrap(a.l, b.jump.trap, &b.jump)
		}
	}
	for i, b := range c.blocks {
		b.at = a.slot()
		for n := range b.insts {
			if b.insts[n].trap != 0 {
				traps(&b.insts[n])
			} else {
				a.put(&b.insts[n])
			}
		}
		var next *mblock
		if i+1 < len(c.blocks) {
			next = c.blocks[i+1]
		}
		always := inst{opcode: isa.ClassJMP | isa.JA, dst: none, src: none, pos: b.jump.pos, holds: b.jump.holds, body: b.jump.body}
		leaves := true
		switch b.kind {
		case endJump:
			if leaves = b.no != next; leaves {
				goes(always, b.no)
			}
		case endBranch:
			switch next {
			case b.no:
				goes(b.jump, b.yes)
				leaves = false
			case b.yes:
				not := b.jump
				not.opcode = opposite(not.opcode)
				goes(not, b.no)
				leaves = false
			default:
				goes(b.jump, b.yes)
				goes(always, b.no)
			}
		case endReturn:
			a.put(&inst{opcode: isa.ClassJMP | isa.EXIT, dst: none, src: none, pos: b.jump.pos, holds: b.jump.holds, body: b.jump.body})
		case endTrap:
			t := c.refTrap(a.l, b.jump.trap, &b.jump)
			if t.at < 0 {
				t.at = a.slot()
				a.put(&inst{opcode: isa.ClassLDX | isa.MEM | isa.B, dst: 0, src: frame10, offset: TrapBase + t.reason, pos: t.pos, holds: t.holds, body: t.body})
			} else {
				t.jumps = append(t.jumps, a.slot())
				a.put(&b.jump)
			}
		}
		if leaves && next != nil {
			stubs()
		}
	}
	stubs()
	if last := a.text[len(a.text)-isa.Size]; last != isa.ClassJMP|isa.EXIT && last != isa.ClassJMP|isa.JA {
		a.put(&inst{opcode: isa.ClassJMP | isa.EXIT, dst: none, src: none})
	}
	c.end = a.slot()
	patch := func(slot, to int) {
		distance := to - slot - 1
		if distance != int(int16(distance)) {
			a.err = fmt.Errorf("%s is too long: a jump over %d instructions", c.f.name, distance)
		}
		binary.LittleEndian.PutUint16(a.text[slot*isa.Size+2:], uint16(distance))
	}
	for _, j := range jumps {
		patch(j.slot, j.to.at)
	}
	for _, t := range c.traps {
		for _, j := range t.jumps {
			patch(j, t.at)
		}
	}
}

var opposites = map[uint8]uint8{isa.JEQ: isa.JNE, isa.JNE: isa.JEQ, isa.JGT: isa.JLE, isa.JLE: isa.JGT, isa.JGE: isa.JLT, isa.JLT: isa.JGE,
	isa.JSGT: isa.JSLE, isa.JSLE: isa.JSGT, isa.JSGE: isa.JSLT, isa.JSLT: isa.JSGE}

func opposite(opcode uint8) uint8 { return opcode&0x0f | opposites[opcode&0xf0] }

// layout decides where globals lie. What is never written is constant.
func (l *lowerer) layout() (data, rodata []byte, symbols []build.Symbol) {
	parts := [2][]byte{}
	for _, zeros := range []bool{false, true} { // zeros last, as objects have them
		for _, g := range l.made {
			isZero := !slices.ContainsFunc(g.bytes, func(b byte) bool { return b != 0 }) && len(g.relocs) == 0
			if !g.used || isZero != zeros {
				continue
			}
			g.rodata = !g.written
			n := boolean(g.rodata)
			for len(parts[n])%max(1, g.align) != 0 {
				parts[n] = append(parts[n], 0)
			}
			g.offset = len(parts[n])
			parts[n] = append(parts[n], g.bytes...)
			symbols = append(symbols, build.Symbol{Name: g.name, Section: [...]string{".data", ".rodata"}[n], Offset: g.offset, Size: len(g.bytes)})
		}
	}
	for _, g := range l.made {
		if !g.used {
			continue
		}
		for _, r := range g.relocs {
			region := vm.RegionData
			if r.target.rodata {
				region = vm.RegionRodata
			}
			binary.LittleEndian.PutUint64(parts[boolean(g.rodata)][g.offset+r.offset:], vm.Address(region, uint32(r.target.offset+r.add)))
		}
	}
	return parts[0], parts[1], symbols
}

// link makes a program of functions; the first one is the entry.
func (l *lowerer) link(list []*code) (*build.Program, error) {
	data, rodata, symbols := l.layout()
	a := &assembler{l: l.loader, seen: sightings{map[*local][]build.Where{}, map[*stackSlot]int{}, map[int][][2]int{}}}
	table := l.newTypes()
	var variables []build.Variable
	var inlined []build.Inlined
	at := map[*function]int{}
	var traps []build.Trap
	for _, c := range list {
		a.function(c)
		variables = append(variables, l.variables(c, &a.seen, table)...)
		inlined = append(inlined, l.inlined(c, &a.seen)...)
		at[c.f] = c.at
		for _, t := range c.traps {
			traps = append(traps, build.Trap{Slot: t.at, Reason: reasons[t.reason]})
		}
		symbols = append(symbols, build.Symbol{Name: c.f.name, Section: ".text", Offset: c.at * isa.Size, Size: (c.end - c.at) * isa.Size, Global: c == list[0]})
	}
	for _, call := range a.calls {
		binary.LittleEndian.PutUint32(a.text[call.slot*isa.Size+4:], uint32(int32(at[call.callee]-call.slot-1)))
	}
	if a.err != nil {
		return nil, a.err
	}
	variables = append(l.packageVariables(a.slot(), table), variables...)
	slices.SortFunc(traps, func(a, b build.Trap) int { return cmp.Compare(a.Slot, b.Slot) })
	slices.SortStableFunc(symbols, func(a, b build.Symbol) int {
		return cmp.Or(-strings.Compare(a.Section, b.Section), cmp.Compare(a.Offset, b.Offset))
	})
	return &build.Program{
		Parts:   image.Parts{Data: data, Rodata: rodata, Text: a.text, Functions: []image.Function{{Name: []byte(list[0].f.name)}}},
		Symbols: symbols, Lines: a.lines, Traps: traps, Types: table.list, Variables: variables, Inlined: inlined,
	}, nil
}
