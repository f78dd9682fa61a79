package deepcheck

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/vm"
)

// TestHelperArguments: what is said of the memory that the standard helpers work on
// is what then happens.
func TestHelperArguments(t *testing.T) {
	const texts = "exit\n.rodata\nformat: .asciz \"%d: %s\"\nplain: .asciz \"%d and %5d\"\nname: .asciz \"x\"\n"
	for name, test := range map[string]struct {
		text  string
		fatal int // how many accesses are certain to fault
	}{
		"a text":             {"r1 = format ll\nr2 = 1\nr3 = name ll\ncall printf\n", 0},
		"a number for it":    {"r1 = format ll\nr2 = 1\nr3 = 3\ncall printf\n", 1},
		"nothing for it":     {"r1 = format ll\nr2 = 1\nr3 = 0\ncall printf\n", 1},
		"numbers only":       {"r1 = plain ll\nr2 = 1\nr3 = 3\ncall printf\n", 0},
		"no format":          {"r1 = 3\ncall printf\n", 1},
		"digits to stack":    {"r1 = r10\nr1 += -16\nr2 = 1234\ncall fmt_u32_dec\n", 0},
		"digits to constant": {"r1 = name ll\nr2 = 1234\ncall fmt_u32_dec\n", 1},
		"digits to nowhere":  {"r1 = 0\nr2 = 1234\ncall fmt_u32_dec\n", 1},
		"a point":            {"r1 = name ll\nr2 = 1234\nr3 = -2\ncall fmt_s16_dfp\n", 1},
		"too many digits":    {"r1 = name ll\nr2 = 1234\nr3 = 9\ncall fmt_s16_dfp\n", 0}, // it writes nothing
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.s")
			if err := os.WriteFile(file, []byte(test.text+texts), 0o644); err != nil {
				t.Fatal(err)
			}
			raw, err := build.Image(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			r := analyze(t, raw, "event")
			fatal := 0
			for _, found := range r.Accesses {
				if found.Verdict == Fatal {
					fatal++
				}
			}
			outcome, err := sim.RunOnce(raw, nil, 10_000, nil, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			if fatal != test.fatal || outcome.Fault == vm.OK != (test.fatal == 0) {
				t.Errorf("%d certain faults, want %d; the run: %v", fatal, test.fatal, outcome.Fault)
			}
		})
	}
}
