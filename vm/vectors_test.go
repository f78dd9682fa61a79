package vm_test

import (
	"testing"

	"github.com/femto-containers/femto/internal/vmvectors"
)

// TestVectors runs the project's own vectors, whole and in pieces.
func TestVectors(t *testing.T) {
	for _, v := range vmvectors.Load(t) {
		t.Run(v.Name, func(t *testing.T) {
			for _, quantum := range []int32{0, 1, 3} {
				if err := v.Judge(v.Run(quantum)); err != nil {
					t.Errorf("quantum %d: %v", quantum, err)
				}
			}
		})
	}
}
