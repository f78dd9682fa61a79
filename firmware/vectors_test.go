//go:build boards

package firmware_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/vmvectors"
	"github.com/femto-containers/femto/vm"
)

// encodeVector is what firmware/conformance reads of a vector.
func encodeVector(v *vmvectors.Vector) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(len(v.Program))|1<<15)
	b = le.AppendUint16(b, uint16(len(v.Memory)))
	for _, part := range [][]byte{v.Data, v.Rodata, v.Granted} {
		b = le.AppendUint16(b, uint16(len(part)))
	}
	b = le.AppendUint16(b, uint16(v.Stack))
	b = le.AppendUint32(b, uint32(v.Budget))
	flags := uint32(0)
	if v.ReadOnly {
		flags |= 1
	}
	if v.GrantedWritable {
		flags |= 2
	}
	b = le.AppendUint32(b, flags)
	for _, part := range [][]byte{v.Program, v.Memory, v.Data, v.Rodata, v.Granted} {
		b = append(b, part...)
	}
	return b
}

// decodeOutcome reads a line of firmware/conformance. The context itself stays
// on the board: it is after if its sum is.
func decodeOutcome(line string, after []byte) (vmvectors.Outcome, error) {
	var o vmvectors.Outcome
	var kind rune
	var value, pc, executed, address uint64
	var sum uint32
	if _, err := fmt.Sscanf(line, "%c%16x,%4x,%8x,%16x,%8x", &kind, &value, &pc, &executed, &address, &sum); err != nil {
		return o, fmt.Errorf("%q: %w", line, err)
	}
	o.PC, o.Executed, o.Address = int(pc), int64(executed), address
	switch kind {
	case 'r':
		o.Result = value
	case 'c', 'f':
		o.Refused, o.Fault = kind == 'c', vm.Fault(-int(value))
	}
	h := fnv.New32a()
	h.Write(after)
	if h.Sum32() == sum {
		o.After = after
	}
	return o, nil
}

// TestVectorsOnBoards runs the project's own vectors on the boards' virtual
// machine.
func TestVectorsOnBoards(t *testing.T) {
	vectors := vmvectors.Load(t)
	var cases []byte
	for i := range vectors {
		v := &vectors[i]
		if len(v.Program) > 16<<10 || len(v.Memory)+len(v.Data)+len(v.Rodata)+len(v.Granted) > 2048 || v.Stack > 512 {
			t.Fatalf("%s does not fit the board", v.Name)
		}
		cases = append(cases, encodeVector(v)...)
	}
	for _, board := range []string{"lm3s6965", "lm3s6965-m4", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			var console screen
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "cases"), cases, 0o644); err != nil {
				t.Fatal(err)
			}
			device, err := emulator.Start(t.Context(), emulator.Config{Board: board, Firmware: build(t, board, "./firmware/conformance"),
				Folder: folder, Listen: "127.0.0.1:0", Console: &console, Ready: "done\n"})
			if err != nil {
				t.Fatalf("%v; the console shows %q", err, &console)
			}
			defer device.Close()
			got := strings.Fields(console.String())
			if len(got) != len(vectors)+1 {
				t.Fatalf("%d results of %d", len(got)-1, len(vectors))
			}
			for i := range vectors {
				o, err := decodeOutcome(got[i], vectors[i].After)
				if err == nil {
					err = vectors[i].Judge(o)
				}
				if err != nil {
					t.Errorf("%s: %v", vectors[i].Name, err)
				}
			}
		})
	}
}
