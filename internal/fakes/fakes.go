// Package fakes reads sensors that are not there, on devices that exist only on
// a host: the same values each time.
package fakes

import "github.com/femto-containers/femto/engine/helpers"

// Units of readings, as the original numbers them.
const (
	celsius = 2
	lux     = 5
)

// Temperature is what a thermometer shows that was read n times before: 21.00,
// 21.10 and so on to 21.90 °C, over and over. So the mean of any ten readings
// in a row is 21.45 °C.
func Temperature(r *helpers.Reading, n uint32) int {
	r.Value[0], r.Unit, r.Scale = 2100+10*int16(n%10), celsius, -2
	return 1
}

// Light is what a light sensor shows that was read n times before: 300 to
// 309 lx, over and over.
func Light(r *helpers.Reading, n uint32) int {
	r.Value[0], r.Unit, r.Scale = 300+int16(n%10), lux, 0
	return 1
}
