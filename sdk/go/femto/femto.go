// Package femto is what a container written in Go imports: the contexts of the
// hooks and the helpers of the device.
//
//	// Tick counts how often the timer has fired.
//	//
//	//femto:hook timer
//	func Tick(ctx *femto.TimerContext) int64 {
//		count := femto.Local.Get(1) + 1
//		if !femto.Local.Set(1, count) {
//			return -1
//		}
//		femto.Log1("tick %u", count)
//		return int64(count)
//	}
//
// femto build compiles the package of such a function to an image. In go test
// the same source runs natively, on the Host that package fake makes up.
//
// Functions that the comment femto:helper marks are calls of the device: only
// their declaration counts for an image, only their body in a test. All else
// here is compiled like the container's own functions.
package femto

import "unsafe"

// Value is what Log1 to Log4 print: %d, %i, %u, %x, %X and %c print an integer,
// with l before the letter one of 64 bits; %s prints a constant string.
type Value interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~int | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uint | ~string
}

// The three stores, of 32-bit values under 32-bit keys.
const (
	Local  LocalStore  = 0 // the container's own
	Tenant TenantStore = 1 // shared by the containers of one tenant
	Global GlobalStore = 2 // shared by all containers
)

// LocalStore is the type of Local alone.
type LocalStore uint8

// TenantStore is the type of Tenant alone.
type TenantStore uint8

// GlobalStore is the type of Global alone.
type GlobalStore uint8

// An Entry is a key of a store with its value.
type Entry struct {
	Key, Value uint32
}

// Get returns the value under key, 0 if there is none.
func (LocalStore) Get(key uint32) uint32 {
	var value uint32
	fetchLocal(key, &value)
	return value
}

// Set stores value under key; false: the store is full.
func (LocalStore) Set(key, value uint32) bool { return storeLocal(key, value) == 0 }

// Delete deletes key; false: it was not there.
func (s LocalStore) Delete(key uint32) bool { return storeDelete(uint32(s), key) == 0 }

// Entry gets an entry by its index from 0, in the order in which keys were first
// stored; false: there is none.
func (s LocalStore) Entry(index uint32, entry *Entry) bool {
	return storeEntry(uint32(s), index, entry) == 0
}

// Get returns the value under key, 0 if there is none.
func (TenantStore) Get(key uint32) uint32 {
	var value uint32
	fetchTenant(key, &value)
	return value
}

// Set stores value under key; false: the store is full.
func (TenantStore) Set(key, value uint32) bool { return storeTenant(key, value) == 0 }

// Delete deletes key; false: it was not there.
func (s TenantStore) Delete(key uint32) bool { return storeDelete(uint32(s), key) == 0 }

// Entry gets an entry by its index from 0, in the order in which keys were first
// stored; false: there is none.
func (s TenantStore) Entry(index uint32, entry *Entry) bool {
	return storeEntry(uint32(s), index, entry) == 0
}

// Get returns the value under key, 0 if there is none.
func (GlobalStore) Get(key uint32) uint32 {
	var value uint32
	fetchGlobal(key, &value)
	return value
}

// Set stores value under key; false: the store is full.
func (GlobalStore) Set(key, value uint32) bool { return storeGlobal(key, value) == 0 }

// Delete deletes key; false: it was not there.
func (s GlobalStore) Delete(key uint32) bool { return storeDelete(uint32(s), key) == 0 }

// Entry gets an entry by its index from 0, in the order in which keys were first
// stored; false: there is none.
func (s GlobalStore) Entry(index uint32, entry *Entry) bool {
	return storeEntry(uint32(s), index, entry) == 0
}

// A Sensor is a handle of the device's registry of sensors and actuators; 0:
// there is none, and reading it fails.
type Sensor uint32

// A SensorType is what a sensor measures, or an actuator does.
type SensorType uint8

// Types of sensors and actuators.
const (
	Switch      SensorType = 0x45
	Button      SensorType = 0x81
	Temperature SensorType = 0x82
	Humidity    SensorType = 0x83
	Light       SensorType = 0x84
)

// A Reading is what a sensor gives and an actuator takes: values to be
// multiplied by 10 to the power of Scale.
type Reading struct {
	Value [3]int16
	Unit  uint8
	Scale int8
}

// A Packet is where the parts of a response lie, in addresses of the device.
type Packet struct {
	Header     uint32 // address of the response
	Token      uint32 // address of its token
	Payload    uint32 // address of its payload
	PayloadLen uint16 // bytes of room for it
	OptionsLen uint16 // options that were added
}

// A Code is that of a CoAP response: class << 5 | detail (RFC 7252 §3).
type Code uint32

// Codes of responses (RFC 7252 §12.1.2).
const (
	Changed             Code = 2<<5 | 4
	Content             Code = 2<<5 | 5
	BadRequest          Code = 4<<5 | 0
	Forbidden           Code = 4<<5 | 3
	NotFound            Code = 4<<5 | 4
	MethodNotAllowed    Code = 4<<5 | 5
	InternalServerError Code = 5<<5 | 0
	NotImplemented      Code = 5<<5 | 1
	ServiceUnavailable  Code = 5<<5 | 3
)

// Result is what a container of the hook coap returns to answer with this code
// and no payload.
func (c Code) Result() int64 { return -int64(c) }

// Content-Formats of responses (RFC 7252 §12.3).
const (
	TextPlain   = 0
	LinkFormat  = 40
	OctetStream = 42
	JSON        = 50
	CBOR        = 60
)

// PayloadFollows is the flag of Finish that a payload needs.
const PayloadFollows = 1

// Payload returns the room that is left for the payload of the response, once
// Finish has ended what comes before it. How many bytes of it are used, the
// container's result says: those before the payload and its length.
func (c *CoapContext) Payload() []byte {
	return unsafe.Slice(c.pdu(), int(c.Packet.PayloadLen))
}

// Line returns the line that goes to the device's log.
func (c *LogContext) Line() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(c), unsafe.Sizeof(*c))), int(c.Length))
}

// FormatUint writes value as decimal text to out, which has room for any: 10
// bytes. It returns how many it takes.
func FormatUint(out []byte, value uint32) int {
	return int(fmtU32Dec((*[10]byte)(out), value))
}

// FormatFixed writes value times 10 to the power of digits, -7 to 7, as decimal
// text to out, which has room for any: 13 bytes. It returns how many it takes; 0
// for other digits.
func FormatFixed(out []byte, value int16, digits int8) int {
	return int(fmtS16Dfp((*[13]byte)(out), value, digits))
}

// Copy copies from from to to as many bytes as both have, and returns their
// number. The two may overlap.
func Copy(to, from []byte) int {
	n := min(len(to), len(from))
	if n > 0 {
		memcpy(&to[0], from[:n])
	}
	return n
}

// Send sends to the other containers of the same tenant that are on the hook
// message; they run after this activation. false: too many wait already.
func Send(kind, value uint32) bool { return eventSend(kind, value) == 0 }

// SendAfter sends to the containers of the same tenant that are on the hook
// message, to the calling one too, ms milliseconds from now, once. false: too
// many wait already.
func SendAfter(ms, kind, value uint32) bool { return timerSet(ms, kind, value) == 0 }

var native Host

// On makes h do what helpers do from now on, and returns what did before. It is
// for tests: in an image there is nothing but the device.
func On(h Host) (before Host) {
	before, native = native, h
	return before
}

func host() Host {
	if native == nil {
		panic("femto: a helper is called and there is no device: begin the test with fake.New(t)")
	}
	return native
}
