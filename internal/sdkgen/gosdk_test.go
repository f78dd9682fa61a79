package sdkgen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/sdk/go/femto"
)

// TestGoContexts: the contexts of package femto lie as the hooks' do. Pointers
// take eight bytes where containers run, so this computer's have to as well.
func TestGoContexts(t *testing.T) {
	if reflect.TypeFor[*byte]().Size() != 8 {
		t.Skip("SKIPPED: pointers do not take eight bytes here")
	}
	contexts := map[string]reflect.Type{
		"timer": reflect.TypeFor[femto.TimerContext](), "message": reflect.TypeFor[femto.MessageContext](),
		"coap": reflect.TypeFor[femto.CoapContext](), "sensor": reflect.TypeFor[femto.SensorContext](),
		"thread": reflect.TypeFor[femto.ThreadContext](), "boot": reflect.TypeFor[femto.BootContext](),
		"log": reflect.TypeFor[femto.LogContext](),
	}
	for i := range Hooks {
		h := &Hooks[i]
		offsets, size := h.Offsets()
		if size == 0 {
			continue
		}
		context := contexts[h.Name]
		if context == nil || int(context.Size()) != size || context.NumField() != len(offsets) {
			t.Errorf("%s: the context in Go is %v, want %d fields in %d bytes", h.Name, context, len(offsets), size)
			continue
		}
		for j := range h.Fields {
			if f := context.Field(j); int(f.Offset) != offsets[j] || int(f.Type.Size()) != h.Fields[j].Size() {
				t.Errorf("%s: %s lies at %d, want %d", h.Name, f.Name, f.Offset, offsets[j])
			}
		}
	}
	for _, c := range []struct {
		what any
		size uintptr
	}{{femto.Reading{}, 8}, {femto.Entry{}, 8}, {femto.Packet{}, 16}} {
		if got := reflect.TypeOf(c.what).Size(); got != c.size {
			t.Errorf("%T takes %d bytes, want %d", c.what, got, c.size)
		}
	}
}

// TestGoHelpers: package femto calls every helper that devices have, and no
// other; its files import nothing but unsafe, so that containers compile without
// the standard library.
func TestGoHelpers(t *testing.T) {
	files, err := filepath.Glob("../../sdk/go/femto/*.go")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	called, declared := map[uint8]bool{}, map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			if i.Path.Value != `"unsafe"` {
				t.Errorf("%s imports %s", file, i.Path.Value)
			}
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if declared[f.Name.Name] = true; f.Doc == nil {
				continue
			}
			for _, c := range f.Doc.List {
				if number, ok := strings.CutPrefix(c.Text, "//femto:helper "); ok {
					n, err := strconv.ParseUint(number, 0, 8)
					if err != nil {
						t.Errorf("%s: %v", f.Name.Name, err)
					}
					called[uint8(n)] = true
				}
			}
		}
	}
	for _, h := range helpers.Standard {
		if !called[h.Number] {
			t.Errorf("%s has no call in Go", h.Name)
		}
		delete(called, h.Number)
	}
	for helper, name := range goWrappers {
		if !declared[name[strings.LastIndexByte(name, '.')+1:]] {
			t.Errorf("%s: there is no %s", helper, name)
		}
	}
	for n := range called {
		t.Errorf("Go calls helper %#02x, which devices do not have", n)
	}
}

// TestGoDeclarationsAreChecked: a declaration that fills other registers than
// the helper takes is found.
func TestGoDeclarationsAreChecked(t *testing.T) {
	h := Helper{Name: "x", Args: []Arg{{C: "const void *from", Kind: Read}, {C: "u64 n"}}}
	for text, good := range map[string]bool{
		"x(from []byte)":           true,
		"x(from *byte, n uint64)":  true,
		"(f *T) x(n uint64) int32": true,
		"x(from *byte)":            false,
		"x(from []byte, n uint64)": false,
		"x(n uint64, from *byte)":  false,
		"x(from []byte":            false,
	} {
		h.Go = []string{text}
		if err := checkGo(&h); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
	if h.Go = nil; checkGo(&h) == nil {
		t.Error("no declaration is none")
	}
}
