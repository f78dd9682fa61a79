package suit

import (
	"testing"
	"unsafe"
)

// TestSize prints what a Processor costs in RAM; run it with GOARCH=386 for
// the layout of a 32-bit device.
func TestSize(t *testing.T) {
	size := unsafe.Sizeof(Processor{})
	t.Logf("processor: %d B, pointers of %d B", size, unsafe.Sizeof(uintptr(0)))
	most := uintptr(1024)
	if size > most {
		t.Errorf("processor is %d B, budget %d B", size, most)
	}
}
