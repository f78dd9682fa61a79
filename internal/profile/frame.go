package profile

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
)

// A Kind is what a frame stands for.
type Kind uint8

// The kinds of frames.
const (
	Root Kind = iota
	Function
	Line
	Helper
)

// A Frame is a part of the budget with what it was spent in: a function has
// lines of the source, these have functions that they call, and helpers.
type Frame struct {
	Kind     Kind
	Name     string
	Text     string // of the line
	Counts          // with what is below
	Children []*Frame

	order int
}

// Frames returns the profile as a tree. Children are in the order of the source,
// or of the text where there is no line, in which case there is no frame for it.
func (p *Profile) Frames(sources *symbols.Sources) *Frame {
	root := &Frame{Kind: Root, Name: p.Name, Counts: Counts{Calls: p.Total.Calls}}
	if p.root != nil {
		p.frames(root, p.root, sources)
	}
	root.sum()
	return root
}

// child finds or makes a frame below f.
func (f *Frame) child(kind Kind, name string, order int) *Frame {
	for _, c := range f.Children {
		if c.Kind == kind && c.Name == name {
			return c
		}
	}
	c := &Frame{Kind: kind, Name: name, order: order}
	f.Children = append(f.Children, c)
	return c
}

func (p *Profile) frames(above *Frame, c *chain, sources *symbols.Sources) {
	f := above.child(Function, p.Program.Function(c.entry).Name, c.entry)
	f.Calls += c.entered
	for slot, n := range c.instructions {
		call, callee := c.helpers[slot], c.locals[slot]
		if n == 0 && call == nil {
			continue
		}
		at := f
		if place, ok := p.Program.Place(slot); ok {
			at = f.child(Line, fmt.Sprintf("%s:%d", place.File, place.Line), place.Line)
			at.Text = strings.TrimSpace(sources.Line(place.File, place.Line))
		}
		at.Instructions += n
		if call != nil {
			at.child(Helper, symbols.HelperName(call.Helper), slot).add(call.Counts)
		}
		if callee != nil {
			p.frames(at, callee, sources)
		}
	}
}

// sum adds to each frame what is below it, and puts those below in order.
func (f *Frame) sum() {
	for _, c := range f.Children {
		c.sum()
		f.Instructions += c.Instructions
		f.Cost += c.Cost
	}
	slices.SortStableFunc(f.Children, func(a, b *Frame) int { return cmp.Compare(a.order, b.order) })
}

// self is the budget that was spent in a frame and nowhere below it.
func (f *Frame) self() int64 {
	n := f.Budget()
	for _, c := range f.Children {
		n -= c.Budget()
	}
	return n
}

// WriteFolded writes a line for each stack, as flamegraph.pl, speedscope and
// others read them: the frames from the outermost on, and what was taken from
// the budget.
func (p *Profile) WriteFolded(w io.Writer) error {
	return p.Frames(&symbols.Sources{}).WriteFolded(w)
}

// WriteFolded writes the frames below f.
func (f *Frame) WriteFolded(w io.Writer) error {
	out := bufio.NewWriter(w)
	var visit func(f *Frame, above string)
	visit = func(f *Frame, above string) {
		name := trace.Printable(strings.ReplaceAll(f.Name, ";", ","))
		if above != "" {
			name = above + ";" + name
		}
		if n := f.self(); n > 0 {
			fmt.Fprintf(out, "%s %d\n", name, n)
		}
		for _, c := range f.Children {
			visit(c, name)
		}
	}
	visit(f, "")
	return out.Flush()
}

// A Counter is what a device counts of a container.
type Counter struct {
	Hook, Name  string
	Budget      int64 // instructions and what helpers charged, since it was installed
	Activations int64
}

// Counted returns counters as a tree: hooks, and on each its containers. name is
// the device's.
func Counted(name string, counters []Counter) *Frame {
	root := &Frame{Kind: Root, Name: name}
	for i, c := range counters {
		hook := root.child(Function, c.Hook, i)
		container := hook.child(Helper, c.Name, i)
		container.add(Counts{Instructions: c.Budget, Calls: c.Activations})
		hook.Calls += c.Activations
		root.Calls += c.Activations
	}
	root.sum()
	return root
}
