package vmfuzz

import (
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

const (
	maxSlots     = 160
	maxFunctions = 4
)

// A generator writes one well-formed program: functions of statements, among
// them nested loops and conditions, calls, and jumps to any instruction.
type generator struct {
	*choices
	regions   []Region
	code      []isa.Instruction
	starts    []int // slots that start an instruction
	patches   []patch
	functions int
	entries   []int // first slot of each function
	calls     []patch
	depth     int // of nested statements
	wild      int // percentage of accesses at edges of regions and beyond
}

// A patch is a jump or call whose target is not known yet.
type patch struct{ slot, target int }

func (g *generator) program() []byte {
	g.wild = pick(g.choices, 0, 2, 5, 20)
	g.functions = 1 + g.n(maxFunctions)
	for range g.functions {
		g.entries = append(g.entries, len(g.code))
		for range 1 + g.n(14) {
			g.statement()
		}
		g.emit(isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT})
	}
	for _, p := range g.calls {
		g.aim(p.slot, g.entries[p.target])
	}
	for _, p := range g.patches { // anywhere
		g.aim(p.slot, g.starts[p.target%len(g.starts)])
	}
	var text []byte
	for _, in := range g.code {
		text = in.Append(text)
	}
	return text
}

func (g *generator) emit(in isa.Instruction) {
	g.starts = append(g.starts, len(g.code))
	g.code = append(g.code, in)
}

func (g *generator) wide(opcode uint8, dst int, value uint64) {
	g.emit(isa.Instruction{Opcode: opcode, Dst: uint8(dst), Imm: int32(value)})
	g.code = append(g.code, isa.Instruction{Imm: int32(value >> 32)})
}

// aim sets the distance of the jump or call in slot.
func (g *generator) aim(slot, target int) {
	in := &g.code[slot]
	distance := target - slot - 1
	if in.Opcode == isa.ClassJMP32|isa.JA || in.Opcode == isa.ClassJMP|isa.CALL {
		in.Imm = int32(distance)
	} else {
		in.Offset = int16(distance)
	}
}

// register is any that may be written.
func (g *generator) register() int { return g.n(10) }

// source is any register.
func (g *generator) source() uint8 { return uint8(g.n(11)) }

func (g *generator) statement() {
	if len(g.code) > maxSlots {
		return
	}
	switch kind := g.n(32); {
	case kind < 9:
		g.arithmetic()
	case kind < 11:
		g.wide(isa.LDDW, g.register(), g.word())
	case kind < 14:
		g.load()
	case kind < 17:
		g.store()
	case kind < 20:
		g.atomic()
	case kind < 23:
		g.loop()
	case kind < 26:
		g.condition()
	case kind < 28:
		g.call()
	case kind < 30:
		g.helper()
	case kind < 31:
		g.patches = append(g.patches, patch{len(g.code), g.n(65536)})
		g.emit(g.jump())
	default:
		g.frame()
	}
}

var aluCodes = []uint8{
	isa.ADD, isa.SUB, isa.MUL, isa.DIV, isa.OR, isa.AND, isa.LSH, isa.RSH,
	isa.NEG, isa.MOD, isa.XOR, isa.MOV, isa.ARSH, isa.END,
}

func (g *generator) arithmetic() {
	class := pick[uint8](g.choices, isa.ClassALU64, isa.ClassALU)
	in := isa.Instruction{Opcode: class | pick(g.choices, aluCodes...), Dst: uint8(g.register())}
	x := g.in(50)
	switch in.Opcode & 0xf0 {
	case isa.NEG:
	case isa.END:
		in.Imm = pick[int32](g.choices, 16, 32, 64)
		if x && class == isa.ClassALU {
			in.Opcode |= isa.SourceX
		}
	default:
		if x {
			in.Opcode |= isa.SourceX
			in.Src = g.source()
		} else {
			in.Imm = g.immediate()
		}
		in.Offset = g.variant(in.Opcode, x)
	}
	g.emit(in)
}

func (g *generator) variant(opcode uint8, x bool) int16 {
	switch opcode & 0xf0 {
	case isa.DIV, isa.MOD:
		return int16(g.n(2))
	case isa.MOV:
		if x && opcode&isa.ClassMask == isa.ClassALU64 {
			return pick[int16](g.choices, 0, 8, 16, 32)
		}
		if x {
			return pick[int16](g.choices, 0, 8, 16)
		}
	}
	return 0
}

// address makes register base point so that offset added to it is an address
// at which width bytes lie inside a region, or at an edge of one.
func (g *generator) address(base, width int, write bool) (offset int16) {
	r := pick(g.choices, g.regions...)
	for i := 0; i < len(g.regions) && (r.Size < width || write && !r.Writable) && !g.in(g.wild); i++ {
		r = g.regions[i]
	}
	at := 0
	if n := r.Size - width; n > 0 {
		at = pick(g.choices, g.n(n+1), g.n(n+1), 0, n)
	}
	offset = int16(g.n(33) - 16)
	if g.in(10) {
		offset = pick[int16](g.choices, -0x8000, 0x7fff, -1, 1)
	}
	stray := uint64(0)
	if g.in(g.wild) {
		switch g.n(8) {
		case 6: // a region that is not there, or no address at all
			stray = g.word()
		case 7: // in the upper half
			stray = 1 << (32 + g.n(32))
		case 2, 3, 4, 5: // the last byte, the first or all are outside
			at = pick(g.choices, -1, -1, -width, r.Size-width+1, r.Size)
		default: // at an edge
			at = pick(g.choices, 0, r.Size) + g.n(19) - 9
		}
	}
	value := vm.Address(r.Number, 0) + uint64(at) - uint64(offset) + stray
	switch {
	case r.Number == vm.RegionData && g.in(50):
		g.wide(isa.LDDWD, base, value-vm.Address(r.Number, 0))
	case r.Number == vm.RegionRodata && g.in(50):
		g.wide(isa.LDDWR, base, value-vm.Address(r.Number, 0))
	default:
		g.wide(isa.LDDW, base, value)
	}
	return offset
}

var widths = map[uint8]int{isa.B: 1, isa.H: 2, isa.W: 4, isa.DW: 8}

func (g *generator) load() {
	opcode := isa.ClassLDX | pick[uint8](g.choices,
		isa.MEM|isa.B, isa.MEM|isa.H, isa.MEM|isa.W, isa.MEM|isa.DW, isa.MEMSX|isa.B, isa.MEMSX|isa.H, isa.MEMSX|isa.W)
	base := g.register()
	offset := g.address(base, widths[opcode&isa.SizeMask], false)
	g.emit(isa.Instruction{Opcode: opcode, Dst: uint8(g.register()), Src: uint8(base), Offset: offset})
}

func (g *generator) store() {
	size := pick[uint8](g.choices, isa.B, isa.H, isa.W, isa.DW)
	base := g.register()
	in := isa.Instruction{Opcode: isa.MEM | size, Dst: uint8(base)}
	in.Offset = g.address(base, widths[size], true)
	if g.in(50) {
		in.Opcode |= isa.ClassSTX
		in.Src = g.source()
	} else {
		in.Opcode |= isa.ClassST
		in.Imm = g.immediate()
	}
	g.emit(in)
}

func (g *generator) atomic() {
	size := pick[uint8](g.choices, isa.W, isa.DW)
	imm := pick[int32](g.choices, isa.AtomicAdd, isa.AtomicOr, isa.AtomicAnd, isa.AtomicXor,
		isa.AtomicAdd|isa.Fetch, isa.AtomicOr|isa.Fetch, isa.AtomicAnd|isa.Fetch, isa.AtomicXor|isa.Fetch,
		isa.AtomicXchg, isa.AtomicCmpxchg)
	base, src := g.register(), uint8(g.register())
	in := isa.Instruction{Opcode: isa.ClassSTX | isa.ATOMIC | size, Dst: uint8(base), Src: src, Imm: imm}
	in.Offset = g.address(base, widths[size], true)
	if imm == isa.AtomicCmpxchg && base != 0 && g.in(50) { // one that matches
		mode := uint8(isa.MEM)
		if size == isa.W && g.in(50) { // but for the upper half
			mode = isa.MEMSX
		}
		g.emit(isa.Instruction{Opcode: isa.ClassLDX | mode | size, Src: in.Dst, Offset: in.Offset})
		if g.in(10) {
			g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD, Imm: g.immediate()})
		}
	}
	g.emit(in)
}

var conditions = []uint8{
	isa.JEQ, isa.JGT, isa.JGE, isa.JSET, isa.JNE, isa.JSGT, isa.JSGE, isa.JLT, isa.JLE, isa.JSLT, isa.JSLE,
}

// jump is a jump of any kind without its target.
func (g *generator) jump() isa.Instruction {
	switch g.n(8) {
	case 6:
		return isa.Instruction{Opcode: isa.ClassJMP | isa.JA}
	case 7:
		return isa.Instruction{Opcode: isa.ClassJMP32 | isa.JA}
	}
	in := isa.Instruction{Opcode: pick[uint8](g.choices, isa.ClassJMP, isa.ClassJMP32) | pick(g.choices, conditions...)}
	in.Dst = g.source()
	if g.in(50) {
		in.Opcode |= isa.SourceX
		in.Src = g.source()
	} else {
		in.Imm = g.immediate()
	}
	return in
}

func (g *generator) block() {
	if g.depth >= 3 {
		g.arithmetic()
		return
	}
	g.depth++
	for range 1 + g.n(4) {
		g.statement()
	}
	g.depth--
}

// condition jumps forward over some statements.
func (g *generator) condition() {
	at := len(g.code)
	g.emit(g.jump())
	g.block()
	g.aim(at, len(g.code)) // what follows is at least the exit
}

// loop counts a register down. A body that changes the register makes it a
// short or an endless loop.
func (g *generator) loop() {
	counter := uint8(6 + g.n(4))
	g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV, Dst: counter, Imm: int32(1 + g.n(12))})
	start := len(g.code)
	g.block()
	class := pick[uint8](g.choices, isa.ClassJMP, isa.ClassJMP32)
	g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.SUB, Dst: counter, Imm: 1})
	at := len(g.code)
	g.emit(isa.Instruction{Opcode: class | pick[uint8](g.choices, isa.JNE, isa.JSGT), Dst: counter})
	g.aim(at, start)
}

// frame uses the stack through r10, as compilers do, and a little beyond.
func (g *generator) frame() {
	offset := int16(-8 - g.n(max(g.regions[0].Size-8, 0)+1)%64)
	if g.in(g.wild) {
		offset = int16(g.n(17) - 8)
	}
	g.emit(isa.Instruction{Opcode: isa.ClassSTX | isa.MEM | isa.DW, Dst: isa.FramePointer, Src: g.source(), Offset: offset})
	to := uint8(g.register())
	g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, Dst: to, Src: isa.FramePointer})
	g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD, Dst: to, Imm: int32(offset)})
	g.emit(isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | isa.DW, Dst: uint8(g.register()), Src: to})
}

// call calls a later function of the program; sometimes any, which is often
// endless.
func (g *generator) call() {
	own := len(g.entries) - 1
	target := own + 1 + g.n(max(g.functions-own-1, 1))
	if target >= g.functions || g.in(10) {
		if !g.in(20) {
			g.arithmetic()
			return
		}
		target = g.n(g.functions)
	}
	g.calls = append(g.calls, patch{len(g.code), target})
	g.emit(isa.Instruction{Opcode: isa.ClassJMP | isa.CALL, Src: isa.CallLocal})
}

// helper calls one of the helpers with arguments that it may like.
func (g *generator) helper() {
	number := 1 + g.n(helpers)
	for i, kind := range helperPairs[number-1].takes {
		r := i + 1
		switch kind {
		case 'v':
			if g.in(50) {
				g.wide(isa.LDDW, r, g.word())
			}
		case 'n':
			g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV, Dst: uint8(r), Imm: int32(g.n(9))})
			if g.in(g.wild) {
				g.wide(isa.LDDW, r, g.word())
			}
		case 'r', 'w', 's':
			offset := g.address(r, 8, kind == 'w')
			g.emit(isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD, Dst: uint8(r), Imm: int32(offset)})
		}
	}
	g.emit(isa.Instruction{Opcode: isa.ClassJMP | isa.CALL, Imm: int32(number)})
}
