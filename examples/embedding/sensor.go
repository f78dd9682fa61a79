package embedding

import "github.com/femto-containers/femto/engine/helpers"

// Celsius is the thermometer's measurement; a firmware asks its chip here.
var Celsius func() (hundredths int16, ok bool)

// Thermometer is a sensor of this firmware's own. Containers find it by its
// place in the registry or by its type.
var Thermometer = helpers.Sensor{
	Name: "thermometer",
	Type: helpers.TypeTemperature,
	Read: func(r *helpers.Reading) int {
		value, ok := Celsius()
		if !ok {
			return -1 // what a container gets then
		}
		r.Value[0], r.Scale = value, -2
		return 1
	},
}
