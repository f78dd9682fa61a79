package sim

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/internal/author"
)

func (d *Device) mustInstall(t *testing.T, i, hook int, name string, img []byte) {
	t.Helper()
	if err := d.engine.Install(i, &engine.Spec{Hook: hook, Tenant: engine.Owner, Name: []byte(name), Image: img}); err.Reason != engine.OK {
		t.Fatalf("%s: %v (unmet %#x)", name, err, err.Unmet)
	}
}

// pass lets time pass from one time to another, in microseconds.
func (d *Device) pass(from, to int64) {
	for now := from; now <= to; {
		now = max(d.Poll(now), now+1)
	}
}

// TestThreeContainers is the papers' demonstration on what the device itself
// fires: its fake scheduler, its timer and its fake thermometer.
func TestThreeContainers(t *testing.T) {
	d := open(t, Config{})
	d.mustInstall(t, 0, hookThread, "thread_counter", examples.ThreadCounter)
	d.mustInstall(t, 1, hookTimer, "sensor_average", examples.SensorAverage)
	d.mustInstall(t, 2, hookCoAP, "coap_formatter", examples.CoAPFormatter)
	// A long-running container is begun at once; the first reading is at 2 s.
	d.pass(1_000_000, 10_900_000)
	const result = 0x50
	if got := d.engine.Get(engine.Global, result); got != 2136 {
		t.Errorf("after 9 readings the mean is %d, want 2136", got)
	}
	d.pass(10_900_001, 33_500_000)
	if got := d.engine.Get(engine.Global, result); got != 2145 {
		t.Errorf("the mean is %d, want 2145", got)
	}
	// Every fourth of 130 switches is to thread 2, or to 3, the others to 1.
	for thread, want := range map[uint32]uint32{1: 65, 2: 33, 3: 32} {
		if got := d.engine.Get(engine.Global, thread); got != want {
			t.Errorf("thread %d was counted %d times, want %d", thread, got, want)
		}
	}
	result0 := d.engine.FireOne(34_000_000, 2, d.answers.Responder.Begin(0, nil))
	if _, _, payload := d.answers.Responder.End(result0.Value); string(payload) != "2145" {
		t.Errorf("the answer is %q", payload)
	}
	for i := range 3 {
		if s := d.engine.Container(i).Stats(); s.Faults > 0 {
			t.Errorf("container %d: %+v", i, s)
		}
	}
	if n := d.engine.Container(1).Memory(); n > 256 {
		t.Errorf("the long-running one takes %d bytes: its contract says less", n)
	}
}

// TestSensorHook: its containers correct what the device reads, and may drop it.
func TestSensorHook(t *testing.T) {
	d := open(t, Config{})
	// Adds 1000; drops what was above 1305.
	d.mustInstall(t, 0, hookSensor, "", program(t, "", `ldxh %r2, [%r1]
		add %r2, 1000
		mov %r0, -1
		jgt %r2, 1305, done
		stxh [%r1], %r2
		mov %r0, 0
	done:
		exit`))
	d.pass(0, 10_500_000)
	if d.board.samples != 10 || d.board.light != (helpers.Reading{Value: [3]int16{1305}, Unit: 5}) {
		t.Errorf("after %d samples: %+v", d.board.samples, d.board.light)
	}
}

// TestLogHook: its containers drop lines, and may print themselves.
func TestLogHook(t *testing.T) {
	var lines []string
	d := open(t, Config{Log: func(container, line string) { lines = append(lines, container+": "+line) }})
	d.mustInstall(t, 0, hookEvent, "", program(t, "%c\x00", "ldxb %r2, [%r1]\nlddwr %r1, 0\ncall 1\nexit"))
	// Drops lines of a x, and says so.
	d.mustInstall(t, 1, hookLog, "", program(t, "no x\x00", `ldxb %r2, [%r1+8]
		mov %r0, 0
		jne %r2, 120, done
		lddwr %r1, 0
		call 1
		mov %r0, 1
	done:
		exit`))
	for _, letter := range []byte("axb") {
		d.engine.Fire(1, hookEvent, []byte{letter})
		d.flush(1)
	}
	if got := strings.Join(lines, "|"); got != "event: a|log: no x|event: b" {
		t.Errorf("%q", got)
	}
}

// TestMessageHook: events and timers of containers arrive.
func TestMessageHook(t *testing.T) {
	d := open(t, Config{})
	keep := program(t, "", "ldxw %r2, [%r1+4]\nldxw %r1, [%r1]\ncall 0x10\nexit")
	send := program(t, "", "mov %r1, 5\nmov %r2, 6\ncall 0xa0\nmov %r1, 2000\nmov %r2, 7\nmov %r3, 8\ncall 0xa1\nexit")
	d.mustInstall(t, 0, hookMessage, "", keep)
	d.mustInstall(t, 1, hookEvent, "", send)
	d.engine.Fire(0, hookEvent, nil)
	d.pass(0, 1_999_999)
	if d.engine.Get(0, 5) != 6 || d.engine.Get(0, 7) != 0 {
		t.Errorf("after almost two seconds: %v", d.engine.Get(0, 7))
	}
	d.pass(2_000_000, 2_000_000)
	if d.engine.Get(0, 7) != 8 {
		t.Error("the timer did not come")
	}
}

// TestIdentifiers: hooks have the identifiers that authors' tools make of names.
func TestIdentifiers(t *testing.T) {
	for i, h := range Hooks() {
		if h.Name != HookNames[i] || h.UUID != author.HookID(h.Name) {
			t.Errorf("hook %d: %q has %x", i, h.Name, h.UUID)
		}
	}
}
