//go:build !tinygo

package examples

import "embed"

// ThreeContainers holds the papers' demonstration, sources and images: under
// three-containers/ thread_counter of tenant A, sensor_average and
// coap_formatter of tenant B.
//
//go:embed three-containers
var ThreeContainers embed.FS

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
