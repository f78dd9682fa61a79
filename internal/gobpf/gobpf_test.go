package gobpf

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/vm"
)

// run runs a text with a context and the usual stack.
func run(t *testing.T, text, data, rodata, ctx []byte) *vm.Machine {
	t.Helper()
	var all vm.HelperSet
	for n := range 256 {
		all.Add(uint8(n))
	}
	need, refused := vm.Check(text, &all)
	if refused.Fault != vm.OK {
		t.Fatalf("slot %d: %v", refused.PC, refused.Fault)
	}
	var m vm.Machine
	m.Frame = need.Frame
	m.Region[vm.RegionStack] = vm.Region{Bytes: make([]byte, max(need.Stack, 512)), Writable: true}
	m.Region[vm.RegionContext] = vm.Region{Bytes: ctx, Writable: true}
	m.Region[vm.RegionData] = vm.Region{Bytes: data, Writable: true}
	m.Region[vm.RegionRodata] = vm.Region{Bytes: rodata}
	m.Reset(text, 1<<24)
	m.Run()
	return &m
}

func TestFletcher32(t *testing.T) {
	p, err := Compile(context.Background(), "testdata/fletcher32")
	if err != nil {
		t.Fatal(err)
	}
	m := run(t, p.Text, p.Data, p.Rodata, examples.Fletcher32Input)

	if m.Fault() != vm.OK || m.Result() != examples.Fletcher32Sum {
		t.Errorf("fault %v at %d, result %#x, want %#x", m.Fault(), m.PC(), m.Result(), uint32(examples.Fletcher32Sum))
	}
	t.Logf("%d bytes, %d instructions", len(p.Text), m.Instructions())
}

// TestExamples compares the code of the examples with what it was.
func TestExamples(t *testing.T) {
	folders, err := filepath.Glob("../../examples/go/*/*.go")
	if err != nil || len(folders) == 0 {
		t.Fatal("no examples", err)
	}
	for _, file := range folders {
		dir := filepath.Dir(file)
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p, err := Compile(context.Background(), dir)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := p.Image()
			if err != nil {
				t.Fatal(err)
			}
			img, bad := image.Parse(raw)
			if bad != image.OK {
				t.Fatal(bad)
			}
			debug := build.Debug{Symbols: p.Symbols, Lines: p.Lines, Traps: p.Traps}
			var text strings.Builder
			place := ""
			for _, line := range asm.List(img.Text(), asm.Options{Notation: asm.Kernel, Functions: p.Functions}) {
				if at, ok := debug.Place(line.Slot); ok && fmt.Sprintf("%s:%d", at.File, at.Line) != place {
					place = fmt.Sprintf("%s:%d", at.File, at.Line)
					fmt.Fprintf(&text, "# %s\n", place)
				}
				if line.Label != "" {
					fmt.Fprintf(&text, "%s:\n", line.Label)
				}
				fmt.Fprintf(&text, "\t%s", line.Text)
				if reason := debug.Trap(line.Slot); reason != "" {
					fmt.Fprintf(&text, " # %s", reason)
				}
				text.WriteByte('\n')
			}
			again, err := Compile(context.Background(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := again.Image(); err != nil || !bytes.Equal(raw, second) {
				t.Errorf("compiled twice, it differs (%v)", err)
			}
			golden(t, "testdata/examples/"+filepath.Base(dir)+".s", text.String())
		})
	}
}
