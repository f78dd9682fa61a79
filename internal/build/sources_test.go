package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSources(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	source := write("a.s", []byte(".globl f\nf:\n\tr0 = 40\n\tr0 += 2\n\texit\n\t.section .contract\n\t.byte 0xa1, 0, 1\n"))
	raw, err := Image(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, raw); got != 42 || raw[4] != 1 {
		t.Errorf("got %d from an image of version %d", got, raw[4])
	}
	object, err := os.ReadFile("testdata/sections.o")
	if err != nil {
		t.Fatal(err)
	}
	linked, err := Image(t.Context(), "testdata/sections.o")
	if want, _ := Link(object); err != nil || !bytes.Equal(linked, want) {
		t.Errorf("an object links to something else: %v", err)
	}
	for _, test := range []struct {
		sources []string
		want    string
	}{
		{[]string{source, "testdata/sections.o"}, "not linked with other files"},
		{[]string{filepath.Join(folder, "missing.s")}, "missing.s"},
		{[]string{filepath.Join(folder, "missing.o")}, "missing.o"},
		{[]string{write("b.s", []byte("\n frob\n"))}, "b.s:2:2: there is no instruction"},
		{[]string{write("c.o", []byte("x"))}, "c.o: not an ELF object"},
	} {
		if _, err := Sources(t.Context(), test.sources...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v does not mention %q", test.sources, err, test.want)
		}
	}
	// Debug information changes no byte of an image.
	b, err := os.ReadFile("testdata/debug.o")
	if err != nil {
		t.Fatal(err)
	}
	p, err := LinkObjects(Object{"debug.o", b})
	if err != nil {
		t.Fatal(err)
	}
	if with, err := p.Image(); err != nil || !bytes.Equal(with, linked) || len(p.Lines) == 0 {
		t.Errorf("with debug information the image differs, or there are no lines: %v", err)
	}
}
