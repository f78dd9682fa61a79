package profile_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pprof "github.com/google/pprof/profile"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/profile"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/sdk/go/femtotest"
)

// source calls leaf twice, once through middle, and a helper from leaf.
const source = `
	.globl top
top:
	r6 = 3
again:
	r6 += -1
	if r6 != 0 goto again
	call leaf
	call middle
	r0 = 0
	exit
middle:
	call leaf
	exit
leaf:
	call now_ms
	exit
`

// spent runs the source, whose instructions come from lines 10 to 19 of a.c.
func spent(t *testing.T, activations int) (*profile.Profile, int) {
	t.Helper()
	o, err := asm.Source{Text: source, Helpers: map[string]int32{"now_ms": 0x20}}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	debug := &build.Debug{Image: "sha256:12", Symbols: []build.Symbol{
		{Name: "top", Section: ".text", Size: 56}, {Name: "middle", Section: ".text", Offset: 56, Size: 16}, {Name: "leaf", Section: ".text", Offset: 72, Size: 16},
	}, Lines: []build.Line{
		{Slot: 0, File: "a.c", Line: 10}, {Slot: 3, File: "a.c", Line: 12}, {Slot: 4, File: "a.c", Line: 13}, {Slot: 7, File: "a.c", Line: 1}, {Slot: 8}, {Slot: 9, File: "b.c", Line: 5},
	}}
	program, err := symbols.Open(raw, debug, "")
	if err != nil {
		t.Fatal(err)
	}
	p := profile.New("sample", program)
	tracer := trace.Tracer{Program: program, Each: p.Step}
	c := femtotest.New(t, raw, femtotest.Config{Hook: "event"})
	c.Before = tracer.Before
	all := 0
	for range activations {
		all += c.Fire(nil).Instructions
		tracer.End()
	}
	return p, all
}

func TestTables(t *testing.T) {
	p, all := spent(t, 10)
	if got := p.Total; got.Budget() != int64(all) || got.Calls != 10 || got.Instructions != 170 || got.Cost != 80 {
		t.Errorf("%+v of %d", got, all)
	}
	want := []profile.Row{
		{Name: "leaf", Counts: profile.Counts{Instructions: 40, Cost: 80, Calls: 20}, Sum: 120},
		{Name: "top", Counts: profile.Counts{Instructions: 110, Calls: 10}, Sum: 250},
		{Name: "middle", Counts: profile.Counts{Instructions: 20, Calls: 10}, Sum: 80},
	}
	got := p.Functions()
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	lines := p.Lines()
	if len(lines) != 5 || lines[0].Name != "b.c:5" || lines[0].Budget() != 120 || lines[0].Calls != 20 || lines[1].Name != "a.c:10" || lines[1].Instructions != 70 {
		t.Errorf("%+v", lines)
	}
	if h := p.Helpers(); len(h) != 1 || h[0].Name != "now_ms" || h[0].Cost != 80 || h[0].Calls != 20 {
		t.Errorf("%+v", h)
	}
}

func TestFolded(t *testing.T) {
	p, all := spent(t, 1)
	var b bytes.Buffer
	if err := p.WriteFolded(&b); err != nil {
		t.Fatal(err)
	}
	want := `sample;top;a.c:10 7
sample;top;a.c:12 1
sample;top;a.c:12;leaf;b.c:5 2
sample;top;a.c:12;leaf;b.c:5;now_ms 4
sample;top;a.c:13 3
sample;top;a.c:13;middle 1
sample;top;a.c:13;middle;a.c:1 1
sample;top;a.c:13;middle;a.c:1;leaf;b.c:5 2
sample;top;a.c:13;middle;a.c:1;leaf;b.c:5;now_ms 4
`
	if b.String() != want || all != 25 {
		t.Errorf("%d instructions, got\n%s\nwant\n%s", all, &b, want)
	}
}

func TestPprof(t *testing.T) {
	p, _ := spent(t, 10)
	var b bytes.Buffer
	if err := p.WritePprof(&b); err != nil {
		t.Fatal(err)
	}
	read, err := pprof.Parse(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var sums [4]int64
	for _, s := range read.Sample {
		for i, v := range s.Value {
			sums[i] += v
		}
	}
	// What has no line is in its function all the same.
	named := map[string]int{}
	for _, f := range read.Function {
		named[f.Name]++
	}
	if named["middle"] != 1 || named["top"] != 1 {
		t.Errorf("functions %v", named)
	}
	// Calls: 10 of top, 20 of leaf, 10 of middle, 20 of the helper.
	if sums != [4]int64{250, 170, 80, 60} {
		t.Errorf("sums %v", sums)
	}
	// The tool that people open it with.
	path, err := exec.Command("go", "tool", "-n", "pprof").Output()
	if err != nil {
		t.Skipf("NOT TESTED: go tool pprof: %v", err)
	}
	file := filepath.Join(t.TempDir(), "profile.pb.gz")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-top"}, "leaf 120"},
		{[]string{"-top", "-cum"}, "top 250"},
		{[]string{"-top", "-sample_index=calls"}, "now_ms 20"},
		{[]string{"-top", "-sample_index=instructions", "-lines"}, "top a.c:10 70"},
		{[]string{"-raw"}, "sha256:12"},
	} {
		out, err := exec.Command(strings.TrimSpace(string(path)), append(test.args, file)...).CombinedOutput()
		if err != nil {
			t.Fatalf("pprof %v: %v\n%s", test.args, err, out)
		}
		words := strings.Fields(test.want)
		if !hasLine(string(out), words) {
			t.Errorf("pprof %v: no line with %v in\n%s", test.args, words, out)
		}
	}
}

// hasLine reports whether a line has all words.
func hasLine(text string, words []string) bool {
lines:
	for _, line := range strings.Split(text, "\n") {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		return true
	}
	return false
}

// TestSVG wants a document that parses, and a frame with a title for each part.
func TestSVG(t *testing.T) {
	p, _ := spent(t, 1)
	sources := &symbols.Sources{Folders: []string{t.TempDir()}}
	if err := os.WriteFile(filepath.Join(sources.Folders[0], "a.c"), []byte(strings.Repeat("\n", 9)+"if (a < b && \"c\") {\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	frames := p.Frames(sources)
	var b bytes.Buffer
	if err := frames.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	titles := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "title" {
			titles++
			var text string
			if err := d.DecodeElement(&text, &start); err != nil {
				t.Fatal(err)
			}
			if titles == 3 && !strings.HasPrefix(text, "a.c:10  if (a < b && \"c\") {\n7 instructions of budget, 28.0 %") {
				t.Errorf("title %q", text)
			}
		}
	}
	// sample, top, three of its lines, leaf, its line and helper, middle and its
	// line, leaf, line and helper.
	if titles != 13 {
		t.Errorf("%d frames", titles)
	}
}

// TestCounted is a tree of what a device counts.
func TestCounted(t *testing.T) {
	f := profile.Counted("coap://a", []profile.Counter{
		{Hook: "timer", Name: "timer/a", Budget: 30, Activations: 3}, {Hook: "event", Name: "event", Budget: 7, Activations: 1}, {Hook: "timer", Name: "timer/b", Activations: 0},
	})
	var b bytes.Buffer
	if err := f.WriteFolded(&b); err != nil || b.String() != "coap://a;timer;timer/a 30\ncoap://a;event;event 7\n" {
		t.Errorf("%v\n%s", err, &b)
	}
	b.Reset()
	if err := f.WritePprof(&b); err != nil {
		t.Fatal(err)
	}
	read, err := pprof.Parse(&b)
	if err != nil || len(read.Sample) != 3 || read.Sample[0].Value[0] != 30 || read.Sample[0].Value[1] != 3 || read.Sample[0].Location[1].Line[0].Function.Name != "timer" {
		t.Errorf("%v %v", err, read)
	}
}

// TestEmpty writes what nothing ran for.
func TestEmpty(t *testing.T) {
	p, _ := spent(t, 0)
	for _, write := range []func(io.Writer) error{p.WriteFolded, p.WritePprof, p.Frames(&symbols.Sources{}).WriteSVG} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}
