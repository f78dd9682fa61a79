//go:build tinygo

// Package board is what a firmware needs of a microcontroller: console, clock,
// entropy, flash, frames or bytes in and out, sleep, reset. Build tags choose
// the board; every board has the same functions:
//
//	Init()                    once, first
//	Now() int64               microseconds since the start, at least twice a second
//	Sleep(until int64)        until something came in, or that time at the latest
//	Console(text []byte)      text for the developer
//	Entropy(p []byte) bool    fills p with what nobody can guess, or says that it cannot
//	Reset()                   starts over
//	Flash                     a flash.Device
//	SerialGet, SerialPut      the serial line
//	FrameGet, FramePut, MAC   Ethernet, where there is some
package board

import (
	"runtime/volatile"
	"unsafe"
)

func register(address uintptr) *volatile.Register32 {
	return (*volatile.Register32)(unsafe.Pointer(address))
}

// faultMark says that the word behind it is the pc of a fault; start.S writes
// both where a reset does not clear them.
const faultMark = 0xfa017ed0

//go:extern _fault_record
var faultRecord [2]volatile.Register32

// Print prints text on the console.
func Print(text string) { Console(unsafe.Slice(unsafe.StringData(text), len(text))) }

var hex [8]byte

// ReportFault tells on the console where the firmware faulted before this
// start, and whether it did. A Go panic is a fault too.
func ReportFault() bool {
	if faultRecord[0].Get() != faultMark {
		return false
	}
	faultRecord[0].Set(0)
	pc := faultRecord[1].Get()
	for i := range hex {
		hex[i] = "0123456789abcdef"[pc>>(28-4*i)&15]
	}
	Print("restarted after a fault at 0x")
	Console(hex[:])
	Print("\n")
	return true
}

// Halt says why the firmware cannot go on and tries again in a while.
func Halt(what, why string) {
	Print(what)
	Print(why)
	Print("\n")
	for end := Now() + 5_000_000; Now() < end; {
		Sleep(end)
	}
	Reset()
}
