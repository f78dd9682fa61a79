package replay

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/vm"
)

var update = flag.Bool("update", false, "rewrite the recordings in testdata")

// A device is an engine whose every step is noted.
type device struct {
	engine.Engine
	recorder engine.Recorder
	hooks    [2]engine.Hook
	answers  helpers.Responder
	board    helpers.Board
	now      int64
	random   uint32
	steps    []step
	ends     []int // of each run, in steps
}

// A step is what an instruction finds.
type step struct {
	pc        int
	registers [11]uint64
	memory    [32]byte // digest of what is writable
}

func stepOf(m *vm.Machine) step {
	s := step{pc: m.PC()}
	for i := range s.registers {
		s.registers[i] = m.Register(i)
	}
	h := sha256.New()
	for i := range m.Region {
		if m.Region[i].Writable {
			h.Write(m.Region[i].Bytes)
		}
	}
	h.Sum(s.memory[:0])
	return s
}

const (
	hookEvent = iota
	hookCoAP
)

func newDevice(t *testing.T, buffer int) *device {
	t.Helper()
	d := &device{}
	hooks.EventHook(&d.hooks[hookEvent])
	d.hooks[hookEvent].ContextWritable = true
	hooks.CoapHook(&d.hooks[hookCoAP])
	d.answers.Memory = make([]byte, helpers.ResponseAt+64)
	d.hooks[hookCoAP].Regions = d.answers.Regions()
	d.board.Random = func() uint32 {
		d.random = d.random*1664525 + 1013904223
		return d.random
	}
	d.board.Sensors = []helpers.Sensor{{Name: "t", Type: helpers.TypeTemperature, Read: func(r *helpers.Reading) int {
		r.Value[0], r.Scale = int16(d.board.Random()>>16), -2
		return 1
	}}}
	refused := d.Init(&engine.Config{
		Hooks: d.hooks[:], Containers: make([]engine.Container, 3), Tenants: make([]engine.Tenant, 2),
		Stack: make([]byte, 512), Memory: make([]byte, 4096), Entries: make([]engine.Entry, 16), Events: make([]engine.Event, 8),
		Line: make([]byte, 64), Helpers: helpers.Standard, Env: &d.board, Budget: 5000, Quantum: 400,
	})
	d.recorder = engine.Recorder{Buffer: make([]byte, buffer), Helpers: make([]vm.Helper, len(helpers.Standard)),
		Calls: make([]engine.OpenCalls, 3)}
	if refused != engine.OK || d.SetRecorder(&d.recorder) != engine.OK {
		t.Fatal("the engine does not start")
	}
	d.Trace(func(m *vm.Machine) { d.steps = append(d.steps, stepOf(m)) })
	return d
}

func (d *device) install(t *testing.T, i, hook int, raw []byte) {
	t.Helper()
	if err := d.Install(i, &engine.Spec{Hook: hook, Tenant: engine.Owner, Name: []byte{byte('a' + i)}, Image: raw}); err.Reason != engine.OK {
		t.Fatalf("%v, unmet %#x", err, err.Unmet)
	}
}

// file is what a tool would write of what was recorded.
func (d *device) file(t *testing.T, raw []byte) *File {
	t.Helper()
	digest := sha256.Sum256(raw)
	items, _, _, _, _ := d.recorder.Items(0)
	f := &File{Format: 1, State: d.recorder.State(), Mode: d.recorder.Mode(), Hook: "event", Digest: digest[:], Items: items}
	b, err := f.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	f, err = Parse(b)
	if err != nil {
		t.Fatalf("%v\n%x", err, items)
	}
	return f
}

// program assembles an image.
func program(t testing.TB, source string, parts image.Parts) []byte {
	t.Helper()
	text, err := asm.Assemble(source)
	if err != nil {
		t.Fatal(err)
	}
	parts.Text = text
	return image.Append(nil, parts)
}

// same wants the last n runs of the device to be what a replay does, step by
// step.
func (d *device) same(t *testing.T, f *File, raw []byte, device []step) {
	t.Helper()
	s, err := f.Start(raw)
	if err != nil {
		t.Fatal(err)
	}
	var replayed []step
	for n := range f.Len() {
		o, err := s.Next(func(m *vm.Machine) { replayed = append(replayed, stepOf(m)) })
		if err != nil {
			t.Fatal(err)
		}
		if o != f.Recorded(n+1) {
			t.Errorf("activation %d: %v, want %v", n+1, o, f.Recorded(n+1))
		}
	}
	if len(device) == 0 || len(replayed) != len(device) {
		t.Fatalf("the replay took %d steps, the device %d", len(replayed), len(device))
	}
	for i := range device {
		if replayed[i] != device[i] {
			t.Fatalf("step %d:\nreplay %+v\ndevice %+v", i, replayed[i], device[i])
		}
	}
}

// programs that depend on all that an activation can depend on.
var programs = []struct {
	name, source string
	parts        image.Parts
	contexts     []string
	fault        vm.Fault // of the last activation
	most         int      // bytes of the buffer for each activation
}{
	{name: "context", source: "ldxb r0, [r1]\nadd r0, r2\nexit", contexts: []string{"a", "bc", "def"}, most: 40},
	{name: "it writes to its context", source: "mov r3, 7\nstxb [r1], r3\nldxb r0, [r1]\nexit", contexts: []string{"a", "b"}, most: 40},
	{name: "variables", source: "lddwd r1, 0\nldxdw r0, [r1]\nadd r0, 1\nstxdw [r1], r0\nexit",
		parts: image.Parts{Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}}, contexts: []string{"a", "a", "a"}, most: 40},
	{name: "what the stack was left with", source: "ldxdw r0, [r10-8]\nadd r0, 3\nstxdw [r10-8], r0\nexit", contexts: []string{"a", "a"}, most: 40},
	{name: "stores", source: `
		mov r1, 5
		mov r2, r10
		sub r2, 4
		call 0x12
		ldxw r2, [r10-4]
		add r2, 1
		mov r1, 5
		call 0x10
		ldxw r0, [r10-4]
		exit`, contexts: []string{"a", "a", "a"}, most: 64},
	{name: "a sensor, numbers and text", source: `
		mov r1, 0x82
		call 0x31
		mov r1, r0
		mov r2, r10
		sub r2, 16
		call 0x32
		mov r1, r10
		sub r1, 40
		ldxh r2, [r10-16]
		mov r3, -2
		call 0x50
		stxdw [r10-48], r0
		mov r1, r10
		sub r1, 40
		mov r2, r0
		mov r3, 0
		call 0x90
		exit`, contexts: []string{"a", "a"}, most: 110},
	{name: "the gate refuses memory", source: "mov r1, 0\nmov r2, r10\nsub r2, 8\nmov r3, 8\ncall 0x2\nexit", contexts: []string{"a"}, fault: vm.FaultMemory, most: 40},
	{name: "a helper refuses memory", source: "mov r1, r10\nsub r1, 2\nlddw r2, 123456\ncall 0x50\nmov r0, 0\nexit", contexts: []string{"a"}, fault: vm.FaultMemory, most: 40},
	{name: "outside a region", source: "add r1, r2\nldxb r0, [r1]\nexit", contexts: []string{"abc"}, fault: vm.FaultMemory, most: 40},
	{name: "the budget", source: "l: call 0x20\nja l", contexts: []string{"a"}, fault: vm.FaultBudget, most: 12000},
	{name: "calls", source: "call f\nexit\nf: call g\nexit\ng: ldxb r0, [r1+1]\nexit", contexts: []string{"a"}, fault: vm.FaultMemory, most: 40},
}

// TestReplay: a replay finds in every register and all memory, before every
// instruction, what the device found.
func TestReplay(t *testing.T) {
	for _, tc := range programs {
		t.Run(tc.name, func(t *testing.T) {
			raw := program(t, tc.source, tc.parts)
			d := newDevice(t, 16<<10)
			d.install(t, 0, hookEvent, raw)
			d.Fire(d.now, hookEvent, []byte(tc.contexts[0])) // before: it leaves its traces
			d.steps = nil
			if err := d.StartRecording(0, engine.RecordInputs, uint16(len(tc.contexts))); err != engine.OK {
				t.Fatal(err)
			}
			for _, context := range tc.contexts {
				d.now += 1000
				d.Fire(d.now, hookEvent, []byte(context))
			}
			steps := d.steps
			d.Fire(d.now, hookEvent, []byte("not recorded"))
			if d.recorder.State() != engine.RecordDone {
				t.Fatalf("state %d", d.recorder.State())
			}
			f := d.file(t, raw)
			if f.Len() != len(tc.contexts) {
				t.Fatalf("%d activations", f.Len())
			}
			if last := f.Recorded(f.Len()); last.Fault != tc.fault {
				t.Errorf("it ends with %v, want %v", last, tc.fault)
			}
			if n := len(f.Items) / f.Len(); n > tc.most {
				t.Errorf("%d bytes for each activation, at most %d", n, tc.most)
			}
			d.same(t, f, raw, steps)
		})
	}
}

// TestRecordingChangesNothing: a container that is recorded does what it does
// otherwise, step by step, whatever becomes of the recording.
func TestRecordingChangesNothing(t *testing.T) {
	for _, tc := range programs {
		for _, mode := range []engine.RecordMode{engine.RecordInputs, engine.RecordInputs | engine.RecordUntilFault, engine.RecordTrace} {
			for _, buffer := range []int{0, 1, 20, 60, 100, 16 << 10} {
				raw := program(t, tc.source, tc.parts)
				run := func(recorded bool) ([]step, engine.Stats) {
					d := newDevice(t, buffer)
					d.install(t, 0, hookEvent, raw)
					if recorded {
						d.StartRecording(0, mode, 100)
					}
					for _, context := range slices.Concat(tc.contexts, tc.contexts) {
						d.now += 1000
						d.Fire(d.now, hookEvent, []byte(context))
					}
					return d.steps, d.Container(0).Stats()
				}
				with, withStats := run(true)
				without, withoutStats := run(false)
				if !slices.Equal(with, without) || withStats != withoutStats {
					t.Errorf("%s, mode %d, buffer of %d bytes: recorded it does something else", tc.name, mode, buffer)
				}
			}
		}
	}
}

// TestFull: the activation that does not fit is left out, the others are whole.
func TestFull(t *testing.T) {
	raw := program(t, programs[4].source, image.Parts{})
	for size := range 400 {
		d := newDevice(t, size)
		d.install(t, 0, hookEvent, raw)
		d.StartRecording(0, engine.RecordInputs, 10)
		ends := []int{0}
		for range 10 {
			d.Fire(1, hookEvent, []byte("a"))
			ends = append(ends, len(d.steps))
		}
		done, _ := d.recorder.Activations()
		if want := engine.RecordFull; done < 10 && d.recorder.State() != want {
			t.Fatalf("%d bytes: state %d, want %d", size, d.recorder.State(), want)
		}
		f := d.file(t, raw)
		if f.Len() != done {
			t.Fatalf("%d bytes: %d activations, %d were counted", size, f.Len(), done)
		}
		if done > 0 {
			d.same(t, f, raw, d.steps[:ends[done]])
		}
	}
}

// TestUntilFault: however many activations there are, the one that faults is
// there.
func TestUntilFault(t *testing.T) {
	// It counts in .data and reads beyond its context when the count is its length.
	raw := program(t, `lddwd r3, 0
		ldxdw r4, [r3]
		add r4, 1
		stxdw [r3], r4
		add r1, r4
		ldxb r0, [r1-1]
		exit`, image.Parts{Data: make([]byte, 8)})
	for faultAt := 1; faultAt < 60; faultAt++ {
		d := newDevice(t, 700)
		d.install(t, 0, hookEvent, raw)
		d.StartRecording(0, engine.RecordInputs|engine.RecordUntilFault, 1000)
		for range faultAt + 3 {
			d.Fire(1, hookEvent, make([]byte, faultAt))
		}
		f := d.file(t, raw)
		if f.State != engine.RecordDone || f.Len() == 0 || f.Faulted() != f.Len() {
			t.Fatalf("fault in activation %d: state %d, %d activations, fault in %d", faultAt, f.State, f.Len(), f.Faulted())
		}
		o, err := f.Run(raw, f.Len(), nil)
		if err != nil || o.Fault != vm.FaultMemory || o.PC != 6 {
			t.Fatalf("%v, %v", o, err)
		}
	}
}

// TestExamples records all that comes with the project.
func TestExamples(t *testing.T) {
	for _, name := range []string{"fletcher32", "outlaw", "papers/average", "papers/increment", "papers/multiply_add",
		"papers/sample_gcoap", "papers/sample_storage", "papers/sensor_gcoap", "papers/temp_sens"} {
		t.Run(name, func(t *testing.T) {
			raw := map[string][]byte{"fletcher32": examples.Fletcher32, "outlaw": examples.Outlaw}[name]
			if raw == nil {
				raw = examples.Image(name)
			}
			d := newDevice(t, 4<<10)
			hook, context := hookEvent, []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
			if name == "papers/sample_gcoap" || name == "papers/sensor_gcoap" {
				hook = hookCoAP
			}
			d.install(t, 1, hook, raw)
			d.StartRecording(1, engine.RecordInputs, 3)
			for range 3 {
				if hook == hookCoAP {
					context = d.answers.Begin(0x1234, []byte("token"))
				}
				d.Fire(7_000_000, hook, context)
			}
			if d.recorder.State() != engine.RecordDone {
				t.Fatalf("state %d", d.recorder.State())
			}
			d.same(t, d.file(t, raw), raw, d.steps)
		})
	}
}

// TestLongRunning: slices go on where the one before stopped, the first one
// where the container was.
func TestLongRunning(t *testing.T) {
	// It waits inside a local call, and spends quanta between.
	raw := program(t, `
		mov r6, 1
	again:
		call f
		add r6, r0
		ja again
	f:
		mov r7, 0
	spend:
		add r7, 1
		jlt r7, 300, spend
		stxdw [r10-8], r7
		mov r1, r10
		sub r1, 16
		mov r2, 20000
		stxdw [r10-16], r2
		call 0x61
		call 0x20
		exit`, image.Parts{})
	for before := range 7 {
		d := newDevice(t, 4<<10)
		d.install(t, 0, hookEvent, raw)
		for range before {
			d.now += 10_000
			d.Poll(d.now)
		}
		d.steps = nil
		d.StartRecording(0, engine.RecordInputs, 9)
		for d.recorder.State() == engine.RecordGoing {
			d.now += 10_000
			d.Poll(d.now)
		}
		f := d.file(t, raw)
		if f.Len() != 9 || f.State != engine.RecordDone {
			t.Fatalf("%d slices, state %d", f.Len(), f.State)
		}
		if o := f.Recorded(9); o.Status != vm.Suspended {
			t.Errorf("the last slice %v", o)
		}
		d.same(t, f, raw, d.steps)
	}
}

// TestTakesTurns: what another container leaves on the stack of all is not there.
func TestTakesTurns(t *testing.T) {
	leave := program(t, "mov r1, -1\nstxdw [r10-8], r1\nstxdw [r10-16], r1\nexit", image.Parts{})
	look := program(t, "ldxdw r0, [r10-8]\nmov r1, 5\nstxdw [r10-8], r1\nexit", image.Parts{})
	d := newDevice(t, 1024)
	d.install(t, 0, hookEvent, look)
	d.install(t, 1, hookEvent, leave)
	var steps []step
	d.Trace(func(m *vm.Machine) {
		if d.Container(0).State() == engine.Running {
			steps = append(steps, stepOf(m))
		}
	})
	d.StartRecording(0, engine.RecordInputs, 4)
	d.FireOne(1, 0, nil)
	d.FireOne(1, 0, nil)
	d.Fire(1, hookEvent, nil)
	d.Fire(1, hookEvent, nil)
	f := d.file(t, look)
	for n, want := range []uint64{0, 5, 5, 0} {
		if o := f.Recorded(n + 1); o.Value != want {
			t.Errorf("activation %d: %v, want %d", n+1, o, want)
		}
	}
	d.same(t, f, look, steps)
}

// TestReplaced: what was recorded of the old container stays, nothing is added.
func TestReplaced(t *testing.T) {
	one := program(t, "mov r0, 1\nexit", image.Parts{})
	d := newDevice(t, 1024)
	d.install(t, 0, hookEvent, one)
	d.StartRecording(0, engine.RecordInputs, 4)
	d.Fire(1, hookEvent, nil)
	d.install(t, 0, hookEvent, program(t, "mov r0, 2\nexit", image.Parts{}))
	d.Fire(1, hookEvent, nil)
	f := d.file(t, one)
	if f.State != engine.RecordWithout || f.Len() != 1 {
		t.Errorf("state %d, %d activations", f.State, f.Len())
	}
}

// TestTrace: the oldest items give way, and how many did is known.
func TestTrace(t *testing.T) {
	raw := program(t, programs[4].source, image.Parts{})
	d := newDevice(t, 200)
	d.install(t, 0, hookEvent, raw)
	d.StartRecording(0, engine.RecordTrace, 1000)
	seen, lost, position := uint32(0), uint32(0), uint32(0)
	var rest []byte
	read := func() (items []any) {
		b, from, oldest, end, number := d.recorder.Items(position)
		if position < oldest {
			lost += number - seen
			seen, rest = number, nil
		}
		if from != max(position, oldest) || int(end-from) != len(b) {
			t.Fatalf("items from %d to %d, oldest %d: %d bytes", from, end, oldest, len(b))
		}
		items, rest, err := ParseItems(append(rest, b...))
		if err != nil || len(rest) > 0 {
			t.Fatal(err, rest)
		}
		position = end
		seen += uint32(len(items))
		return items
	}
	d.Fire(5000, hookEvent, []byte("abcdefghijklmnopqrstuvwxyz"))
	items := read()
	if len(items) != 4 {
		t.Fatalf("%d items", len(items))
	}
	if e := items[0].(*Enter); e.Time != 5000 || e.Length != 26 || string(e.Context) != "abcdefghijklmnop" || e.Resumed() {
		t.Errorf("%+v", e)
	}
	if c := items[2].(*Call); c.Helper != 0x10 || c.PC != 7 || c.R0 != 0 || !slices.Equal(c.Arguments, []uint64{5, 1}) {
		t.Errorf("%+v", c)
	}
	for range 50 {
		d.Fire(5000, hookEvent, []byte("a"))
	}
	items = read()
	if lost == 0 || seen != 51*4 || lost+4+uint32(len(items)) != seen {
		t.Errorf("%d items, %d lost, %d seen", len(items), lost, seen)
	}
	if done, wanted := d.recorder.Activations(); done != 51 || wanted != 1000 {
		t.Errorf("%d of %d", done, wanted)
	}
}

// TestOpenCalls: what was open at a fault.
func TestOpenCalls(t *testing.T) {
	d := newDevice(t, 100)
	d.install(t, 1, hookEvent, program(t, "call f\nexit\nf: call g\nexit\ng: ldxb r0, [r1+1]\nexit", image.Parts{}))
	d.Fire(1, hookEvent, []byte("ab"))
	if calls := d.FaultCalls(1); len(calls) != 0 {
		t.Errorf("without a fault %v were open", calls)
	}
	d.Fire(1, hookEvent, []byte("a"))
	if calls := d.FaultCalls(1); !slices.Equal(calls, []uint32{1, 3}) {
		t.Errorf("%v were open", calls)
	}
	d.install(t, 1, hookEvent, program(t, "exit", image.Parts{}))
	if calls := d.FaultCalls(1); len(calls) != 0 {
		t.Errorf("the next one has %v", calls)
	}
}

// TestDivergence: a replay that is not what was recorded says so.
func TestDivergence(t *testing.T) {
	raw := program(t, programs[4].source, image.Parts{})
	d := newDevice(t, 1024)
	d.install(t, 0, hookEvent, raw)
	d.StartRecording(0, engine.RecordInputs, 2)
	d.Fire(1, hookEvent, []byte("a"))
	d.Fire(1, hookEvent, []byte("a"))
	for _, tc := range []struct {
		name string
		does func(a *activation)
	}{
		{"another helper", func(a *activation) { a.calls[0].Helper = 0x13 }},
		{"a call less", func(a *activation) { a.calls = a.calls[:1] }},
		{"a call more", func(a *activation) { a.calls = append(a.calls, a.calls[0]) }},
		{"another result", func(a *activation) { a.calls[0].memory[0].Content[0]++ }},
		{"nowhere to write to", func(a *activation) { a.calls[0].memory[0].Address = 0 }},
		{"cheaper", func(a *activation) { a.calls[1].Charged = 0 }},
		{"dearer", func(a *activation) { a.calls[1].Charged += 5 }},
		{"it cannot be suspended", func(a *activation) { a.calls[1].End = endSuspended }},
		{"another place", func(a *activation) { a.end.PC++ }},
		{"a fault", func(a *activation) { a.end.End = -2 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := d.file(t, raw)
			tc.does(&f.activations[1])
			var diverged *DivergedError
			if o, err := f.Run(raw, 2, nil); !errors.As(err, &diverged) || diverged.Activation != 2 {
				t.Errorf("%v, %v", o, err)
			} else {
				t.Log(err)
			}
			if _, err := f.Run(raw, 1, nil); err != nil {
				t.Errorf("the first one: %v", err)
			}
		})
	}
	f := d.file(t, raw)
	if _, err := f.Run(program(t, "exit", image.Parts{}), 1, nil); err != ErrDigest {
		t.Errorf("another image: %v", err)
	}
	for _, n := range []int{-1, 0, 3} {
		if _, err := f.Run(raw, n, nil); err == nil {
			t.Errorf("there is an activation %d", n)
		}
	}
}

// TestNoAllocation: recording allocates nothing.
func TestNoAllocation(t *testing.T) {
	raw := program(t, programs[5].source, image.Parts{})
	for _, mode := range []engine.RecordMode{engine.RecordInputs, engine.RecordInputs | engine.RecordUntilFault, engine.RecordTrace} {
		d := newDevice(t, 4<<10)
		d.Trace(nil)
		d.install(t, 0, hookEvent, raw)
		context := []byte("a")
		if n := testing.AllocsPerRun(20, func() {
			d.StartRecording(0, mode, 9)
			for range 10 {
				d.Fire(1, hookEvent, context)
			}
		}); n > 0 {
			t.Errorf("mode %d: %v allocations", mode, n)
		}
	}
}

func FuzzFile(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.recording")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	images := [][]byte{program(f, programs[4].source, image.Parts{}), program(f, programs[5].source, image.Parts{})}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := file.Bytes(); err != nil {
			t.Fatal(err)
		} else if _, err := Parse(again); err != nil {
			t.Fatalf("written again: %v", err)
		}
		for _, raw := range images {
			digest := sha256.Sum256(raw)
			file.Digest = digest[:]
			s, err := file.Start(raw)
			if err != nil {
				continue
			}
			for n := range file.Len() {
				if a := &file.activations[n]; a.Budget > 1e5 || a.Quantum > 1e5 {
					return
				}
				if _, err := s.Next(nil); err != nil {
					break
				}
			}
		}
	})
}

func TestSeeds(t *testing.T) {
	for i, name := range []string{"stores", "sensor"} {
		raw := program(t, programs[4+i].source, image.Parts{})
		d := newDevice(t, 1024)
		d.install(t, 0, hookEvent, raw)
		d.StartRecording(0, engine.RecordInputs, 2)
		d.Fire(1, hookEvent, []byte("a"))
		d.Fire(1, hookEvent, []byte("a"))
		b, err := d.file(t, raw).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		name = "testdata/" + name + ".recording"
		if *update {
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if stored, err := os.ReadFile(name); err != nil || !bytes.Equal(stored, b) {
			t.Errorf("%s is not what is recorded now (-update): %v", name, err)
		}
	}
}
