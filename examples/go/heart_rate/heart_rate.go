// Package heart_rate is a heart rate in hundredths; where there is no such
// sensor, an invented one.
package heart_rate

import "github.com/femto-containers/femto/sdk/go/femto"

const (
	kind     = 0x80
	invented = 80
)

// Rate reads the sensor.
//
//femto:hook event
func Rate() int32 {
	var reading femto.Reading
	if femto.FindSensor(kind).Read(&reading) < 0 {
		return invented
	}
	return int32(reading.Value[0]) * 100
}
