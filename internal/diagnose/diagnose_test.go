package diagnose

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite golden files, and the compiler's messages where it is installed")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

var hookNames = []string{"timer", "event", "message", "coap"}

var helperNames = []string{"femto_fetch_local", "femto_store_local", "femto_printf", "femto_random"}

// TestClang translates what clang wrote for each of testdata/clang.
func TestClang(t *testing.T) {
	sources, err := filepath.Glob("testdata/clang/*.c")
	if err != nil || len(sources) < 20 {
		t.Fatalf("%v: %v", sources, err)
	}
	seen := map[Code]bool{}
	for _, source := range sources {
		name := strings.TrimSuffix(source, ".c")
		t.Run(filepath.Base(name), func(t *testing.T) {
			raw, err := os.ReadFile(name + ".raw")
			if err != nil && !*update {
				t.Fatal(err)
			}
			if *update {
				raw = clang(t, source)
				if err := os.WriteFile(name+".raw", raw, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			list := Clang(string(raw), filepath.Base(source), "v2", helperNames, hookNames)
			list.Read("testdata/clang")
			var said strings.Builder
			for _, d := range list {
				said.WriteString(d.Format())
				seen[d.Code] = true
				if d.Place.Line == 0 || d.What == "" {
					t.Errorf("no place or no words: %+v", d)
				}
			}
			golden(t, name+".golden", said.String())
		})
	}
	for c := StackTooLarge; c <= OtherCompile; c++ {
		if c >= GoType && c <= GoOther {
			continue // internal/gobpf provokes them
		}
		if Find(c) != nil && !seen[c] {
			t.Errorf("no source provokes %v", c)
		}
	}
}

// clang returns what the compiler says of a source.
func clang(t *testing.T, source string) []byte {
	t.Helper()
	path, err := exec.LookPath("clang-19")
	if err != nil {
		t.Skip("SKIPPED: clang-19 is not installed")
	}
	cmd := exec.Command(path, "-target", "bpf", "-mcpu=v2", "-O2", "-g", "-std=c11", "-ffreestanding", "-nostdinc", "-Wall", "-Wextra", "-Werror",
		"-fno-color-diagnostics", "-fno-caret-diagnostics", "-I", "../../../../sdk/c", "-I", "../../../../sdk/c/compat",
		"-c", "-o", os.DevNull, filepath.Base(source))
	cmd.Dir = filepath.Dir(source)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%s compiles", source)
	}
	return bytes.ReplaceAll(out, []byte("../../../../sdk/c/"), []byte(".femto/include/"))
}

// TestClangStillSaysSo: the messages that are translated are those of the
// compiler that is installed. Addresses inside it differ from run to run.
func TestClangStillSaysSo(t *testing.T) {
	for _, name := range []string{"stack", "six_arguments", "float", "undeclared_helper", "missing_header", "signed_division"} {
		got := clang(t, "testdata/clang/"+name+".c")
		want, err := os.ReadFile("testdata/clang/" + name + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		list := Clang(string(got), name+".c", "v2", helperNames, hookNames)
		list.Read("testdata/clang")
		said := ""
		for _, d := range list {
			said += d.Format()
		}
		if said != string(want) {
			t.Errorf("%s: clang says\n%s\nwhich becomes\n%s", name, got, said)
		}
	}
}

func TestClangPassesThrough(t *testing.T) {
	for name, test := range map[string]struct{ output, want string }{
		"nothing":          {"", "error[FC0299]: the compiler refuses the source\n  --> a.c\n"},
		"crash":            {"PLEASE submit a bug report\nStack dump:", "error[FC0299]: the compiler refuses the source\n  --> a.c\n  why: PLEASE submit a bug report\n"},
		"no place":         {"error: unknown argument: '-x'", "error[FC0299]: unknown argument: '-x'\n  --> a.c\n"},
		"a note":           {"a.c:1:2: error: strange\na.c:3:4: note: because", "error[FC0299]: strange\n  --> a.c:1:2\n  why: because\n"},
		"a place":          {"a.c:1:2: error: strange\na.c:3:4: note: 'x' declared here", "error[FC0299]: strange\n  --> a.c:1:2\n"},
		"a drive":          {`C:\x\a.c:7:9: error: strange`, "error[FC0299]: strange\n  --> C:/x/a.c:7:9\n"},
		"and so on":        {"a.c:1:3: error: strange\nfatal error: too many errors emitted, stopping now [-ferror-limit=]", "error[FC0299]: strange\n  --> a.c:1:3\n"},
		"warnings are not": {"a.c:1:2: warning: odd\na.c:1:3: error: strange", "error[FC0299]: strange\n  --> a.c:1:3\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var said string
			for _, d := range Clang(test.output, "a.c", "v2", nil, nil) {
				said += d.Format()
			}
			if said != test.want {
				t.Errorf("got\n%s\nwant\n%s", said, test.want)
			}
		})
	}
}

func FuzzClang(f *testing.F) {
	sources, _ := filepath.Glob("testdata/clang/*.raw")
	for _, source := range sources {
		raw, err := os.ReadFile(source)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	f.Fuzz(func(t *testing.T, output string) {
		list := Clang(output, "a.c", "v2", helperNames, hookNames)
		if len(list) == 0 {
			t.Fatal("nothing said")
		}
		for _, d := range list {
			if Find(d.Code) == nil || d.What == "" {
				t.Errorf("%+v", d)
			}
			d.Place.Text = output
			d.Format()
		}
	})
}

// TestCatalogue: every entry can be read, and the page has all.
func TestCatalogue(t *testing.T) {
	last := Code(0)
	for i := range Catalogue {
		e := &Catalogue[i]
		if e.Code <= last || e.Title == "" || e.Cause == "" || e.Exit == 0 || strings.HasSuffix(e.Title, ".") {
			t.Errorf("%v: out of order or incomplete", e.Code)
		}
		last = e.Code
		var b strings.Builder
		e.Explain(&b)
		golden(t, filepath.Join("testdata", "explain", e.Code.String()+".golden"), b.String())
	}
	var page strings.Builder
	Reference(&page)
	golden(t, "../../docs/errors.md", page.String())
}

func TestParseCode(t *testing.T) {
	for typed, want := range map[string]Code{"FC0201": StackTooLarge, "fc201": StackTooLarge, " 201": StackTooLarge, "0201": StackTooLarge,
		"FC9999": 0, "": 0, "FC": 0, "-1": 0, "201x": 0, "99999999": 0} {
		if got, ok := ParseCode(typed); ok != (want != 0) || ok && got != want {
			t.Errorf("%q is %v, %v", typed, got, ok)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"flash", "ram", "stack", "instructions"}
	for typed, want := range map[string]string{"stak": "stack", "flahs": "flash", "instruction": "instructions", "xylophone": "", "RAM": ""} {
		if got := Nearest(typed, words); got != want && !(typed == "RAM" && got != "") {
			t.Errorf("%q is near %q, want %q", typed, got, want)
		}
	}
}

func TestFormat(t *testing.T) {
	d := Diagnostic{Code: MemoryFault, What: "stopped", Place: Place{"a.c", 7, 3, "\tx[9] = 1;"}, Why: "because", Fix: "do not", Try: []string{"femto check"}}
	want := "error[FC0501]: stopped\n  --> a.c:7:3\n     7 |  x[9] = 1;\n       |   ^\n  why: because\n  fix: do not\n  try: femto check\n"
	if got := d.Format(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d = Diagnostic{Code: MemoryFault, What: "stopped", Where: "x.bin"}
	if got := d.Format(); got != "error[FC0501]: stopped\n  where: x.bin\n" {
		t.Error(got)
	}
	var list List = List{&d}
	var one *Diagnostic
	if !errors.As(error(list), &one) || one != &d {
		t.Error("a list hides what is in it")
	}
}

// TestFormatLongLines: the place is seen, wherever it is in the line.
func TestFormatLongLines(t *testing.T) {
	long := strings.Repeat("word ", 40) // 200 bytes
	for name, test := range map[string]struct {
		text   string
		column int
		marked string // what stands above the carets
		begin  string
		end    string
	}{
		"short":         {"int x = y;", 9, "y", "int", ";"},
		"beginning":     {"here " + long, 1, "here", "here", "…"},
		"middle":        {long + "here " + long, 201, "here", "…", "…"},
		"end":           {long + "here", 201, "here", "…", "here"},
		"behind it":     {long, 201, "", "…", " "},
		"no column":     {long, 0, "", "word", "…"},
		"another line":  {"short", 99, "", "short", "t"},
		"letters":       {"/* ä ö ü */ here", 16, "here", "/*", "here"},
		"cut in letter": {strings.Repeat("ä", 100) + "here" + strings.Repeat("ö", 100), 201, "here", "…", "…"},
	} {
		t.Run(name, func(t *testing.T) {
			d := Diagnostic{Place: Place{"a.c", 7, test.column, test.text}}
			lines := strings.Split(d.Format(), "\n")[2:]
			if !utf8.ValidString(lines[0]) || utf8.RuneCountInString(lines[0]) > 85 {
				t.Errorf("%q", lines[0])
			}
			shown := strings.TrimPrefix(lines[0], "     7 | ")
			if !strings.HasPrefix(shown, test.begin) || !strings.HasSuffix(shown, test.end) {
				t.Errorf("%q", shown)
			}
			from := strings.IndexByte(lines[1], '^')
			if test.marked == "" {
				if from >= 0 && test.column <= len(test.text) {
					t.Errorf("%q is marked", lines[1])
				}
				return
			}
			runes := []rune(lines[0])
			if got := string(runes[from : from+strings.Count(lines[1], "^")]); got != test.marked {
				t.Errorf("%q is marked in\n%s\n%s", got, lines[0], lines[1])
			}
		})
	}
}
