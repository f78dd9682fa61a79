package helpers

import "github.com/femto-containers/femto/vm"

// A Board is what the helpers reach of a firmware: engine.Config.Env points to
// it. The zero Board has no sensors.
type Board struct {
	// Sensors is the registry: sensors and actuators, by position from 0.
	Sensors []Sensor

	// Random is the firmware's source of random numbers; nil: none.
	Random func() uint32

	reading Reading // the one being handed over
}

// A Sensor is a sensor or an actuator of the registry.
type Sensor struct {
	Name string
	Type uint8 // of SAUL: TypeTemperature and the like

	// Read fills reading, which is zero before, and returns how many values
	// there are, 1 to 3, or a number below 0 if the sensor fails. Write takes
	// a reading likewise. nil: it cannot be read, or written to.
	Read, Write func(reading *Reading) int
}

// Reading is what a sensor gives and an actuator takes: values to be
// multiplied by 10 to the power of Scale.
type Reading struct {
	Value [3]int16
	Unit  uint8
	Scale int8
}

// Types of sensors and actuators.
const (
	TypeSwitch      = 0x45
	TypeButton      = 0x81
	TypeTemperature = 0x82
	TypeHumidity    = 0x83
	TypeLight       = 0x84
)

// board is the firmware's Board, or nil.
//
//go:noinline
func board(c *vm.Call) *Board {
	b, _ := host(c).Env().(*Board)
	return b
}

// A handle is a position in the registry plus one: never an address.

func saulRegFindNth(c *vm.Call) uint64 {
	b := board(c)
	if n := uint32(c.R[0]); b != nil && n < uint32(len(b.Sensors)) {
		return uint64(n) + 1
	}
	return 0
}

func saulRegFindType(c *vm.Call) uint64 {
	if b := board(c); b != nil {
		for i := range b.Sensors {
			if b.Sensors[i].Type == uint8(c.R[0]) {
				return uint64(i) + 1
			}
		}
	}
	return 0
}

func saulRegRead(c *vm.Call) uint64 {
	b, s := sensor(c)
	if s == nil || s.Read == nil {
		return failed
	}
	r := &b.reading
	*r = Reading{}
	n := s.Read(r)
	if n < 0 {
		return failed
	}
	to := c.Mem[1]
	for i, v := range r.Value {
		to[2*i], to[2*i+1] = byte(v), byte(v>>8)
	}
	to[6], to[7] = r.Unit, byte(r.Scale)
	return uint64(n)
}

func saulRegWrite(c *vm.Call) uint64 {
	b, s := sensor(c)
	if s == nil || s.Write == nil {
		return failed
	}
	r := &b.reading
	from := c.Mem[1]
	for i := range r.Value {
		r.Value[i] = int16(from[2*i]) | int16(from[2*i+1])<<8
	}
	r.Unit, r.Scale = from[6], int8(from[7])
	return uint64(uint32(s.Write(r)))
}

// sensor returns what the handle in r1 stands for, or nil.
func sensor(c *vm.Call) (*Board, *Sensor) {
	b := board(c)
	if n := uint32(c.R[0]) - 1; b != nil && n < uint32(len(b.Sensors)) {
		return b, &b.Sensors[n]
	}
	return b, nil
}

func random(c *vm.Call) uint64 {
	if b := board(c); b != nil && b.Random != nil {
		return uint64(b.Random())
	}
	return 0
}
