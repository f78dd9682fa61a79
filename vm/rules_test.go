package vm_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rules that keep the machine provable, for everything that a container's
// instructions or its text can make run: the run loops, the check and the
// gate. Each is one of docs/spec/vm.md "Rules of the code".

// roots are where that begins.
var roots = []string{"Machine.Run", "Machine.Reset", "Machine.Save", "Machine.Restore", "Check", "Need.Check",
	"Call.Bytes", "Call.String", "Call.Suspend"}

// writers of the state that a suspended run resumes from.
var resumedState = map[string][]string{
	"pc":     {"Machine.Reset", "Machine.Restore", "Machine.loop", "Machine.inPlace", "Machine.loopHost", "Machine.step", "Machine.branch", "Machine.memory", "Machine.invoke"},
	"depth":  {"Machine.Reset", "Machine.Restore", "Machine.branch", "Machine.loopHost"},
	"frames": {"Machine.keep", "Machine.branch", "Machine.loopHost"}, // by open
	"frame":  {"Machine.Reset"},
	"text":   {"Machine.Reset", "Machine.one"}, // for one instruction, of a copy
}

// setUp lists functions that run before a container's instructions do, on
// hosts only: they take its text apart, and may allocate for it.
var setUp = []string{"Machine.prepare"}

// observed is how a host executes what somebody looks at: by the loop of small
// processors, an instruction at a time. Who looks is called, and need not be
// provable.
const observed = "Machine.traced"

// A rulebook collects what breaks the rules in one variant of the package.
type rulebook struct {
	fset      *token.FileSet
	info      *types.Info
	functions map[string]*ast.FuncDecl
	names     map[*types.Func]string
	broken    []string
}

// sources reads the files of package vm in one build.
func sources(t *testing.T, tinygo bool) map[string]string {
	ctx := build.Default
	if tinygo {
		ctx.GOARCH, ctx.BuildTags = "arm", []string{"tinygo"}
	}
	list, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range list {
		if match, err := ctx.MatchFile(".", name); err != nil || !match || strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return files
}

// isaImporter knows package isa; the standard library's part of it is not
// needed.
type isaImporter struct{ fset *token.FileSet }

func (i isaImporter) Import(path string) (*types.Package, error) {
	if !strings.HasSuffix(path, "/femto/isa") {
		return importer.Default().Import(path)
	}
	file, err := parser.ParseFile(i.fset, "../isa/isa.go", nil, 0)
	if err != nil {
		return nil, err
	}
	config := types.Config{Importer: isaImporter{i.fset}}
	return config.Check(path, i.fset, []*ast.File{file}, nil)
}

// breaches says what in files breaks the rules.
func breaches(files map[string]string) ([]string, error) {
	r := &rulebook{
		fset:      token.NewFileSet(),
		functions: map[string]*ast.FuncDecl{},
		names:     map[*types.Func]string{},
		info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
			Defs: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}},
	}
	var parsed []*ast.File
	for name, source := range files {
		file, err := parser.ParseFile(r.fset, name, source, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, file)
	}
	config := types.Config{Importer: isaImporter{r.fset}}
	if _, err := config.Check("vm", r.fset, parsed, r.info); err != nil {
		return nil, err
	}
	for _, file := range parsed {
		r.file(file)
	}
	reached := map[string]bool{}
	for _, root := range roots {
		if r.functions[root] == nil {
			r.note(token.NoPos, "no function %s", root)
		}
		r.follow(root, nil, reached)
	}
	for name := range reached {
		r.function(name, r.functions[name])
	}
	pure := map[string]bool{}
	r.follow("checkInstruction", nil, pure)
	for name := range pure {
		r.pure(name, r.functions[name])
	}
	for name, f := range r.functions {
		r.state(name, f)
	}
	for _, name := range []string{"Machine.loop", "Machine.loopHost"} {
		if f := r.functions[name]; f != nil {
			r.oneLoop(name, f)
		}
	}
	slices.Sort(r.broken)
	return slices.Compact(r.broken), nil
}

func (r *rulebook) note(at token.Pos, format string, args ...any) {
	p := r.fset.Position(at)
	r.broken = append(r.broken, fmt.Sprintf("%s:%d: %s", p.Filename, p.Line, fmt.Sprintf(format, args...)))
}

// file applies what holds of whole files, and registers its functions.
func (r *rulebook) file(file *ast.File) {
	for _, spec := range file.Imports {
		if path := spec.Path.Value; path == `"unsafe"` || path == `"C"` || path == `"reflect"` {
			r.note(spec.Pos(), "import of %s", path)
		}
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			for _, pragma := range []string{"//go:linkname", "//go:nobounds", "//go:nosplit", "//export"} {
				if strings.HasPrefix(c.Text, pragma) {
					r.note(c.Pos(), "%s", pragma)
				}
			}
		}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if f, ok := r.info.Defs[d.Name].(*types.Func); ok {
				name := d.Name.Name
				if d.Recv != nil {
					kind := d.Recv.List[0].Type
					if star, ok := kind.(*ast.StarExpr); ok {
						kind = star.X
					}
					name = kind.(*ast.Ident).Name + "." + name
				}
				r.functions[name], r.names[f] = d, name
			}
			if d.Body == nil {
				r.note(d.Pos(), "function without a body")
			}
		case *ast.GenDecl:
			r.tables(d)
		}
	}
}

// tables refuses functions in variables and structures, but for what a helper
// is, and who looks on.
func (r *rulebook) tables(d *ast.GenDecl) {
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			return n.Name.Name != "Helper" && n.Name.Name != "Trace"
		case *ast.FuncType:
			r.note(n.Pos(), "a function as a value")
		}
		return true
	})
}

// callee returns the function that call calls, "" for conversions and
// built-in functions, and false if that is not known before it runs.
func (r *rulebook) callee(call *ast.CallExpr) (name string, ok bool) {
	fun := ast.Unparen(call.Fun)
	if tv := r.info.Types[fun]; tv.IsType() || tv.IsBuiltin() {
		return "", true
	}
	var id *ast.Ident
	switch f := fun.(type) {
	case *ast.Ident:
		id = f
	case *ast.SelectorExpr:
		id = f.Sel
		if s := r.info.Selections[f]; s != nil && types.IsInterface(s.Recv()) {
			return "", false
		}
	default:
		return "", false
	}
	f, is := r.info.Uses[id].(*types.Func)
	if !is {
		return "", false
	}
	if name = r.names[f]; name == "" { // of another package
		return "", f.Pkg() == nil || f.Pkg().Path() == "math/bits" || f.Pkg().Path() == "encoding/binary"
	}
	return name, true
}

// follow collects what name calls, itself included, and notes recursion.
func (r *rulebook) follow(name string, path []string, reached map[string]bool) {
	f := r.functions[name]
	if f == nil || slices.Contains(setUp, name) || name == observed {
		return
	}
	if slices.Contains(path, name) {
		r.note(f.Pos(), "recursion: %s", strings.Join(append(path, name), " > "))
		return
	}
	if reached[name] {
		return
	}
	path = append(slices.Clone(path), name)
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if callee, _ := r.callee(call); callee != "" {
				r.follow(callee, path, reached)
			}
		}
		return true
	})
	reached[name] = true
}

// function applies the rules to one function that is reached.
func (r *rulebook) function(name string, f *ast.FuncDecl) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			r.note(n.Pos(), "%s: closure", name)
		case *ast.DeferStmt, *ast.GoStmt, *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
			r.note(n.Pos(), "%s: defer, goroutine or channel", name)
		case *ast.MapType:
			r.note(n.Pos(), "%s: map", name)
		case *ast.TypeAssertExpr, *ast.TypeSwitchStmt:
			r.note(n.Pos(), "%s: type assertion", name)
		case *ast.CallExpr:
			r.call(name, n)
		case *ast.BinaryExpr:
			r.boundsTest(name, n)
		case *ast.BlockStmt:
			r.jumps(name, n.List)
		case *ast.CaseClause:
			r.jumps(name, n.Body)
		}
		if e, ok := n.(ast.Expr); ok {
			if tv := r.info.Types[e]; tv.IsValue() && tv.Value == nil {
				r.kind(name, e, tv.Type)
			}
		}
		return true
	})
}

func (r *rulebook) kind(name string, e ast.Expr, t types.Type) {
	switch u := t.Underlying().(type) {
	case *types.Map, *types.Chan:
		r.note(e.Pos(), "%s: map or channel", name)
	case *types.Basic:
		if u.Info()&(types.IsFloat|types.IsComplex|types.IsString) != 0 || u.Kind() == types.UnsafePointer || u.Kind() == types.Uintptr {
			r.note(e.Pos(), "%s: value of type %v", name, t)
		}
	}
}

// call refuses calls of functions that are not known, but the one of a helper,
// and of built-in functions that allocate; and numbers made int without a
// mask that makes them fit 31 bits.
func (r *rulebook) call(name string, call *ast.CallExpr) {
	if callee, ok := r.callee(call); !ok {
		if types.ExprString(call.Fun) != "h.Call" || name != "Machine.invoke" {
			r.note(call.Pos(), "%s: indirect call of %s", name, types.ExprString(call.Fun))
		}
	} else if callee == "" {
		switch fun := types.ExprString(call.Fun); fun {
		case "append", "make", "new", "panic", "recover", "print", "println":
			r.note(call.Pos(), "%s: %s", name, fun)
		case "int":
			from, ok := r.info.Types[call.Args[0]].Type.Underlying().(*types.Basic)
			if !ok || from.Kind() != types.Uint32 && from.Kind() != types.Uint64 {
				return
			}
			mask, ok := ast.Unparen(call.Args[0]).(*ast.BinaryExpr)
			if ok && mask.Op == token.AND {
				value := r.info.Types[mask.Y].Value
				if value != nil && constant.Compare(constant.ToInt(value), token.LSS, constant.MakeInt64(1<<31)) {
					return
				}
			}
			r.note(call.Pos(), "%s: int of %s without a mask below 1<<31", name, types.ExprString(call.Args[0]))
		}
	}
}

// boundsTest refuses a comparison of a sum with a length: sums wrap.
func (r *rulebook) boundsTest(name string, b *ast.BinaryExpr) {
	switch b.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
	default:
		return
	}
	if name == "outside" {
		return // is the stated form
	}
	for _, side := range [][2]ast.Expr{{b.X, b.Y}, {b.Y, b.X}} {
		if mentions(side[0], func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			return ok && types.ExprString(call.Fun) == "len"
		}) && mentions(side[1], func(n ast.Node) bool {
			sum, ok := n.(*ast.BinaryExpr)
			return ok && sum.Op == token.ADD
		}) {
			r.note(b.Pos(), "%s: a sum compared with a length: %s", name, types.ExprString(b))
		}
	}
}

func mentions(e ast.Expr, is func(ast.Node) bool) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		found = found || n != nil && is(n)
		return !found
	})
	return found
}

// jumps wants every statement that moves pc by what an instruction says to be
// followed by the budget's part and its test, in the same block.
func (r *rulebook) jumps(name string, list []ast.Stmt) {
	for i, s := range list {
		a, ok := s.(*ast.AssignStmt)
		if !ok || a.Tok != token.ADD_ASSIGN || r.info.Types[a.Rhs[0]].Value != nil {
			continue
		}
		if to := types.ExprString(a.Lhs[0]); to != "pc" && to != "m.pc" {
			continue
		}
		spent, tested := false, false
		for j, other := range list {
			switch o := other.(type) {
			case *ast.AssignStmt:
				to := types.ExprString(o.Lhs[0])
				spent = spent || o.Tok == token.ADD_ASSIGN && (to == "budget" || to == "m.budget")
			case *ast.IfStmt:
				cond := types.ExprString(o.Cond)
				tested = tested || j > i && spent && (cond == "budget < 0" || cond == "m.budget < 0")
			}
		}
		if !spent || !tested {
			r.note(s.Pos(), "%s: a jump that does not spend budget and test it", name)
		}
	}
}

// pure wants a function of the check to depend on its arguments only, and to
// leave the text alone.
func (r *rulebook) pure(name string, f *ast.FuncDecl) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if v, ok := r.info.Uses[n].(*types.Var); ok && !v.IsField() && v.Parent() == v.Pkg().Scope() {
				r.note(n.Pos(), "%s: the check uses the variable %s", name, n.Name)
			}
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				if index, ok := to.(*ast.IndexExpr); ok && types.ExprString(index.X) == "text" {
					r.note(n.Pos(), "%s: the check writes the text", name)
				}
			}
		}
		return true
	})
}

// state wants the state that a run resumes from to be written by few, and the
// budget to be signed.
func (r *rulebook) state(name string, f *ast.FuncDecl) {
	written := func(e ast.Expr) {
		for {
			if index, ok := e.(*ast.IndexExpr); ok {
				e = index.X
				continue
			}
			break
		}
		ast.Inspect(e, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			s := r.info.Selections[sel]
			if s == nil || !strings.HasSuffix(s.Recv().String(), "vm.Machine") {
				return true
			}
			if who, guarded := resumedState[sel.Sel.Name]; guarded && !slices.Contains(who, name) {
				r.note(e.Pos(), "%s writes %s", name, sel.Sel.Name)
			}
			return true
		})
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if callee, _ := r.callee(n); callee == "Machine.open" && !slices.Contains(resumedState["frames"], name) {
				r.note(n.Pos(), "%s writes frames", name)
			}
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				written(to)
			}
		case *ast.IncDecStmt:
			written(n.X)
		case *ast.Ident:
			if n.Name == "budget" {
				if v, ok := r.info.ObjectOf(n).(*types.Var); ok && v.Type().String() != "int32" {
					r.note(n.Pos(), "%s: a budget of type %v", name, v.Type())
				}
			}
		}
		return true
	})
}

func (r *rulebook) oneLoop(name string, f *ast.FuncDecl) {
	loops := 0
	ast.Inspect(f, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			loops++
		case *ast.BranchStmt:
			if b := n.(*ast.BranchStmt); b.Tok == token.GOTO && r.info.Uses[b.Label].Pos() < b.Pos() {
				r.note(n.Pos(), "%s: goto backwards", name)
			}
		}
		return true
	})
	if loops != 1 {
		r.note(f.Pos(), "%s: %d loops", name, loops)
	}
}

// TestRules applies the rules to the code of devices and to that of hosts.
func TestRules(t *testing.T) {
	for _, tinygo := range []bool{true, false} {
		broken, err := breaches(sources(t, tinygo))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range broken {
			t.Errorf("tinygo %t: %s", tinygo, b)
		}
	}
}

// TestRulesTell: each rule notices what breaks it.
func TestRulesTell(t *testing.T) {
	device := sources(t, true)
	for _, tt := range []struct {
		name, file, from, to string
		want                 string
	}{
		{"closure", "gate.go", "for ; len(helpers) > 0; helpers = helpers[1:] {", "for ; len(helpers) > 0; helpers = helpers[1:] {\n_ = func() int { return len(helpers) }", "closure"},
		{"defer", "gate.go", "c := &m.call\n\targ := args[i]", "defer m.fetch()\n\tc := &m.call\n\targ := args[i]", "defer"},
		{"goroutine", "gate.go", "c := &m.call\n\targ := args[i]", "go m.fetch()\n\tc := &m.call\n\targ := args[i]", "goroutine"},
		{"map", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\n_ = map[int]bool{}", "map"},
		{"channel", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\nvar c chan int\n_ = c", "channel"},
		{"interface call", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\nvar e error = m.fault\n_ = e.Error()", "indirect call of e.Error"},
		{"type assertion", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\n_, _ = m.Env.(int)", "type assertion"},
		{"recursion", "step.go", "a = reverse(a, imm)\n\t\tif", "a = arithmetic(low, imm, a, b)\n\t\tif", "arithmetic > arithmetic"},
		{"recursion of two", "gate.go", "c.Mem[i] = m.window", "c.Mem[i] = m.window\nm.callHelper(1)", "recursion"},
		{"unsafe", "gate.go", "package vm", "package vm\nimport _ \"unsafe\"", "import of"},
		{"no bounds", "run.go", "//go:noinline\nfunc (m *Machine) loop", "//go:nobounds\nfunc (m *Machine) loop", "//go:nobounds"},
		{"linkname", "gate.go", "func length", "//go:linkname length\nfunc length", "//go:linkname"},
		{"function table", "step.go", "// reverse reverses", "var table [8]func(*Machine) Fault\n\n// reverse reverses", "a function as a value"},
		{"call through a variable", "step.go", "op := uint8(low)\n\tsrc := low", "f := m.branch\n_ = f(0, 0, 0)\nop := uint8(low)\n\tsrc := low", "indirect call of f"},
		{"another helper's call", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\n_ = helpers[0].Call(&m.call)", "indirect call of helpers[0].Call"},
		{"floating point", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\nx := 1.5\n_ = x", "float64"},
		{"string", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\n_ = helpers[0].Name", "value of type string"},
		{"allocation", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\n_ = append(helpers, Helper{})", "append"},
		{"sum compared with a length", "check.go", "if outside(at, slot, len(text)) {", "if at+slot > len(text) {", "a sum compared with a length"},
		{"wide offset mask", "gate.go", "int(addr & offsetMask)", "int(addr & (1<<33 - 1))", "without a mask below 1<<31"},
		{"no mask", "run.go", "int(w & offsetMask)", "int(w)", "without a mask below 1<<31"},
		{"budget not spent", "run.go", "budget += distance\n", "", "does not spend budget"},
		{"budget not tested", "run.go", "slot\n\t\tif m.budget < 0 {", "slot\n\t\tif m.budget < -2 {", "does not spend budget and test it"},
		{"budget of calls not spent", "step.go", "m.budget += distance\n", "", "does not spend budget"},
		{"unsigned budget", "machine.go", "budget  int32\n", "budget  int64\n", "budget"},
		{"second loop", "run.go", "d, x := &s.r[regs&15], &s.r[regs>>4]", "d, x := &s.r[regs&15], &s.r[regs>>4]\nfor range 3 {\n}", "2 loops"},
		{"loop by goto", "run.go", "jump:\n", "jump:\nif a == 3 {\ngoto jump\n}\n", "goto backwards"},
		{"check with a memory", "check.go", "op, regs := text[at], uint32(text[at+1])", "seen++\nop, regs := text[at], uint32(text[at+1])", "the check uses the variable seen"},
		{"check writes", "check.go", "op, regs := text[at], uint32(text[at+1])", "text[at] = 0\nop, regs := text[at], uint32(text[at+1])", "the check writes the text"},
		{"pc from elsewhere", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\nm.pc = 0", "writes pc"},
		{"return address from elsewhere", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\nm.frames[4]++", "writes frames"},
		{"return address by its call", "gate.go", "helpers := m.Helpers", "helpers := m.Helpers\nm.open()[4]++", "writes frames"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for name, source := range device {
				files[name] = source
			}
			if !strings.Contains(files[tt.file], tt.from) {
				t.Fatalf("%s has no %q any more", tt.file, tt.from)
			}
			files[tt.file] = strings.ReplaceAll(files[tt.file], tt.from, tt.to)
			files["seen.go"] = "package vm\n\nvar seen int\n"
			broken, err := breaches(files)
			if err != nil { // does not even compile
				broken = []string{err.Error()}
			}
			if !slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, tt.want) }) {
				t.Errorf("got %q, want something with %q", broken, tt.want)
			}
		})
	}
}
