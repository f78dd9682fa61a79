package asm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/isa"
)

// An Extent is the part of a program that belongs to one function: from its
// first slot to the next function's.
type Extent struct {
	Name  string // of the function table; made up for those not in it
	Named bool   // in the function table, or in a side file
	Slot  int
	Lines []Line // labels made up from the place in the function
}

// Slots returns how many slots the function takes.
func (e *Extent) Slots() int {
	n := 0
	for i := range e.Lines {
		n += e.Lines[i].Slots()
	}
	return n
}

// Extents divides a program by functions: those of the table, those that
// Options.Names has, and those that local calls enter, which are called f1, f2
// and so on in their order. The lines of a function that only moved are the
// same.
func Extents(code []byte, o Options) []Extent {
	o.Labels = nil
	lines := List(code, o)
	starts := map[int]Extent{0: {Name: "(start)"}}
	for _, line := range lines {
		if isCallLine(line) && line.Target >= 0 {
			starts[line.Target] = Extent{}
		}
	}
	for slot, name := range o.Names {
		starts[slot] = Extent{Name: name, Named: true}
	}
	for _, f := range slices.Backward(o.Functions) {
		starts[f.Offset/isa.Size] = Extent{Name: string(f.Name), Named: true}
	}
	var list []Extent
	labels := map[int]string{}
	unnamed, jumps := 0, 0
	targets := map[int]bool{}
	for _, line := range lines {
		targets[line.Target] = targets[line.Target] || line.Target >= 0 && !isCallLine(line)
	}
	for _, line := range lines {
		start, ok := starts[line.Slot]
		switch {
		case ok:
			if start.Name == "" && !start.Named {
				unnamed++
				start.Name = fmt.Sprintf("f%d", unnamed)
			}
			start.Slot = line.Slot
			list = append(list, start)
			labels[line.Slot] = label(start.Name, list[:len(list)-1])
			jumps = 0
		case targets[line.Slot]:
			jumps++
			labels[line.Slot] = fmt.Sprintf("%s.%d", labels[list[len(list)-1].Slot], jumps)
		}
	}
	o.Labels = labels
	lines = List(code, o)
	for i := range list {
		for len(lines) > 0 && (i+1 == len(list) || lines[0].Slot < list[i+1].Slot) {
			list[i].Lines = append(list[i].Lines, lines[0])
			lines = lines[1:]
		}
	}
	return list
}

// label makes a function's name one that no other bears.
func label(name string, others []Extent) string {
	if !isName(name) {
		name = "f"
	}
	for slices.ContainsFunc(others, func(e Extent) bool { return e.Name == name }) {
		name += "_"
	}
	return name
}

// An Edit is a line of two listings: in both (' '), only in the first ('-') or
// only in the second ('+').
type Edit struct {
	Kind byte
	Text string
}

// Diff compares two listings by their longest common part.
func Diff(a, b []Line) []Edit {
	length := make([][]int32, len(a)+1)
	for i := range length {
		length[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if whole(a[i]) == whole(b[j]) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var edits []Edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && whole(a[i]) == whole(b[j]):
			edits = append(edits, Edit{' ', whole(a[i])})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && length[i+1][j] >= length[i][j+1]:
			edits = append(edits, Edit{'-', whole(a[i])})
			i++
		default:
			edits = append(edits, Edit{'+', whole(b[j])})
			j++
		}
	}
	return edits
}

// whole is a line with its label, if that is one of a jump's target.
func whole(l Line) string {
	if strings.Contains(l.Label, ".") {
		return l.Label + ": " + l.Text
	}
	return l.Text
}

// SameFunctions reports whether two function tables have the same entries.
func SameFunctions(a, b []image.Function) bool {
	return slices.EqualFunc(a, b, func(a, b image.Function) bool {
		return a.Offset == b.Offset && string(a.Name) == string(b.Name)
	})
}
