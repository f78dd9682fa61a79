package gobpf

import (
	"encoding/binary"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/femto-containers/femto/internal/diagnose"
)

// A global is a package variable, a constant string, or an array behind a
// slice in the value of a variable.
type global struct {
	name   string
	align  int
	bytes  []byte
	relocs []reloc
	pos    token.Pos
	text   bool // of a constant string

	used    bool // by the code, or by a global that is used
	written bool
	taken   bool // its address is somewhere in memory
	offset  int
	rodata  bool
}

// A reloc is an address in the bytes of a global.
type reloc struct {
	offset int
	target *global
	add    int
}

// An initialiser is the value that a variable begins with.
type initialiser struct {
	expr ast.Expr
	info *types.Info
}

func (l *lowerer) text(s string) *global {
	if g := l.strings[s]; g != nil {
		return g
	}
	g := &global{name: "string", align: 1, bytes: append([]byte(s), 0), text: true}
	l.strings[s] = g
	l.made = append(l.made, g)
	return g
}

func (l *lowerer) global(v *types.Var) *global {
	if g := l.globals[v]; g != nil {
		return g
	}
	if v.Pkg() != nil && l.sources[v.Pkg().Path()] != nil && l.sources[v.Pkg().Path()].files == nil {
		l.unforeseen(l.pos, "a variable of the package "+v.Pkg().Path())
	}
	g := &global{name: v.Name(), align: int(l.sizes.Alignof(v.Type())), bytes: make([]byte, l.sizeof(v.Type())), pos: v.Pos()}
	l.globals[v] = g
	l.made = append(l.made, g)
	l.leaves(v.Type(), v.Pos())
	if in, ok := l.inits[v]; ok {
		i := initWriter{l, in.info}
		i.write(g, 0, v.Type(), in.expr)
	}
	return g
}

// collect finds the initial values of all package variables.
func (l *lowerer) collect() {
	for _, s := range l.order {
		for _, in := range s.info.InitOrder {
			if len(in.Lhs) != 1 {
				if s.own {
					l.refuse(diagnose.GoInit, in.Rhs.Pos(), "package variables are set by a function", "their values are part of the image: they must be constants", "set them in the hook's function")
				}
				continue
			}
			l.inits[in.Lhs[0]] = initialiser{in.Rhs, s.info}
			if in.Lhs[0].Name() == "_" && s.own {
				w := initWriter{l, s.info}
				l.leaves(in.Lhs[0].Type(), in.Rhs.Pos())
				w.write(&global{bytes: make([]byte, l.sizeof(in.Lhs[0].Type()))}, 0, in.Lhs[0].Type(), in.Rhs)
			}
		}
		if !s.own {
			continue
		}
		for _, file := range s.files {
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					l.refuse(diagnose.GoInit, f.Pos(), "a container has no init functions", "nothing runs before the hook fires: package variables have their values in the image", "set a flag in a package variable when the hook fires first")
				}
			}
		}
	}
}

// An initWriter writes the value of an expression into a global.
type initWriter struct {
	l    *lowerer
	info *types.Info
}

func (w initWriter) refuse(e ast.Expr) {
	w.l.refuse(diagnose.GoInit, e.Pos(), "the value of a package variable is not constant", "it is part of the image, and nothing runs before the hook fires", "set it in the hook's function")
}

func (w initWriter) write(g *global, at int, t types.Type, e ast.Expr) {
	e = ast.Unparen(e)
	if tv := w.info.Types[e]; tv.Value != nil {
		w.constant(g, at, t, tv.Value, e)
		return
	}
	if tv := w.info.Types[e]; tv.IsNil() {
		return
	}
	switch e := e.(type) {
	case *ast.CompositeLit:
		w.composite(g, at, t, e)
		return
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			if target, add, ok := w.address(e.X); ok {
				w.pointer(g, at, target, add)
				return
			}
		}
	case *ast.SliceExpr:
		array, ok := w.info.TypeOf(e.X).Underlying().(*types.Array)
		if target, add, found := w.address(e.X); ok && found && e.Low == nil && e.High == nil {
			w.pointer(g, at, target, add)
			w.number(g, at+8, 8, array.Len())
			w.number(g, at+16, 8, array.Len())
			return
		}
	case *ast.CallExpr:
		if tv := w.info.Types[e.Fun]; tv.IsType() && len(e.Args) == 1 && types.Identical(tv.Type.Underlying(), w.info.TypeOf(e.Args[0]).Underlying()) {
			w.write(g, at, t, e.Args[0])
			return
		}
	}
	w.refuse(e)
}

// address finds what & is taken of.
func (w initWriter) address(e ast.Expr) (*global, int, bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		return w.hidden(w.info.TypeOf(e), e), 0, true
	case *ast.Ident:
		if v, ok := w.info.Uses[e].(*types.Var); ok {
			return w.l.global(v), 0, true
		}
	case *ast.SelectorExpr:
		if v, ok := w.info.Uses[e.Sel].(*types.Var); ok && !v.IsField() {
			return w.l.global(v), 0, true
		}
		s := w.info.Selections[e]
		if s == nil || s.Kind() != types.FieldVal || s.Indirect() {
			return nil, 0, false
		}
		target, add, ok := w.address(e.X)
		t := w.info.TypeOf(e.X)
		for _, n := range s.Index() {
			u := t.Underlying().(*types.Struct)
			add += w.l.fieldOffset(u, n)
			t = u.Field(n).Type()
		}
		return target, add, ok
	case *ast.IndexExpr:
		array, ok := w.info.TypeOf(e.X).Underlying().(*types.Array)
		tv := w.info.Types[e.Index]
		if !ok || tv.Value == nil {
			return nil, 0, false
		}
		target, add, found := w.address(e.X)
		return target, add + int(integerOf(tv.Value))*w.l.sizeof(array.Elem()), found
	}
	return nil, 0, false
}

// hidden is a variable without a name.
func (w initWriter) hidden(t types.Type, e *ast.CompositeLit) *global {
	h := &global{name: "literal", align: int(w.l.sizes.Alignof(t)), bytes: make([]byte, w.l.sizeof(t)), pos: e.Pos()}
	w.l.made = append(w.l.made, h)
	w.composite(h, 0, t, e)
	return h
}

func (w initWriter) composite(g *global, at int, t types.Type, e *ast.CompositeLit) {
	switch u := t.Underlying().(type) {
	case *types.Pointer: // elided &T
		w.pointer(g, at, w.hidden(u.Elem(), e), 0)
	case *types.Struct:
		for i, element := range e.Elts {
			n := i
			if kv, ok := element.(*ast.KeyValueExpr); ok {
				element = kv.Value
				for n = range u.NumFields() {
					if u.Field(n).Name() == kv.Key.(*ast.Ident).Name {
						break
					}
				}
			}
			w.write(g, at+w.l.fieldOffset(u, n), u.Field(n).Type(), element)
		}
	case *types.Array:
		w.elements(g, at, u.Elem(), e)
	case *types.Slice:
		count := 0
		w.each(e, func(n int, _ ast.Expr) { count = max(count, n+1) })
		backing := &global{name: "literal", align: int(w.l.sizes.Alignof(u.Elem())), bytes: make([]byte, count*w.l.sizeof(u.Elem())), pos: e.Pos()}
		w.l.made = append(w.l.made, backing)
		w.elements(backing, 0, u.Elem(), e)
		w.pointer(g, at, backing, 0)
		w.number(g, at+8, 8, int64(count))
		w.number(g, at+16, 8, int64(count))
	default:
		w.refuse(e)
	}
}

func (w initWriter) each(e *ast.CompositeLit, visit func(n int, e ast.Expr)) {
	n := 0
	for _, element := range e.Elts {
		if kv, ok := element.(*ast.KeyValueExpr); ok {
			if tv := w.info.Types[kv.Key]; tv.Value != nil {
				n = int(integerOf(tv.Value))
			}
			element = kv.Value
		}
		visit(n, element)
		n++
	}
}

func (w initWriter) elements(g *global, at int, elem types.Type, e *ast.CompositeLit) {
	size := w.l.sizeof(elem)
	w.each(e, func(n int, element ast.Expr) { w.write(g, at+n*size, elem, element) })
}

func (w initWriter) pointer(g *global, at int, target *global, add int) {
	g.relocs = append(g.relocs, reloc{at, target, add})
}

func (w initWriter) number(g *global, at, size int, n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	copy(g.bytes[at:at+size], b[:])
}

func (w initWriter) constant(g *global, at int, t types.Type, v constant.Value, e ast.Expr) {
	switch v.Kind() {
	case constant.Bool:
		w.number(g, at, 1, int64(boolean(constant.BoolVal(v))))
	case constant.String:
		text := constant.StringVal(v)
		w.pointer(g, at, w.l.text(text), 0)
		w.number(g, at+8, 8, int64(len(text)))
	default:
		b, ok := t.Underlying().(*types.Basic)
		if !ok || b.Info()&types.IsInteger == 0 {
			w.l.leaves(t, e.Pos())
			w.refuse(e)
			return
		}
		w.number(g, at, w.l.sizeof(t), integerOf(v))
	}
}
