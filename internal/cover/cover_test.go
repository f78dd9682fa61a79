package cover_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/cover"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/sdk/go/femtotest"
)

// source is a.c below, as a compiler may have it.
const source = `
	.globl entry
entry:
	r0 = 0
	r2 = *(u8 *)(r1 + 0)
	if r2 == 0 goto out
	if r2 > 9 goto out
again:
	r0 += 2
	r2 += -1
	if r2 != 0 goto again
	call other
out:
	exit
other:
	if r0 != 99 goto same
	r0 = 1
same:
	exit
	r0 = 2
	exit
`

const text = `int entry(char *c)
{
    if (c[0] && c[0] <= 9)
        for (n = c[0]; n; n--) r += 2;
    return other(r);
}

int other(int r)
{
    return r == 99 ? 1 : r; /* <&> */
}
int never() { return 2; }
`

// covered runs the source once for each context; a.c is in the folder.
func covered(t *testing.T, contexts ...byte) (report *cover.Report, folder string) {
	t.Helper()
	o, err := asm.Source{Text: source}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	debug := &build.Debug{Symbols: []build.Symbol{
		{Name: "entry", Section: ".text", Size: 72}, {Name: "other", Section: ".text", Offset: 72, Size: 24}, {Name: "never", Section: ".text", Offset: 96, Size: 16},
	}, Lines: []build.Line{
		{Slot: 0, File: "a.c", Line: 2}, {Slot: 1, File: "a.c", Line: 3}, {Slot: 4, File: "a.c", Line: 4}, {Slot: 7, File: "sdk/femto.h", Line: 5},
		{Slot: 8, File: "a.c", Line: 5}, {Slot: 9, File: "a.c", Line: 10}, {Slot: 12, File: "a.c", Line: 12},
	}}
	program, err := symbols.Open(raw, debug, "")
	if err != nil {
		t.Fatal(err)
	}
	c := cover.New(program)
	tracer := trace.Tracer{Program: program, Each: c.Step}
	device := femtotest.New(t, raw, femtotest.Config{Hook: "event"})
	device.Before = tracer.Before
	for _, b := range contexts {
		device.Fire([]byte{b})
		tracer.End()
	}
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.c"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return c.Report(), folder
}

func TestReport(t *testing.T) {
	for _, test := range []struct {
		name                       string
		contexts                   []byte
		lines, branches, functions cover.Ratio
		instructions               cover.Ratio
		missing, oneWay            string
	}{
		{"nothing", nil, cover.Ratio{All: 6}, cover.Ratio{All: 8}, cover.Ratio{All: 3}, cover.Ratio{All: 14}, "2-12", ""},
		{"zero", []byte{0}, cover.Ratio{Hit: 3, All: 6}, cover.Ratio{Hit: 1, All: 8}, cover.Ratio{Hit: 1, All: 3}, cover.Ratio{Hit: 4, All: 14}, "4, 10-12", "3"},
		{"some", []byte{0, 3, 200}, cover.Ratio{Hit: 5, All: 6}, cover.Ratio{Hit: 7, All: 8}, cover.Ratio{Hit: 2, All: 3}, cover.Ratio{Hit: 11, All: 14}, "12", "10"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, _ := covered(t, test.contexts...)
			if r.Lines != test.lines || r.Branches != test.branches || r.Functions != test.functions || r.Instructions != test.instructions {
				t.Errorf("%+v, instructions %v", r.Total, r.Instructions)
			}
			if len(r.Files) != 1 || r.Files[0].Missing() != test.missing || r.Files[0].OneWay() != test.oneWay {
				t.Errorf("%+v: missing %q, one way %q", r.Files, r.Files[0].Missing(), r.Files[0].OneWay())
			}
		})
	}
}

func TestPercent(t *testing.T) {
	for want, r := range map[string]cover.Ratio{"-": {}, "99.9 %": {Hit: 9999, All: 10000}, "100.0 %": {Hit: 3, All: 3}, "0.0 %": {All: 4}} {
		if got := r.Percent(); got != want {
			t.Errorf("%v is %s, want %s", r, got, want)
		}
	}
}

// tracefile is what covered by 0, 3 and 200.
const tracefile = `TN:femto
SF:FOLDER/a.c
FN:2,entry
FN:10,other
FN:12,never
FNDA:3,entry
FNDA:1,other
FNDA:0,never
FNF:3
FNH:2
BRDA:3,0,0,2
BRDA:3,0,1,1
BRDA:3,1,0,1
BRDA:3,1,1,1
BRDA:4,0,0,1
BRDA:4,0,1,2
BRDA:10,0,0,0
BRDA:10,0,1,1
BRF:8
BRH:7
DA:2,3
DA:3,3
DA:4,3
DA:5,3
DA:10,1
DA:12,0
LF:6
LH:5
end_of_record
`

func TestLCOV(t *testing.T) {
	r, folder := covered(t, 0, 3, 200)
	var b bytes.Buffer
	if err := r.WriteLCOV(&b, folder); err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(tracefile, "FOLDER", filepath.ToSlash(folder), 1); b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
	none, _ := covered(t)
	var unexecuted bytes.Buffer
	if err := none.WriteLCOV(&unexecuted, folder); err != nil || !strings.Contains(unexecuted.String(), "BRDA:3,0,0,-\nBRDA:3,0,1,-\n") {
		t.Errorf("%v, nothing executed:\n%s", err, &unexecuted)
	}

	// The tools that it is for.
	for _, tool := range []string{"genhtml", "lcov"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("NOT TESTED: %s is not installed (apt-get install lcov)", tool)
		}
	}
	file := filepath.Join(folder, "cover.info")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("lcov", "--rc", "lcov_branch_coverage=1", "--summary", file).CombinedOutput()
	for _, want := range []string{"5 of 6 lines", "2 of 3 functions", "7 of 8 branches"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("lcov: %v, want %q:\n%s", err, want, out)
		}
	}
	pages := filepath.Join(folder, "pages")
	out, err = exec.Command("genhtml", "--branch-coverage", "-o", pages, file).CombinedOutput()
	if err != nil {
		t.Fatalf("genhtml: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(pages, "index.html")); err != nil {
		t.Error(err)
	}
}

func TestText(t *testing.T) {
	r, folder := covered(t, 0, 3, 200)
	var b bytes.Buffer
	if err := r.WriteText(&b, &symbols.Sources{Folders: []string{folder}}); err != nil {
		t.Fatal(err)
	}
	want := `a.c: 5 of 6 lines, 7 of 8 branches
                     1| int entry(char *c)
       3             2| {
       3     4/4     3|     if (c[0] && c[0] <= 9)
       3     2/2     4|         for (n = c[0]; n; n--) r += 2;
       3             5|     return other(r);
                     6| }
                     7|
                     8| int other(int r)
                     9| {
       1 ~   1/2    10|     return r == 99 ? 1 : r; /* <&> */
                    11| }
       0 !          12| int never() { return 2; }
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
	// Without the source, the lines that have instructions.
	b.Reset()
	if err := r.WriteText(&b, &symbols.Sources{}); err != nil || strings.Count(b.String(), "\n") != 7 {
		t.Errorf("%v\n%s", err, &b)
	}
}

// TestHTML wants a page that parses, with the source as it is.
func TestHTML(t *testing.T) {
	r, folder := covered(t, 0, 3, 200)
	var b bytes.Buffer
	if err := r.WriteHTML(&b, "a<b", &symbols.Sources{Folders: []string{folder}}); err != nil {
		t.Fatal(err)
	}
	classes := map[string]int{}
	d := xml.NewDecoder(&b)
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	words := ""
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			for _, a := range token.Attr {
				if token.Name.Local == "tr" && a.Name.Local == "class" {
					classes[a.Value]++
				}
			}
		case xml.CharData:
			words += string(token)
		}
	}
	if classes["executed"] != 4 || classes["partly"] != 1 || classes["never"] != 1 || classes["no"] != 6 {
		t.Errorf("lines %v", classes)
	}
	for _, want := range []string{"a<b: what", "/* <&> */", "5 of 6 lines"} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in the page", want)
		}
	}
}
