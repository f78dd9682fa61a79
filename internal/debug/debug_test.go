package debug_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

var update = flag.Bool("update", false, "compile testdata/*.c again")

// walkObject is testdata/walk.c as clang 19 compiles it.
const walkObject = "testdata/walk.o"

func TestMain(m *testing.M) {
	flag.Parse()
	if *update {
		if err := compile(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func compile() error {
	clang, err := build.FindClang()
	if err != nil {
		return err
	}
	headers, err := os.MkdirTemp("", "headers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(headers)
	if err := build.WriteHeaders(headers); err != nil {
		return err
	}
	c := build.Compiler{Path: clang, Dir: "testdata", Headers: headers}
	object, err := c.Compile(context.Background(), "walk.c")
	if err != nil {
		return err
	}
	return os.WriteFile(walkObject, object, 0o644)
}

// walk opens a session on testdata/walk.c, an activation per count.
func walk(t *testing.T, counts ...uint64) *debug.Session {
	t.Helper()
	object, err := os.ReadFile(walkObject)
	if err != nil {
		t.Fatal(err)
	}
	program, err := build.LinkObjects(build.Object{Name: "walk.o", Bytes: object})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := program.Image()
	if err != nil {
		t.Fatal(err)
	}
	side, err := program.Debug(raw)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := build.ParseDebug(side, raw)
	if err != nil {
		t.Fatal(err)
	}
	var contexts [][]byte
	for _, count := range counts {
		contexts = append(contexts, femtotest.Context(&hooks.Timer{Now: 5, Count: count}))
	}
	return open(t, raw, parsed, contexts, 0)
}

func open(t *testing.T, raw []byte, side *build.Debug, contexts [][]byte, advance time.Duration) *debug.Session {
	t.Helper()
	c, err := femtotest.Open(raw, femtotest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.Sensors = femtotest.SomeSensors()
	p, err := symbols.Open(raw, side, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := debug.Open(debug.Config{Target: debug.Container(c, contexts, advance), Program: p})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// snapshot is all that a session shows of a place in time.
func snapshot(s *debug.Session) string {
	st := s.State()
	at, _, _ := s.At()
	text := fmt.Sprintf("%d pc %d %x calls %v budget %d helpers %d lines %d\n", at, st.Slot, st.Registers, st.Calls, st.Budget, len(s.Calls()), len(s.Lines()))
	for i, r := range st.Region {
		if len(r.Bytes) > 0 {
			text += fmt.Sprintf("%d %v %x\n", i, r.Writable, r.Bytes)
		}
	}
	for _, pairs := range st.Stores {
		for _, key := range slices.Sorted(maps.Keys(pairs)) {
			text += fmt.Sprintf(" %d=%d", key, pairs[key])
		}
		text += "\n"
	}
	return text
}

// Each state on the way is the same whichever way it is reached.
func TestBackIsTheWayForwardReversed(t *testing.T) {
	sessions := map[string]*debug.Session{"walk": walk(t, 3, 1, 7), "walk that faults": walk(t, 3, 900, 2)}
	for _, name := range []string{"fletcher32/fletcher32", "outlaw/outlaw", "papers/average", "papers/sample_gcoap", "papers/increment", "papers/heart_rate", "three-containers/sensor_average"} {
		raw := image(t, name)
		sessions[name] = open(t, raw, nil, [][]byte{slices.Repeat([]byte{1, 2, 3, 4}, 90)}, 0)
	}
	for name, s := range sessions {
		t.Run(name, func(t *testing.T) {
			seen := []string{snapshot(s)}
			for {
				was, _, _ := s.At()
				stop := s.Step(debug.Instruction, false)
				if at, _, _ := s.At(); at > was {
					seen = append(seen, snapshot(s))
				}
				if stop.Reason == debug.Ended {
					break
				}
			}
			_, _, front := s.At()
			if front < 2 || len(seen) != front+1 {
				t.Fatalf("%d instructions, %d states", front, len(seen))
			}
			for i := front - 1; i >= 0; i-- {
				if stop := s.Step(debug.Instruction, true); stop.Reason != debug.Stepped {
					t.Fatalf("going back at %d: %+v", i, stop)
				}
				if got := snapshot(s); got != seen[i] {
					t.Fatalf("back at %d:\n%s\nwant\n%s", i, got, seen[i])
				}
			}
			if stop := s.Step(debug.Instruction, true); stop.Reason != debug.Beginning {
				t.Errorf("before the beginning: %+v", stop)
			}
			random := rand.New(rand.NewPCG(1, 2))
			for range 50 {
				to := random.IntN(front + 1)
				for s.GoTo(to).Reason == debug.Faulted { // it stops for what ends on the way
				}
				if got := snapshot(s); got != seen[to] {
					t.Fatalf("at %d:\n%s\nwant\n%s", to, got, seen[to])
				}
			}
		})
	}
}

// What a session shows is what the container does when nobody looks.
func TestSameAsWithoutASession(t *testing.T) {
	for _, count := range []uint64{1, 3, 900} {
		s := walk(t, count)
		stop := s.Continue(false)
		c, err := femtotest.Open(s.Image.Bytes(), femtotest.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := c.Fire(femtotest.Context(&hooks.Timer{Now: 5, Count: count}))
		if stop.End == nil || stop.End.Value != r.Value || stop.End.Fault != r.Fault || stop.End.PC != r.PC || stop.End.Instructions != r.Instructions {
			t.Errorf("%d: %+v, want %+v", count, stop.End, r)
		}
		if !slices.Equal(s.Lines(), r.Log) || len(s.Calls()) != len(r.Calls) {
			t.Errorf("%d: lines %q and %d calls, want %q and %d", count, s.Lines(), len(s.Calls()), r.Log, len(r.Calls))
		}
	}
}

func image(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../examples/" + name + ".bin")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func at(s *debug.Session) string {
	f := s.Frames()[0]
	return fmt.Sprintf("%s:%d", f.Function, f.Place.Line)
}

// line is the line of testdata/walk.c in which text stands.
func line(t *testing.T, text string) int {
	t.Helper()
	b, err := os.ReadFile("testdata/walk.c")
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(b), "\n") {
		if strings.Contains(l, text) {
			return i + 1
		}
	}
	t.Fatalf("no line with %q", text)
	return 0
}

func TestBreakpoints(t *testing.T) {
	s := walk(t, 3, 1)
	loop := line(t, "femto_store_global")
	b, err := s.BreakLine("/home/someone/project/walk.c", loop)
	if err != nil {
		t.Fatal(err)
	}
	if b.Place.Line != loop {
		t.Errorf("set at %v, want line %d", b.Place, loop)
	}
	for i := range 4 {
		stop := s.Continue(false)
		if stop.Reason != debug.Hit || stop.Breakpoints[0] != b || at(s) != fmt.Sprintf("weigh:%d", loop) || b.Hits != i+1 {
			t.Fatalf("%d: %+v at %s, %d hits", i, stop, at(s), b.Hits)
		}
		if got := len(s.State().Stores[2]); got != i {
			t.Errorf("%d: %d entries in the global store", i, got)
		}
	}
	if frames := s.Frames(); len(frames) != 2 || frames[1].Function != "tick" || frames[1].Place.Line != line(t, "weigh(&now") {
		t.Errorf("frames %+v", frames)
	}
	for i := range 3 {
		if stop := s.Continue(true); stop.Reason != debug.Hit || b.Hits != 3-i {
			t.Fatalf("back %d: %+v, %d hits", i, stop, b.Hits)
		}
	}
	if stop := s.Continue(true); stop.Reason != debug.Beginning || b.Hits != 0 {
		t.Errorf("%+v, %d hits", stop, b.Hits)
	}
	if err := s.SetCondition(b, "r10 > 0 && global[1] != 0", "== 2"); err != nil {
		t.Fatal(err)
	}
	if stop := s.Continue(false); stop.Reason != debug.Hit || len(s.State().Stores[2]) != 3 {
		t.Errorf("%+v with %d entries", stop, len(s.State().Stores[2]))
	}
	if stop := s.Continue(false); stop.Reason != debug.Ended || stop.End.Run != 2 {
		t.Errorf("the end: %+v", stop)
	}
	s.Remove(b)
	if stop := s.Continue(true); stop.Reason != debug.Beginning {
		t.Errorf("removed: %+v", stop)
	}
}

func TestOtherBreakpoints(t *testing.T) {
	s := walk(t, 3)
	helper, err := s.BreakFunction("femto_store_local")
	if err != nil {
		t.Fatal(err)
	}
	function, err := s.BreakFunction("weigh")
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.Eval("&runs", 0)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := s.Watch("runs", runs.Bits, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*debug.Breakpoint{watch, helper, function} {
		if stop := s.Continue(false); stop.Reason != debug.Hit || stop.Breakpoints[0] != want {
			t.Fatalf("%+v, want %s", stop, want.Name)
		}
		if v, err := s.Eval("runs", 0); err != nil || v.Bits != 8 {
			t.Errorf("at %s runs is %v, %v", want.Name, v.Bits, err)
		}
	}
	s.Continue(true)
	if stop := s.Continue(true); stop.Breakpoints[0] != watch {
		t.Errorf("back: %+v", stop)
	}
	if v, _ := s.Eval("runs", 0); v.Bits != 7 {
		t.Errorf("before it was changed: %d", v.Bits)
	}
	slot := s.State().Slot
	instruction, err := s.BreakInstruction(slot + 1)
	if err != nil {
		t.Fatal(err)
	}
	if stop := s.Continue(false); stop.Reason != debug.Hit || !slices.Contains(stop.Breakpoints, instruction) {
		t.Errorf("instruction: %+v", stop)
	}
	for _, set := range []func() (*debug.Breakpoint, error){
		func() (*debug.Breakpoint, error) { return s.BreakLine("other.c", 1) },
		func() (*debug.Breakpoint, error) { return s.BreakLine("walk.c", 4000) },
		func() (*debug.Breakpoint, error) { return s.BreakFunction("nobody") },
		func() (*debug.Breakpoint, error) { return s.BreakInstruction(-1) },
		func() (*debug.Breakpoint, error) { return s.BreakInstruction(s.Slots()) },
		func() (*debug.Breakpoint, error) { return s.Watch("null", 0, 4) },
	} {
		if b, err := set(); err == nil {
			t.Errorf("set %+v", b)
		}
	}
	for _, bad := range [][2]string{{"1 +", ""}, {"", "many"}, {"", "% 0"}, {"(", ""}} {
		if err := s.SetCondition(helper, bad[0], bad[1]); err == nil {
			t.Errorf("condition %q, hits %q", bad[0], bad[1])
		}
	}
}

func TestSteps(t *testing.T) {
	s := walk(t, 3)
	weigh := line(t, "sum = weigh(&now")
	if _, err := s.BreakLine("walk.c", weigh); err != nil {
		t.Fatal(err)
	}
	s.Continue(false)
	begin, _, _ := s.At()
	if stop := s.Step(debug.In, false); stop.Reason != debug.Stepped || s.Frames()[0].Function != "weigh" {
		t.Fatalf("in: %+v at %s", stop, at(s))
	}
	if stop := s.Step(debug.Out, false); stop.Reason != debug.Stepped || s.Frames()[0].Function != "tick" || len(s.State().Stores[2]) != 4 {
		t.Fatalf("out: %+v at %s", stop, at(s))
	}
	if stop := s.Step(debug.Out, true); stop.Reason != debug.Hit && stop.Reason != debug.Beginning {
		t.Errorf("out of the outermost, backwards: %+v", stop)
	}
	s.GoTo(begin)
	if stop := s.Step(debug.Over, false); stop.Reason != debug.Stepped || s.Frames()[len(s.Frames())-1].Function != "tick" || len(s.State().Stores[2]) != 4 {
		t.Fatalf("over: %+v at %s", stop, at(s))
	}
	if now := s.Frames()[0].Place.Line; now == weigh {
		t.Errorf("over: still at %s", at(s))
	}
	if stop := s.Step(debug.Over, true); stop.Reason == debug.Beginning || at(s) != fmt.Sprintf("tick:%d", weigh) || len(s.State().Stores[2]) != 0 {
		t.Errorf("back over: %+v at %s", stop, at(s))
	}
	if now, _, _ := s.At(); now != begin {
		t.Errorf("back over: at %d, began at %d", now, begin)
	}
	s.Step(debug.In, false)
	if stop := s.Step(debug.Out, true); at(s) != fmt.Sprintf("tick:%d", weigh) {
		t.Errorf("back to the call: %+v at %s", stop, at(s))
	}
	s.Step(debug.Over, false)
	s.Step(debug.In, true)
	for range 4 {
		if s.Frames()[0].Function == "weigh" {
			return
		}
		s.Step(debug.In, true)
	}
	t.Errorf("back into: at %s", at(s))
}

func TestFaultStops(t *testing.T) {
	s := walk(t, 900, 1)
	stop := s.Continue(false)
	if stop.Reason != debug.Faulted || stop.End.Fault != vm.FaultMemory {
		t.Fatalf("%+v", stop)
	}
	if want := line(t, "context->count * 64"); s.Frames()[0].Place.Line != want {
		t.Errorf("at %s, want line %d", at(s), want)
	}
	if s.End() != stop.End {
		t.Error("the end is not here")
	}
	if stop := s.Step(debug.Instruction, true); stop.Reason != debug.Stepped || s.End() != nil {
		t.Errorf("back: %+v", stop)
	}
	if again := s.Continue(false); again.Reason != debug.Faulted || again.End != stop.End {
		t.Errorf("again: %+v", again)
	}
	if last := s.Continue(false); last.Reason != debug.Ended || last.End.Run != 2 || last.End.Fault != vm.OK {
		t.Errorf("after it: %+v", last)
	}
	if n, _ := s.Activation(); n != 2 {
		t.Errorf("activation %d", n)
	}
	if over := s.Continue(false); over.Reason != debug.Ended || over.End.Run != 2 {
		t.Errorf("after all: %+v", over)
	}
}

func TestPause(t *testing.T) {
	forever, err := build.Sources(t.Context(), asmFile(t, "r0 = 0\nagain:\nr0 += 1\ngoto again\n"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := forever.Image()
	if err != nil {
		t.Fatal(err)
	}
	c, err := femtotest.Open(raw, femtotest.Config{Budget: vm.MaxBudget})
	if err != nil {
		t.Fatal(err)
	}
	p, err := symbols.Open(raw, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := debug.Open(debug.Config{Target: debug.Container(c, nil, 0), Program: p, History: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.GoTo(40_000) // more than is kept
	timer := time.AfterFunc(50*time.Millisecond, s.Pause)
	defer timer.Stop()
	if stop := s.Continue(false); stop.Reason != debug.Paused {
		t.Fatalf("%+v", stop)
	}
	at, begin, front := s.At()
	if begin == 0 || front-begin < 1000 || at != front {
		t.Errorf("at %d, kept %d to %d", at, begin, front)
	}
	if stop := s.Continue(true); stop.Reason != debug.Beginning || s.State().Registers[0] != uint64(begin)/2 {
		t.Errorf("%+v with r0 %d at %d", stop, s.State().Registers[0], begin)
	}
}

func asmFile(t *testing.T, text string) string {
	file := filepath.Join(t.TempDir(), "program.s")
	if err := os.WriteFile(file, []byte(text+"exit\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSet(t *testing.T) {
	s := walk(t, 3)
	s.Step(debug.Instruction, false)
	s.Step(debug.Instruction, false)
	before := snapshot(s)
	s.Step(debug.Instruction, false)
	if v, err := s.Set("r7", "40 + 2", 0); err != nil || v.Bits != 42 {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err := s.Set("u32[&runs]", "99", 0); err != nil || v.Bits != 99 {
		t.Fatalf("%+v, %v", v, err)
	}
	after := snapshot(s)
	s.Step(debug.Instruction, true)
	if got := snapshot(s); got != before {
		t.Errorf("before:\n%s\nwant\n%s", got, before)
	}
	if _, err := s.Set("r7", "1", 0); !errors.Is(err, debug.ErrPast) {
		t.Errorf("the past: %v", err)
	}
	s.Step(debug.Instruction, false)
	if got := snapshot(s); got != after {
		t.Errorf("after:\n%s\nwant\n%s", got, after)
	}
	s.Continue(false)
	if got := s.State().Stores[0][4]; got != 100 {
		t.Errorf("stored %d", got)
	}
	for _, bad := range [][2]string{{"1", "2"}, {"r10", "0"}, {"u32[0]", "1"}, {"r1", "nothing"}} {
		if _, err := s.Set(bad[0], bad[1], 0); err == nil {
			t.Errorf("set %s to %s", bad[0], bad[1])
		}
	}
}

// A container that waits goes on where it waited; time is made up.
func TestLongRunning(t *testing.T) {
	raw := image(t, "three-containers/sensor_average")
	c, err := femtotest.Open(raw, femtotest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.Sensors = femtotest.SomeSensors()
	c.Fire(nil)
	r := c.Advance(3500 * time.Millisecond)

	s := open(t, raw, nil, nil, 3500*time.Millisecond)
	b, err := s.BreakHelper("ztimer_periodic_wakeup")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		stop := s.Continue(false)
		if i < 4 && (stop.Reason != debug.Hit || b.Hits != i+1) || i == 4 && stop.Reason != debug.Ended {
			t.Fatalf("%d: %+v, %d hits", i, stop, b.Hits)
		}
	}
	end := s.End()
	if end == nil || end.Instructions != r.Instructions || !end.Waiting || len(s.Calls()) <= len(r.Calls) {
		t.Errorf("%+v and %d calls, want %+v", end, len(s.Calls()), r)
	}
	_, _, front := s.At()
	for s.Step(debug.Instruction, true).Reason != debug.Beginning {
		before, was := snapshot(s), s.State().Slot
		if at, _, _ := s.At(); at == 0 {
			break
		}
		s.Step(debug.Instruction, true)
		s.Step(debug.Instruction, false)
		if got := snapshot(s); got != before {
			t.Fatalf("of %d instructions, slot %d: back and forth leads to\n%s\nfrom\n%s", front, was, got, before)
		}
	}
}
