// Package examples embeds the example containers, so that the command can show
// one without a toolchain.
package examples

import "embed"

//go:generate sh -c "go run ../internal/build/cmd */*.c"

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

// ThreeContainers holds the papers' demonstration, sources and images: under
// three-containers/ thread_counter of tenant A, sensor_average and
// coap_formatter of tenant B.
//
//go:embed three-containers
var ThreeContainers embed.FS

// ThreadCounter is the image of three-containers/thread_counter.c, by itself
// for firmware.
//
//go:embed three-containers/thread_counter.bin
var ThreadCounter []byte

// Papers holds the other applications of the papers, written to the original's
// helper names, sources and images, under papers/.
//
//go:embed papers
var Papers embed.FS

// Image returns the image of an example by its path without ".bin", such as
// "three-containers/thread_counter"; nil if there is none.
func Image(path string) []byte {
	for _, fs := range []embed.FS{ThreeContainers, Papers} {
		if b, err := fs.ReadFile(path + ".bin"); err == nil {
			return b
		}
	}
	return nil
}
