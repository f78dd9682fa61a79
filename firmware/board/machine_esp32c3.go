//go:build tinygo && !qemu && esp32c3

package board

import (
	"runtime/volatile"
	"unsafe"
)

// Reset starts over: the bit of RTC_CNTL_OPTIONS0_REG that resets the system.
func Reset() {
	(*volatile.Register32)(unsafe.Pointer(uintptr(0x60008000))).SetBits(1 << 31)
	for {
	}
}

// TinyGo switches this chip's watchdogs off and has no way to set one.

func startWatchdog() {}
func feedWatchdog()  {}
