package gobpf

import (
	"fmt"
	"go/token"
	"strings"
)

// An op is what a value computes. Values are those of registers: 64 bits wide,
// and exact. An operation that is narrow works on the low 32 bits and leaves
// the upper half zero, as ALU32 does (RFC 9669 §4.1).
type op uint8

const (
	opConst op = iota // imm
	opParam           // parameter number imm of the function
	opPhi             // an argument for each predecessor of the block
	opAdd
	opSub
	opMul
	opAnd
	opOr
	opXor
	opShl
	opShr
	opSar
	opDiv
	opMod
	opSDiv
	opSMod
	opNeg
	opSwap   // reverses the low imm bits, the others become zero
	opZext   // of the low imm bits
	opSext   // of the low imm bits
	opMin    // the smaller one: of unsigned numbers, unless signed
	opMax    // the larger one
	opCmp    // 1 if cond holds between the arguments, otherwise 0
	opLoad   // size bytes at args[0]+imm, sign-extended if signed
	opStore  // args[1], size bytes, to args[0]+imm
	opSlot   // address of a place on the stack, plus imm
	opGlobal // address of a global, plus imm
	opZero   // clears size bytes at args[0]+imm
	opMove   // copies size bytes from args[1] to args[0]
	opHelper // calls helper number imm
	opCall   // calls callee
	opTrapIf // stops with reason imm if cond holds between the arguments
)

var opNames = [...]string{"const", "param", "phi", "add", "sub", "mul", "and", "or", "xor", "shl", "shr", "sar", "div", "mod", "sdiv", "smod",
	"neg", "swap", "zext", "sext", "min", "max", "cmp", "load", "store", "slot", "global", "zero", "move", "helper", "call", "trapif"}

// A cond is a comparison.
type cond uint8

const (
	condEQ cond = iota
	condNE
	condLT
	condGE
	condLE
	condGT
	condULT
	condUGE
	condULE
	condUGT
)

var condNames = [...]string{"==", "!=", "<", ">=", "<=", ">", "u<", "u>=", "u<=", "u>"}

// negated is the opposite, swapped what holds with the arguments exchanged.
var (
	negated = [...]cond{condNE, condEQ, condGE, condLT, condGT, condLE, condUGE, condULT, condUGT, condULE}
	swapped = [...]cond{condEQ, condNE, condGT, condLE, condGE, condLT, condUGT, condULE, condUGE, condULT}
)

func (c cond) holds(a, b int64, narrow bool) bool {
	if narrow {
		if c >= condULT {
			a, b = int64(uint32(a)), int64(uint32(b))
		} else {
			a, b = int64(int32(a)), int64(int32(b))
		}
	}
	switch c {
	case condEQ:
		return a == b
	case condNE:
		return a != b
	case condLT:
		return a < b
	case condGE:
		return a >= b
	case condLE:
		return a <= b
	case condGT:
		return a > b
	case condULT:
		return uint64(a) < uint64(b)
	case condUGE:
		return uint64(a) >= uint64(b)
	case condULE:
		return uint64(a) <= uint64(b)
	}
	return uint64(a) > uint64(b)
}

// A value is computed at one place and never changes.
type value struct {
	op     op
	cond   cond
	narrow bool
	signed bool   // of a load
	must   bool   // a load that Go wants even if nobody uses it: the address may be nil
	length bool   // it is the length or capacity of a slice or string
	bound  *value // of a length: the capacity of the same slice
	lower  *value // of a capacity: the length
	short  uint8  // of a helper: a bit for each argument of which the low 32 bits count
	size   int    // in bytes, of an access
	imm    int64
	args   []*value
	slot   *stackSlot
	global *global
	callee *function
	block  *block
	pos    token.Pos
	body   int // of the function's bodies, the one that it is of
	id     int
}

// A stackSlot is a variable that may lie on the stack.
type stackSlot struct {
	name   string
	size   int
	align  int
	offset int // from r10, below 0; once placed
	pos    token.Pos
	set    bool // on the line that declares it
	parted bool // some of it is in registers
	turns  bool // a loop begins it anew in each turn, at the same place
}

// A block is a run of values that ends in what kind says.
type block struct {
	id     int
	values []*value
	kind   ending
	on     *value // of a branch: succs[0] if it is not 0; of a return: the result, or nil
	reason int    // of a trap
	pos    token.Pos
	preds  []*block
	succs  []*block

	// Of the dominator tree.
	order int
	idom  *block
	depth int
	loop  int // how many loops it is in
}

type ending uint8

const (
	endJump ending = iota
	endBranch
	endReturn
	endTrap
)

// A function is what is compiled on its own: all that it calls and that is
// inlined is part of it.
type function struct {
	name    string
	pos     token.Pos
	blocks  []*block // the first one is the entry
	params  []*value
	slots   []*stackSlot
	results int
	bodies  []body   // what was put in place of calls; the first one is the function's own
	locals  []*local // that the debugger shows
	notes   []note
	entry   bool // r1 is the context, r2 its length, r0 what the hook gets
	values  int
	nblocks int
}

// A body is that of a function that was put in place of a call.
type body struct {
	outer int // in which body
	name  string
	call  token.Pos
}

func (f *function) newBlock() *block {
	b := &block{id: f.nblocks}
	f.nblocks++
	f.blocks = append(f.blocks, b)
	return b
}

func (f *function) newValue(o op, args ...*value) *value {
	f.values++
	v := &value{op: o, args: args, id: f.values}
	for _, a := range args {
		if a != nil {
			v.body = max(v.body, a.body)
		}
	}
	return v
}

func (f *function) constant(n int64) *value {
	v := f.newValue(opConst)
	v.imm = n
	return v
}

// less is how a minimum or maximum compares.
func (v *value) less() cond {
	if v.signed {
		return condLT
	}
	return condULT
}

func (v *value) isConst() bool { return v.op == opConst }

// effects reports whether v must stay even if nobody uses it.
func (v *value) effects() bool {
	switch v.op {
	case opStore, opZero, opMove, opHelper, opCall, opTrapIf:
		return true
	}
	return v.op == opLoad && v.must
}

// yields reports whether v has a result in a register.
func (v *value) yields() bool {
	switch v.op {
	case opStore, opZero, opMove, opTrapIf:
		return false
	}
	return true
}

func link(from, to *block) {
	from.succs = append(from.succs, to)
	to.preds = append(to.preds, from)
}

// String is for tests and for finding mistakes.
func (f *function) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "func %s\n", f.name)
	for _, bl := range f.blocks {
		fmt.Fprintf(&b, "b%d:", bl.id)
		for _, p := range bl.preds {
			fmt.Fprintf(&b, " <b%d", p.id)
		}
		b.WriteByte('\n')
		for _, v := range bl.values {
			fmt.Fprintf(&b, "\t%s\n", v)
		}
		switch bl.kind {
		case endJump:
			fmt.Fprintf(&b, "\tjump b%d\n", bl.succs[0].id)
		case endBranch:
			fmt.Fprintf(&b, "\tif %s b%d else b%d\n", bl.on.ref(), bl.succs[0].id, bl.succs[1].id)
		case endReturn:
			fmt.Fprintf(&b, "\treturn %s\n", bl.on.ref())
		case endTrap:
			fmt.Fprintf(&b, "\ttrap %d\n", bl.reason)
		}
	}
	return b.String()
}

func (v *value) ref() string {
	switch {
	case v == nil:
		return "nothing"
	case v.op == opConst:
		return fmt.Sprint(v.imm)
	}
	return fmt.Sprintf("v%d", v.id)
}

func (v *value) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v%d = %s", v.id, opNames[v.op])
	if v.narrow {
		b.WriteString("32")
	}
	if v.op == opCmp || v.op == opTrapIf {
		fmt.Fprintf(&b, " %s", condNames[v.cond])
	}
	if v.size != 0 {
		fmt.Fprintf(&b, " size %d", v.size)
	}
	if v.slot != nil {
		fmt.Fprintf(&b, " %s", v.slot.name)
	}
	if v.global != nil {
		fmt.Fprintf(&b, " %s", v.global.name)
	}
	if v.callee != nil {
		fmt.Fprintf(&b, " %s", v.callee.name)
	}
	for _, a := range v.args {
		fmt.Fprintf(&b, " %s", a.ref())
	}
	if v.imm != 0 || v.op == opConst {
		fmt.Fprintf(&b, " #%d", v.imm)
	}
	return b.String()
}
