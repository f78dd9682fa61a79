//go:build boards

package firmware_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/suit"
)

// TestEdgeCasesOnBoards has the boards decide the public edge cases, those
// signed with P-256 as firmware with the build tag p256 does.
func TestEdgeCasesOnBoards(t *testing.T) {
	dir := vectors.Dir(t, "suit", "edge-cases")
	raw, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases                       []struct{ File, Key, Expect, Stage, Why string }
		Keys                        map[string]json.RawMessage
		Vendor, Class, HookA, HookB string
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Cases) < 32 {
		t.Fatalf("%d cases: %v", len(file.Cases), err)
	}
	var tenant struct{ Public string }
	if err := json.Unmarshal(file.Keys["tenant-a"], &tenant); err != nil {
		t.Fatal(err)
	}
	var input []byte
	for _, digits := range []string{tenant.Public, file.Vendor, file.Class, file.HookA, file.HookB} {
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		input = append(input, b...)
	}
	public, err := author.LoadPublic(filepath.Join(dir, "..", "ietf-manifest-37", "public_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	input = append(input, public.Raw()...)
	add := func(name string) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		input = append(binary.LittleEndian.AppendUint16(input, uint16(len(b))), b...)
	}
	add("payload.bin")
	var want []string
	for _, tc := range file.Cases {
		add(tc.File)
		status := suit.Refused
		if tc.Expect != "reject" && tc.Expect != "policy" {
			status = suit.Done
			if tc.Expect != "accept-no-install" {
				tc.Stage = suit.StageNone.String()
			}
		}
		want = append(want, fmt.Sprintf("%d %s", status, tc.Stage))
	}
	for _, board := range []string{"lm3s6965", "lm3s6965-m4", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			var console screen
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "cases"), input, 0o644); err != nil {
				t.Fatal(err)
			}
			device, err := emulator.Start(t.Context(), emulator.Config{Board: board, Firmware: build(t, board, "./firmware/cases"),
				Folder: folder, Listen: "127.0.0.1:0", Console: &console, Ready: "done\n"})
			if err != nil {
				t.Fatalf("%v; the console shows %q", err, &console)
			}
			defer device.Close()
			got := strings.Fields(console.String())
			if len(got) != len(want)+1 {
				t.Fatalf("%d verdicts of %d", len(got)-1, len(want))
			}
			for i, tc := range file.Cases {
				var status, stage, reason int
				fmt.Sscanf(got[i], "%x.%x.%x", &status, &stage, &reason)
				if verdict := fmt.Sprintf("%d %s", status, suit.Stage(stage)); verdict != want[i] || (reason == 0) != (suit.Status(status) == suit.Done) {
					t.Errorf("%s: status and stage %s, %v; want %s: %s", tc.File, verdict, suit.Reason(reason), want[i], tc.Why)
				}
			}
		})
	}
}
