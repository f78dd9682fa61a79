// Package temp_sens is a temperature in hundredths; where there is no such
// sensor, an invented one.
package temp_sens

import "github.com/femto-containers/femto/sdk/go/femto"

const (
	kind     = 0x42 // which the papers' demonstration asks for
	invented = 2716
)

// Temperature reads the sensor.
//
//femto:hook event
func Temperature() int32 {
	var reading femto.Reading
	if femto.FindSensor(kind).Read(&reading) < 0 {
		return invented
	}
	return int32(reading.Value[0]) * 100
}
