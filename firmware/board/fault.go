//go:build tinygo && qemu

package board

import (
	"runtime/volatile"
	"unsafe"
)

func register(address uintptr) *volatile.Register32 {
	return (*volatile.Register32)(unsafe.Pointer(address))
}

// faultMark says that the word behind it is the pc of a fault, or stackUsedUp;
// start.S writes both where a reset does not clear them.
const (
	faultMark   = 0xfa017ed0
	stackUsedUp = 1
)

//go:extern _fault_record
var faultRecord [2]volatile.Register32

// startMark says that the word behind it counts starts since power came.
const startMark = 0x57a27ed0

//go:extern _start_record
var startRecord [2]volatile.Register32

// Causes of a start, as the hook boot tells them.
const (
	causePower = 0
	causeReset = 1
	causeFault = 3
)

// Started is ReportFault and returns why the firmware was started, and how often
// it was since power came. A reset by the watchdog counts as any other.
func Started() (cause, starts uint32) {
	if ReportFault() {
		cause = causeFault
	} else if startRecord[0].Get() == startMark {
		cause = causeReset
	}
	if cause != causePower {
		starts = startRecord[1].Get()
	}
	starts++
	startRecord[0].Set(startMark)
	startRecord[1].Set(starts)
	return cause, starts
}

var hex [8]byte

// ReportFault tells on the console where the firmware faulted before this
// start, and whether it did. A Go panic is a fault too.
func ReportFault() bool {
	if faultRecord[0].Get() != faultMark {
		return false
	}
	faultRecord[0].Set(0)
	pc := faultRecord[1].Get()
	if pc == stackUsedUp {
		Print("restarted after the stack was used up\n")
		return true
	}
	for i := range hex {
		hex[i] = "0123456789abcdef"[pc>>(28-4*i)&15]
	}
	Print("restarted after a fault at 0x")
	Console(hex[:])
	Print("\n")
	return true
}
