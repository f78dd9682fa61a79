// Package wall guards the wall between device rooms and host rooms: what a
// firmware embeds may import only what its room's list names, so a new import
// is a visible line in a review.
package wall

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the stored import lists")

const module = "github.com/femto-containers/femto/"

// deviceRooms are the packages that a firmware embeds (DESIGN §3).
var deviceRooms = []string{
	"isa", "vm", "image", "engine", "engine/helpers", "engine/hooks", "suit", "coap", "flash", "agent",
	"link", "link/ethernet", "link/ip", "link/slip",
	"internal/cbor", "internal/cose", "internal/sha2", "internal/ed25519", "internal/p256", "internal/fakes",
}

// tooHeavy are the standard packages that cost a microcontroller more than
// they give (reference sizes: crypto/sha256 alone is 60 KB of flash).
var tooHeavy = regexp.MustCompile(`^(fmt|reflect|net|net/.*|os|os/.*|crypto|encoding/json|math/big|regexp|text/.*|log|log/.*|context|time|sync|strings|strconv|sort|errors|maps|slices)$`)

func root(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

func goList(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm", "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &stderr)
	}
	return strings.Fields(string(out))
}

// TestDeviceRoomsImportOnlyWhatIsListed compares each device room's direct
// imports, and every module package below it, with the stored list.
func TestDeviceRoomsImportOnlyWhatIsListed(t *testing.T) {
	dir := root(t)
	for _, room := range deviceRooms {
		t.Run(room, func(t *testing.T) {
			imports := goList(t, dir, "-f", `{{join .Imports "\n"}}`, "./"+room)
			var lines []string
			for _, path := range imports {
				if tooHeavy.MatchString(path) {
					t.Errorf("%s imports %s, which is too heavy for a microcontroller", room, path)
				}
				if own, ok := strings.CutPrefix(path, module); ok && !slices.Contains(deviceRooms, own) {
					t.Errorf("%s imports the host room %s", room, own)
				}
				lines = append(lines, path)
			}
			slices.Sort(lines)
			got := strings.Join(lines, "\n")
			if got != "" {
				got += "\n"
			}
			golden := filepath.Join("testdata", strings.ReplaceAll(room, "/", "-")+".txt")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("imports of %s changed (go test ./internal/wall -update accepts them):\n got: %q\nwant: %q", room, got, want)
			}
		})
	}
}

// TestEveryDeviceRoomIsListed finds rooms that were added below a device room
// without being put behind the wall.
func TestEveryDeviceRoomIsListed(t *testing.T) {
	dir := root(t)
	for _, path := range goList(t, dir, "./isa/...", "./vm/...", "./image/...", "./engine/...", "./suit/...", "./coap/...", "./flash/...", "./agent/...", "./link/...") {
		if room := strings.TrimPrefix(path, module); !slices.Contains(deviceRooms, room) {
			t.Errorf("%s lies in a device room but is not in deviceRooms", room)
		}
	}
}

// TestNoUnsafeInDeviceRooms keeps isolation resting on Go's own bounds checks
// below the region check, and forbids switching those checks off.
func TestNoUnsafeInDeviceRooms(t *testing.T) {
	dir := root(t)
	for _, room := range deviceRooms {
		files, err := filepath.Glob(filepath.Join(dir, room, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"\"unsafe\"", "//go:nobounds", "//go:linkname"} {
				if bytes.Contains(text, []byte(bad)) {
					t.Errorf("%s uses %s", file, bad)
				}
			}
		}
	}
}

// TestHostFilesAreNotForDevices: what hosts look at containers with, and run them
// faster with, is in no firmware.
func TestHostFilesAreNotForDevices(t *testing.T) {
	dir := root(t)
	count := func(tags string) (files, host int) {
		for _, file := range goList(t, dir, "-tags", tags, "-f", `{{join .GoFiles "\n"}}`, "./vm", "./engine") {
			files++
			if strings.HasSuffix(file, "_host.go") {
				host++
			}
		}
		return files, host
	}
	if files, host := count("tinygo"); files == 0 || host > 0 {
		t.Errorf("of %d files for TinyGo, %d are for hosts", files, host)
	}
	if _, host := count(""); host < 2 {
		t.Errorf("%d files are for hosts: this test looks for the wrong ones", host)
	}
}
