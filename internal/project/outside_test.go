package project

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/vm"
)

var (
	wantedResult = regexp.MustCompile(`(?m)^// TEST_RESULT: (-?\d+)$`)
	wantedOutput = regexp.MustCompile(`(?m)^// TEST_OUTPUT: (.*)$`)
	givenContext = regexp.MustCompile(`(?m)^// TEST_CONTEXT: (.*)$`)
)

// TestForeignSources compiles and runs sources that know nothing of femto.h, in
// the manner of those of comparable systems: what each returns is in a comment.
func TestForeignSources(t *testing.T) {
	needCompiler(t)
	files, err := filepath.Glob("testdata/foreign/*.c")
	if err != nil || len(files) < 17 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			program, err := Outside(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := program.Image()
			if err != nil {
				t.Fatal(err)
			}
			var given []byte
			if m := givenContext.FindSubmatch(source); m != nil {
				if given, err = hex.DecodeString(strings.ReplaceAll(string(m[1]), " ", "")); err != nil {
					t.Fatal(err)
				}
			}
			var printed []string
			outcome, err := sim.RunOnce(raw, given, 1_000_000, nil, func(line string) { printed = append(printed, line) })
			if err != nil {
				t.Fatal(err)
			}
			if outcome.Fault != vm.OK {
				t.Fatalf("%v at %d, address %#x", outcome.Fault, outcome.PC, outcome.Address)
			}
			want := wantedResult.FindSubmatch(source)
			// An int is what the lower half holds.
			if got := fmt.Sprint(int32(outcome.Value)); want == nil || got != string(want[1]) {
				t.Errorf("%s, want %s", got, want)
			}
			var lines []string
			for _, m := range wantedOutput.FindAllSubmatch(source, -1) {
				lines = append(lines, string(m[1]))
			}
			for i := range printed {
				printed[i] = regexp.MustCompile(`\n$`).ReplaceAllString(printed[i], "")
			}
			if !slices.Equal(printed, lines) {
				t.Errorf("printed %q, want %q", printed, lines)
			}
		})
	}
}
