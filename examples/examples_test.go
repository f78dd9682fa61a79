package examples

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/vectors"
)

func TestImagesParse(t *testing.T) {
	for name, b := range map[string][]byte{"fletcher32": Fletcher32, "outlaw": Outlaw} {
		m, err := image.Parse(b)
		if err != image.OK {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f, ok := m.Function(0); !ok || string(f.Name) != name || f.Offset != 0 {
			t.Errorf("%s: function 0 is %q at %d", name, f.Name, f.Offset)
		}
		if wd, err := os.Getwd(); err != nil || bytes.Contains(b, []byte(filepath.Base(filepath.Dir(wd))+string(filepath.Separator))) {
			t.Errorf("%s: a path lies in the image (%v)", name, err)
		}
	}
}

func TestInputIsTheVector(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(vectors.Dir(t, "fletcher32"), "input.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Fletcher32Input, want) {
		t.Error("fletcher32/input.txt differs from the outside vector")
	}
}

// TestSum computes the checksum as the papers define it, apart from the
// container's way: with 32-bit sums and folding after every block.
func TestSum(t *testing.T) {
	first, second := uint32(0xffff), uint32(0xffff)
	for i := 0; i < len(Fletcher32Input); i += 2 {
		first += uint32(binary.LittleEndian.Uint16(Fletcher32Input[i:]))
		second += first
		if i/2%359 == 358 {
			first, second = first&0xffff+first>>16, second&0xffff+second>>16
		}
	}
	for range 2 {
		first, second = first&0xffff+first>>16, second&0xffff+second>>16
	}
	if sum := second<<16 | first; sum != Fletcher32Sum {
		t.Errorf("got %#x, want %#x", sum, uint32(Fletcher32Sum))
	}
}
