// Package profile counts where containers spend their budget: by function, by
// line of the source, along the chains of local calls, and in which helpers. It
// writes that as tables, for pprof, as folded stacks and as a flame graph.
package profile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/vm"
)

// Counts are what was spent somewhere.
type Counts struct {
	Instructions int64 `json:"instructions"`
	Cost         int64 `json:"cost"`  // what helpers charged, in instructions
	Calls        int64 `json:"calls"` // how often it was entered
}

// Budget is what both take from an activation's budget.
func (c Counts) Budget() int64 { return c.Instructions + c.Cost }

func (c *Counts) add(d Counts) {
	c.Instructions += d.Instructions
	c.Cost += d.Cost
	c.Calls += d.Calls
}

// A Profile is of one image, over as many activations as there were.
type Profile struct {
	Name    string // of the container
	Program *symbols.Program
	Total   Counts // Calls are activations; of long-running containers, slices

	root *chain
}

// A chain is a function, as it is reached by one chain of local calls.
type chain struct {
	entry        int           // slot at which the function begins
	entered      int64         // how often
	instructions []int64       // executed, by slot of the program
	helpers      map[int]*Call // by the slot of the call
	locals       map[int]*chain
}

// A Call is what calls of a helper from one place came to.
type Call struct {
	Helper int // its number
	Counts
}

// New makes an empty profile.
func New(name string, p *symbols.Program) *Profile {
	return &Profile{Name: name, Program: p}
}

func (p *Profile) newChain(entry int) *chain {
	return &chain{entry: entry, instructions: make([]int64, p.Program.Slots()), helpers: map[int]*Call{}, locals: map[int]*chain{}}
}

// Step counts a step. It is for trace.Tracer's Each, which need not have Detail.
// An instruction that faults takes no budget and is not counted.
func (p *Profile) Step(_ *vm.Machine, s *trace.Step) {
	if p.root == nil {
		p.root = p.newChain(0)
	}
	at := p.root
	for _, slot := range s.Stack {
		at = at.locals[slot]
		if at == nil {
			return // a call that was not seen
		}
	}
	if s.Number == 1 {
		if len(s.Stack) == 0 && p.root.entered == 0 {
			p.root.entry = s.Slot
		}
		at.entered++
		p.Total.Calls++
	}
	if s.Cost > 0 {
		call := at.helpers[s.Slot]
		if call == nil {
			call = &Call{Helper: int(s.Instruction.Imm)}
			at.helpers[s.Slot] = call
		}
		call.Calls++
		call.Cost += int64(s.Cost)
		p.Total.Cost += int64(s.Cost)
	}
	if s.Fault != vm.OK && s.Fault != vm.FaultBudget {
		return
	}
	at.instructions[s.Slot]++
	p.Total.Instructions++
	if trace.CallsLocal(s.Instruction) && s.Next >= 0 {
		callee := at.locals[s.Slot]
		if callee == nil {
			callee = p.newChain(s.Next)
			at.locals[s.Slot] = callee
		}
		callee.entered++
	}
}

// walk calls each for every slot of every chain at which something was spent,
// with the slots of the local calls that lead there, outermost first.
func (p *Profile) walk(each func(c *chain, calls []int, slot int)) {
	var visit func(c *chain, calls []int)
	visit = func(c *chain, calls []int) {
		for slot, n := range c.instructions {
			if n > 0 || c.helpers[slot] != nil {
				each(c, calls, slot)
			}
		}
		for _, slot := range sortedKeys(c.locals) {
			visit(c.locals[slot], append(calls[:len(calls):len(calls)], slot))
		}
	}
	if p.root != nil {
		visit(p.root, nil)
	}
}

func sortedKeys[V any](m map[int]V) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// A Row is a line of a table: what was spent at a function, a line, or in a
// helper itself, without what it called. Of functions, Sum is with it, each
// instruction once.
type Row struct {
	Name string `json:"name"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Counts
	Sum int64 `json:"sum,omitempty"` // budget
}

// at is what was spent at a slot of a chain. Calls are those of helpers.
func (c *chain) at(slot int) Counts {
	counts := Counts{Instructions: c.instructions[slot]}
	if call := c.helpers[slot]; call != nil {
		counts.add(call.Counts)
	}
	return counts
}

// Functions are the functions that spent something, the greatest first.
func (p *Profile) Functions() []Row {
	rows := map[string]*Row{}
	p.walk(func(c *chain, calls []int, slot int) {
		name := p.Program.Function(slot).Name
		counts := c.at(slot)
		counts.Calls = 0
		row(rows, name).add(counts)
		seen := map[string]bool{name: true}
		for _, call := range calls {
			seen[p.Program.Function(call).Name] = true
		}
		for caller := range seen { // once each, should they call themselves
			row(rows, caller).Sum += counts.Budget()
		}
	})
	var enter func(c *chain)
	enter = func(c *chain) {
		row(rows, p.Program.Function(c.entry).Name).Calls += c.entered
		for _, callee := range c.locals {
			enter(callee)
		}
	}
	if p.root != nil {
		enter(p.root)
	}
	return sorted(rows)
}

// Lines are the lines of the source, the greatest first. Calls are those of
// helpers. What has no line is not there.
func (p *Profile) Lines() []Row {
	rows := map[string]*Row{}
	p.walk(func(c *chain, _ []int, slot int) {
		place, ok := p.Program.Place(slot)
		if !ok {
			return
		}
		r := row(rows, fmt.Sprintf("%s:%d", place.File, place.Line))
		r.File, r.Line = place.File, place.Line
		r.add(c.at(slot))
	})
	return sorted(rows)
}

// Helpers are the helpers that were called, the dearest first.
func (p *Profile) Helpers() []Row {
	rows := map[string]*Row{}
	p.walk(func(c *chain, _ []int, slot int) {
		if call := c.helpers[slot]; call != nil {
			row(rows, symbols.HelperName(call.Helper)).add(call.Counts)
		}
	})
	return sorted(rows)
}

func row(rows map[string]*Row, name string) *Row {
	if rows[name] == nil {
		rows[name] = &Row{Name: name}
	}
	return rows[name]
}

func sorted(rows map[string]*Row) []Row {
	list := []Row{}
	for _, r := range rows {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Budget(), a.Budget()), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	return list
}
