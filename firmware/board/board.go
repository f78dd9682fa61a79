//go:build tinygo

// Package board is what a firmware needs of a microcontroller: console, clock,
// entropy, flash, frames or bytes in and out, sleep, reset. Build tags choose
// the board; every board has the same functions:
//
//	Init()                    once, first
//	Now() int64               microseconds since the start, at least twice a second
//	Sleep(until int64)        until something came in, or that time at the latest;
//	                          a watchdog, if there is one, wants it every few seconds
//	Console(text []byte)      text for the developer
//	Entropy(p []byte) bool    fills p with what nobody can guess, or says that it cannot
//	Reset()                   starts over
//	ReportFault() bool        tells why it was started again, if that was a fault
//	Started() (cause, starts uint32)
//	                          once: ReportFault, and what the hook boot tells
//	Flash                     a flash.Device
//	SerialGet, SerialPut      the serial line
//	FrameGet, FramePut, MAC   Ethernet, where there is some
package board

import "unsafe"

// Print prints text on the console.
func Print(text string) { Console(unsafe.Slice(unsafe.StringData(text), len(text))) }

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
