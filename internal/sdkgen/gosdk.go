package sdkgen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// A goFunc is a declaration of a helper in package femto.
type goFunc struct {
	text   string // as the table has it
	decl   *ast.FuncDecl
	names  []string // of the parameters, the receiver first
	types  []string
	result string // "" for none
}

func parseGo(text string) (*goFunc, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package femto\nfunc "+text, 0)
	if err != nil {
		return nil, err
	}
	f := &goFunc{text: text, decl: file.Decls[0].(*ast.FuncDecl)}
	for _, list := range []*ast.FieldList{f.decl.Recv, f.decl.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			for _, name := range field.Names {
				f.names = append(f.names, name.Name)
				f.types = append(f.types, types.ExprString(field.Type))
			}
		}
	}
	if results := f.decl.Type.Results; results != nil {
		f.result = types.ExprString(results.List[0].Type)
	}
	return f, nil
}

// registers says what fills r1 to r5: v for a value, p for an address. A slice
// takes two, its address and its length in bytes; the address of a constant
// string is that of a copy that ends with NUL.
func (f *goFunc) registers() string {
	var b strings.Builder
	for _, t := range f.types {
		switch {
		case strings.HasPrefix(t, "[]"):
			b.WriteString("pv")
		case strings.HasPrefix(t, "*"), t == "string":
			b.WriteString("p")
		default:
			b.WriteString("v")
		}
	}
	return b.String()
}

// checkGo holds the declarations in Go to the arguments of the table.
func checkGo(h *Helper) error {
	if len(h.Go) == 0 {
		return fmt.Errorf("helper %s: no declaration in Go", h.Name)
	}
	want := ""
	for _, a := range h.Args {
		switch a.Kind {
		case Value:
			want += "v"
		case Variadic:
		default:
			want += "p"
		}
	}
	for i, text := range h.Go {
		f, err := parseGo(text)
		if err != nil {
			return fmt.Errorf("helper %s: %q: %w", h.Name, text, err)
		}
		all := want
		if h.variadic() {
			all += strings.Repeat("v", i) // one value more in each
		}
		if got := f.registers(); got != all {
			return fmt.Errorf("helper %s: %q fills the registers %q, the helper takes %q", h.Name, text, got, all)
		}
	}
	return nil
}

func (h *Helper) variadic() bool {
	return len(h.Args) > 0 && h.Args[len(h.Args)-1].Kind == Variadic
}

// sdkHelpers writes the helpers of package femto of the Go SDK.
func sdkHelpers() ([]byte, error) {
	var b, host bytes.Buffer
	b.WriteString(generated + "package femto\n")
	host.WriteString(`
// A Host does what the helpers do where there is no device: in tests of
// containers that are compiled for the computer itself. The first result that a
// helper has in C is that of its method; package fake has a Host.
type Host interface {
`)
	for i := range Helpers {
		h := &Helpers[i]
		for n, text := range h.Go {
			f, err := parseGo(text)
			if err != nil {
				return nil, err
			}
			if n == 0 {
				fmt.Fprintf(&host, "\t%s\n", f.method(h))
			}
			doc := h.Meaning
			if f.result != "" {
				doc += " Returns " + h.Returns + "."
			}
			if n > 0 {
				doc = fmt.Sprintf("like Log, with values: %d.", n)
			}
			b.WriteString("\n")
			goComment(&b, f.decl.Name.Name+": "+doc)
			fmt.Fprintf(&b, "//\n//femto:helper %#02x\nfunc %s {\n\t", h.Number, text)
			if f.result != "" {
				b.WriteString("return ")
			}
			fmt.Fprintf(&b, "host().%s(%s)\n}\n", exported(h.Name), strings.Join(f.names, ", "))
		}
	}
	host.WriteString("}\n")
	b.Write(host.Bytes())
	return format.Source(b.Bytes())
}

// method declares the helper's method of a Host.
func (f *goFunc) method(h *Helper) string {
	var params []string
	for i, name := range f.names {
		params = append(params, name+" "+f.types[i])
	}
	if h.variadic() {
		params = append(params, "values ...any")
	}
	return fmt.Sprintf("%s(%s) %s", exported(h.Name), strings.Join(params, ", "), f.result)
}

// sdkHooks writes the contexts of package femto of the Go SDK.
func sdkHooks() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(generated + "package femto\n")
	for i := range Hooks {
		h := &Hooks[i]
		_, size := h.Offsets()
		if size == 0 {
			continue
		}
		name := exported(h.Name) + "Context"
		text := fmt.Sprintf("%s is the context of the hook %s, which fires %s. The result: %s.", name, h.Name, h.Fires, h.Result)
		if !h.Writable {
			text += " It is read-only: to write to it is a fault."
		}
		if h.Tail != "" {
			text += " Behind it is " + h.Tail + "."
		}
		b.WriteString("\n")
		goComment(&b, text)
		fmt.Fprintf(&b, "type %s struct {\n", name)
		for j := range h.Fields {
			f := &h.Fields[j]
			typ := f.Go
			if typ == "" {
				typ = goTypes[f.Type]
			}
			if f.Count > 0 {
				typ = fmt.Sprintf("[%d]%s", f.Count, typ)
			}
			fmt.Fprintf(&b, "\t%s %s // %s\n", exported(f.Name), typ, f.Meaning)
		}
		b.WriteString("}\n")
	}
	return format.Source(b.Bytes())
}

// goComment writes text as a Go comment of lines below 80 characters.
func goComment(b *bytes.Buffer, text string) {
	line := "//"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 78 {
			b.WriteString(line + "\n")
			line = "//"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

// goWrappers are what containers call of package femto where the helper itself
// has no capital there.
var goWrappers = map[string]string{
	"memcpy":      "femto.Copy",
	"store_local": "femto.Local.Set", "store_tenant": "femto.Tenant.Set", "store_global": "femto.Global.Set",
	"fetch_local": "femto.Local.Get", "fetch_tenant": "femto.Tenant.Get", "fetch_global": "femto.Global.Get",
	"store_delete": "femto.Local.Delete", "store_entry": "femto.Local.Entry",
	"coap_get_pdu": "CoapContext.Payload",
	"fmt_s16_dfp":  "femto.FormatFixed", "fmt_u32_dec": "femto.FormatUint",
	"event_send": "femto.Send", "timer_set": "femto.SendAfter",
}

// goName is how containers in Go call the helper.
func goName(h *Helper) (string, error) {
	f, err := parseGo(h.Go[0])
	if err != nil {
		return "", err
	}
	name := f.decl.Name.Name
	if !ast.IsExported(name) {
		if goWrappers[h.Name] == "" {
			return "", fmt.Errorf("helper %s: nothing in package femto calls %s", h.Name, name)
		}
		return goWrappers[h.Name], nil
	}
	if f.decl.Recv != nil {
		return strings.TrimPrefix(f.types[0], "*") + "." + name, nil
	}
	if last := h.Go[len(h.Go)-1]; len(h.Go) > 1 {
		more, err := parseGo(last)
		return "femto." + name + "` to `" + more.decl.Name.Name, err
	}
	return "femto." + name, nil
}
