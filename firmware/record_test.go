//go:build boards

package firmware_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/femto-containers/femto/internal/emulator"
)

const recordTag = "-tags=record"

func recording(t *testing.T, board string) string {
	return build(t, board, "./firmware/"+board, recordTag)
}

// TestFaultIsToldAndReplayed: a fault on a board is told at its line of the source
// and ends a replay in the same way, word for word as the transcript of the command
// has it of a simulated device.
func TestFaultIsToldAndReplayed(t *testing.T) {
	transcript, err := txtar.ParseFile("../cmd/femto/testdata/script/fault.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			r := start(t, emulator.Config{Board: board, Firmware: recording(t, board)})
			t.Setenv("XDG_CACHE_HOME", r.path("cache"))
			t.Setenv("FEMTO_KEY", r.path("alice.key"))
			want := map[string]string{}
			for _, f := range transcript.Files {
				name := r.path(f.Name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
				want[f.Name] = string(f.Data)
			}
			t.Chdir(r.path("limit"))
			r.must("deploy", "--timeout", "90s")
			r.must("container", "record", "event/limit", "--until-fault", "--detach")
			for range 3 {
				r.run("hook", "fire", "event")
			}
			r.must("container", "record", "event/limit", "--fetch")

			_, replayed, exit := r.run("run", "--replay", ".femto/event-limit.recording")
			if said := strings.Replace(replayed, "as on "+board, "as on femto-sim", 1); exit != 1 || said != want["replay.txt"] {
				t.Errorf("the replay, exit status %d, says\n%s", exit, replayed)
			}
			t.Chdir(r.folder)
			for _, args := range [][]string{{"ps"}, {"container", "inspect", "event/limit"}, {"logs", "event/limit"}} {
				_, told, _ := r.run(args...)
				if port := regexp.MustCompile(`(127\.0\.0\.1):\d+`).ReplaceAllString(told, "$1:PORT"); port != want["story.txt"] {
					t.Errorf("femto %s says\n%s", strings.Join(args, " "), told)
				}
			}
			if out := r.must("container", "trace", "event/limit", "--count", "1", "--timeout", "1s"); out != "" {
				t.Errorf("a trace of nothing: %s", out)
			}
		})
	}
}

// TestRecordCost prints what the tag record costs, and that without it there is
// nothing of it (`make record-cost`).
func TestRecordCost(t *testing.T) {
	const board = "lm3s6965"
	var table bytes.Buffer
	without, with := sections(t, firmware(t, board)), sections(t, recording(t, board))
	fmt.Fprintf(&table, "%-46s %9s %9s\n", "", "without", "with")
	fmt.Fprintf(&table, "%-46s %9d %9d\n", "bytes of flash", without.flash, with.flash)
	fmt.Fprintf(&table, "%-46s %9d %9d\n", "bytes of RAM", without.ram, with.ram)
	counted, names := count(t, board)
	recorded, _ := count(t, board, recordTag)
	for _, name := range names {
		if strings.HasPrefix(name, "vm: ") || strings.HasPrefix(name, "engine: ") || strings.HasPrefix(name, "helper") {
			fmt.Fprintf(&table, "%-46s %9d %9d\n", name, counted[name], recorded[name])
		}
	}
	t.Logf("%s without the tag record, and with it, not recording\n%s", board, &table)
	for _, symbol := range symbolsOf(t, firmware(t, board)) {
		if strings.Contains(symbol, "engine.Recorder") || strings.Contains(symbol, "serveRecord") || strings.Contains(symbol, "vm.Tap") {
			t.Errorf("without the tag there is %s", symbol)
		}
	}
	if with.flash <= without.flash {
		t.Error("the tag costs nothing: is it in the build?")
	}
}

// symbolsOf lists the functions and variables of a firmware.
func symbolsOf(t *testing.T, name string) (names []string) {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Size > 0 && !strings.HasPrefix(s.Name, "reflect/types.") {
			names = append(names, s.Name)
		}
	}
	return names
}
