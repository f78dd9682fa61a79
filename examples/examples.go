// Package examples embeds the example containers, so that the command can show
// one without a toolchain.
package examples

import _ "embed"

//go:generate sh -c "go run ../internal/build/cmd */*.c */*/*.c"

// Fletcher32 is the image of fletcher32/fletcher32.c: the checksum of its
// context, the benchmark of the papers.
//
//go:embed fletcher32/fletcher32.bin
var Fletcher32 []byte

// Fletcher32Source is the C source of Fletcher32.
//
//go:embed fletcher32/fletcher32.c
var Fletcher32Source []byte

// Fletcher32Input is the papers' context for it: 360 bytes.
//
//go:embed fletcher32/input.txt
var Fletcher32Input []byte

// Fletcher32Sum is the checksum of Fletcher32Input.
const Fletcher32Sum = 0x5bac8c3d

// Outlaw is the image of outlaw/outlaw.c, which stores one byte past the end
// of its context: it passes the check before the run and faults in it.
//
//go:embed outlaw/outlaw.bin
var Outlaw []byte

// OutlawSource is the C source of Outlaw.
//
//go:embed outlaw/outlaw.c
var OutlawSource []byte

// ThreadCounter, SensorAverage and CoAPFormatter are the images of the papers'
// demonstration, from three-containers/: the first of tenant A on the hook
// thread, the others of tenant B on the hooks timer and coap.
var (
	//go:embed three-containers/thread_counter.bin
	ThreadCounter []byte
	//go:embed three-containers/sensor_average.bin
	SensorAverage []byte
	//go:embed three-containers/coap_formatter.bin
	CoAPFormatter []byte
)
