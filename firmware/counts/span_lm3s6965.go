//go:build tinygo && lm3s6965

package main

import (
	"device/arm"
	_ "embed"
	"runtime/volatile"
	"unsafe"

	"github.com/femto-containers/femto/firmware/node"
)

//go:embed deploy-lm3s6965.bin
var deployment []byte

var class = node.ClassLM3S6965

func register(address uintptr) *volatile.Register32 {
	return (*volatile.Register32)(unsafe.Pointer(address))
}

var (
	rcc          = register(0x400fe060)
	sysTickCtrl  = register(0xe000e010)
	sysTickLoad  = register(0xe000e014)
	sysTickValue = register(0xe000e018)
)

// initSpan lets SysTick count ticks of 40 ns, 3.2 for each instruction.
func initSpan() {
	rcc.Set(rcc.Get()&^(0xf<<23) | 7<<23 | 1<<22)
	sysTickLoad.Set(0xffffff)
	sysTickValue.Set(0)
	sysTickCtrl.Set(5)
}

const longSpans = false

func now() uint32 {
	sysTickCtrl.Get() // clears the flag that says that the counter wrapped
	return sysTickValue.Get()
}

// reading is what now and elapsed execute between their two readings.
const reading = 1

// elapsed returns the instructions since begin, up to ten million.
func elapsed(begin uint32) uint32 {
	end := sysTickValue.Get()
	ticks := (begin - end) & 0xffffff
	if sysTickCtrl.Get()&(1<<16) != 0 && end < begin {
		ticks += 1 << 24
	}
	return (ticks*40+64)/128 - reading
}

func exit() {
	arm.SemihostingCall(arm.SemihostingReportException, arm.SemihostingApplicationExit)
}
