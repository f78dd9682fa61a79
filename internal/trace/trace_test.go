package trace_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// source does a little of everything: a local call, each kind of access, calls of
// helpers, a loop.
const source = `
	.rodata
	.asciz "%s is %d"
	.asciz "two"
	.data
	.byte 7, 0, 0, 0
	.text
	.globl main
	.globl twice
main:
	r6 = *(u16 *)(r1 + 2)
	r1 = r6
	call twice
	r9 = .data+0 ll
	*(u32 *)(r9 + 0) = r0
	r2 = r10
	r2 += -4
	r1 = 9
	call fetch_local
	r1 = .rodata+0 ll
	r2 = .rodata+9 ll
	r3 = *(u32 *)(r9 + 0)
	call printf
	r1 = 2
again:
	r1 += -1
	if r1 != 0 goto again
	r0 = 5
	exit
twice:
	r0 = r1
	r0 += r1
	exit
`

func assemble(t *testing.T, text string) []byte {
	t.Helper()
	helpers := map[string]int32{"printf": 1, "fetch_local": 0x12, "memcpy": 2, "ztimer_periodic_wakeup": 0x42}
	o, err := asm.Source{Text: text, Helpers: helpers}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// traced fires an image and returns what each writer has written.
func traced(t *testing.T, raw []byte, debug *build.Debug, context []byte, budget int32, writers ...*trace.Writer) ([]trace.Step, femtotest.Result) {
	t.Helper()
	p, err := symbols.Open(raw, debug, "event")
	if err != nil {
		t.Fatal(err)
	}
	c := femtotest.New(t, raw, femtotest.Config{Hook: "event", Budget: budget})
	var steps []trace.Step
	tracer := trace.Tracer{Program: p, Detail: true, Each: func(m *vm.Machine, s *trace.Step) {
		steps = append(steps, *s)
		for _, w := range writers {
			w.Program = p
			w.Step(m, s)
		}
	}}
	c.Before = tracer.Before
	r := c.Fire(context)
	tracer.End()
	tracer.End() // which is no second step
	for _, w := range writers {
		if err := w.End(); err != nil {
			t.Fatal(err)
		}
	}
	return steps, r
}

func TestText(t *testing.T) {
	var all, helpers, function bytes.Buffer
	steps, r := traced(t, assemble(t, source), nil, []byte{0, 0, 21, 0}, 1000,
		&trace.Writer{W: &all}, &trace.Writer{W: &helpers, Filter: trace.Filter{Kinds: []string{"helpers"}}},
		&trace.Writer{W: &function, Filter: trace.Filter{Functions: []string{"twice"}, Kinds: []string{"calls"}}})
	if r.Value != 5 || len(steps) != 23 {
		t.Fatalf("%+v, %d steps", r, len(steps))
	}
	want := `   LEFT  SLOT  WHERE                INSTRUCTION                      WHAT IT DID
    999     0  main                 r6 = *(u16 *)(r1 + 2)            r6 = 21 from context+2
    998     1  main+1               r1 = r6                          r1 = 21
    997     2  main+2               call twice                       r10 = stack-8
    996    21  twice                r0 = r1                          r0 = 21
    995    22  twice+1              r0 += r1                         r0 = 42
    994    23  twice+2              exit                             r10 = stack+0
    993     3  main+3               r9 = .data+0 ll                  r9 = .data+0x0
    992     5  main+5               *(u32 *)(r9 + 0) = r0            .data+0x0 := 42
    991     6  main+6               r2 = r10                         r2 = stack+0
    990     7  main+7               r2 += -4                         r2 = stack-4
    989     8  main+8               r1 = 9                           r1 = 9
    972     9  main+9               call fetch_local                 fetch_local(key 9, value stack-4) = 0, value: 0; costs 16
    971    10  main+10              r1 = .rodata+0 ll                r1 = .rodata+0x0; "%s is %d"
    970    12  main+12              r2 = .rodata+9 ll                r2 = .rodata+0x9; "two"
    969    14  main+14              r3 = *(u32 *)(r9 + 0)            r3 = 42 from .data+0x0
    903    15  main+15              call printf                      printf(format "%s is %d", arg1 "two", arg2 42) = 9; costs 65
    902    16  main+16              r1 = 2                           r1 = 2
    901    17  main+17              r1 += -1                         r1 = 1
`
	if got := all.String(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := helpers.String(); strings.Count(got, "\n") != 3 || !strings.Contains(got, "call printf") {
		t.Errorf("helpers alone:\n%s", got)
	}
	if got := function.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "twice+2") {
		t.Errorf("calls of one function:\n%s", got)
	}
}

// TestJSON reads back what is written.
func TestJSON(t *testing.T) {
	var b bytes.Buffer
	w := &trace.Writer{W: &b, JSON: true, Filter: trace.Filter{Limit: 16}}
	steps, _ := traced(t, assemble(t, source), nil, []byte{0, 0, 21, 0}, 1000, w)
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 17 || w.LeftOut != len(steps)-16 || w.Steps != len(steps) {
		t.Fatalf("%d lines, %d left out of %d", len(lines), w.LeftOut, w.Steps)
	}
	var step struct {
		Type, Function, Text string
		Slot, Offset, Budget int
		Registers            []trace.Register
		Access               *trace.Access
		Call                 *struct {
			Helper string
			Result uint64
			Cost   int
			Args   []struct{ Text, Address, Bytes string }
		}
	}
	for i, line := range lines[:16] {
		step.Call, step.Access = nil, nil
		if err := json.Unmarshal([]byte(line), &step); err != nil || step.Type != "step" || step.Registers == nil {
			t.Fatalf("line %d: %v: %s", i, err, line)
		}
		if i == 7 && (step.Access == nil || !step.Access.Write || step.Access.Value != 42 || step.Access.Name != ".data+0x0" || step.Access.Size != 4) {
			t.Errorf("access: %s", line)
		}
	}
	c := step.Call
	if c == nil || c.Helper != "printf" || c.Result != 9 || c.Cost != 65 || len(c.Args) != 3 || c.Args[1].Text != "two" || c.Args[1].Address != ".rodata+0x9" {
		t.Errorf("call: %s", lines[15])
	}
	if lines[16] != `{"left_out":7,"type":"gap"}` {
		t.Errorf("gap: %s", lines[16])
	}
}

// TestEnds is about the last step of what does not exit.
func TestEnds(t *testing.T) {
	for _, test := range []struct {
		name, source string
		budget       int32
		steps        int
		fault        vm.Fault
		last         string
	}{
		{"load", "r1 = 0\nr0 = *(u8 *)(r1 + 3)\nexit", 10, 2, vm.FaultMemory, "cannot read 1 B from 0x3; FAULT: illegal memory access"},
		{"store", "r0 = 1\n*(u64 *)(r10 + 0) = r0\nexit", 10, 2, vm.FaultMemory, "cannot write 8 B to stack+0; FAULT: illegal memory access"},
		{"read-only", ".rodata\n.byte 1\n.text\nr1 = .rodata+0 ll\n*(u8 *)(r1 + 0) = 9\nexit", 10, 2, vm.FaultMemory, "cannot write 1 B to .rodata+0x0"},
		{"argument", "r1 = 1\nr2 = 7\ncall fetch_local\nexit", 100, 3, vm.FaultMemory, "fetch_local(key 1, value 0x7); costs 16; FAULT"},
		{"budget of a helper", "r1 = 1\nr2 = r10\nr2 += -4\ncall fetch_local\nexit", 10, 4, vm.FaultBudget, "fetch_local(key 1, value stack-4); costs 16; FAULT: budget"},
		{"budget of a loop", "r1 = 5\nagain: r1 += -1\nif r1 != 0 goto again\nexit", 4, 7, vm.FaultBudget, "taken; FAULT"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			// A fault is written whatever was asked for.
			w := &trace.Writer{W: &b, Filter: trace.Filter{Kinds: []string{"lines"}, Functions: []string{"other"}, Limit: 1}}
			steps, r := traced(t, assemble(t, test.source), nil, nil, test.budget, w)
			last := steps[len(steps)-1]
			if r.Fault != test.fault || last.Fault != test.fault || len(steps) != test.steps {
				t.Errorf("%+v, %d steps, the last one %+v", r, len(steps), last)
			}
			if !strings.Contains(strings.ReplaceAll(b.String(), "out of budget", "budget"), test.last) {
				t.Errorf("got\n%s\nwant %s", &b, test.last)
			}
		})
	}
}

// TestSlices traces a container that waits: each slice is there, and the end of
// none is lost.
func TestSlices(t *testing.T) {
	o, err := asm.Source{Text: `
	r6 = 3
	*(u32 *)(r10 - 4) = 0
again:
	r1 = r10
	r1 += -4
	r2 = 1000000 ll
	call ztimer_periodic_wakeup
	r6 += -1
	if r6 != 0 goto again
	exit
`, Helpers: map[string]int32{"ztimer_periodic_wakeup": helpers.ZtimerPeriodicWakeup}}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	raw := image.Append(nil, image.Parts{Text: o.Text, Contract: &image.Contract{Flags: image.LongRunning, Stack: 64}})
	p, err := symbols.Open(raw, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	c := femtotest.New(t, raw, femtotest.Config{Budget: 1000})
	var steps, cost, calls int
	tracer := trace.Tracer{Program: p, Detail: true, Each: func(_ *vm.Machine, s *trace.Step) {
		steps++
		cost += s.Cost
		if s.Call != nil {
			calls++
			if want := -1; s.Next != want || s.Call.Args[0].Name != "last" && s.Call.Args[0].Address == "" {
				t.Errorf("%+v, %v", s, s.Call)
			}
		}
	}}
	c.Before = tracer.Before
	first := c.Fire(nil)
	rest := c.Advance(5 * time.Second)
	tracer.End()
	if first.Fault+rest.Fault != vm.OK || !first.Waiting || calls != 3 || steps+cost != first.Instructions+rest.Instructions {
		t.Errorf("%+v, %+v: %d steps, %d calls, cost %d", first, rest, steps, calls, cost)
	}
}

// TestHostile shows what an image says as text, never as escapes.
func TestHostile(t *testing.T) {
	o, err := asm.Source{Text: ".rodata\n.byte 27, 91, 72, 0\n.text\nr1 = .rodata+0 ll\ncall printf\nexit", Helpers: map[string]int32{"printf": 1}}.Assemble()
	if err != nil {
		t.Fatal(err)
	}
	o.Functions = []image.Function{{Name: []byte("\x1b[31m\n\u009b1m")}}
	raw, err := o.Image()
	if err != nil {
		t.Fatal(err)
	}
	debug := &build.Debug{Lines: []build.Line{{File: "../../\x1b[2Jpasswd", Line: 1}}}
	var b bytes.Buffer
	_, r := traced(t, raw, debug, nil, 100, &trace.Writer{W: &b, Sources: &symbols.Sources{Folders: []string{"."}}})
	if text := b.String(); r.Fault != vm.OK || strings.ContainsAny(text, "\x1b\u009b") || strings.Count(text, "\n") != 5 {
		t.Errorf("%+v\n%q", r, text)
	}
}

// BenchmarkTracer is what it costs to look at an instruction.
func BenchmarkTracer(b *testing.B) {
	o, err := asm.Source{Text: "r1 = 1000\nagain: *(u64 *)(r10 - 8) = r1\nr1 += -1\nif r1 != 0 goto again\nexit"}.Assemble()
	if err != nil {
		b.Fatal(err)
	}
	raw, err := o.Image()
	if err != nil {
		b.Fatal(err)
	}
	p, err := symbols.Open(raw, nil, "")
	if err != nil {
		b.Fatal(err)
	}
	for _, detail := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "detail"}[detail], func(b *testing.B) {
			c, err := femtotest.Open(raw, femtotest.Config{Hook: "event"})
			if err != nil {
				b.Fatal(err)
			}
			steps := 0
			tracer := trace.Tracer{Program: p, Detail: detail, Each: func(*vm.Machine, *trace.Step) { steps++ }}
			c.Before = tracer.Before
			for b.Loop() {
				c.Fire(nil)
				tracer.End()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/instr")
		})
	}
}
