//go:build tinygo && virt

package board

import (
	"device/riscv"
	"runtime/volatile"
	"unsafe"
)

// QEMU's "virt" machine with one RV32IMAC core. Its one serial port carries
// the link, so the console goes through semihosting.

var (
	machineTime    = (*[2]volatile.Register32)(unsafe.Pointer(uintptr(0x0200bff8)))
	machineCompare = (*[2]volatile.Register32)(unsafe.Pointer(uintptr(0x02004000)))

	uart = (*[8]volatile.Register8)(unsafe.Pointer(uintptr(0x10000000)))

	plicPriority  = register(0x0c000000 + 4*irqUART)
	plicEnable    = register(0x0c002000)
	plicThreshold = register(0x0c200000)
	plicClaim     = register(0x0c200004)

	testFinisher = register(0x00100000)
)

const (
	irqUART    = 10
	uartEnable = 1 // interrupt enable register
	uartFIFO   = 2
	uartFormat = 3
	uartStatus = 5

	uartReady = 1 << 0
	uartSpace = 1 << 5

	ticksPerMicrosecond = 10
	longestSleep        = 500_000 // µs
)

//go:extern fault_handler
var faultHandler [0]byte

// Init starts the serial line and masks all interrupts for good: a pending one
// still ends Sleep.
func Init() {
	riscv.MSTATUS.ClearBits(riscv.MSTATUS_MIE)
	riscv.MTVEC.Set(uintptr(unsafe.Pointer(&faultHandler)))
	protect()
	riscv.MIE.Set(riscv.MIE_MTIE | riscv.MIE_MEIE)
	uart[uartFormat].Set(3) // 8 bits
	uart[uartFIFO].Set(1)
	uart[uartEnable].Set(1) // received
	plicPriority.Set(1)
	plicEnable.Set(1 << irqUART)
	plicThreshold.Set(0)
	Flash.open()
}

// protect makes the first 256 KB of memory, the program, read-only until the
// next reset. The stack ends there.
func protect() {
	const (
		locked, powerOfTwo, execute, read = 1 << 7, 3 << 3, 1 << 2, 1 << 0
		begin, size                       = 0x80000000, 256 << 10
	)
	riscv.AsmFull("csrw pmpaddr0, {at}", map[string]interface{}{"at": uintptr(begin>>2 | (size>>3 - 1))})
	riscv.PMPCFG0.Set(locked | powerOfTwo | execute | read)
}

// Reset starts over.
func Reset() {
	testFinisher.Set(0x7777)
	for {
	}
}

// Now returns microseconds since the machine was switched on.
func Now() int64 {
	for {
		high := machineTime[1].Get()
		low := machineTime[0].Get()
		if machineTime[1].Get() == high {
			return int64(uint64(high)<<32|uint64(low)) / ticksPerMicrosecond
		}
	}
}

// Sleep waits until something came in, or the clock says until, or half a
// second is over.
func Sleep(until int64) {
	now := Now()
	if until <= now {
		return
	}
	at := uint64(min(until, now+longestSleep)) * ticksPerMicrosecond
	machineCompare[1].Set(0xffffffff)
	machineCompare[0].Set(uint32(at))
	machineCompare[1].Set(uint32(at >> 32))
	if uart[uartStatus].Get()&uartReady == 0 {
		riscv.Asm("wfi")
	}
	if irq := plicClaim.Get(); irq != 0 {
		plicClaim.Set(irq)
	}
}

// SerialGet returns a byte from the serial port, if there is one.
func SerialGet() (b byte, ok bool) {
	if uart[uartStatus].Get()&uartReady == 0 {
		return 0, false
	}
	return uart[0].Get(), true
}

// SerialPut sends a byte over the serial port.
func SerialPut(b byte) {
	for uart[uartStatus].Get()&uartSpace == 0 {
	}
	uart[0].Set(b)
}

// consoleLine is what the emulator reads as a NUL-terminated string.
var consoleLine [64]byte

// Console prints through the emulator.
func Console(text []byte) {
	for len(text) > 0 {
		n := copy(consoleLine[:len(consoleLine)-1], text)
		consoleLine[n] = 0
		text = text[n:]
		semihost(semiText, unsafe.Pointer(&consoleLine))
	}
}
