// Package heart_wave is an invented heart rate that climbs from 80 to 150 and
// falls back, by 2 with each run.
package heart_wave

import "github.com/femto-containers/femto/sdk/go/femto"

const (
	direction = 10 // key: 1 up, 0 down
	rate      = 11 // key
	highest   = 150
	lowest    = 80
	step      = 2
)

// Rate returns the next one.
//
//femto:hook event
func Rate() int64 {
	now, up := femto.Local.Get(rate), femto.Local.Get(direction)
	if now == 0 {
		now, up = lowest, 1
		femto.Local.Set(direction, up)
	}
	if up != 0 {
		now += step
	} else {
		now -= step
	}
	if now == lowest || now == highest {
		femto.Local.Set(direction, 1-up)
	}
	femto.Local.Set(rate, now)
	return int64(now)
}
