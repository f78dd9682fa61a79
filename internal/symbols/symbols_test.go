package symbols_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

func TestAddressName(t *testing.T) {
	m := &vm.Machine{}
	m.Region[vm.RegionStack].Bytes = make([]byte, 64)
	for address, want := range map[uint64]string{
		vm.Address(vm.RegionStack, 60):       "stack-4",
		vm.Address(vm.RegionStack, 64):       "stack+0",
		vm.Address(vm.RegionContext, 4):      "context+4",
		vm.Address(vm.RegionData, 0):         ".data+0x0",
		vm.Address(vm.RegionRodata, 0x10):    ".rodata+0x10",
		vm.Address(vm.RegionGrant, 0x20):     "region5+0x20",
		3:                                    "0x3",
		1<<32 | vm.Address(vm.RegionData, 0): "0x130000000",
	} {
		if got := symbols.AddressName(m, address); got != want {
			t.Errorf("%#x is %s, want %s", address, got, want)
		}
	}
}

const source = `
	.data
	.byte 7, 0, 0, 0
	.text
	.globl main
main:
	r1 = 21 ll
	call twice
	if r0 > 5 goto out
	r0 = 5
out:
	call 0x42
	exit
twice:
	r0 = r1
	r0 += r1
	exit
`

func open(t *testing.T, debug *build.Debug, hook string) *symbols.Program {
	t.Helper()
	o, err := asm.Source{Text: source}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	p, err := symbols.Open(raw, debug, hook)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSymbol(t *testing.T) {
	p := open(t, &build.Debug{Symbols: []build.Symbol{{Name: "count", Section: ".data", Size: 4}}}, "timer")
	for address, want := range map[uint64]string{
		vm.Address(vm.RegionData, 0): "count", vm.Address(vm.RegionData, 2): "count+2", vm.Address(vm.RegionData, 4): "",
		vm.Address(vm.RegionContext, 8): "count", vm.Address(vm.RegionContext, 16): "", 7: "",
	} {
		if got := p.Symbol(address); got != want {
			t.Errorf("%#x is %q, want %q", address, got, want)
		}
	}
}

func TestProgram(t *testing.T) {
	p := open(t, &build.Debug{Symbols: []build.Symbol{{Name: "double_it", Section: ".text", Offset: 7 * isa.Size, Size: 24}}}, "")
	if p.Slots() != 10 || len(p.Listing) != 9 || p.HasSource() {
		t.Fatalf("%d slots, %d lines, source %t", p.Slots(), len(p.Listing), p.HasSource())
	}
	for slot, want := range map[int]struct{ where, text, helper string }{
		0:  {"main", "r1 = 0x15 ll", ""},
		1:  {"main+1", "", ""}, // the second half of a wide one
		2:  {"main+2", "call double_it", ""},
		3:  {"main+3", "if r0 > 5 goto L5", ""},
		5:  {"main+5", "call coap_add_format", "coap_add_format"},
		7:  {"double_it", "r0 = r1", ""},
		9:  {"double_it+2", "exit", ""},
		10: {"double_it+3", "", ""}, // beyond the text
	} {
		helper, called := p.Helper(slot)
		if got := p.Where(slot); got != want.where || p.Line(slot).Text != want.text || helper != want.helper || called != (helper != "") {
			t.Errorf("%d: %q %q %q %t, want %+v", slot, got, p.Line(slot).Text, helper, called, want)
		}
	}
	if p.Index(1) != 0 || p.Index(2) != 1 || p.Index(-1) != 0 || p.Index(99) != 8 {
		t.Error("index:", p.Index(1), p.Index(2), p.Index(-1), p.Index(99))
	}
	for _, test := range []struct{ offset, n, want int }{{0, 8, 8}, {-8, 8, 8}, {72, 99, 8}, {80, 1, 0}, {99, 1, 0}, {0, -1, 0}} {
		if got := len(p.Bytes(test.offset, test.n)); got != test.want {
			t.Errorf("%d bytes from %d: %d, want %d", test.n, test.offset, got, test.want)
		}
	}
	if _, err := symbols.Open([]byte("no image"), nil, ""); err == nil {
		t.Error("takes what is no image")
	}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.c"), []byte("one\r\ntwo\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	s := symbols.Sources{Folders: []string{"nowhere", dir}}
	for _, test := range []struct {
		file string
		line int
		want string
	}{{"a.c", 1, "one"}, {"a.c", 2, "two"}, {"a.c", 3, ""}, {"a.c", 0, ""}, {"b.c", 1, ""}, {"../a.c", 1, ""}} {
		if got := s.Line(test.file, test.line); got != test.want {
			t.Errorf("%s:%d is %q, want %q", test.file, test.line, got, test.want)
		}
	}
	if path, ok := s.Path("a.c"); !ok || path != filepath.Join(dir, "a.c") {
		t.Errorf("a.c is at %q", path)
	}
	if len(s.Lines("sdk/femto.h")) == 0 || !symbols.InSDK("sdk/femto.h") || symbols.InSDK("src/femto.h") {
		t.Error("the SDK's header is not found")
	}
}
