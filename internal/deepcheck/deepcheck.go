// Package deepcheck follows all paths through a container at once, before it
// runs, and says what it found: which accesses to memory are safe, which are
// left to the device's check at run time, which are certain to fault, how many
// instructions an activation takes at most, and how much of the stack.
//
// It is an abstract interpretation: for each instruction, in each chain of local
// calls, it knows a set of numbers (a range, unsigned and signed, and the bits
// that are known) for each register, for each difference between two registers,
// and for what was stored on the stack. What it claims holds for every context
// and every result of a helper; what it cannot claim it leaves open. No device
// relies on it.
package deepcheck

import (
	"math"

	"github.com/femto-containers/femto/vm"
)

// A Region is what is known of one of a container's regions.
type Region struct {
	Min, Max uint32 // bytes; 0, 0: not mapped
	Write    Answer // whether the container may write to it
}

// An Answer is yes, no or that it is not known.
type Answer uint8

// The answers.
const (
	Maybe Answer = iota
	Yes
	No
)

// A Helper is what is known of a helper.
type Helper struct {
	Name   string
	Args   [5]vm.Arg
	Writes [5]int                   // bytes that it may write at an ArgValue
	Least  func(args [5]num) uint64 // bytes that it always writes at its first argument; nil: none
	Reads  bool                     // it may read at further addresses
	Cost   uint64                   // charged by each call
	More   func(args [5]num) uint64 // charged beyond, at most; nil: nothing
	Result num
	// Follows: its first argument is the context of the hook coap, and it works
	// on what that points to.
	Follows bool
	Opaque  bool // nothing is known: it may write anywhere and charge anything
}

// An Env is what a container is analysed for.
type Env struct {
	Text   []byte // accepted by vm.Check
	Need   vm.Need
	Rodata []byte
	// Region has what is mapped. The length of the context is unknown but for
	// its bounds; register 1 is its address and register 2 its length.
	Region [vm.Regions]Region
	// Packet is the length of a writable region at the address that the first 8
	// bytes of the context hold; 0: they hold a number.
	Packet  int
	Helper  func(number uint8) *Helper // nil: there is none
	Initial *[10]uint64                // of registers, for tests; 0: as at an entry
}

// Limits of the work that is done for one container.
const (
	maxPoints = 4096
	maxSteps  = 120_000
)

// A Verdict is what is known of an access.
type Verdict uint8

// The verdicts. An access in code that never runs is Safe.
const (
	Safe  Verdict = iota
	Open          // left to run time
	Fatal         // certain to fault, if it is reached
)

var verdictNames = [...]string{"safe", "run time", "fault"}

func (v Verdict) String() string { return verdictNames[v] }

// An access is one that an instruction may make, in one chain of calls.
type access struct {
	slot    int
	write   bool
	size    uint64
	address num // relative to what base says
	verdict Verdict
	text    bool // a string: its end is not known
	format  bool // for a %s of another string
	wild    bool // there are more, for other addresses
	arg     int  // of a helper, 1 to 5; 0: the instruction's own
	reg     int  // variable whose value, with offset, is the address
	offset  int64
}

func base(region int) uint64 { return vm.Address(region, 0) }

const farthest = math.MaxInt32
