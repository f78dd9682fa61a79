//go:build boards

package firmware_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/emulator"
)

// TestEmbeddingOnBoards: the firmware's own hook, helper and sensor answer on
// boards what the example of examples/embedding prints.
func TestEmbeddingOnBoards(t *testing.T) {
	example, err := os.ReadFile("../examples/embedding/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, output, ok := strings.Cut(string(example), "// Output:\n")
	if !ok {
		t.Fatal("the example has no output")
	}
	var want strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^\s*// (.*)$`).FindAllStringSubmatch(output, -1) {
		want.WriteString(line[1] + "\n")
	}
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			var console screen
			device, err := emulator.Start(t.Context(), emulator.Config{Board: board, Firmware: build(t, board, "./firmware/embedding"),
				Folder: t.TempDir(), Listen: "127.0.0.1:0", Console: &console, Ready: "done\n"})
			if err != nil {
				t.Fatalf("%v; the console shows %q", err, &console)
			}
			defer device.Close()
			if got := strings.ReplaceAll(console.String(), "\r", ""); got != want.String()+"done\n" {
				t.Errorf("got\n%s\nwant\n%s", got, &want)
			}
		})
	}
}
