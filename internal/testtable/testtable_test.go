package testtable

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/vm"
)

// subject assembles a container of a hook.
func subject(t *testing.T, hook, text string) *Subject {
	t.Helper()
	code, err := asm.Assemble(text)
	if err != nil {
		t.Fatal(err)
	}
	id := author.HookID(hook)
	return &Subject{Image: image.Append(nil, image.Parts{Text: code, Contract: &image.Contract{Hook: id[:]}}), Hook: hook}
}

// counting counts in the local store and prints nothing.
const counting = `
	mov %r6, %r1
	mov %r1, 1
	mov %r2, %r10
	add %r2, -4
	call 0x12
	ldxw %r2, [%r10-4]
	add %r2, 1
	mov %r7, %r2
	mov %r1, 1
	call 0x10
	jne %r0, 0, full
	mov %r0, %r7
	exit
full:
	mov %r0, -1
	exit
`

func TestRun(t *testing.T) {
	timer := subject(t, "timer", counting)
	for name, test := range map[string]struct {
		subject *Subject
		table   string
		want    string // in the problems; "": none
	}{
		"result":          {timer, "expect.result = 1", ""},
		"other result":    {timer, "expect.result = 2", "returned 1, want 2"},
		"store":           {timer, "store.local = { 1 = 4, 9 = 9 }\nexpect.result = 5\nexpect.store.local = { 1 = 5, 0x9 = 9 }", ""},
		"other store":     {timer, "expect.store.local = {}", "the local store has { 1 = 1 }, want { }"},
		"helper":          {timer, "helpers.store_local = [-1]\nexpect.result = -1", ""},
		"helper writes":   {timer, "helpers.fetch_local = [{ returns = 0, writes = \"07 00 00 00\" }]\nexpect.result = 8", ""},
		"helper is real":  {timer, "helpers.store_local = [\"real\"]\nexpect.result = 1", ""},
		"instructions":    {timer, "expect.instructions = 3", "want at most 3"},
		"no fault":        {timer, "expect.fault = \"memory\"", "fault: none, want memory"},
		"nothing printed": {timer, "expect.log = [\"x\"]", `printed [], want ["x"]`},
		"budget":          {&Subject{Image: timer.Image, Hook: "timer", Budget: 10}, "", "took 45 instructions, budget.instructions is 10"},
		"fault":           {subject(t, "timer", "ldxb %r0, [%r1+100]\nexit"), "expect.fault = \"memory\"", ""},
		"other fault":     {subject(t, "timer", "ldxb %r0, [%r1+100]\nexit"), "expect.fault = \"depth\"", "want depth"},
		"any fault":       {subject(t, "timer", "ldxb %r0, [%r1+100]\nexit"), "expect.fault = \"any\"", ""},
		"unexpected":      {subject(t, "timer", "ldxb %r0, [%r1+100]\nexit"), "expect.result = 1", "the container was stopped: illegal memory access"},
		"field":           {subject(t, "timer", "ldxdw %r0, [%r1+8]\nexit"), "context.count = 77\nexpect.result = 77", ""},
		"clock":           {subject(t, "timer", "ldxdw %r0, [%r1]\nexit"), "at = \"3ms\"\nexpect.result = 3000", ""},
		"text":            {subject(t, "event", "mov %r0, %r2\nexit"), "context.text = \"four\"\nexpect.result = 4", ""},
		"bytes":           {subject(t, "event", "ldxb %r0, [%r1+1]\nexit"), "context.hex = \"01 ff\"\nexpect.result = 255", ""},
		"written":         {subject(t, "sensor", "mov %r0, 0\nsth [%r1], -7\nexit"), "expect.context.value = [-7, 0, 0]", ""},
		"written wrong":   {subject(t, "sensor", "mov %r0, 0\nsth [%r1], -7\nexit"), "expect.context.value = [7]", "value is -7 afterwards, want 7"},
		"sensor": {subject(t, "timer", "mov %r1, 1\nmov %r2, %r10\nadd %r2, -8\ncall 0x32\nldxh %r0, [%r10-8]\nexit"),
			"sensors = [{ type = \"temperature\", value = [2150] }]\nexpect.result = 2150", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tests, err := Parse("t.toml", []byte("[[test]]\nname = \"it\"\n"+test.table+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			o, err := tests[0].Run(test.subject)
			if err != nil {
				t.Fatal(err)
			}
			said := ""
			for _, d := range o.Problems {
				said += d.Format()
			}
			if o.OK != (test.want == "") || !strings.Contains(said, test.want) {
				t.Errorf("ok %v, want %q:\n%s", o.OK, test.want, said)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		table string
		code  diagnose.Code
		want  string
		line  int
	}{
		"no TOML":       {"[[test]\n", diagnose.BadTOML, "", 1},
		"no name":       {"[[test]]\n", diagnose.BadTest, "no name", 1},
		"misspelt":      {"[[test]]\nname = \"x\"\nadvanse = \"1s\"\n", diagnose.UnknownKey, "did you mean advance?", 3},
		"misspelt deep": {"[[test]]\nname = \"x\"\n[test.expect]\nresutl = 1\n", diagnose.UnknownKey, "did you mean result?", 4},
		"other table":   {"[[tests]]\nname = \"x\"\n", diagnose.UnknownKey, "a table has no key tests", 1},
		"time":          {"[[test]]\nname = \"x\"\nat = \"soon\"\n", diagnose.BadTest, `"soon" is no time`, 3},
		"helper":        {"[[test]]\nname = \"x\"\nhelpers = { randm = [1] }\n", diagnose.BadTest, "did you mean random?", 3},
		"helper result": {"[[test]]\nname = \"x\"\nhelpers = { random = [1.5] }\n", diagnose.BadTest, "no result", 3},
		"store":         {"[[test]]\nname = \"x\"\nstore.lokal = { 1 = 2 }\n", diagnose.BadTest, "did you mean local?", 3},
		"entry":         {"[[test]]\nname = \"x\"\nstore.local = { one = 2 }\n", diagnose.BadTest, "one = 2 does not fit", 3},
		"sensor":        {"[[test]]\nname = \"x\"\nsensors = [{ type = \"heat\", value = [1] }]\n", diagnose.BadTest, `no sensor "heat"`, 3},
		"fault":         {"[[test]]\nname = \"y\"\n[[test]]\nname = \"x\"\n[test.expect]\nfault = \"memry\"\n", diagnose.BadTest, "did you mean memory?", 6},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("t.toml", []byte(test.table))
			var list diagnose.List
			if !errors.As(err, &list) {
				t.Fatalf("error %v", err)
			}
			if said := list[0].Format(); list[0].Code != test.code || list[0].Place.Line != test.line || !strings.Contains(said, test.want) {
				t.Errorf("want %v, line %d, %q; got\n%s", test.code, test.line, test.want, said)
			}
		})
	}
	for name, test := range map[string]struct{ hook, table, want string }{
		"field":       {"timer", "context.cuont = 1", "did you mean count?"},
		"too large":   {"message", "context.kind = 4294967296", "is no u32"},
		"too many":    {"sensor", "context.value = [1, 2, 3, 4]", "has 3 values"},
		"not a field": {"event", "context.length = 1", "say hex or text"},
		"coap":        {"coap", "context.packet = 1", "makes its context itself"},
		"digits":      {"event", "context.hex = \"0x\"", "not hexadecimal"},
		"afterwards":  {"timer", "expect.context.cuont = 1", "did you mean count?"},
	} {
		t.Run(name, func(t *testing.T) {
			tests, err := Parse("t.toml", []byte("[[test]]\nname = \"it\"\n"+test.table+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = tests[0].Run(subject(t, test.hook, "mov %r0, 0\nexit"))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestFuzz finds what is wrong, makes it small, and the table it leaves fails
// until the container is mended.
func TestFuzz(t *testing.T) {
	for name, test := range map[string]struct {
		subject *Subject
		fault   vm.Fault
		table   string // in it
	}{
		"length": {subject(t, "event", "ldxb %r0, [%r1+2]\nexit"), vm.FaultMemory, ""},
		"context": {subject(t, "event", "jlt %r2, 2, out\nldxb %r0, [%r1]\njne %r0, 0x40, out\nlddw %r1, 0\nldxb %r0, [%r1]\nexit\nout: mov %r0, 0\nexit"),
			vm.FaultMemory, `context = { hex = "40 00" }`},
		"field": {subject(t, "timer", "ldxdw %r0, [%r1+8]\njne %r0, 100, out\nl: ja l\nout: exit"), vm.FaultBudget, "count = 100 }"},
		"helper": {subject(t, "timer", "mov %r1, 1\nmov %r2, 2\ncall 0x10\nmov %r1, 0\njeq %r0, 0, out\nldxb %r0, [%r1]\nout: exit"),
			vm.FaultMemory, `helpers.store_local = [-1, "real"]`},
		// A result of 32 bits, of which anything from 1000 on does.
		"result": {subject(t, "timer", "call 0x20\nmov %r1, 0\njlt %r0, 1000, out\nldxb %r0, [%r1]\nout: exit"),
			vm.FaultMemory, `helpers.now_ms = [1000, "real"]`},
		// What a helper writes: the second byte decides, from 0x30 on.
		"written": {subject(t, "timer", "mov %r2, %r10\nadd %r2, -8\nmov %r1, 1\nmov %r3, 0\nstxdw [%r10-8], %r3\ncall 0x12\nldxb %r0, [%r10-7]\nmov %r1, 0\njlt %r0, 0x30, out\nldxb %r0, [%r1]\nout: exit"),
			vm.FaultMemory, `helpers.fetch_local = [{ returns = 0, writes = "00 30" }, "real"]`},
	} {
		t.Run(name, func(t *testing.T) {
			findings, tried, err := Fuzz(context.Background(), test.subject, 10_000)
			if err != nil {
				t.Fatal(err)
			}
			if len(findings) != 1 || findings[0].Result.Fault != test.fault || !strings.Contains(string(findings[0].Table), test.table) {
				t.Fatalf("%d inputs, findings %+v", tried, findings)
			}
			tests, err := Parse(findings[0].File, findings[0].Table)
			if err != nil {
				t.Fatalf("%s: %v", findings[0].Table, err)
			}
			test.subject.Budget = 100_000
			o, err := tests[0].Run(test.subject)
			if err != nil || o.OK {
				t.Errorf("the table does not fail: %v\n%s", err, findings[0].Table)
			}
			again, _, _ := Fuzz(context.Background(), test.subject, 10_000)
			if len(again) != 1 || string(again[0].Table) != string(findings[0].Table) {
				t.Error("another run finds something else")
			}
		})
	}
}

// TestTemplates: what femto init writes passes its own tests, and fuzzing finds
// nothing.
func TestTemplates(t *testing.T) {
	for _, lang := range project.Languages {
		for _, template := range project.Templates {
			t.Run(lang+"/"+template, func(t *testing.T) { testTemplate(t, template, lang) })
		}
	}
}

func testTemplate(t *testing.T, template, lang string) {
	dir := filepath.Join(t.TempDir(), "hello")
	p, err := project.Init(dir, "hello", template, lang)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Build(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s := &Subject{Image: b.Image, Hook: b.Hook, Budget: p.Config.Budget.Instructions}
	content, err := os.ReadFile(filepath.Join(dir, "tests", "hello.toml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := Parse("hello.toml", content)
	if err != nil || len(tests) < 3 {
		t.Fatalf("%d tests: %v", len(tests), err)
	}
	for i := range tests {
		if o, err := tests[i].Run(s); err != nil || !o.OK {
			t.Errorf("%s: %v %v", tests[i].Name, err, o.Problems)
		}
	}
	findings, _, err := Fuzz(context.Background(), s, 2000)
	if err != nil || len(findings) > 0 {
		t.Errorf("%v: %s", err, findings[0].Table)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("[[test]]\nname = \"x\"\nat = \"3s\"\ncontext = { count = 1 }\nstore.local = { 1 = 2 }\nhelpers.random = [1, \"real\", { returns = 1, writes = \"00\" }]\n[test.expect]\nresult = 1\ncontext.now = 3\n"))
	f.Add([]byte("[[test]]\nname = \"x\"\nsensors = [{ type = \"temperature\", value = [2150], scale = -2 }]\ncontext.value = [1,2,3]\n[test.expect]\nlog = []\nfault = \"any\"\n"))
	text, err := asm.Assemble("mov %r0, 0\nexit")
	if err != nil {
		f.Fatal(err)
	}
	raw := image.Append(nil, image.Parts{Text: text})
	f.Fuzz(func(t *testing.T, content []byte) {
		tests, err := Parse("t.toml", content)
		var list diagnose.List
		if err != nil && !errors.As(err, &list) {
			t.Fatalf("%v is no diagnostic", err)
		}
		for i := range tests {
			for _, hook := range []string{"timer", "event", "sensor", "door"} {
				_, _ = tests[i].Run(&Subject{Image: raw, Hook: hook})
			}
		}
	})
}
