//go:build !tinygo

package helpers

import "github.com/femto-containers/femto/vm"

// Standard is the table of all standard helpers, for a host. A firmware, where
// a table that is put together takes RAM, uses Join.
var Standard = Join(make([]vm.Helper, 64), Core, Stores, Log, Format, Sensors, Actuators, CoAP, Wait, Entropy, Checksums, Events)
