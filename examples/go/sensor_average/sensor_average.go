// Package sensor_average is of tenant B, on the hook timer: it reads the second
// device of the registry each second and keeps the mean of the last ten values
// in the global store. It never returns: between readings it sleeps.
package sensor_average

import "github.com/femto-containers/femto/sdk/go/femto"

const (
	sensor = 1       // position
	result = 0x50    // key
	period = 1000000 // microseconds
)

// Average begins with the first reading as if it had been there for ever.
//
//femto:hook timer
//femto:name sensor_average
//femto:flags long-running
//femto:global 1
func Average() {
	var window [10]uint32
	oldest, filled := 0, false
	last := femto.NowUs()
	for {
		var reading femto.Reading
		femto.PeriodicWakeup(&last, period)
		if femto.SensorAt(sensor).Read(&reading) < 0 {
			continue
		}
		value := uint32(int32(reading.Value[0]))
		if filled {
			window[oldest] = value
			if oldest++; oldest == len(window) {
				oldest = 0
			}
		} else {
			for i := range window {
				window[i] = value
			}
			filled = true
		}
		sum := uint64(0)
		for _, v := range window {
			sum += uint64(v)
		}
		femto.Global.Set(result, uint32(sum/uint64(len(window))))
	}
}
