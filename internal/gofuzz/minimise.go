package gofuzz

import (
	"bytes"
	"context"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"time"
)

// nativeLimit is how long a program may run natively while it is made smaller:
// without a statement, a loop may have no end.
const nativeLimit = 10 * time.Second

// Differs reports whether a program is of the subset and does not do the same
// as Go and as an image. dir is a folder as for Native.
func Differs(ctx context.Context, dir, prefix string) func(source []byte) bool {
	return func(source []byte) bool {
		p := Program{prefix, source}
		compiled, err := compile(ctx, dir, p)
		if err != nil {
			return false
		}
		limited, cancel := context.WithTimeout(ctx, nativeLimit)
		defer cancel()
		native, err := Native(limited, dir, []Program{p})
		if err != nil {
			return false
		}
		image, err := fire(compiled)
		return err == nil && Differ(native[0], image) != ""
	}
}

// Minimise makes a program smaller as long as it keeps a property, until nothing
// more can be left out or the time is over. It leaves out declarations and
// statements, many at once first, takes blocks for the statements that have
// them, and operands for what is computed of them.
func Minimise(source []byte, until time.Time, keeps func(source []byte) bool) []byte {
	m := &minimiser{best: source, until: until, keeps: keeps}
	for {
		before := len(m.best)
		m.pass()
		if len(m.best) == before || m.over() {
			return m.best
		}
	}
}

type minimiser struct {
	best  []byte
	until time.Time
	keeps func(source []byte) bool

	fset     *token.FileSet
	file     *ast.File
	imported []ast.Spec
	function *ast.FuncDecl // that is being made smaller
}

func (m *minimiser) over() bool { return time.Now().After(m.until) }

// try reports whether the file as it is now has the property; then it is the
// best.
func (m *minimiser) try() bool {
	if m.over() {
		return false
	}
	m.imports()
	var b bytes.Buffer
	if format.Node(&b, m.fset, m.file) != nil {
		return false
	}
	text, err := format.Source(b.Bytes())
	if err != nil || len(text) >= len(m.best) || !m.keeps(text) {
		return false
	}
	m.best = text
	return true
}

// imports leaves in the file what it uses.
func (m *minimiser) imports() {
	used := map[string]bool{}
	ast.Inspect(m.file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := s.X.(*ast.Ident); ok {
				used[name.Name] = true
			}
		}
		return true
	})
	for _, d := range m.file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			g.Specs = slices.DeleteFunc(slices.Clone(m.imported), func(s ast.Spec) bool {
				return !used[path.Base(strings.Trim(s.(*ast.ImportSpec).Path.Value, `"`))]
			})
		}
	}
}

func (m *minimiser) pass() {
	m.fset = token.NewFileSet()
	file, err := parser.ParseFile(m.fset, "", m.best, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return
	}
	m.file = file
	// Comments but for directives would stay where nothing is.
	file.Comments = slices.DeleteFunc(file.Comments, func(g *ast.CommentGroup) bool { return !directive(g) })
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			m.imported = g.Specs
		}
	}
	shorten(m, &file.Decls)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			m.function = n
		case *ast.BlockStmt:
			m.list(&n.List)
		case *ast.CaseClause:
			m.list(&n.Body)
		}
		return !m.over()
	})
	ast.Inspect(file, func(n ast.Node) bool {
		m.operands(n)
		return !m.over()
	})
}

func directive(g *ast.CommentGroup) bool {
	return slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//femto:") })
}

// list shortens a list of statements, and replaces those with blocks by one.
func (m *minimiser) list(list *[]ast.Stmt) {
	shorten(m, list)
	for i := range *list {
		m.unlabel(&(*list)[i])
		for _, inner := range inside((*list)[i]) {
			before := (*list)[i]
			(*list)[i] = inner
			if m.try() {
				break
			}
			(*list)[i] = before
		}
	}
}

// shorten leaves out runs of elements: half of them, then fewer, down to
// one.
func shorten[T any](m *minimiser, list *[]T) {
	for n := (len(*list) + 1) / 2; n > 0; n = n * 2 / 3 {
		step := max(1, n/2) // a variable and the statement that makes it used go together
		for at := max(0, len(*list)-n); !m.over(); at = max(0, at-step) {
			before := *list
			*list = slices.Concat(before[:at], before[min(at+n, len(before)):])
			if n == 1 && len(*list) < len(before) && uses(before[at]) || !m.try() {
				*list = before
			}
			if at == 0 {
				break
			}
		}
	}
}

// uses reports whether a statement is there for a variable to be used.
func uses(statement any) bool {
	a, ok := statement.(*ast.AssignStmt)
	if !ok || a.Tok != token.ASSIGN {
		return false
	}
	_, name := a.Rhs[0].(*ast.Ident)
	return name && !slices.ContainsFunc(a.Lhs, func(e ast.Expr) bool { return !isBlank(e) })
}

func isBlank(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "_"
}

// unlabel takes a label away, and what jumps to it.
func (m *minimiser) unlabel(s *ast.Stmt) {
	labeled, ok := (*s).(*ast.LabeledStmt)
	if !ok {
		return
	}
	lists := map[*[]ast.Stmt][]ast.Stmt{}
	without := func(list *[]ast.Stmt) {
		jumps := func(s ast.Stmt) bool {
			b, ok := s.(*ast.BranchStmt)
			return ok && b.Label != nil && b.Label.Name == labeled.Label.Name
		}
		if slices.ContainsFunc(*list, jumps) {
			lists[list] = *list
			*list = slices.DeleteFunc(slices.Clone(*list), jumps)
		}
	}
	ast.Inspect(m.function, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			without(&n.List)
		case *ast.CaseClause:
			without(&n.Body)
		}
		return true
	})
	*s = labeled.Stmt
	if !m.try() {
		*s = labeled
		for list, before := range lists {
			*list = before
		}
	}
}

// inside are the statements that may stand for one.
func inside(s ast.Stmt) (list []ast.Stmt) {
	switch s := s.(type) {
	case *ast.LabeledStmt:
		list = append(list, s.Stmt)
	case *ast.IfStmt:
		list = append(list, s.Body)
		if s.Else != nil {
			list = append(list, s.Else)
			list = append(list, &ast.IfStmt{If: s.If, Init: s.Init, Cond: s.Cond, Body: s.Body})
		}
	case *ast.ForStmt:
		list = append(list, s.Body)
	case *ast.RangeStmt:
		list = append(list, s.Body)
	case *ast.SwitchStmt:
		for _, c := range s.Body.List {
			list = append(list, &ast.BlockStmt{Lbrace: c.Pos(), List: c.(*ast.CaseClause).Body, Rbrace: c.End()})
		}
	}
	return list
}

// operands replaces expressions within a node by parts of them.
func (m *minimiser) operands(n ast.Node) {
	one := func(e *ast.Expr) {
		for changed := true; changed; {
			changed = false
			for _, part := range parts(*e) {
				before := *e
				*e = part
				if m.try() {
					changed = true
					break
				}
				*e = before
			}
		}
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		one(&n.X)
		one(&n.Y)
	case *ast.UnaryExpr:
		one(&n.X)
	case *ast.ParenExpr:
		one(&n.X)
	case *ast.CallExpr:
		for i := range n.Args {
			one(&n.Args[i])
		}
	case *ast.AssignStmt:
		for i := range n.Rhs {
			one(&n.Rhs[i])
		}
	case *ast.ValueSpec:
		for i := range n.Values {
			one(&n.Values[i])
		}
	case *ast.ReturnStmt:
		for i := range n.Results {
			one(&n.Results[i])
		}
	case *ast.IndexExpr:
		one(&n.Index)
	case *ast.IfStmt:
		one(&n.Cond)
	case *ast.SwitchStmt:
		if n.Tag != nil {
			one(&n.Tag)
		}
	case *ast.ForStmt:
		if n.Cond != nil {
			one(&n.Cond)
		}
	}
}

// parts are what may stand for an expression.
func parts(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return []ast.Expr{e.X}
	case *ast.BinaryExpr:
		return []ast.Expr{e.X, e.Y}
	case *ast.UnaryExpr:
		return []ast.Expr{e.X}
	case *ast.CallExpr:
		return e.Args
	}
	return nil
}
