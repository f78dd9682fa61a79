// Package gobpf compiles containers written in Go: a subset of the language
// (docs/spec/go-containers.md) straight to eBPF. The front end is go/types and
// golang.org/x/tools/go/ssa; everything behind it is here.
package gobpf

import (
	"cmp"
	"context"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/sdkgen"
)

// A Result is what a package compiles to.
type Result struct {
	Program *build.Program
	Meta    map[string]string // what its directives say of it; "hook" among it
	Files   []string          // that were read, relative to the package's folder
	Context string            // hook whose context the function takes, by the type of package femto; "" if it takes another one
}

// Compile compiles the container whose package is in the folder dir, which is
// in a module. Its program has a contract. What the author has to change is a
// diagnose.List; files are named relative to dir.
func Compile(ctx context.Context, dir string) (*build.Program, error) {
	r, err := Package(ctx, dir, dir)
	if err != nil {
		return nil, err
	}
	r.Program.Contract, err = build.Promise(r.Meta, r.Program.Text)
	return r.Program, err
}

// Package is Compile for who joins what the package says of itself with what
// is said elsewhere: the program is without a contract. Files are named
// relative to base.
func Package(ctx context.Context, dir, base string) (*Result, error) {
	l, err := newLoader(ctx, dir)
	if err != nil {
		return nil, err
	}
	own := l.dir
	if err := l.setBase(base); err != nil {
		return nil, err
	}
	s, err := l.load(l.pathOf(own), own, true)
	if err != nil {
		return nil, err
	}
	e := l.entry(s)
	if len(l.diags) > 0 {
		return nil, l.diags
	}
	program, packages := l.ssa()
	for _, s := range l.order {
		packages[s.path].SetDebugMode(s.own)
		packages[s.path].Build()
	}
	_ = program
	low := &lowerer{
		loader: l, packages: packages, globals: map[*types.Var]*global{}, strings: map[string]*global{}, inits: map[*types.Var]initialiser{},
		apart: map[*ssa.Function]*function{}, calls: map[*ssa.Function]int{}, cycles: map[*ssa.Function]bool{},
	}
	low.try(low.collect)
	functions := low.lower(packages[s.path].Func(e.name))
	if len(l.diags) > 0 {
		return nil, l.sorted()
	}
	codes := low.generate(functions)
	if len(l.diags) > 0 {
		return nil, l.sorted()
	}
	out, err := low.link(codes)
	if err != nil {
		return nil, err
	}
	meta, files := e.meta, l.files()
	return &Result{Program: out, Meta: meta, Files: files, Context: e.context}, nil
}

func (l *loader) sorted() diagnose.List {
	slices.SortStableFunc(l.diags, func(a, b *diagnose.Diagnostic) int {
		return cmp.Or(strings.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line),
			cmp.Compare(a.Place.Column, b.Place.Column), strings.Compare(a.What, b.What))
	})
	return l.diags
}

func (l *loader) files() (list []string) {
	l.fset.Iterate(func(f *token.File) bool {
		list = append(list, f.Name())
		return true
	})
	return list
}

// metaKeys are what the comment of the container's function may say besides its
// hook, as FEMTO_META does in C.
var metaKeys = []string{"name", "budget", "local", "tenant", "global", "flags"}

// An entry is where a container begins, and what it says of itself.
type entry struct {
	name    string
	meta    map[string]string
	context string // see Result
}

// entry finds the function with //femto:hook, and //femto:meta anywhere in the
// package.
func (l *loader) entry(s *source) entry {
	e := entry{meta: map[string]string{}}
	say := func(key, value string, pos token.Pos) {
		if before, twice := e.meta[key]; twice && before != value {
			l.refuse(diagnose.GoDirective, pos, fmt.Sprintf("%s is %q and %q", key, before, value), "each is said once for a container", "remove one of them")
			return
		}
		e.meta[key] = value
	}
	var at token.Pos
	var function *ast.FuncDecl
	for _, file := range s.files {
		for _, group := range file.Comments {
			for _, c := range group.List {
				rest, is := strings.CutPrefix(c.Text, "//femto:meta")
				if !is {
					continue
				}
				key, value, ok := strings.Cut(strings.TrimSpace(rest), " ")
				if !ok {
					l.refuse(diagnose.GoDirective, c.Pos(), c.Text+" says nothing", "a key and a value are wanted", "//femto:meta budget 1000")
					continue
				}
				say(key, strings.Trim(strings.TrimSpace(value), `"`), c.Pos())
			}
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			hook, pos, is := directive(f.Doc, "hook")
			if !is {
				continue
			}
			if e.name != "" {
				l.refuse(diagnose.GoDirective, pos, "a second function has //femto:hook: "+f.Name.Name, "a container has one hook: "+e.name+" has it", "make a container of it, in a folder of its own")
				continue
			}
			e.name, at = f.Name.Name, f.Name.Pos()
			if hook != "" {
				say("hook", strings.Trim(hook, `"`), pos)
			}
			for _, key := range metaKeys {
				if text, pos, is := directive(f.Doc, key); is {
					say(key, strings.Trim(text, `"`), pos)
				}
			}
			if f.Recv != nil || f.Type.TypeParams != nil {
				l.refuse(diagnose.GoDirective, at, e.name+" cannot be where a container begins", "it is a function without a receiver and without type parameters", "func "+e.name+"(ctx []byte) int64")
				continue
			}
			l.signature(s, f)
			function = f
		}
	}
	if function != nil {
		e.context = l.context(s, function, e.meta["hook"])
	}
	if e.name == "" {
		l.refuse(diagnose.GoNoHook, s.files[0].Name.Pos(), "no function has //femto:hook", "that is where a container begins", "//femto:hook timer on the line above func")
	}
	return e
}

// signature wants one of the forms that a container's function has.
func (l *loader) signature(s *source, f *ast.FuncDecl) {
	object := s.info.Defs[f.Name]
	t := object.Type().(*types.Signature)
	ok := t.Params().Len() <= 1 && t.Results().Len() <= 1 && !t.Variadic()
	if ok && t.Params().Len() == 1 {
		switch p := t.Params().At(0).Type().Underlying().(type) {
		case *types.Pointer:
		case *types.Slice:
			b, is := p.Elem().Underlying().(*types.Basic)
			ok = is && b.Info()&types.IsInteger != 0
		default:
			ok = false
		}
	}
	if ok && t.Results().Len() == 1 {
		b, is := t.Results().At(0).Type().Underlying().(*types.Basic)
		ok = is && b.Info()&(types.IsInteger|types.IsBoolean) != 0
	}
	if !ok {
		l.refuse(diagnose.GoDirective, f.Name.Pos(), "a container does not begin with "+f.Name.Name+strings.TrimPrefix(typeName(t), "func"),
			"it takes the address of the context, or the context as a slice of integers, or nothing; it returns a number, a truth value, or nothing", "func "+f.Name.Name+"(ctx *femto.TimerContext) int64")
	}
}

// context holds the type of the function's parameter against the hook, and
// returns the hook that the type is made for, "" if that cannot be said.
func (l *loader) context(s *source, f *ast.FuncDecl, hook string) string {
	t := s.info.Defs[f.Name].Type().(*types.Signature)
	if t.Params().Len() != 1 {
		return ""
	}
	p, ok := t.Params().At(0).Type().Underlying().(*types.Pointer)
	if !ok {
		return ""
	}
	pos := f.Type.Params.List[0].Type.Pos()
	made := ""
	if named, ok := types.Unalias(p.Elem()).(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == SDK {
		name, is := strings.CutSuffix(named.Obj().Name(), "Context")
		if is {
			made = strings.ToLower(name)
		}
	}
	n := slices.IndexFunc(sdkgen.Hooks, func(h sdkgen.Hook) bool { return h.Name == hook })
	switch {
	case hook == "":
	case made != "" && made != hook:
		fix, why := "//femto:hook "+made, "femto."+exportedContext(made)+" is what the hook "+made+" hands over"
		switch {
		case n >= 0 && len(sdkgen.Hooks[n].Fields) > 0:
			fix = f.Name.Name + "(ctx *femto." + exportedContext(hook) + "), or " + fix
		case n >= 0:
			fix = f.Name.Name + "(ctx []byte), or " + fix
		default:
			why += ", and " + hook + " is none of the standard hooks"
			fix += "; what a hook of the firmware hands over is a type of your own"
		}
		l.refuse(diagnose.GoContext, pos, fmt.Sprintf("%s takes *femto.%s, but its hook is %s", f.Name.Name, exportedContext(made), hook), why, fix)
	case made == "" && n >= 0 && sdkgen.Hooks[n].Tail == "":
		if _, size := sdkgen.Hooks[n].Offsets(); l.sizeof(p.Elem()) > size {
			l.refuse(diagnose.GoContext, pos, fmt.Sprintf("%s has %d bytes, the context of the hook %s has %d", typeName(p.Elem()), l.sizeof(p.Elem()), hook, size),
				"an access behind the context is a fault", f.Name.Name+"(ctx *femto."+exportedContext(hook)+")")
		}
	}
	return made
}

func exportedContext(hook string) string { return strings.ToUpper(hook[:1]) + hook[1:] + "Context" }

// try runs f, which a refusal may end.
func (l *lowerer) try(f func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(abort); !is {
				panic(r)
			}
		}
	}()
	f()
}

// lower makes functions of entry and of all that it calls and that is not
// inlined.
func (l *lowerer) lower(entry *ssa.Function) []*function {
	l.survey(entry, map[*ssa.Function]bool{})
	f := &function{name: entry.Name(), pos: entry.Pos(), results: entry.Signature.Results().Len(), entry: true}
	list := []*function{f}
	if l.cycles[entry] {
		l.refuse(diagnose.GoRecursion, entry.Pos(), entry.Name()+" is called from the container itself", "it is where the container begins", "call a function that both use")
		return nil
	}
	l.try(func() { l.function(f, entry) })
	for len(l.queue) > 0 {
		fn := l.queue[0]
		l.queue = l.queue[1:]
		f := l.apart[fn]
		l.try(func() { l.function(f, fn) })
		list = append(list, f)
	}
	return list
}

func (l *lowerer) function(f *function, fn *ssa.Function) {
	l.f, l.pos, l.within = f, fn.Pos(), 0
	f.bodies = []body{{name: f.name}}
	l.b = f.newBlock()
	var args []operand
	for _, p := range fn.Params {
		var o operand
		leaves, _ := l.leaves(p.Type(), p.Pos())
		for i := range leaves {
			if i == 2 && f.entry { // the capacity of the context is its length
				o.regs = append(o.regs, o.regs[1])
				break
			}
			v := l.emit(opParam)
			v.imm, v.length = int64(len(f.params)), leaves[i].length
			f.params = append(f.params, v)
			if i == 1 && f.entry {
				if size := l.sizeof(p.Type().Underlying().(*types.Slice).Elem()); size > 1 {
					v = l.emit(opDiv, v, l.imm(int64(size)))
				}
			}
			o.regs = append(o.regs, v)
		}
		args = append(args, o)
	}
	l.body(fn, args, nil, false)
}

func (l *lowerer) generate(functions []*function) (codes []*code) {
	for _, f := range functions {
		f.optimise()
	}
	l.escapes(functions)
	for _, f := range functions {
		f.finish()
	}
	l.markGlobals(functions)
	for _, f := range functions {
		c := f.selectCode()
		c.allocate()
		c.locate()
		c.place(l.loader)
		c.tidy()
		codes = append(codes, c)
	}
	return codes
}

// markGlobals finds which globals are used, and which are written.
func (l *lowerer) markGlobals(functions []*function) {
	var use func(g *global)
	use = func(g *global) {
		if g.used {
			return
		}
		g.used = true
		for _, r := range g.relocs {
			r.target.taken = true
			use(r.target)
		}
	}
	unknown := false
	for _, f := range functions {
		for _, b := range f.blocks {
			for _, v := range b.values {
				if v.global != nil {
					use(v.global)
				}
				for i, a := range v.args {
					if v.op == opLoad || v.op == opMove && i == 1 || v.op == opTrapIf || v.op == opCmp {
						continue
					}
					list := origins(a)
					writes := v.op == opStore && i == 0 || v.op == opZero || v.op == opMove && i == 0
					if writes && len(list) == 0 {
						unknown = true
					}
					if v.op == opAdd || v.op == opPhi {
						continue // where the address goes is looked at there
					}
					for g := range maps.Keys(list) {
						if !g.text {
							g.written = true // or handed on
						}
					}
				}
			}
			if b.kind == endReturn && b.on != nil {
				for g := range maps.Keys(origins(b.on)) {
					g.written = g.written || !g.text
				}
			}
		}
	}
	for _, g := range l.made {
		if g.taken && unknown && !g.text {
			g.written = true
		}
	}
}

// origins are the globals in which an address may lie; none if it comes from
// elsewhere.
func origins(v *value) map[*global]bool {
	found := map[*global]bool{}
	seen := map[*value]bool{}
	var walk func(v *value)
	walk = func(v *value) {
		if seen[v] {
			return
		}
		seen[v] = true
		switch v.op {
		case opGlobal:
			found[v.global] = true
		case opAdd, opPhi:
			for _, a := range v.args {
				walk(a)
			}
		}
	}
	walk(v)
	return found
}
