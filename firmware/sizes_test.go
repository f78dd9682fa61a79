//go:build boards

package firmware_test

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/emulator"
)

const sizesFile = "sizes.txt"

// limits are what whole firmwares may take, in bytes.
var limits = map[string]struct{ flash, ram uint64 }{
	"lm3s6965": {72 << 10, 36 << 10},
}

// bars are what parts of the firmware of lm3s6965 may take together of its
// flash, in bytes: those of DESIGN §10.
var bars = []struct {
	parts []string
	most  uint64
}{
	{[]string{"vm"}, 4096},
	{[]string{"vm", "image"}, 4812},
}

// containerParts are what a firmware would not have without containers.
var containerParts = []string{"vm", "image", "engine", "engine/helpers"}

const module = "github.com/femto-containers/femto/"

// A usage is how much of each memory something takes.
type usage struct{ flash, ram uint64 }

// sections reads what a firmware takes from its sections.
func sections(t *testing.T, name string) (u usage) {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	nowhere(t, f)
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Name == ".types" { // .types lies nowhere
			continue
		}
		if s.Type != elf.SHT_NOBITS {
			u.flash += s.Size
		}
		// .text counts as writable if a variable was put there that never is.
		if s.Name != ".text" && (s.Flags&elf.SHF_WRITE != 0 || s.Type == elf.SHT_NOBITS) {
			u.ram += s.Size
		}
	}
	return u
}

// nowhere checks that only what is never read lies in .types.
func nowhere(t *testing.T, f *elf.File) {
	t.Helper()
	section := f.Section(".types")
	symbols, err := f.Symbols()
	if err != nil || section == nil {
		t.Fatalf("no section .types: %v", err)
	}
	for _, s := range symbols {
		if s.Value >= section.Addr && s.Value < section.Addr+section.Size && s.Size > 0 && !strings.HasPrefix(s.Name, "reflect/types.") {
			t.Errorf("%s lies nowhere", s.Name)
		}
	}
}

var sizeLine = regexp.MustCompile(`^ *\d+ +\d+ +\d+ +\d+ \| +(\d+) +(\d+) \| (.+)$`)

// byPackage returns what the compiler says of each package, inlined code
// counted where it comes from.
func byPackage(t *testing.T, board string) map[string]usage {
	t.Helper()
	out, err := exec.Command("./build.sh", board, "./firmware/"+board, filepath.Join(t.TempDir(), "elf"), "-size=full").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	parts := map[string]usage{}
	for line := range strings.Lines(string(out)) {
		m := sizeLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil || m[3] == "total" || m[3] == "Go types" {
			continue
		}
		name := strings.TrimPrefix(m[3], module)
		if name == "main" || strings.HasPrefix(name, "firmware/") || strings.HasPrefix(name, "/") {
			name = "firmware"
		}
		flash, _ := strconv.ParseUint(m[1], 10, 64)
		ram, _ := strconv.ParseUint(m[2], 10, 64)
		if name == "(unknown)" {
			name, ram = "C and assembly", 0 // .types is counted as RAM there
		}
		parts[name] = usage{parts[name].flash + flash, parts[name].ram + ram}
	}
	return parts
}

// sizeOf returns the size of a type on the board.
func sizeOf(t *testing.T, name, typeName string) int64 {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	data, err := f.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	for r := data.Reader(); ; {
		entry, err := r.Next()
		if err != nil || entry == nil {
			t.Fatalf("no type %s in %s: %v", typeName, name, err)
		}
		if entry.Tag == dwarf.TagTypedef && entry.Val(dwarf.AttrName) == typeName {
			underlying, err := data.Type(entry.Offset)
			if err != nil {
				t.Fatal(err)
			}
			return underlying.Size()
		}
	}
}

// deepestStack deploys and fires, and returns how much of the stack was used.
// The memory of a board that was just switched on is zero.
func deepestStack(t *testing.T) int {
	r := start(t, emulator.Config{Board: "lm3s6965"})
	r.deploy(fletcher32)
	r.fire()
	r.deploy(outlaw, "--name", "outlaw")
	r.run("hook", "fire", "event", "--ctx-file", input)
	r.must("ps")
	r.must("device", "info")
	const bottom, size = 0x20000000, stackSize
	memory, err := r.device.Memory(bottom, size)
	if err != nil {
		t.Fatal(err)
	}
	unused := 0
	for unused < size && memory[unused] == 0 {
		unused++
	}
	return size - unused
}

// TestSizes compares flash and RAM with sizes.txt, which -update rewrites
// (`make sizes`). Growth by more than a hundredth must be in the same commit.
func TestSizes(t *testing.T) {
	var out bytes.Buffer
	out.WriteString("# Flash and static RAM of the firmware in bytes, -opt=s. Made by `make sizes`.\n")
	for _, board := range emulator.Boards() {
		name := firmware(t, board)
		total := sections(t, name)
		fmt.Fprintf(&out, "\n%-34s %8d %8d\n", board, total.flash, total.ram)
		if limit, ok := limits[board]; ok && (total.flash > limit.flash || total.ram > limit.ram) {
			t.Errorf("%s: %d B of flash and %d B of RAM, at most %d and %d are allowed", board, total.flash, total.ram, limit.flash, limit.ram)
		}
		if board != "lm3s6965" && board != "riscv-virt" {
			continue
		}
		parts := byPackage(t, board)
		for _, part := range slices.SortedFunc(maps.Keys(parts), func(a, b string) int {
			return int(parts[b].flash) - int(parts[a].flash)
		}) {
			if u := parts[part]; u.flash+u.ram > 0 {
				fmt.Fprintf(&out, "  %-32s %8d %8d\n", part, u.flash, u.ram)
			}
		}
		if board == "lm3s6965" {
			for _, bar := range bars {
				is := uint64(0)
				for _, part := range bar.parts {
					is += parts[part].flash
				}
				if is == 0 || is > bar.most {
					t.Errorf("%s: %s take %d B of flash, at most %d are allowed", board, strings.Join(bar.parts, " and "), is, bar.most)
				}
			}
		}
		var containers uint64
		for _, part := range containerParts {
			containers += parts[part].flash
		}
		without := sections(t, buildWithout(t, board))
		fmt.Fprintf(&out, "without containers%s%8d %8d\n", strings.Repeat(" ", 17), without.flash, without.ram)
		fmt.Fprintf(&out, "containers add: %d B of flash, %.1f %% of the whole (%d B, %.1f %%, in %s; the rest is code that serves them)\n",
			total.flash-without.flash, percent(total.flash-without.flash, total.flash),
			containers, percent(containers, total.flash), strings.Join(containerParts, ", "))
		if without.flash+containers/2 > total.flash {
			t.Errorf("%s: %d B of flash without containers, %d with", board, without.flash, total.flash)
		}
		fmt.Fprintf(&out, "a container's state: %d B in the engine, %d B in the agent; stack of 512 B shared by all\n",
			sizeOf(t, name, module+"engine.Container"), sizeOf(t, name, module+"agent.Container"))
		if board == "lm3s6965" {
			fmt.Fprintf(&out, "heap: none (linked with -gc=none)\n")
		}
	}
	bound, path := stackBound(t, firmware(t, "lm3s6965"))
	deepest := deepestStack(t)
	fmt.Fprintf(&out, "\nstack of lm3s6965: at most %d B of %d by the linked code, %d B seen (deploy, fire, fault, ps)\n", bound, stackSize, deepest)
	if deepest > bound {
		t.Errorf("%d B of stack were in use, and the bound is %d:\n%s", deepest, bound, path)
	}

	stored, err := os.ReadFile(sizesFile)
	if *update {
		if err := os.WriteFile(sizesFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s\n%s", filepath.Base(sizesFile), &out)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, growth := range growths(totals(string(stored)), totals(out.String())) {
		t.Error(growth)
	}
}

// growths says what grew by more than a hundredth.
func growths(was, is map[string][2]int) (found []string) {
	for _, board := range slices.Sorted(maps.Keys(is)) {
		for i, memory := range []string{"flash", "RAM"} {
			if 100*is[board][i] > 101*was[board][i] {
				found = append(found, fmt.Sprintf("%s: %s grew from %d to %d B; `make sizes` if that is meant", board, memory, was[board][i], is[board][i]))
			}
		}
	}
	return found
}

// TestGrowth has firmwares grow, by numbers in the form of sizes.txt.
func TestGrowth(t *testing.T) {
	const was = "# Made by `make sizes`.\n\nlm3s6965   70000   24000\n  coap   13000   0\n\nriscv-virt   80000   30000\n"
	for _, tc := range []struct{ name, from, to, grown string }{
		{"nothing", "70000", "70000", ""},
		{"smaller", "70000", "60000", ""},
		{"a hundredth of the flash", "70000", "70700", ""},
		{"more of the flash", "70000", "70701", "lm3s6965: flash"},
		{"more of the RAM", "24000", "24241", "lm3s6965: RAM"},
		{"more of another board's", "80000", "80801", "riscv-virt: flash"},
		{"a package alone", "13000", "14000", ""},
		{"a new board", "\nriscv-virt", "\nnew   1   0\nriscv-virt", "new: flash"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found := growths(totals(was), totals(strings.Replace(was, tc.from, tc.to, 1)))
			if tc.grown == "" && len(found) > 0 || tc.grown != "" && (len(found) != 1 || !strings.HasPrefix(found[0], tc.grown)) {
				t.Errorf("found %q, want %q", found, tc.grown)
			}
		})
	}
}

func percent(part, whole uint64) float64 { return 100 * float64(part) / float64(whole) }

// totals reads the lines of whole firmwares.
func totals(text string) map[string][2]int {
	found := map[string][2]int{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 3 && !strings.HasPrefix(line, " ") {
			flash, _ := strconv.Atoi(fields[1])
			ram, _ := strconv.Atoi(fields[2])
			found[fields[0]] = [2]int{flash, ram}
		}
	}
	return found
}
