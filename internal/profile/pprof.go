package profile

import (
	"fmt"
	"io"

	"github.com/google/pprof/profile"

	"github.com/femto-containers/femto/internal/symbols"
)

// WritePprof writes the profile as pprof reads it: compressed protocol buffers,
// with samples of what was taken from the budget, of instructions, of what
// helpers charged, and of calls. A helper is a function called by the line that
// calls it. Addresses are offsets in the text.
func (p *Profile) WritePprof(w io.Writer) error {
	out := &profile.Profile{
		SampleType: []*profile.ValueType{
			{Type: "budget", Unit: "count"}, {Type: "instructions", Unit: "count"},
			{Type: "helpers", Unit: "count"}, {Type: "calls", Unit: "count"},
		},
		DefaultSampleType: "budget",
		PeriodType:        &profile.ValueType{Type: "instructions", Unit: "count"},
		Period:            1,
	}
	f := &pprofFile{Profile: out, program: p.Program, functions: map[[2]string]*profile.Function{}, slots: map[int]*profile.Location{}, helpers: map[int]*profile.Location{}}
	f.Mapping = []*profile.Mapping{{ID: 1, Limit: uint64(8 * p.Program.Slots()), File: p.Name, HasFunctions: true,
		HasFilenames: p.Program.HasSource(), HasLineNumbers: p.Program.HasSource(), BuildID: p.Program.Debug.Image}}
	p.walk(func(c *chain, calls []int, slot int) {
		var stack []*profile.Location // the innermost first
		stack = append(stack, f.slot(slot))
		for i := len(calls) - 1; i >= 0; i-- {
			stack = append(stack, f.slot(calls[i]))
		}
		entered := int64(0)
		if slot == c.entry {
			entered = c.entered
		}
		n := c.instructions[slot]
		if n > 0 {
			f.Sample = append(f.Sample, &profile.Sample{Location: stack, Value: []int64{n, n, 0, entered}})
		}
		if call := c.helpers[slot]; call != nil {
			f.Sample = append(f.Sample, &profile.Sample{Location: append([]*profile.Location{f.helper(call.Helper)}, stack...),
				Value: []int64{call.Cost, 0, call.Cost, call.Calls}})
		}
	})
	if err := out.CheckValid(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return out.Write(w)
}

// pprofFile numbers what samples refer to.
type pprofFile struct {
	*profile.Profile
	program   *symbols.Program
	functions map[[2]string]*profile.Function // by name and file
	slots     map[int]*profile.Location
	helpers   map[int]*profile.Location // by number
}

func (f *pprofFile) function(name, file string) *profile.Function {
	key := [2]string{name, file}
	if f.functions[key] == nil {
		f.functions[key] = &profile.Function{ID: uint64(len(f.Function) + 1), Name: name, SystemName: name, Filename: file}
		f.Function = append(f.Function, f.functions[key])
	}
	return f.functions[key]
}

func (f *pprofFile) location(function *profile.Function, line int64, address uint64) *profile.Location {
	l := &profile.Location{ID: uint64(len(f.Location) + 1), Address: address, Line: []profile.Line{{Function: function, Line: line}}}
	f.Location = append(f.Location, l)
	return l
}

func (f *pprofFile) slot(slot int) *profile.Location {
	if f.slots[slot] == nil {
		// What is inlined from another file belongs to the function, and to
		// that file's line.
		function := f.program.Function(slot)
		place, ok := f.program.Place(slot)
		if !ok {
			place, _ = f.program.Beginning(function)
			place.Line = 0
		}
		l := f.location(f.function(function.Name, place.File), int64(place.Line), uint64(8*slot))
		l.Mapping = f.Mapping[0]
		f.slots[slot] = l
	}
	return f.slots[slot]
}

func (f *pprofFile) helper(number int) *profile.Location {
	if f.helpers[number] == nil {
		f.helpers[number] = f.location(f.function(symbols.HelperName(number), "(helper)"), 0, 0)
	}
	return f.helpers[number]
}

// WritePprof writes a tree that is made of counters, without an image: samples
// are what was taken from the budget, and calls.
func (f *Frame) WritePprof(w io.Writer) error {
	out := &pprofFile{Profile: &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "budget", Unit: "count"}, {Type: "calls", Unit: "count"}},
		DefaultSampleType: "budget",
	}, functions: map[[2]string]*profile.Function{}}
	var visit func(f *Frame, above []*profile.Location)
	visit = func(f *Frame, above []*profile.Location) {
		here := append([]*profile.Location{out.location(out.function(f.Name, ""), 0, 0)}, above...)
		if len(f.Children) == 0 {
			out.Sample = append(out.Sample, &profile.Sample{Location: here, Value: []int64{f.Budget(), f.Calls}})
		}
		for _, c := range f.Children {
			visit(c, here)
		}
	}
	visit(f, nil)
	if err := out.CheckValid(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return out.Write(w)
}
