package vm

// A Fault says why a program was refused or stopped. The values down to -9 are
// those of the original engine; they travel on the wire.
type Fault int8

const (
	OK               Fault = 0
	FaultInstruction Fault = -1  // unknown opcode
	FaultMemory      Fault = -2  // access outside the regions, or a write to a read-only one
	FaultJump        Fault = -3  // jump or local call to what is no instruction
	FaultCall        Fault = -4  // unknown helper or kind of call
	FaultLength      Fault = -5  // text empty, too long or no multiple of eight bytes
	FaultRegister    Fault = -6  // no such register, or r10 written
	FaultNoReturn    Fault = -7  // execution could run off the end
	FaultBudget      Fault = -8  // budget spent
	FaultDivision    Fault = -9  // the original's; a division by zero is no fault here
	FaultField       Fault = -10 // an unused field is not zero, or a field has an undefined value
	FaultWide        Fault = -11 // second half of a wide instruction missing or malformed
	FaultCallx       Fault = -12 // call through a register
	FaultPacket      Fault = -13 // legacy packet access
	FaultPseudo      Fault = -14 // lddw of a map, variable or code address
	FaultNotGranted  Fault = -15 // helper not granted
	FaultDepth       Fault = -16 // local calls nested too deep
	FaultArgument    Fault = -17 // a helper refused its arguments
)

var faultTexts = [...]string{
	"ok",
	"illegal instruction",
	"illegal memory access",
	"illegal jump",
	"illegal call",
	"illegal text length",
	"illegal register",
	"no return at the end",
	"out of budget",
	"illegal division",
	"unused field not zero",
	"malformed wide instruction",
	"call through a register",
	"packet access",
	"lddw of a map, variable or code address",
	"helper not granted",
	"local calls too deep",
	"helper refused its arguments",
}

// Error returns the fault's name.
func (f Fault) Error() string {
	if i := -int(f); i >= 0 && i < len(faultTexts) {
		return faultTexts[i]
	}
	return "unknown fault"
}

// A CheckError is the outcome of a load-time check; its Fault is OK for a text
// that may run.
type CheckError struct {
	Fault Fault
	PC    int // slot of the first offending instruction
}

// Error returns the fault's name.
func (e CheckError) Error() string { return e.Fault.Error() }
