package build

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/isa"
)

// clang returns the compiler, and its major version, or skips the test loudly.
func clang(t *testing.T) (path, major string) {
	t.Helper()
	path, err := FindClang()
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`version (\d+)\.`).FindSubmatch(out)
	if version == nil {
		t.Skipf("SKIPPED: %s does not say its version: %q", path, out)
	}
	return path, string(version[1])
}

// compile compiles C code, with the SDK's header included, into an object.
func compile(t *testing.T, code string) []byte {
	t.Helper()
	path, _ := clang(t)
	source := filepath.Join(t.TempDir(), "test.c")
	if err := os.WriteFile(source, []byte("#include <femto.h>\n"+code), 0o644); err != nil {
		t.Fatal(err)
	}
	object, err := Compile(t.Context(), path, source)
	if err != nil {
		t.Fatal(err)
	}
	return object
}

func exampleSources(t *testing.T) (sources []string) {
	t.Helper()
	for _, pattern := range []string{"*/*.c", "*/*/*.c"} {
		some, err := filepath.Glob("../../examples/" + pattern)
		if err != nil || len(some) == 0 {
			t.Fatal("no example sources: ", err)
		}
		sources = append(sources, some...)
	}
	return sources
}

// TestCommittedImages rebuilds the example containers: same source, same bytes.
func TestCommittedImages(t *testing.T) {
	if _, major := clang(t); major != "19" {
		t.Skipf("SKIPPED: the committed images come from clang 19, here is clang %s", major)
	}
	for _, source := range exampleSources(t) {
		t.Run(filepath.Base(source), func(t *testing.T) {
			got, err := Image(t.Context(), source)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(source, ".c") + ".bin")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the committed image differs: run go generate ./examples")
			}
			away, err := filepath.Abs(source)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			if again, err := Image(t.Context(), away); err != nil || !bytes.Equal(again, want) {
				t.Errorf("built from another folder the image differs (%v)", err)
			}
		})
	}
}

// TestLink counts what the sections hold and which loads became relative.
func TestLink(t *testing.T) {
	tests := []struct {
		name         string
		code         string
		data, rodata int // bytes, padded
		lddwd, lddwr int
		functions    string
	}{
		{"plain", `u64 f(void) { return 1; }`, 0, 8, 0, 0, "f"},
		{"constants", `static const u32 table[] = {1, 2, 3, 5, 8, 13, 21, 34};
u64 f(void *c, u64 n) { (void)c; return table[n & 7]; }`, 0, 40, 0, 1, "f"},
		{"variable", `static u64 count = 7; u64 f(void) { return ++count; }`, 8, 8, 1, 0, "f"},
		{"zeros", `static u64 count; u64 f(void) { return ++count; }`, 8, 8, 1, 0, "f"},
		{"variable and zeros", `static u8 count = 7; static u64 sum;
u64 f(void) { sum += ++count; return sum; }`, 16, 8, 2, 0, "f"},
		{"string", `u64 f(void) { static u64 (*const print)(const char *) = (void *)1; return print("hello"); }`, 0, 8, 0, 1, "f"},
		{"two functions", `u64 f(void) { return 1; } u64 g(void) { return 2; }`, 0, 8, 0, 0, "f g"},
		{"static call", `static u64 g(u64); u64 f(void *c, u64 n) { (void)c; return g(n) + 1; }
static __attribute__((noinline)) u64 g(u64 n) { return n * n; }`, 0, 8, 0, 0, "f"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, err := Link(compile(t, test.code))
			if err != nil {
				t.Fatal(err)
			}
			m, e := image.Parse(b)
			if e != image.OK {
				t.Fatal(e)
			}
			if len(m.Data()) != test.data || len(m.Rodata()) != test.rodata {
				t.Errorf(".data %d, .rodata %d bytes, want %d and %d", len(m.Data()), len(m.Rodata()), test.data, test.rodata)
			}
			var lddwd, lddwr int
			for code := m.Text(); len(code) > 0; code = code[slot:] {
				switch code[0] {
				case isa.LDDWD:
					lddwd++
				case isa.LDDWR:
					lddwr++
				}
			}
			if lddwd != test.lddwd || lddwr != test.lddwr {
				t.Errorf("%d lddwd, %d lddwr, want %d and %d", lddwd, lddwr, test.lddwd, test.lddwr)
			}
			var names []string
			for i := range m.Functions() {
				f, _ := m.Function(i)
				names = append(names, string(f.Name))
			}
			if got := strings.Join(names, " "); got != test.functions {
				t.Errorf("functions %q, want %q", got, test.functions)
			}
		})
	}
}

// TestStaticCall finds the call's target in the linked text.
func TestStaticCall(t *testing.T) {
	b, err := Link(compile(t, `static u64 g(u64); u64 f(void *c, u64 n) { (void)c; return g(n) + 1; }
static __attribute__((noinline)) u64 g(u64 n) { return n * n; }`))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := image.Parse(b)
	code := m.Text()
	for at := 0; at < len(code); at += slot {
		if code[at] != opcodeCall {
			continue
		}
		target := at + slot + slot*int(int8(code[at+4]))
		if target <= at || target >= len(code) || code[target-slot] != 0x95 {
			t.Errorf("call at %d reaches %d, which does not follow an exit", at, target)
		}
		return
	}
	t.Error("no call in .text")
}

func TestLinkRefusals(t *testing.T) {
	tests := []struct{ name, code, want string }{
		{"undefined function", `u64 missing(void); u64 f(void) { return missing(); }`, "missing is not defined"},
		{"undefined variable", `extern u64 missing; u64 f(void) { return missing; }`, "missing is not defined"},
		{"function pointer in data", `u64 f(void) { return 1; } u64 (*volatile p)(void) = f;`, "address of function"},
		{"address of a function", `u64 f(void) { return 1; } u64 g(void) { return (u64)&f; }`, "address of function"},
		{"own section", `__attribute__((section("probe"))) u64 v = 1; u64 f(void) { return v; }`, "section probe"},
		{"no function", `u64 variable = 3;`, "no .text"},
		{"static function first", `static __attribute__((noinline, used)) u64 g(u64 n) { return n * n; } u64 f(void *c, u64 n) { (void)c; return g(n); }`, "make f the first"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, err := Link(compile(t, test.code))
			if err == nil {
				t.Fatalf("linked %d bytes, want an error", len(b))
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not mention %q", err, test.want)
			}
		})
	}
}

func TestLinkRefusesOtherFiles(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "text": []byte("int main;"), "this test": program, "half a header": []byte("\x7fELF\x02\x01\x01")} {
		if _, err := Link(b); err == nil {
			t.Errorf("%s: linked", name)
		}
	}
}

func TestCompileErrorsNameTheLine(t *testing.T) {
	path, _ := clang(t)
	source := filepath.Join(t.TempDir(), "broken.c")
	if err := os.WriteFile(source, []byte("\nint f(void) { return x; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Compile(t.Context(), path, source)
	if err == nil || !strings.Contains(err.Error(), "broken.c:2:") {
		t.Errorf("error %v does not name broken.c:2", err)
	}
}

func TestFindClang(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("CLANG", "")
	if _, err := FindClang(); !errors.Is(err, ErrNoClang) {
		t.Errorf("without a compiler: %v", err)
	}
	t.Setenv("CLANG", "no-such-clang")
	if _, err := FindClang(); err == nil || !strings.Contains(err.Error(), "no-such-clang") {
		t.Errorf("CLANG that does not exist: %v", err)
	}
}

// FuzzLink damages objects: no panic, and what is linked is an image.
func FuzzLink(f *testing.F) {
	objects, err := filepath.Glob("testdata/*.o")
	if err != nil || len(objects) == 0 {
		f.Fatal("no seeds:", err)
	}
	for _, path := range objects {
		object, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if _, err := Link(object); err != nil {
			f.Fatalf("%s: %v", path, err)
		}
		f.Add(object)
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		b, err := Link(object)
		if err != nil {
			return
		}
		if _, e := image.Parse(b); e != image.OK {
			t.Fatal(e)
		}
	})
}
