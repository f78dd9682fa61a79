// Package cover counts which lines of a container's source, and which ways of
// its branches, were executed, and writes that for people and tools.
package cover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/vm"
)

// A Cover counts what is executed of one program.
type Cover struct {
	program  *symbols.Program
	executed []int64 // by slot
	taken    []int64 // of conditional jumps
	passed   []int64 // not taken
}

// New returns a Cover in which nothing was executed.
func New(p *symbols.Program) *Cover {
	n := p.Slots()
	return &Cover{p, make([]int64, n), make([]int64, n), make([]int64, n)}
}

// Step counts a step. It is for trace.Tracer's Each, which need not have Detail.
// An instruction that faults was executed.
func (c *Cover) Step(_ *vm.Machine, s *trace.Step) {
	c.executed[s.Slot]++
	switch {
	case s.Next < 0 || !trace.Conditional(s.Instruction):
	case s.Next == s.Slot+1:
		c.passed[s.Slot]++
	default:
		c.taken[s.Slot]++
	}
}

// A Report is what was executed. A branch is one way of a conditional jump of
// the compiled program: each has two.
type Report struct {
	Total
	Instructions Ratio  `json:"instructions"`
	Files        []File `json:"files"`
}

// A Ratio is how many there are, and how many of them were executed.
type Ratio struct {
	Hit int `json:"hit"`
	All int `json:"all"`
}

func (r *Ratio) count(hit bool) {
	r.All++
	if hit {
		r.Hit++
	}
}

func (r *Ratio) add(s Ratio) {
	r.Hit += s.Hit
	r.All += s.All
}

// String is "12 of 13".
func (r Ratio) String() string { return fmt.Sprintf("%d of %d", r.Hit, r.All) }

// Percent is "92.3 %", or "-" of nothing. Only all is 100 %.
func (r Ratio) Percent() string {
	if r.All == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", float64(1000*r.Hit/r.All)/10)
}

// A Total is what was executed of something.
type Total struct {
	Lines     Ratio `json:"lines"`
	Branches  Ratio `json:"branches"`
	Functions Ratio `json:"functions"`
}

// A File is a file of the source, as the side file calls it.
type File struct {
	Name string `json:"name"`
	Total
	Code  []Line     `json:"code"` // the lines that have instructions, ascending
	Entry []Function `json:"entries"`
}

// A Line is a line of the source that has instructions.
type Line struct {
	Number   int      `json:"line"`
	Count    int64    `json:"count"`              // of its instruction that was executed most often
	Never    int      `json:"never"`              // of its instructions were not executed
	Branches []Branch `json:"branches,omitempty"` // in the order of the text
}

// A Branch is a conditional jump.
type Branch struct {
	Slot  int   `json:"slot"`
	Taken int64 `json:"taken"` // it jumped
	Not   int64 `json:"not"`   // it did not
}

// ways is how many of its two ways the jump went.
func (b Branch) ways() Ratio {
	r := Ratio{All: 2}
	for _, n := range []int64{b.Taken, b.Not} {
		if n > 0 {
			r.Hit++
		}
	}
	return r
}

// Ways are the ways of all branches of the line.
func (l *Line) Ways() (r Ratio) {
	for _, b := range l.Branches {
		r.add(b.ways())
	}
	return r
}

// A Function is where a function begins.
type Function struct {
	Name  string `json:"name"`
	Line  int    `json:"line"`
	Count int64  `json:"count"`
}

// Report returns what was executed so far. Files of the SDK are left out.
func (c *Cover) Report() *Report {
	files := map[string]map[int]*Line{}
	r := &Report{Files: []File{}}
	for slot := range c.executed {
		if c.program.Line(slot).Text == "" {
			continue // the second half of an instruction
		}
		r.Instructions.count(c.executed[slot] > 0)
		place, ok := c.program.Place(slot)
		if !ok || place.Line < 1 || symbols.InSDK(place.File) {
			continue
		}
		if files[place.File] == nil {
			files[place.File] = map[int]*Line{}
		}
		l := files[place.File][place.Line]
		if l == nil {
			l = &Line{Number: place.Line}
			files[place.File][place.Line] = l
		}
		l.Count = max(l.Count, c.executed[slot])
		if c.executed[slot] == 0 {
			l.Never++
		}
		if trace.Conditional(c.program.Instruction(slot)) {
			l.Branches = append(l.Branches, Branch{slot, c.taken[slot], c.passed[slot]})
		}
	}
	for name, lines := range files {
		r.Files = append(r.Files, fileOf(name, lines))
	}
	slices.SortFunc(r.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	c.functions(r)
	for i := range r.Files {
		f := &r.Files[i]
		r.Lines.add(f.Lines)
		r.Branches.add(f.Branches)
		r.Functions.add(f.Functions)
	}
	return r
}

func fileOf(name string, lines map[int]*Line) File {
	f := File{Name: name, Entry: []Function{}}
	for _, l := range lines {
		f.Code = append(f.Code, *l)
		f.Lines.count(l.Count > 0)
		f.Branches.add(l.Ways())
	}
	slices.SortFunc(f.Code, func(a, b Line) int { return cmp.Compare(a.Number, b.Number) })
	return f
}

// functions puts each function into the file that it begins in.
func (c *Cover) functions(r *Report) {
	for _, function := range c.program.Functions {
		for slot := function.Slot; slot < function.End; slot++ {
			place, ok := c.program.Place(slot)
			i := slices.IndexFunc(r.Files, func(f File) bool { return f.Name == place.File })
			if !ok || i < 0 {
				continue
			}
			f := &r.Files[i]
			n := c.executed[function.Slot]
			f.Entry = append(f.Entry, Function{function.Name, place.Line, n})
			f.Functions.count(n > 0)
			break
		}
	}
}

// Missing are the lines that were not executed, as people write them: "11,
// 17-19".
func (f *File) Missing() string {
	return f.spans(func(l *Line) bool { return l.Count == 0 })
}

// OneWay are the lines that were executed, but with branches that went one way
// only.
func (f *File) OneWay() string {
	return f.spans(func(l *Line) bool { return l.Count > 0 && l.Ways().Hit < l.Ways().All })
}

// spans are the numbers of the lines that is accepts.
func (f *File) spans(is func(*Line) bool) string {
	var parts []string
	begin, last := 0, 0
	end := func() {
		switch {
		case begin == 0:
		case begin == last:
			parts = append(parts, fmt.Sprint(begin))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", begin, last))
		}
		begin = 0
	}
	for i := range f.Code { // lines without instructions do not divide
		l := &f.Code[i]
		if !is(l) {
			end()
			continue
		}
		if begin == 0 {
			begin = l.Number
		}
		last = l.Number
	}
	end()
	return strings.Join(parts, ", ")
}
