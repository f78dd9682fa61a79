//go:build boards

package firmware_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/internal/emulator"
)

// published are figures to stand beside ours, in instructions unless they say
// otherwise: the original's on a Cortex-M4 at 64 MHz from its papers, and its
// engine's on the same emulated core as ours, measured once, of about the same
// bytecode: "the papers' fletcher32" is our source, compiled as theirs was.
var published = map[string]string{
	"vm: check fletcher32":                      "28 us = 1792 at CPI 1, papers: cold start",
	"vm: run the papers' fletcher32":            "51835 C engine -Os, 2020 instructions",
	"vm: run empty program":                     "384 C engine -Os",
	"engine: fire a hook, nothing attached":     "109 ticks, papers: empty hook",
	"engine: fire a hook, the thread counter":   "1750 ticks, papers: hook with thread counter",
	"ed25519: verify, again":                    "3740000 filippo.io/edwards25519",
	"agent: authenticate and install 186 bytes": "none",
	"  add64 imm":                               "16 C engine -Os",
	"  add64 reg":                               "19 C engine -Os",
	"  load u32, context":                       "62 C engine -Os",
	"  store u32, stack":                        "41 C engine -Os",
	"  jeq imm, taken":                          "32 C engine -Os",
}

// bounds are what must hold on the Cortex-M3.
var bounds = map[string]int{
	"vm: check fletcher32":                      1_800,  // 28 us at 64 MHz
	"vm: run the papers' fletcher32":            59_610, // 1.15 of the C engine
	"agent: authenticate and install 186 bytes": 6_000_000,
	"engine: fire a hook, nothing attached":     60,
	"engine: fire a hook, the thread counter":   1750,
}

// TestCounts prints machine instructions, exactly (`make counts`).
func TestCounts(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			counted, names := count(t, board)
			var table bytes.Buffer
			for _, name := range names {
				fmt.Fprintf(&table, "%-46s %9d  %s\n", name, counted[name], published[name])
			}
			t.Logf("instructions on %s\n%s", board, &table)
			if board != "lm3s6965" {
				return
			}
			for name, bound := range bounds {
				if n, ok := counted[name]; !ok || n > bound {
					t.Errorf("%s: %d instructions, at most %d are allowed", name, n, bound)
				}
			}
		})
	}
}

// count runs firmware/counts, built with further flags, and returns what it counts,
// and in which order.
func count(t *testing.T, board string, flags ...string) (counted map[string]int, names []string) {
	t.Helper()
	program, args := "qemu-system-arm", []string{"-machine", "lm3s6965evb", "-icount", "shift=7"}
	if board == "riscv-virt" {
		program, args = "qemu-system-riscv32", []string{"-machine", "virt,aclint=on", "-bios", "none", "-m", "16M", "-icount", "shift=0"}
	}
	elf := build(t, board, "./firmware/counts", append([]string{"-gc=conservative"}, flags...)...)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, emulator.FlashFile), node.ProvisionFlash(node.FlashSize, tenants()), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append(args, "-nodefaults", "-display", "none", "-serial", "stdio",
		"-semihosting-config", "enable=on,target=native", "-kernel", elf)...)
	cmd.Dir = folder
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	counted = map[string]int{}
	for line := range strings.Lines(string(out)) {
		name, number, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			t.Errorf("the firmware says: %s", line)
			continue
		}
		counted[name] = n
		names = append(names, name)
	}
	if counted["empty span"] != 0 {
		t.Errorf("an empty span counts %d", counted["empty span"])
	}
	return counted, names
}
