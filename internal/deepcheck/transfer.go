package deepcheck

import (
	"math"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

var narrow32 = between(0, math.MaxUint32)

// arithmetic executes an instruction of the classes ALU and ALU64.
func (a *analysis) arithmetic(s *state, in isa.Instruction) {
	dst, src := register+int(in.Dst), register+int(in.Src)
	wide := in.Class() == isa.ClassALU64
	x := in.Opcode&isa.SourceX != 0
	code := in.Opcode & 0xf0
	d := s.abs(dst)
	v := exactly(uint64(int64(in.Imm)))
	if x && code != isa.END && code != isa.NEG {
		v = s.abs(src)
	}
	if !wide && code != isa.END {
		a.arithmetic32(s, in, dst, src, x, d, v)
		return
	}
	switch code {
	case isa.ADD:
		a.sum(s, dst, src, x, v)
	case isa.SUB:
		if x {
			a.difference(s, dst, src)
		} else {
			a.sum(s, dst, src, false, v.neg())
		}
	case isa.MOV:
		switch {
		case !x:
			a.number(s, dst, v, a.slot)
		case in.Offset != 0 && s.abs(src).extend(int(in.Offset)) != s.abs(src):
			a.number(s, dst, v.extend(int(in.Offset)), a.slot)
		default:
			a.move(s, dst, src)
		}
	case isa.MUL:
		a.number(s, dst, d.mul(v), a.slot)
	case isa.DIV:
		if in.Offset != 0 {
			a.number(s, dst, d.sdiv(v), a.slot)
		} else {
			a.less(s, dst, d.div(v), between(0, d.umax))
		}
	case isa.MOD:
		if in.Offset != 0 {
			a.number(s, dst, d.smod(v), a.slot)
		} else {
			a.less(s, dst, d.mod(v), between(0, d.umax))
		}
	case isa.OR:
		a.number(s, dst, d.or(v), a.slot)
	case isa.AND:
		// What is taken off are the bits that the other operand lacks.
		a.less(s, dst, d.and(v), d.and(v.xor(exactly(math.MaxUint64))))
	case isa.XOR:
		a.number(s, dst, d.xor(v), a.slot)
	case isa.LSH:
		before := *s
		before.before = nil
		a.number(s, dst, d.shl(v, 64), a.slot)
		if k, known := v.known(); known && k == 32 {
			s.before = &before
		}
	case isa.RSH, isa.ARSH:
		if k, known := v.known(); known && k == 32 && a.undone(s, dst) {
			a.restore(s, dst, code == isa.ARSH)
		} else if code == isa.ARSH {
			a.number(s, dst, d.sar(v, 64), a.slot)
		} else {
			a.less(s, dst, d.shr(v, 64), between(0, d.umax))
		}
	case isa.NEG:
		a.number(s, dst, d.neg(), a.slot)
	case isa.END:
		switch {
		case wide || x:
			a.number(s, dst, d.reversed(int(in.Imm)), a.slot)
		case d.cut(int(in.Imm)) == d: // nothing to cut off
		default:
			a.number(s, dst, d.cut(int(in.Imm)), a.slot)
		}
	}
}

// arithmetic32 executes one of the class ALU: on the lower halves, and the
// result's upper half is 0.
func (a *analysis) arithmetic32(s *state, in isa.Instruction, dst, src int, x bool, d, v num) {
	code := in.Opcode & 0xf0
	if code == isa.MOV && x && in.Offset == 0 && v.umax <= math.MaxUint32 {
		a.move(s, dst, src)
		return
	}
	low, w := d.cut(32), v.cut(32)
	var r num
	switch code {
	case isa.ADD, isa.SUB:
		// Where nothing is cut off, relations to other variables stay.
		r = low.add(w)
		if code == isa.SUB {
			r = low.sub(w)
		}
		if d.umax <= math.MaxUint32 && r.umax <= math.MaxUint32 {
			if x && v.umax > math.MaxUint32 {
				break
			}
			switch {
			case code == isa.ADD:
				a.sum(s, dst, src, x, w)
			case x:
				a.difference(s, dst, src)
			default:
				a.sum(s, dst, src, false, w.neg())
			}
			return
		}
		if k, known := w.known(); known && d.umax <= math.MaxUint32 {
			// Adding -1 to what is at least 1.
			c := int64(int32(k))
			if code == isa.SUB {
				c = -c
			}
			if t := d.add(exactly(uint64(c))); t.umax <= math.MaxUint32 {
				a.sum(s, dst, src, false, exactly(uint64(c)))
				return
			}
		}
	case isa.MOV:
		r = v
		if in.Offset != 0 {
			r = v.extend(int(in.Offset))
		}
	case isa.MUL:
		r = low.mul(w)
	case isa.DIV:
		r = low.div(w)
		if in.Offset != 0 {
			r = d.extend(32).sdiv(v.extend(32))
		}
	case isa.MOD:
		r = low.mod(w)
		if in.Offset != 0 {
			r = d.extend(32).smod(v.extend(32))
		}
	case isa.OR:
		r = low.or(w)
	case isa.AND:
		if d.umax <= math.MaxUint32 {
			a.less(s, dst, low.and(w), low.and(w.xor(exactly(math.MaxUint32))))
			return
		}
		r = low.and(w)
	case isa.XOR:
		r = low.xor(w)
	case isa.LSH:
		r = low.shl(w, 32)
	case isa.RSH:
		if d.umax <= math.MaxUint32 {
			a.less(s, dst, low.shr(w, 32), between(0, d.umax))
			return
		}
		r = low.shr(w, 32)
	case isa.ARSH:
		r = d.extend(32).sar(w, 32)
	case isa.NEG:
		r = low.neg()
	}
	a.number(s, dst, r.cut(32), a.slot)
}

// move copies src, with all that is known of it.
func (a *analysis) move(s *state, dst, src int) {
	if dst == src {
		return
	}
	r := a.row(s, src)
	r[src] = exactly(0)
	origin := s.origin[src-register]
	l := s.link[src-register]
	a.assign(s, dst, &r, int(origin))
	if int(l.to) != dst && int(l.from) != dst {
		s.link[dst-register] = l
	}
	for k := range s.cells {
		if s.cells[k].holds>>(src-register)&1 != 0 {
			cells := append([]cell(nil), s.cells...)
			for k := range cells {
				if cells[k].holds>>(src-register)&1 != 0 {
					cells[k].holds |= 1 << (dst - register)
				}
			}
			s.cells = cells
			break
		}
	}
}

// sum adds v to dst; it is register src if x is set.
func (a *analysis) sum(s *state, dst, src int, x bool, v num) {
	old := a.row(s, dst)
	r := old
	for j := range r {
		if j != dst {
			r[j] = old[j].add(v)
		}
	}
	if x && src == dst {
		a.number(s, dst, old[zero].add(old[zero]), a.slot)
		return
	}
	if x {
		other := a.row(s, src)
		for j := range r {
			if met, ok := r[j].meet(other[j].add(old[zero])); ok && j != dst {
				r[j] = met
			}
		}
	}
	a.assign(s, dst, &r, a.slot)
}

// difference takes src off dst.
func (a *analysis) difference(s *state, dst, src int) {
	if dst == src {
		a.number(s, dst, exactly(0), a.slot)
		return
	}
	between := a.from(s, dst, src)
	v := s.abs(src)
	r := a.row(s, dst)
	for j := range r {
		if j != dst {
			r[j] = r[j].sub(v)
		}
	}
	if met, ok := r[zero].meet(between); ok {
		r[zero] = met
	}
	// What dst was may be in another register still.
	var l link
	for k := register; k < variables; k++ {
		if k != dst && k != src {
			if d, known := a.from(s, k, dst).known(); known && d == 0 {
				l = link{uint8(k), uint8(src)}
				break
			}
		}
	}
	a.assign(s, dst, &r, a.slot)
	s.link[dst-register] = l
}

// less makes n the value of dst, which is what it was less what off says.
func (a *analysis) less(s *state, dst int, n, off num) {
	r := a.row(s, dst)
	for j := range r {
		if j != dst {
			r[j] = r[j].sub(off)
		}
	}
	plain := a.plain(s, n)
	for j := range r {
		if met, ok := r[j].meet(plain[j]); ok && j != dst {
			r[j] = met
		}
	}
	a.assign(s, dst, &r, a.slot)
}

// undone reports whether the instruction before shifted dst to the left by 32.
func (a *analysis) undone(s *state, dst int) bool {
	if a.before == nil || a.slot == 0 {
		return false
	}
	in := a.fetch(a.slot - 1)
	return register+int(in.Dst) == dst
}

// restore makes dst the lower half of what it was before it was shifted.
func (a *analysis) restore(s *state, dst int, sign bool) {
	b := a.before
	old := b.abs(dst)
	n := old.cut(32)
	if sign {
		n = old.extend(32)
	}
	if n != old {
		a.number(s, dst, n, a.slot)
		return
	}
	// Nothing was cut off.
	r := a.row(b, dst)
	origin := b.origin[dst-register]
	a.assign(s, dst, &r, int(origin))
	s.link[dst-register] = b.link[dst-register]
	for k := range s.cells {
		if k < len(b.cells) && b.cells[k].holds>>(dst-register)&1 != 0 {
			s.cells = b.cells
			break
		}
	}
}

// memory executes a load, a store or an atomic operation; false: it is certain
// to fault.
func (a *analysis) memory(s *state, in isa.Instruction) bool {
	n := map[uint8]int{isa.B: 1, isa.H: 2, isa.W: 4, isa.DW: 8}[in.Opcode&isa.SizeMask]
	dst, src := register+int(in.Dst), register+int(in.Src)
	offset := int64(in.Offset)
	if in.Class() == isa.ClassLDX {
		if !a.touch(s, access{slot: a.slot, size: uint64(n), reg: src, offset: offset}) {
			return false
		}
		r, c := a.load(s, src, offset, n)
		origin := a.slot
		if c != nil {
			origin = int(c.origin)
		}
		if in.Opcode&isa.ModeMask == isa.MEMSX && r[zero].extend(8*n) != r[zero] {
			a.number(s, dst, r[zero].extend(8*n), a.slot)
			return true
		}
		var at, size int32
		if c != nil {
			at, size = c.at, c.size
		}
		a.assign(s, dst, &r, origin)
		if c != nil {
			cells := append([]cell(nil), s.cells...)
			for k := range cells {
				if cells[k].at == at && cells[k].size == size {
					cells[k].holds |= 1 << (dst - register)
				}
			}
			s.cells = cells
		}
		return true
	}
	if !a.touch(s, access{slot: a.slot, size: uint64(n), reg: dst, offset: offset, write: true}) {
		return false
	}
	switch {
	case in.Class() == isa.ClassST:
		a.store(s, dst, offset, n, -1, exactly(uint64(int64(in.Imm))))
	case in.Opcode&isa.ModeMask != isa.ATOMIC:
		a.store(s, dst, offset, n, src, s.abs(src))
	default:
		a.stored(s, dst, offset, uint64(n))
		old := anything.cut(8 * n)
		if in.Imm == isa.AtomicCmpxchg {
			a.number(s, register, old, a.slot)
		} else if in.Imm&isa.Fetch != 0 {
			a.number(s, src, old, a.slot)
		}
	}
	return true
}

// wide executes a 64-bit immediate.
func (a *analysis) wide(s *state, in isa.Instruction, high int32) {
	v := uint64(uint32(in.Imm)) | uint64(uint32(high))<<32
	switch in.Opcode {
	case isa.LDDWD:
		v = base(vm.RegionData) + uint64(int64(in.Imm)) + uint64(uint32(high))<<32
	case isa.LDDWR:
		v = base(vm.RegionRodata) + uint64(int64(in.Imm)) + uint64(uint32(high))<<32
	}
	a.number(s, register+int(in.Dst), exactly(v), a.slot)
}

// call executes the call of a helper, and returns what it is charged at most;
// false: it is certain to fault.
func (a *analysis) call(s *state, number uint8) (most uint64, ok bool) {
	h := a.env.Helper(number)
	if h == nil || h.Opaque {
		if a.note != nil {
			a.note(s, access{slot: a.slot, verdict: Open, wild: true, size: 1, reg: register + 1, arg: 1})
		}
		s.cells = nil
		a.results(s, anything)
		return unbounded, true
	}
	most = h.Cost
	var args [5]num
	for i := range args {
		args[i] = s.abs(register + 1 + i)
	}
	for i, arg := range h.Args {
		t := access{slot: a.slot, reg: register + 1 + i, arg: i + 1}
		switch {
		case arg == vm.ArgString:
			v, longest := a.text(s, t.reg)
			t.verdict, t.text, t.size, t.address = v, true, 1, args[i]
			if a.note != nil {
				a.note(s, t)
			}
			if v == Fatal {
				return most, false
			}
			most += longest / 8
		case arg > vm.ArgValue:
			size := exactly(uint64(arg>>3) & 0x1fff)
			if arg&2 == 0 {
				size = a.lengthOf(h, args, i)
			}
			t.write = arg&1 != 0
			if !a.touchAtMost(s, t, size) {
				return most, false
			}
			if t.write {
				a.stored(s, t.reg, 0, size.umax)
			}
			most += min(size.umax, vm.MaxRegion) / 8
		case h.Writes[i] > 0:
			t.write = true
			least := uint64(0)
			if h.Least != nil && i == 0 {
				least = h.Least(args)
			}
			if !a.touchAtMost(s, t, between(least, uint64(h.Writes[i]))) {
				return most, false
			}
			a.stored(s, t.reg, 0, uint64(h.Writes[i]))
			most += uint64(h.Writes[i]) / 8
		}
	}
	if h.Reads {
		// Printing follows addresses where the format says so.
		extra, ok := a.formatted(s)
		most += extra
		if !ok {
			return most, false
		}
	}
	if h.Follows {
		// The context itself leads to a packet and a response.
		most += (16 + longestResponse) / 8
		if at, known := args[0].known(); !known || at != base(vm.RegionContext) || a.env.Packet == 0 {
			if a.note != nil {
				a.note(s, access{slot: a.slot, verdict: Open, wild: true, size: 16, reg: register + 1, arg: 1, write: true, address: args[0]})
			}
			most += 2 * vm.MaxRegion / 8
			s.cells = nil
		}
	}
	if h.More != nil {
		most += h.More(args)
	}
	r := h.Result
	a.results(s, r)
	return most, true
}

// lengthOf is what the length of argument i may be.
func (a *analysis) lengthOf(h *Helper, args [5]num, i int) num {
	for at := i; at < len(args); at++ {
		if h.Args[at] == vm.ArgValue {
			return args[at]
		}
	}
	return anything
}

// touchAtMost is touch for a number of bytes that may not be known: 0 bytes may
// be anywhere.
func (a *analysis) touchAtMost(s *state, t access, size num) bool {
	if size.umax == 0 {
		return true
	}
	t.address = s.abs(t.reg)
	t.size = size.umax
	most, least := Open, Open
	if size.umax <= vm.MaxRegion {
		most = a.judge(s, t.reg, 0, size.umax, t.write)
	}
	if size.umin > 0 {
		least = a.judge(s, t.reg, 0, min(size.umin, 1<<40), t.write)
	}
	t.verdict = Open
	if most == Safe {
		t.verdict = Safe
	} else if least == Fatal {
		t.verdict, t.size = Fatal, size.umin
	}
	if a.note != nil {
		a.note(s, t)
	}
	if t.verdict == Fatal {
		return false
	}
	return size.umin == 0 || a.survived(s, t.reg, 0, size.umin)
}

// results is what is left of the registers after a helper: r0 is its result.
// That r1 to r5 are as before is nothing to rely on.
func (a *analysis) results(s *state, r num) {
	a.number(s, register, r, a.slot)
	for i := 1; i <= 5; i++ {
		a.number(s, register+i, anything, lost)
	}
}

// formatted judges what printing by the format in r1 reads, and returns what it is
// charged; false: it is certain to fault.
func (a *analysis) formatted(s *state) (most uint64, ok bool) {
	format, constant := a.constantText(s, register+1)
	if !constant {
		if a.note != nil {
			a.note(s, access{slot: a.slot, verdict: Open, wild: true, size: 1, reg: register + 2, arg: 2, text: true, address: s.abs(register + 2)})
		}
		return 4 * vm.MaxRegion / 8, true
	}
	ok = true
	arg := register + 2
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		for i++; i < len(format) && (format[i] >= '0' && format[i] <= '9' || format[i] == 'l'); i++ {
		}
		if i == len(format) || format[i] == '%' || arg > register+5 {
			continue
		}
		if format[i] == 's' {
			v, longest := a.text(s, arg)
			if v != Safe && a.note != nil {
				a.note(s, access{slot: a.slot, verdict: v, size: 1, reg: arg, arg: arg - register, text: true, format: true, address: s.abs(arg)})
			}
			ok = ok && v != Fatal
			most += longest / 8
		}
		switch format[i] {
		case 'c', 's', 'd', 'i', 'u', 'x', 'X':
			arg++
		}
	}
	return most, ok
}

// constantText is the string in .rodata that register i is the address of.
func (a *analysis) constantText(s *state, i int) (string, bool) {
	at, known := s.abs(i).known()
	if at -= base(vm.RegionRodata); !known || at >= uint64(len(a.env.Rodata)) {
		return "", false
	}
	text := a.env.Rodata[at:]
	for n, b := range text {
		if b == 0 {
			return string(text[:n]), true
		}
	}
	return "", false
}

const unbounded = math.MaxUint64 >> 8
