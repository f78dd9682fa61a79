package fake

import (
	"hash/crc32"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/femto-containers/femto/sdk/go/femto"
)

// A host is the helpers of a Device. Where a device would stop the container,
// they panic; only Memcpy and Strlen cannot see what an address leads to.
type host struct{ *Device }

func (h host) Printf(format string, values ...any) {
	h.Log = append(h.Log, string(printed(format, values)))
}

func (h host) Memcpy(to *byte, from []byte) { copy(unsafe.Slice(to, len(from)), from) }

func (h host) Random() uint32 {
	if h.Device.Random != nil {
		return h.Device.Random()
	}
	h.seed = h.seed*1664525 + 1013904223
	return h.seed
}

func (h host) StoreLocal(key, value uint32) int32  { return h.store(Local, key, value) }
func (h host) StoreTenant(key, value uint32) int32 { return h.store(Tenant, key, value) }
func (h host) StoreGlobal(key, value uint32) int32 { return h.store(Global, key, value) }

func (h host) FetchLocal(key uint32, value *uint32)  { *value, _ = h.Get(Local, key) }
func (h host) FetchTenant(key uint32, value *uint32) { *value, _ = h.Get(Tenant, key) }
func (h host) FetchGlobal(key uint32, value *uint32) { *value, _ = h.Get(Global, key) }

func (h host) StoreDelete(scope, key uint32) int32 {
	if scope > uint32(Global) {
		return -1
	}
	i := h.find(Scope(scope), key)
	if i < 0 {
		return -1
	}
	h.stores[scope] = append(h.stores[scope][:i], h.stores[scope][i+1:]...)
	return 0
}

func (h host) StoreEntry(scope, index uint32, entry *femto.Entry) int32 {
	if scope > uint32(Global) || uint64(index) >= uint64(len(h.stores[scope])) {
		return -1
	}
	*entry = h.stores[scope][index]
	return 0
}

func (h host) NowMs() uint32     { return uint32(h.Clock.Milliseconds()) }
func (h host) ZtimerNow() uint32 { return uint32(h.Clock.Microseconds()) }

func (h host) ZtimerPeriodicWakeup(last *uint32, period uint32) {
	now := h.ZtimerNow()
	target := *last + period
	sleep := target - now
	if sleep > period { // target has passed
		*last = now
		return
	}
	*last = target
	h.Clock += time.Duration(sleep) * time.Microsecond
	if h.Clock > h.end {
		panic(asleep)
	}
}

func (h host) SaulRegFindNth(position int32) femto.Sensor {
	if uint32(position) < uint32(len(h.Sensors)) {
		return femto.Sensor(position) + 1
	}
	return 0
}

func (h host) SaulRegFindType(kind femto.SensorType) femto.Sensor {
	for i := range h.Sensors {
		if h.Sensors[i].Type == kind {
			return femto.Sensor(i) + 1
		}
	}
	return 0
}

// sensor returns what a handle stands for.
func (h host) sensor(s femto.Sensor) Sensor {
	if n := uint32(s) - 1; n < uint32(len(h.Sensors)) {
		return h.Sensors[n]
	}
	return Sensor{}
}

func (h host) SaulRegRead(s femto.Sensor, reading *femto.Reading) int32 {
	read := h.sensor(s).Read
	if read == nil {
		return -1
	}
	var got femto.Reading
	n := read(&got)
	if n < 0 {
		return -1
	}
	*reading = got
	return int32(n)
}

func (h host) SaulRegWrite(s femto.Sensor, reading *femto.Reading) int32 {
	write := h.sensor(s).Write
	if write == nil {
		return -1
	}
	given := *reading
	return int32(write(&given))
}

func (h host) FmtS16Dfp(out *[13]byte, value int16, digits int8) uint32 {
	if digits < -7 || digits > 7 {
		return 0
	}
	text := strconv.Itoa(int(value))
	if digits >= 0 {
		return uint32(copy(out[:], text+strings.Repeat("0", int(digits))))
	}
	number, negative := strings.CutPrefix(text, "-")
	fraction := int(-digits)
	if len(number) <= fraction {
		number = strings.Repeat("0", fraction+1-len(number)) + number
	}
	point := len(number) - fraction
	number = number[:point] + "." + number[point:]
	if negative {
		number = "-" + number
	}
	return uint32(copy(out[:], number))
}

func (h host) FmtU32Dec(out *[10]byte, value uint32) uint32 {
	return uint32(copy(out[:], strconv.FormatUint(uint64(value), 10)))
}

func (h host) Strlen(text *byte) uint32 {
	n := uint32(0)
	for *(*byte)(unsafe.Add(unsafe.Pointer(text), n)) != 0 {
		n++
	}
	return n
}

func (h host) Crc32(bytes []byte, before uint32) uint32 {
	return crc32.Update(before, crc32.IEEETable, bytes)
}

func (h host) Fletcher32(words []byte) uint32 {
	first, second := uint32(0xffff), uint32(0xffff)
	fold := func(sum uint32) uint32 { return sum&0xffff + sum>>16 }
	for i := 0; i+1 < len(words); i += 2 {
		first = fold(first + (uint32(words[i]) | uint32(words[i+1])<<8))
		second = fold(second + first)
	}
	return second<<16 | first
}

func (h host) EventSend(kind, value uint32) int32 {
	return h.send(Message{Kind: kind, Value: value})
}

func (h host) TimerSet(ms, kind, value uint32) int32 {
	return h.send(Message{kind, value, time.Duration(ms) * time.Millisecond})
}
