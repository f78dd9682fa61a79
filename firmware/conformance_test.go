//go:build boards

package firmware_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/vm"
)

// A screen is a console that can be read while it is written to.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// until waits for the console to show text.
func (s *screen) until(t *testing.T, text string) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if shown := s.String(); strings.Contains(shown, text) {
			return shown
		}
	}
	t.Fatalf("the console does not show %q, but %q", text, s)
	return ""
}

// TestConformanceOnBoards runs the public conformance cases on the boards'
// virtual machine.
func TestConformanceOnBoards(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "bpf_conformance"), "*.data"))
	if err != nil || len(files) < 200 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	var cases []byte
	var want, names []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := asm.ParseCase(string(b))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Program) > 16<<10 || len(c.Memory) > 2048 {
			t.Fatalf("%s does not fit the board", file)
		}
		cases = binary.LittleEndian.AppendUint16(cases, uint16(len(c.Program)))
		cases = binary.LittleEndian.AppendUint16(cases, uint16(len(c.Memory)))
		cases = append(append(cases, c.Program...), c.Memory...)
		name := strings.TrimSuffix(filepath.Base(file), ".data")
		names = append(names, name)
		if name == "callx" { // calls through a register are not in RFC 9669
			want = append(want, fmt.Sprintf("c%016x", -int(vm.FaultCallx)))
			continue
		}
		want = append(want, fmt.Sprintf("r%016x", c.Result))
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
			if len(got) != len(want)+1 {
				t.Fatalf("%d results of %d", len(got)-1, len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%s: got %s, want %s", names[i], got[i], want[i])
				}
			}
		})
	}
}

// TestFault has a firmware panic: the board starts over and says why.
func TestFault(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			var console screen
			device, err := emulator.Start(t.Context(), emulator.Config{Board: board, Firmware: build(t, board, "./firmware/faulty"),
				Listen: "127.0.0.1:0", Console: &console,
				Count: board == "lm3s6965"}) // its watchdog takes twenty seconds of the time of the board
			if err != nil {
				t.Fatal(err)
			}
			defer device.Close()
			console.until(t, "start 1 cause 0\n")
			console.until(t, "restarted after a fault at 0x")
			console.until(t, "start 2 cause 3\n")
			console.until(t, "restarted after the stack was used up\nstart 3 cause 3\nhanging\n")
			console.until(t, "firmware is up")
			if board == "lm3s6965" { // by the watchdog
				console.until(t, "start 4 cause 1\n")
			}
		})
	}
}
