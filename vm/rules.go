package vm

import "github.com/femto-containers/femto/isa"

// A rule says which fields of an instruction must be zero, whether it writes
// its destination register, and what else is to be checked. Rule 0 is that of
// opcodes that do not exist.
const (
	dstWritten = 1 << iota // bit 0: subtracted from the greatest register number
	dstZero
	srcZero
	offZero
	immZero

	kindShift  = 5
	kindPlain  = 0 << kindShift
	kindOffset = 1 << kindShift // the offset chooses a variant
	kindEnd    = 2 << kindShift
	kindWide   = 3 << kindShift
	kindJump   = 4 << kindShift
	kindCall   = 5 << kindShift
	kindAtomic = 6 << kindShift
)

const (
	aluK   = dstWritten | srcZero | offZero
	aluX   = dstWritten | immZero | offZero
	varK   = dstWritten | srcZero | kindOffset
	varX   = dstWritten | immZero | kindOffset
	neg    = dstWritten | srcZero | offZero | immZero
	end    = dstWritten | srcZero | offZero | kindEnd
	wide   = dstWritten | srcZero | offZero | kindWide
	jumpK  = srcZero | kindJump
	jumpX  = immZero | kindJump
	ja     = dstZero | srcZero | immZero | kindJump
	ja32   = dstZero | srcZero | offZero | kindJump
	call   = dstZero | offZero | kindCall
	exit   = dstZero | srcZero | offZero | immZero
	load   = dstWritten | immZero
	store  = immZero
	storeK = srcZero
	atomic = kindAtomic
)

var rules = [256]uint8{
	isa.LDDW: wide, isa.LDDWD: wide, isa.LDDWR: wide,

	0x61: load, 0x69: load, 0x71: load, 0x79: load, // ldxw, ldxh, ldxb, ldxdw
	0x81: load, 0x89: load, 0x91: load, // ldxsw, ldxsh, ldxsb
	0x62: storeK, 0x6a: storeK, 0x72: storeK, 0x7a: storeK,
	0x63: store, 0x6b: store, 0x73: store, 0x7b: store,
	0xc3: atomic, 0xdb: atomic,

	// ALU, immediate and register
	0x04: aluK, 0x14: aluK, 0x24: aluK, 0x34: varK, 0x44: aluK, 0x54: aluK, 0x64: aluK,
	0x74: aluK, 0x84: neg, 0x94: varK, 0xa4: aluK, 0xb4: aluK, 0xc4: aluK, 0xd4: end,
	0x0c: aluX, 0x1c: aluX, 0x2c: aluX, 0x3c: varX, 0x4c: aluX, 0x5c: aluX, 0x6c: aluX,
	0x7c: aluX, 0x9c: varX, 0xac: aluX, 0xbc: varX, 0xcc: aluX, 0xdc: end,

	// ALU64, immediate and register
	0x07: aluK, 0x17: aluK, 0x27: aluK, 0x37: varK, 0x47: aluK, 0x57: aluK, 0x67: aluK,
	0x77: aluK, 0x87: neg, 0x97: varK, 0xa7: aluK, 0xb7: aluK, 0xc7: aluK, 0xd7: end,
	0x0f: aluX, 0x1f: aluX, 0x2f: aluX, 0x3f: varX, 0x4f: aluX, 0x5f: aluX, 0x6f: aluX,
	0x7f: aluX, 0x9f: varX, 0xaf: aluX, 0xbf: varX, 0xcf: aluX,

	// JMP
	0x05: ja, 0x85: call, 0x95: exit,
	0x15: jumpK, 0x25: jumpK, 0x35: jumpK, 0x45: jumpK, 0x55: jumpK, 0x65: jumpK,
	0x75: jumpK, 0xa5: jumpK, 0xb5: jumpK, 0xc5: jumpK, 0xd5: jumpK,
	0x1d: jumpX, 0x2d: jumpX, 0x3d: jumpX, 0x4d: jumpX, 0x5d: jumpX, 0x6d: jumpX,
	0x7d: jumpX, 0xad: jumpX, 0xbd: jumpX, 0xcd: jumpX, 0xdd: jumpX,

	// JMP32
	0x06: ja32,
	0x16: jumpK, 0x26: jumpK, 0x36: jumpK, 0x46: jumpK, 0x56: jumpK, 0x66: jumpK,
	0x76: jumpK, 0xa6: jumpK, 0xb6: jumpK, 0xc6: jumpK, 0xd6: jumpK,
	0x1e: jumpX, 0x2e: jumpX, 0x3e: jumpX, 0x4e: jumpX, 0x5e: jumpX, 0x6e: jumpX,
	0x7e: jumpX, 0xae: jumpX, 0xbe: jumpX, 0xce: jumpX, 0xde: jumpX,
}
