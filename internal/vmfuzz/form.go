package vmfuzz

import "github.com/femto-containers/femto/isa"

// A Form is an opcode with its variant: what selects the operation.
type Form struct {
	Opcode  uint8
	Variant int32
}

// Forms is how many there are (RFC 9669 §4 and §5 in our conformance groups,
// lddwd and lddwr): ALU and ALU64 25 each and their variants 4 + 2 and 4 + 3,
// byte order 9, jumps 22 + 22 + 2, calls and exit 3, loads 7, stores 8, atomic
// operations 20, wide 3.
const Forms = 25 + 25 + 6 + 7 + 9 + 46 + 3 + 7 + 8 + 20 + 3

// FormOf returns the form of an instruction that the check accepts.
func FormOf(in isa.Instruction) Form {
	f := Form{Opcode: in.Opcode}
	switch in.Class() {
	case isa.ClassALU, isa.ClassALU64:
		f.Variant = int32(in.Offset)
		if in.Opcode&0xf0 == isa.END {
			f.Variant = in.Imm
		}
	case isa.ClassSTX:
		f.Variant = in.Imm
	case isa.ClassJMP:
		if in.Opcode&0xf0 == isa.CALL {
			f.Variant = int32(in.Src)
		}
	}
	return f
}
