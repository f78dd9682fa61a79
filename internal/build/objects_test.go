package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// run runs an image on an empty context.
func run(t *testing.T, raw []byte) uint64 {
	t.Helper()
	m, e := image.Parse(raw)
	if e != image.OK {
		t.Fatal(e)
	}
	need, refused := vm.Check(m.Text(), &vm.HelperSet{})
	if refused.Fault != vm.OK {
		t.Fatalf("refused at %d: %v", refused.PC, refused)
	}
	machine := &vm.Machine{Frame: need.Frame}
	machine.Region[vm.RegionStack] = vm.Region{Bytes: make([]byte, 512), Writable: true}
	machine.Region[vm.RegionData] = vm.Region{Bytes: bytes.Clone(m.Data()), Writable: true}
	machine.Region[vm.RegionRodata] = vm.Region{Bytes: m.Rodata()}
	machine.Reset(m.Text(), 100000)
	if machine.Run() != vm.Done {
		t.Fatalf("%v at %d, address %#x", machine.Fault(), machine.PC(), machine.FaultAddress())
	}
	return machine.Result()
}

// TestLinkedProgramsRun: what is linked finds its functions and its data.
func TestLinkedProgramsRun(t *testing.T) {
	tests := []struct {
		name    string
		sources []string
		want    uint64
	}{
		{"pointer to a variable", []string{`static u64 a = 7; static u64 *volatile p = &a; u64 f(void) { return *p; }`}, 7},
		{"pointer into zeros", []string{`static u64 a[4]; static u64 *volatile p = &a[3]; u64 f(void) { *p = 5; return a[3] + a[0]; }`}, 5},
		{"table of strings", []string{`static const char *const names[] = {"one", "three", "x"};
u64 f(void *c, u64 n) { (void)c; return names[n + 1][1] * 256 + names[n][2]; }`}, 'h'*256 + 'e'},
		{"list", []string{`struct node { const struct node *next; u64 v; };
static const struct node c = {0, 3}, b = {&c, 20}, a = {&b, 100};
const struct node *volatile head = &a;
u64 f(void) { u64 s = 0; for (const struct node *n = head; n; n = n->next) s += n->v; return s; }`}, 123},
		{"two objects", []string{`u64 g(u64); extern u64 v; u64 f(void) { return g(v) + 1; }`,
			`u64 v = 20; u64 g(u64 n) { return n * 2; }`}, 41},
		{"two objects, both ways", []string{`u64 g(u64); u64 h(u64 n) { return n + 3; } `,
			`u64 h(u64); u64 g(u64 n) { return h(n) * 2; }`}, 3},
		{"statics of the same name", []string{`u64 g(void); static volatile u64 v = 1; u64 f(void) { return g() * 10 + v; }`,
			`static volatile u64 v = 2; u64 g(void) { return v; }`}, 21},
		{"weak gives way", []string{`u64 g(void); u64 f(void) { return g(); }`,
			`__attribute__((weak)) u64 g(void) { return 1; }`, `u64 g(void) { return 2; }`}, 2},
		{"call to another section", []string{`__attribute__((section("far"), noinline)) static u64 g(u64 n) { return n + 4; }
u64 f(void *c, u64 n) { (void)c; return g(n) + g(n + 1); }`}, 9},
		{"call from another section", []string{`__attribute__((noinline)) u64 g(u64 n) { return n + 4; }
__attribute__((section("far"))) u64 f(void *c, u64 n) { (void)c; return g(n); }`}, uint64(vm.Address(vm.RegionStack, 0))*0 + 4},
		{"everything in another section", []string{`__attribute__((section("timer"))) u64 f(void) { return 6; }`}, 6},
		{"zeros of two objects", []string{`u64 g(void); static u64 z; u64 f(void) { z += 3; return g() * 10 + z; }`,
			`static u64 z; static u8 one = 1; u64 g(void) { z += one; return z; }`}, 13},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var objects []Object
			for i, source := range test.sources {
				objects = append(objects, Object{string(rune('a'+i)) + ".o", compile(t, source)})
			}
			p, err := LinkObjects(objects...)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := p.Image()
			if err != nil {
				t.Fatal(err)
			}
			if got := run(t, raw); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
			again, err := LinkObjects(objects...)
			if err != nil {
				t.Fatal(err)
			}
			if second, _ := again.Image(); !bytes.Equal(raw, second) {
				t.Error("linked again the image differs")
			}
		})
	}
}

func TestLinkObjectsRefusals(t *testing.T) {
	for _, test := range []struct {
		name    string
		sources []string
		want    string
	}{
		{"defined twice", []string{`u64 f(void) { return 1; }`, `u64 f(void) { return 2; }`}, "b.o: f is defined twice, in a.o too"},
		{"defined nowhere", []string{`u64 g(void); u64 f(void) { return g(); }`, `u64 h(void) { return 2; }`}, "a.o: .text+0x0: g is not defined"},
		{"static elsewhere", []string{`u64 g(void); u64 f(void) { return g(); }`, `__attribute__((used)) static u64 g(void) { return 2; }`}, "g is not defined"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var objects []Object
			for i, source := range test.sources {
				objects = append(objects, Object{string(rune('a'+i)) + ".o", compile(t, source)})
			}
			if _, err := LinkObjects(objects...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not mention %q", err, test.want)
			}
		})
	}
	if _, err := LinkObjects(); err == nil {
		t.Error("nothing was linked")
	}
}

// TestDebug finds the lines of a program of two files.
func TestDebug(t *testing.T) {
	path, _ := clang(t)
	folder := t.TempDir()
	t.Chdir(folder)
	var objects []Object
	for name, code := range map[string]string{
		"one.c": "typedef unsigned long long u64;\nu64 two(u64);\nu64 one(void *c, u64 n)\n{\n\t(void)c;\n\treturn two(n) + 1;\n}\n",
	} {
		objects = append(objects, compiled(t, path, name, code))
	}
	objects = append(objects, compiled(t, path, filepath.Join(folder, "two.c"), "typedef unsigned long long u64;\n\n\nu64 two(u64 n) { return n *\n\tn; }\n"))
	p, err := LinkObjects(objects...)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Image()
	if err != nil {
		t.Fatal(err)
	}
	file, err := p.Debug(raw)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte(folder)) {
		t.Errorf("the side file names the folder it was made in:\n%s", file)
	}
	d, err := ParseDebug(file, raw)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for slot := range len(p.Text) / 8 {
		place, ok := d.Place(slot)
		function, known := d.Function(slot)
		if !ok || !known || function.Name+".c" != place.File {
			t.Errorf("slot %d: %v %v in %v %v", slot, place, ok, function, known)
		}
		files[place.File] = true
	}
	if len(files) != 2 {
		t.Errorf("files %v, want one.c and two.c", files)
	}
	if last, _ := d.Place(len(p.Text)/8 - 1); last.Line < 4 || last.Line > 5 {
		t.Errorf("the last instruction comes from line %d of two.c", last.Line)
	}
	if _, err := ParseDebug(file, append(raw, 0)); err == nil {
		t.Error("a side file is taken for that of another image")
	}
	if _, err := ParseDebug([]byte("{"), raw); err == nil {
		t.Error("half a side file is taken")
	}
}

func compiled(t *testing.T, clang, source, code string) Object {
	t.Helper()
	if err := os.WriteFile(source, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	object, err := Compile(t.Context(), clang, source)
	if err != nil {
		t.Fatal(err)
	}
	return Object{source, object}
}
