package gobpf

import (
	"go/token"

	"github.com/femto-containers/femto/isa"
)

// Registers of machine instructions: those of the machine up to r10, then
// virtual ones.
const (
	frame10      = isa.FramePointer
	firstVirtual = 16
	none         = -1
)

// An inst is a machine instruction whose registers may be virtual.
type inst struct {
	opcode   uint8
	dst, src int // none if there is none
	offset   int
	imm      int64
	readsDst bool
	writes   bool // dst
	copies   bool // src to dst, all of it
	skip     bool // a jump over the next instruction
	target   *mblock
	trap     int        // a jump to the trap with this reason; 0: none
	global   *global    // whose address it takes
	slot     *stackSlot // whose offset is added to offset or imm
	callee   *function
	args     int // of a call: r1 and on
	call     bool
	holds    *[]holding // locals in registers before it
	body     int        // see function.bodies
	pos      token.Pos
}

type mblock struct {
	insts []inst
	loop  int
	kind  ending
	jump  inst // of a branch: to yes
	yes   *mblock
	no    *mblock // or where a jump goes
	preds []*mblock
	at    int // slot
	live  []uint64
	id    int
}

// code is a function in machine instructions.
type code struct {
	f        *function
	blocks   []*mblock
	virtuals int // the next register
	color    []int
	traps    []trapStub
	at       int // slot of the entry
	end      int
	frame    int
	named    map[int][]*local // by virtual register
}

type trapStub struct {
	reason int
	line   int
	file   string
	pos    token.Pos
	at     int
	jumps  []int // slots
	holds  *[]holding
	body   int
}

var sizes = map[int]uint8{1: isa.B, 2: isa.H, 4: isa.W, 8: isa.DW}

var aluOps = map[op]uint8{opAdd: isa.ADD, opSub: isa.SUB, opMul: isa.MUL, opAnd: isa.AND, opOr: isa.OR, opXor: isa.XOR,
	opShl: isa.LSH, opShr: isa.RSH, opSar: isa.ARSH, opDiv: isa.DIV, opMod: isa.MOD, opSDiv: isa.DIV, opSMod: isa.MOD}

var jumpOps = [...]uint8{condEQ: isa.JEQ, condNE: isa.JNE, condLT: isa.JSLT, condGE: isa.JSGE, condLE: isa.JSLE, condGT: isa.JSGT,
	condULT: isa.JLT, condUGE: isa.JGE, condULE: isa.JLE, condUGT: isa.JGT}

// A selector turns values into instructions.
type selector struct {
	c    *code
	b    *mblock
	regs map[*value]int
	uses map[*value]int
	of   map[*block]*mblock
	kept map[*value]bool // addresses on the stack that a loop needs in a register
	pos  token.Pos
	body int
}

func fits(n int64) bool { return n == int64(int32(n)) }

func (s *selector) put(in inst) {
	in.pos, in.body = s.pos, s.body
	s.b.insts = append(s.b.insts, in)
}

func (s *selector) fresh() int {
	s.c.virtuals++
	return s.c.virtuals - 1
}

func (s *selector) copy(dst, src int) {
	s.put(inst{opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, dst: dst, src: src, writes: true, copies: true})
}

// into computes v, which may be an address or a constant, into register dst.
func (s *selector) into(dst int, v *value) {
	switch {
	case v.op == opConst:
		s.constant(dst, v.imm)
	case v.op == opSlot && (!s.kept[v] || s.regs[v] == dst && dst != 0):
		s.put(inst{opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, dst: dst, src: frame10, writes: true})
		s.put(inst{opcode: isa.ClassALU64 | isa.ADD, dst: dst, src: none, imm: v.imm, slot: v.slot, readsDst: true, writes: true})
	default:
		s.copy(dst, s.reg(v))
	}
}

func (s *selector) constant(dst int, n int64) {
	switch {
	case fits(n):
		s.put(inst{opcode: isa.ClassALU64 | isa.MOV, dst: dst, src: none, imm: n, writes: true})
	case n == int64(uint32(n)):
		s.put(inst{opcode: isa.ClassALU | isa.MOV, dst: dst, src: none, imm: int64(int32(n)), writes: true})
	default:
		s.put(inst{opcode: isa.LDDW, dst: dst, src: none, imm: n, writes: true})
	}
}

// reg is the register that holds v.
func (s *selector) reg(v *value) int {
	if v.op == opConst || v.op == opSlot && !s.kept[v] {
		r := s.fresh()
		s.into(r, v)
		return r
	}
	r, ok := s.regs[v]
	if !ok {
		r = s.fresh()
		s.regs[v] = r
	}
	return r
}

// base is a register and an offset for an access at v+offset.
func (s *selector) base(v *value, offset int64) (int, int, *stackSlot) {
	if v.op == opSlot {
		return frame10, int(offset + v.imm), v.slot
	}
	if offset != int64(int16(offset)) {
		r := s.fresh()
		s.into(r, v)
		s.put(inst{opcode: isa.ClassALU64 | isa.ADD, dst: r, src: none, imm: offset, readsDst: true, writes: true})
		return r, 0, nil
	}
	return s.reg(v), int(offset), nil
}

// compare is a conditional jump without where to.
func (s *selector) compare(c cond, a, b *value, narrow bool) inst {
	if a.isConst() && !b.isConst() {
		a, b, c = b, a, swapped[c]
	}
	class := uint8(isa.ClassJMP)
	if narrow {
		class = isa.ClassJMP32
	}
	in := inst{opcode: class | jumpOps[c], dst: s.reg(a), src: none, readsDst: true}
	n := b.imm
	if narrow {
		n = int64(int32(n))
	}
	if b.isConst() && fits(n) {
		in.imm = n
		return in
	}
	in.opcode |= isa.SourceX
	in.src = s.reg(b)
	return in
}

// fused reports whether v is computed where it is used.
func (s *selector) fused(v *value) bool {
	if v.op == opConst || v.op == opSlot {
		return !s.kept[v]
	}
	return v.op == opCmp && s.uses[v] == 0
}

func (f *function) selectCode() *code {
	c := &code{f: f, virtuals: firstVirtual}
	s := &selector{c: c, regs: map[*value]int{}, uses: map[*value]int{}, of: map[*block]*mblock{}, kept: map[*value]bool{}}
	for i, b := range f.blocks {
		m := &mblock{loop: b.loop, kind: b.kind, id: i}
		c.blocks = append(c.blocks, m)
		s.of[b] = m
		for _, v := range b.values {
			for _, a := range v.args {
				s.uses[a]++
			}
		}
		// A branch takes its comparison along.
		if b.on != nil && (b.kind != endBranch || b.on.op != opCmp) {
			s.uses[b.on]++
		}
	}
	for _, b := range f.blocks {
		uses := b.values
		if b.on != nil && b.on.op == opCmp {
			uses = append(uses[:len(uses):len(uses)], b.on)
		}
		for _, v := range uses {
			for i, a := range v.args {
				if a.op == opSlot && a.block != nil && b.loop > a.block.loop && v.op != opPhi && !((v.op == opLoad || v.op == opStore) && i == 0) {
					s.kept[a] = true
				}
			}
		}
	}
	for _, b := range f.blocks {
		s.b = s.of[b]
		if b == f.blocks[0] {
			s.pos = f.pos
			for i, p := range f.params {
				if s.uses[p] > 0 || p.op == opParam {
					s.copy(s.reg(p), 1+i)
				}
			}
		}
		for _, v := range b.values {
			s.pos, s.body = v.pos, v.body
			if v.op != opPhi && !s.fused(v) {
				s.value(v)
			}
		}
		s.pos = b.pos
		s.ending(b)
	}
	// Phis: a register that is set at each end of a predecessor and read at the
	// beginning, so that the order of several does not matter.
	for _, b := range f.blocks {
		var head []inst
		for _, v := range b.values {
			if v.op != opPhi {
				continue
			}
			between := s.fresh()
			head = append(head, inst{opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, dst: s.reg(v), src: between, writes: true, copies: true, pos: v.pos, body: v.body})
			for i, a := range v.args {
				s.b, s.pos, s.body = s.of[b.preds[i]], b.preds[i].pos, v.body
				s.into(between, a)
			}
		}
		m := s.of[b]
		m.insts = append(head, m.insts...)
	}
	for _, b := range f.blocks {
		m := s.of[b]
		for _, p := range b.preds {
			m.preds = append(m.preds, s.of[p])
		}
	}
	c.name(s.regs)
	return c
}

func (s *selector) ending(b *block) {
	m := s.b
	switch b.kind {
	case endJump:
		m.no = s.of[b.succs[0]]
	case endBranch:
		if b.on.op == opCmp {
			m.jump = s.compare(b.on.cond, b.on.args[0], b.on.args[1], b.on.narrow)
		} else {
			m.jump = inst{opcode: isa.ClassJMP | isa.JNE, dst: s.reg(b.on), src: none, readsDst: true}
		}
		m.jump.pos, m.jump.body = b.pos, b.on.body
		m.yes, m.no = s.of[b.succs[0]], s.of[b.succs[1]]
	case endReturn:
		if b.on != nil {
			s.into(0, b.on)
		}
	case endTrap:
		m.jump = inst{opcode: isa.ClassJMP | isa.JA, dst: none, src: none, trap: b.reason, pos: b.pos}
	}
}

func (s *selector) value(v *value) {
	switch v.op {
	case opParam:
	case opSlot:
		r := s.fresh()
		s.regs[v] = r
		s.into(r, v)
	case opGlobal:
		s.put(inst{opcode: isa.LDDWD, dst: s.reg(v), src: none, imm: v.imm, global: v.global, writes: true})
	case opAdd, opSub, opMul, opAnd, opOr, opXor, opShl, opShr, opSar, opDiv, opMod, opSDiv, opSMod:
		s.arithmetic(v)
	case opMin, opMax:
		// The first one, unless the comparison with the second says otherwise.
		d, a, b := s.reg(v), v.args[0], v.args[1]
		if a.isConst() {
			a, b = b, a
		}
		c := v.less()
		if v.op == opMax {
			c = swapped[c]
		}
		kept := s.reg(a)
		s.copy(d, kept)
		jump := s.compare(c, a, b, false)
		jump.dst, jump.skip = d, true
		s.put(jump)
		if b.isConst() && fits(b.imm) {
			s.put(inst{opcode: isa.ClassALU64 | isa.MOV, dst: d, src: none, imm: b.imm, readsDst: true, writes: true})
			return
		}
		s.put(inst{opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, dst: d, src: jump.src, readsDst: true, writes: true})
	case opNeg:
		d := s.reg(v)
		s.into(d, v.args[0])
		s.put(inst{opcode: class(v.narrow) | isa.NEG, dst: d, src: none, readsDst: true, writes: true})
	case opSwap:
		d := s.reg(v)
		s.into(d, v.args[0])
		s.put(inst{opcode: isa.ClassALU64 | isa.END, dst: d, src: none, imm: v.imm, readsDst: true, writes: true})
	case opZext:
		d := s.reg(v)
		if v.imm == 32 {
			s.put(inst{opcode: isa.ClassALU | isa.MOV | isa.SourceX, dst: d, src: s.reg(v.args[0]), writes: true})
			return
		}
		s.into(d, v.args[0])
		s.put(inst{opcode: isa.ClassALU64 | isa.AND, dst: d, src: none, imm: 1<<v.imm - 1, readsDst: true, writes: true})
	case opSext:
		s.put(inst{opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, dst: s.reg(v), src: s.reg(v.args[0]), offset: int(v.imm), writes: true})
	case opCmp:
		d := s.reg(v)
		jump := s.compare(v.cond, v.args[0], v.args[1], v.narrow)
		s.put(inst{opcode: isa.ClassALU64 | isa.MOV, dst: d, src: none, imm: 1, writes: true})
		jump.skip = true
		s.put(jump)
		s.put(inst{opcode: isa.ClassALU64 | isa.MOV, dst: d, src: none, readsDst: true, writes: true})
	case opLoad:
		base, offset, slot := s.base(v.args[0], v.imm)
		mode := uint8(isa.MEM)
		if v.signed && v.size < 8 {
			mode = isa.MEMSX
		}
		s.put(inst{opcode: isa.ClassLDX | mode | sizes[v.size], dst: s.reg(v), src: base, offset: offset, slot: slot, writes: true})
	case opStore:
		base, offset, slot := s.base(v.args[0], v.imm)
		if a := v.args[1]; a.isConst() && fits(narrowed(a.imm, v.size)) {
			s.put(inst{opcode: isa.ClassST | isa.MEM | sizes[v.size], dst: base, src: none, offset: offset, slot: slot, imm: narrowed(a.imm, v.size), readsDst: true})
			return
		}
		s.put(inst{opcode: isa.ClassSTX | isa.MEM | sizes[v.size], dst: base, src: s.reg(v.args[1]), offset: offset, slot: slot, readsDst: true})
	case opHelper, opCall:
		for i, a := range v.args {
			s.into(1+i, a)
		}
		in := inst{opcode: isa.ClassJMP | isa.CALL, dst: none, src: none, imm: v.imm, callee: v.callee, args: len(v.args), call: true}
		s.put(in)
		if s.uses[v] > 0 {
			s.copy(s.reg(v), 0)
		}
	case opTrapIf:
		jump := s.compare(v.cond, v.args[0], v.args[1], v.narrow)
		jump.trap = int(v.imm)
		s.put(jump)
	default:
		panic("select " + v.String())
	}
}

// narrowed is n as a store of size bytes sees it.
func narrowed(n int64, size int) int64 {
	switch size {
	case 1:
		return int64(int8(n))
	case 2:
		return int64(int16(n))
	case 4:
		return int64(int32(n))
	}
	return n
}

func class(narrow bool) uint8 {
	if narrow {
		return isa.ClassALU
	}
	return isa.ClassALU64
}

func commutes(o op) bool {
	return o == opAdd || o == opMul || o == opAnd || o == opOr || o == opXor
}

func (s *selector) arithmetic(v *value) {
	a, b := v.args[0], v.args[1]
	if commutes(v.op) && (a.isConst() || !b.isConst() && (b.op == opPhi && a.op != opPhi || b.op != opPhi && a.op != opPhi && s.uses[a] > 1 && s.uses[b] == 1)) {
		a, b = b, a
	}
	o := v.op
	d := s.reg(v)
	in := inst{opcode: class(v.narrow) | aluOps[o], dst: d, src: none, readsDst: true, writes: true}
	if o == opSDiv || o == opSMod {
		in.offset = 1
	}
	n := b.imm
	if v.narrow {
		n = int64(int32(n))
	}
	if b.isConst() && o == opSub && fits(-n) {
		in.opcode, n = class(v.narrow)|isa.ADD, -n
	}
	if b.isConst() && fits(n) {
		s.into(d, a)
		in.imm = n
		s.put(in)
		return
	}
	in.opcode |= isa.SourceX
	in.src = s.reg(b)
	s.into(d, a)
	s.put(in)
}
