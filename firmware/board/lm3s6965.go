//go:build tinygo && lm3s6965

package board

import (
	"device/arm"
	"encoding/binary"
	"runtime/volatile"
	"unsafe"
)

// The LM3S6965 as QEMU emulates it: 12.5 MHz, as after reset.

var (
	clockGate0 = register(0x400fe100)
	clockGate1 = register(0x400fe104)
	clockGate2 = register(0x400fe108)

	sysTickControl = register(0xe000e010)
	sysTickReload  = register(0xe000e014)
	sysTickValue   = register(0xe000e018)
	nvicEnable     = (*[2]volatile.Register32)(unsafe.Pointer(uintptr(0xe000e100)))
	nvicClear      = (*[2]volatile.Register32)(unsafe.Pointer(uintptr(0xe000e280)))
	resetControl   = register(0xe000ed0c)
	mpuControl     = register(0xe000ed94)
	mpuBase        = register(0xe000ed9c)
	mpuAttributes  = register(0xe000eda0)

	uart0 = (*uart)(unsafe.Pointer(uintptr(0x4000c000)))
	uart1 = (*uart)(unsafe.Pointer(uintptr(0x4000d000)))
	timer = (*generalTimer)(unsafe.Pointer(uintptr(0x40030000)))
	dog   = (*watchdog)(unsafe.Pointer(uintptr(0x40000000)))
	mac   = (*ethernetMAC)(unsafe.Pointer(uintptr(0x40048000)))
)

const (
	irqUART1  = 6
	irqTimer0 = 19
	irqMAC    = 42
)

// The stack lies at the beginning of RAM. There is nothing below it, but the
// emulator lets one write there, so the memory protection unit guards it.
const (
	stackEnd  = 0x20000000
	guardBits = 12
	guardSize = 1 << guardBits
)

// Init starts clock, serial line and Ethernet, and masks all interrupts for
// good: a pending one still ends Sleep.
func Init() {
	arm.Asm("cpsid i")
	mpuBase.Set(stackEnd - guardSize | 1<<4)
	mpuAttributes.Set(1<<28 | (guardBits-1)<<1 | 1) // no access
	mpuControl.Set(1<<2 | 1)                        // all else as without it
	clockGate1.SetBits(1<<16 | 1<<1 | 1<<0)
	clockGate2.SetBits(1<<28 | 1<<30 | 1<<0)
	sysTickReload.Set(sysTickMask)
	sysTickValue.Set(0)
	sysTickControl.Set(5)

	uart1.lineControl.Set(0x70) // 8 bits, FIFO
	uart1.control.Set(0x301)
	uart1.mask.Set(uartReceived)

	mac.receive.Set(macResetFIFO)
	mac.receive.Set(macOn | macMulticast | macRejectBad)
	mac.transmit.Set(macOn | macPad | macCRC | macDuplex)
	mac.mask.Set(macReceived)

	clockGate0.SetBits(1 << 3)
	dog.load.Set(watchdogTicks)
	dog.control.Set(watchdogInterrupt | watchdogReset)

	timer.mask.Set(1)
	nvicEnable[0].Set(1<<irqUART1 | 1<<irqTimer0)
	nvicEnable[1].Set(1 << (irqMAC - 32))
	Flash.open()
}

// Reset starts over.
func Reset() {
	resetControl.Set(0x05fa0004)
	for {
	}
}

const (
	sysTickMask = 1<<24 - 1
	clockMHz2   = 25 // two microseconds are 25 ticks
	capTicks    = 1e6 / 2 * clockMHz2 / 2
)

var clock struct {
	last uint32
	rest uint32 // half ticks that are no microsecond yet
	now  int64
}

// Now returns microseconds since Init. It must be called once a second, as the
// counter below it has 24 bits.
//
//go:noinline
func Now() int64 {
	value := sysTickValue.Get()
	half := (clock.last-value)&sysTickMask*2 + clock.rest
	clock.last = value
	clock.rest = half % clockMHz2
	clock.now += int64(half / clockMHz2)
	return clock.now
}

// Sleep waits until something came in, or the clock says until, or half a
// second is over. It keeps the watchdog quiet.
func Sleep(until int64) {
	dog.clear.Set(1)
	wait := until - Now()
	if wait <= 0 {
		return
	}
	ticks := uint32(capTicks)
	if wait < capTicks*2/clockMHz2 {
		ticks = uint32(wait) * clockMHz2 / 2
	}
	timer.control.Set(0)
	timer.clear.Set(1)
	timer.mode.Set(1) // one shot
	timer.interval.Set(ticks + 1)
	timer.control.Set(1)

	// What is left pending by something already seen would end the wait at
	// once; what comes in from here on does end it.
	mac.status.Set(macReceived)
	uart1.clear.Set(uartReceived)
	nvicClear[0].Set(1<<irqUART1 | 1<<irqTimer0)
	nvicClear[1].Set(1 << (irqMAC - 32))
	if mac.packets.Get() == 0 && uart1.flags.Get()&uartEmpty != 0 {
		arm.Asm("wfi")
	}
}

// The watchdog resets the device when its counter has run down twice without a
// Sleep: after twenty seconds.
const (
	watchdogTicks     = 10_000_000 / 2 * clockMHz2
	watchdogInterrupt = 1 << 0
	watchdogReset     = 1 << 1
)

type watchdog struct{ load, value, control, clear volatile.Register32 }

type generalTimer struct {
	config, mode, _, control, _, _, mask, status, _, clear, interval volatile.Register32
}

type uart struct {
	data        volatile.Register32
	_           [5]uint32
	flags       volatile.Register32
	_           [4]uint32
	lineControl volatile.Register32
	control     volatile.Register32
	_           uint32
	mask        volatile.Register32
	_           [2]uint32
	clear       volatile.Register32
}

const (
	uartEmpty    = 1 << 4
	uartFull     = 1 << 5
	uartReceived = 1<<4 | 1<<6 // FIFO level, and time-out
)

func (u *uart) put(b byte) {
	for u.flags.Get()&uartFull != 0 {
	}
	u.data.Set(uint32(b))
}

// Console prints on UART0.
func Console(text []byte) {
	for _, b := range text {
		uart0.put(b)
	}
}

// SerialGet returns a byte from UART1, if there is one.
func SerialGet() (b byte, ok bool) {
	if uart1.flags.Get()&uartEmpty != 0 {
		return 0, false
	}
	return byte(uart1.data.Get()), true
}

// SerialPut sends a byte over UART1.
func SerialPut(b byte) { uart1.put(b) }

type ethernetMAC struct {
	status, mask, receive, transmit, data, address0, address1 volatile.Register32
	_                                                         [6]uint32
	packets, request                                          volatile.Register32
}

const (
	macReceived = 1 << 0

	macOn        = 1 << 0
	macMulticast = 1 << 1
	macRejectBad = 1 << 3
	macResetFIFO = 1 << 4

	macPad    = 1 << 1
	macCRC    = 1 << 2
	macDuplex = 1 << 4
)

// MAC returns the hardware address.
func MAC() (a [6]byte) {
	binary.LittleEndian.PutUint32(a[:], mac.address0.Get())
	binary.LittleEndian.PutUint16(a[4:], uint16(mac.address1.Get()))
	return a
}

// FrameGet reads a frame into p and returns its length, or -1 if there is
// none. A frame longer than p is dropped: length 0.
func FrameGet(p []byte) int {
	if mac.packets.Get()&0x3f == 0 {
		return -1
	}
	// The first word is the length, with itself and the check sequence, and
	// the frame's first two bytes.
	word := mac.data.Get()
	length := int(word&0xffff) - 6
	at := 0
	for shift := 16; ; shift = 0 {
		for ; shift < 32; shift += 8 {
			if at < length && at < len(p) {
				p[at] = byte(word >> shift)
			}
			at++
		}
		if at >= length+4 {
			break
		}
		word = mac.data.Get()
	}
	if length < 0 || length > len(p) {
		return 0
	}
	return length
}

// FramePut sends a frame.
func FramePut(p []byte) {
	if len(p) < 14 {
		return
	}
	for mac.request.Get()&1 != 0 {
	}
	mac.data.Set(uint32(len(p)-14) | uint32(p[0])<<16 | uint32(p[1])<<24)
	for p = p[2:]; len(p) >= 4; p = p[4:] {
		mac.data.Set(binary.LittleEndian.Uint32(p))
	}
	if len(p) > 0 {
		var last uint32
		for i, b := range p {
			last |= uint32(b) << (8 * i)
		}
		mac.data.Set(last)
	}
	mac.request.Set(1)
}
