package gobpf

import (
	"context"
	"os"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
)

func TestDump(t *testing.T) {
	dir := os.Getenv("GOBPF_DUMP")
	if dir == "" {
		t.Skip()
	}
	p, err := Compile(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range asm.Disassemble(p.Text) {
		t.Log(line)
	}
}
