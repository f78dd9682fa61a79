package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/testtable"
)

const hello = "#include \"femto.h\"\n"

// problems are projects with something wrong; what people read is in
// testdata/problems.
var problems = []struct {
	name  string
	code  diagnose.Code
	toml  string // after described
	files map[string]string
}{
	{"no-sources", diagnose.NoSources, "", map[string]string{"README": "x"}},
	{"hook-differs", diagnose.MetaDiffers, "[hooks]\ntimer = {}\n", map[string]string{"src/a.c": hello + "FEMTO_HOOK(event, run) { return 0; }\n"}},
	{"name-differs", diagnose.MetaDiffers, "", map[string]string{"src/a.c": hello + "FEMTO_META(\"name\", \"other\");\nFEMTO_HOOK(event, run) { return 0; }\n"}},
	{"undefined", diagnose.UndefinedSymbol, "", map[string]string{"src/a.c": hello + "extern s64 average(const s64 *values);\nFEMTO_HOOK(event, run)\n{\n    return average(context);\n}\n"}},
	{"undefined-helper", diagnose.UndefinedSymbol, "", map[string]string{"src/a.c": hello + "extern u32 femto_randm(void);\nFEMTO_HOOK(event, run)\n{\n    return femto_randm() + 1;\n}\n"}},
	{"twice", diagnose.DefinedTwice, "", map[string]string{
		"src/a.c": hello + "s64 twice(s64 x);\nFEMTO_HOOK(event, run) { return twice(1); }\ns64 twice(s64 x) { return x * 2; }\n",
		"src/b.c": hello + "s64 twice(s64 x);\ns64 twice(s64 x) { return x + x; }\n"}},
	{"static-entry", diagnose.StaticEntry, "", map[string]string{"src/a.c": hello +
		"__attribute__((used, noinline)) static s64 twice(s64 x) { return x * 2; }\nFEMTO_HOOK(event, run) { return twice(*(const s64 *)context) + (s64)length; }\n"}},
	{"no-code", diagnose.NoCode, "", map[string]string{"src/a.c": hello + "u32 table[4];\n"}},
	{"section", diagnose.OddSection, "", map[string]string{"src/a.c": hello + "__attribute__((section(\"maps\"))) u32 table[4] = {1};\nFEMTO_HOOK(event, run) { return table[length & 3]; }\n"}},
	{"pointer", diagnose.CodePointer, "", map[string]string{"src/a.c": hello +
		"static s64 one(s64 x) { return x + 1; }\nstatic s64 two(s64 x) { return x * 2; }\ntypedef s64 (*action)(s64);\nFEMTO_HOOK(event, run)\n{\n    volatile action a = length ? one : two;\n\n    return a(3);\n}\n"}},
	{"no-end", diagnose.NotLoadable, "", map[string]string{"src/a.s": "mov %r0, 1\n"}},
	{"assembly", diagnose.OtherCompile, "", map[string]string{"src/a.s": "mov %r0, 1\nmvo %r1, 2\nexit\n"}},
	{"no-object", diagnose.OtherLink, "", map[string]string{"src/a.o": "this is no object"}},
	{"not-granted", diagnose.NotGranted, "[grants]\nhelpers = [\"log\"]\n", map[string]string{"src/a.c": hello + "FEMTO_HOOK(event, run)\n{\n    FEMTO_LOG(\"x\");\n    return femto_now_ms();\n}\n"}},
	{"flash", diagnose.OverFlash, "[budget]\nflash = 64\n", map[string]string{"src/a.c": hello + "FEMTO_HOOK(event, run) { return 0; }\n"}},
	{"ram", diagnose.OverRAM, "[budget]\nram = 8\n", map[string]string{"src/a.c": hello + "static volatile u32 t[4];\nFEMTO_HOOK(event, run) { return t[length & 3]++; }\n"}},
	{"stack", diagnose.OverStack, "[budget]\nstack = 16\n", map[string]string{"src/a.c": hello + "FEMTO_HOOK(event, run)\n{\n    volatile u32 t[16];\n\n    t[length & 15] = 1;\n    return t[3];\n}\n"}},
	{"instructions", diagnose.OverBudget, "[budget]\ninstructions = 100\n", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(event, run)\n{\n    const u8 *bytes = context;\n    s64 sum = 0;\n\n    for (u64 i = 0; i < length; i++)\n        sum += bytes[i];\n    return sum;\n}\n"}},
	{"nowhere", diagnose.NoRegion, "", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(timer, run)\n{\n    volatile u8 *at = (u8 *)(u64)(femto_random() & 1023);\n\n    return at[8];\n}\n"}},
	{"text-number", diagnose.NoRegion, "", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(event, run)\n{\n    const char *name = (const char *)3;\n\n    if (length > 4)\n        FEMTO_LOG(\"%u: %s\", (u32)length, name);\n    return 0;\n}\n"}},
	{"digits-to-literal", diagnose.WriteToReadOnly, "", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(event, run)\n{\n    char *digits = (char *)\"     \";\n\n    return (s64)femto_fmt_u32_dec(digits, (u32)length);\n}\n"}},
	{"outside-stack", diagnose.OutsideStack, "", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(timer, run)\n{\n    volatile u8 window[4] = {0};\n    u64 i = 20;\n\n    __asm__ volatile(\"\" : \"+r\"(i) : : \"memory\");\n    window[20 + (context->count & 7)] = i;\n    return window[0];\n}\n"}},
	{"outside-context", diagnose.OutsideContext, "", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(event, run)\n{\n    const u8 *bytes = context;\n\n    if (length < 2)\n        return -1;\n    return bytes[length];\n}\n"}},
	{"outside-timer", diagnose.OutsideContext, "", map[string]string{"src/a.c": hello +
		"static u64 pick(const u64 *list, u64 i) { return list[2 + (i & 3)]; }\nFEMTO_HOOK(timer, run) { return pick(&context->now, context->count); }\n"}},
	{"outside-data", diagnose.OutsideData, "", map[string]string{"src/a.c": hello +
		"static u8 table[8];\nFEMTO_HOOK(event, run)\n{\n    volatile u8 *at = table;\n\n    at[length + 8] = 1;\n    return 0;\n}\n"}},
	{"read-only", diagnose.WriteToReadOnly, "", map[string]string{"src/a.c": hello +
		"FEMTO_HOOK(timer, run)\n{\n    ((struct femto_timer *)context)->count = 0;\n    return 0;\n}\n"}},
	{"two-at-once", diagnose.Undeclared, "", map[string]string{
		"src/a.c": hello + "FEMTO_HOOK(event, run) { return femto_randm(); }\n", "src/b.c": hello + "int x = 1.5 * y;\n"}},
}

func TestProblems(t *testing.T) {
	needCompiler(t)
	for _, test := range problems {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{File: described + test.toml}
			for name, content := range test.files {
				files[name] = content
				if !strings.HasSuffix(name, ".c") {
					files[File] = strings.Replace(files[File], "src/*.c", "src/*"+filepath.Ext(name), 1)
				}
			}
			write(t, dir, files)
			p, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			var list diagnose.List
			b, err := p.Build(context.Background())
			if err == nil {
				if _, list = p.Check(b); len(list) == 0 {
					_, list = p.Deep(b)
				}
			} else if !errors.As(err, &list) {
				t.Fatal(err)
			}
			if len(list) == 0 || list[0].Code != test.code {
				t.Fatalf("want %v, got %v", test.code, list)
			}
			said := ""
			for _, d := range list {
				said += d.Format()
			}
			said = strings.ReplaceAll(said, filepath.ToSlash(dir)+"/", "")
			file := filepath.Join("testdata", "problems", test.name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(said), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || said != string(want) {
				t.Errorf("got\n%s\nwant\n%s (%v)", said, want, err)
			}
		})
	}
}

// TestKeysAreExplained: what explains an unknown key lists all that there are.
func TestKeysAreExplained(t *testing.T) {
	cause := diagnose.Find(diagnose.UnknownKey).Cause
	var missing func(shape reflect.Type)
	missing = func(shape reflect.Type) {
		for shape.Kind() == reflect.Map || shape.Kind() == reflect.Slice || shape.Kind() == reflect.Pointer {
			shape = shape.Elem()
		}
		if shape.Kind() != reflect.Struct {
			return
		}
		for i := range shape.NumField() {
			f := shape.Field(i)
			if key := f.Tag.Get("toml"); key != "" && !regexp.MustCompile(`\b`+key+`\b`).MatchString(cause) {
				t.Errorf("%v does not mention %s of %v", diagnose.UnknownKey, key, shape)
			}
			missing(f.Type)
		}
	}
	missing(reflect.TypeFor[Config]())
	missing(reflect.TypeFor[testtable.Table]())
}
