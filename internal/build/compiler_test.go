package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
)

// listing compiles C to assembly source.
func listing(t *testing.T, source string) string {
	t.Helper()
	path, _ := clang(t)
	cmd := exec.Command(path, "-target", "bpf", "-mcpu=v2", "-O2", "-std=c11", "-ffreestanding", "-nostdinc",
		"-I", "../../sdk/c", "-I", "../../sdk/c/compat", "-S", "-o", "-", source)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	// What FEMTO_META says is for the linker.
	return regexp.MustCompile(`(?s)\t\.type\tfemto_meta_.*?\n(\t\.(?:section\t\.[^f]|text|ident|addrsig\n)|$)`).ReplaceAllString(string(out), "$1")
}

// plain is an image without its contract.
func plain(t *testing.T, raw []byte) []byte {
	t.Helper()
	m, err := image.Parse(raw)
	if err != image.OK {
		t.Fatal(err)
	}
	raw = bytes.Clone(raw[:len(raw)-len(m.Contract())])
	raw[4] = 0
	return raw
}

// TestCompilerOutput assembles what the compiler writes for the examples, and
// wants the images that its objects link to.
func TestCompilerOutput(t *testing.T) {
	if _, major := clang(t); major != "19" {
		t.Skipf("SKIPPED: the committed images come from clang 19, here is clang %s", major)
	}
	for _, source := range exampleSources(t) {
		want, err := os.ReadFile(strings.TrimSuffix(source, ".c") + ".bin")
		if err != nil {
			t.Fatal(err)
		}
		o, err := asm.Source{Name: source, Text: listing(t, source)}.Assemble()
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := o.Image(); err != nil || !bytes.Equal(got, plain(t, want)) {
			t.Errorf("%s: assembled, the image differs (%v)", source, err)
		}
	}
}

// TestCompilerData assembles data of each kind.
func TestCompilerData(t *testing.T) {
	source := filepath.Join(t.TempDir(), "data.c")
	if err := os.WriteFile(source, []byte(`typedef unsigned long long u64;
static volatile u64 zero; static volatile u64 table[3] = {1, 20, 300};
static volatile u64 *volatile p = &table[1];
static const char *const names[] = {"one", "three"};
static __attribute__((noinline)) u64 g(u64 n) { zero += n; return zero; }
u64 f(void *c, u64 n);
u64 f(void *c, u64 n) { (void)c; return *p + p[1] + names[n + 1][1] + g(4000) + table[n]; }
`), 0o644); err != nil {
		t.Fatal(err)
	}
	text := listing(t, source)
	// The function that comes first is where execution begins.
	o, err := asm.Source{Name: source, Text: "\tgoto f\n" + text}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, raw); got != 20+300+'h'+4000+1 {
		t.Errorf("got %d\n%s", got, text)
	}
}
