package sim

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/fileflash"
	"github.com/femto-containers/femto/vm"
)

func open(t *testing.T, c Config) *Device {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Flash == "" {
		c.Flash = filepath.Join(t.TempDir(), "flash")
	}
	d, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// program returns the image of a program with .rodata.
func program(t *testing.T, rodata, source string) []byte {
	t.Helper()
	text, err := asm.Assemble(source)
	if err != nil {
		t.Fatal(err)
	}
	return image.Append(nil, image.Parts{Rodata: []byte(rodata), Text: text})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]Config{
		"no port":          {Listen: "127.0.0.1"},
		"an address taken": {Listen: taken.LocalAddr().String()},
		"no such folder":   {Listen: "127.0.0.1:0", Flash: filepath.Join(dir, "missing", "flash")},
	} {
		if c.Flash == "" {
			c.Flash = filepath.Join(dir, "flash")
		}
		if d, err := Open(c); err == nil {
			d.Close()
			t.Errorf("%s: opened", name)
		}
	}
	// What was refused holds on to nothing.
	d := open(t, Config{Flash: filepath.Join(dir, "flash")})
	if _, err := Open(Config{Listen: "127.0.0.1:0", Flash: filepath.Join(dir, "flash")}); !errors.Is(err, fileflash.ErrInUse) {
		t.Errorf("the same flash again: %v", err)
	}
	if d.Close() != nil || open(t, Config{Flash: filepath.Join(dir, "flash")}) == nil {
		t.Error("not closed")
	}
}

// TestIdentity is about who a device says it is: the same after a restart, and
// nobody else.
func TestIdentity(t *testing.T) {
	flash := filepath.Join(t.TempDir(), "flash")
	first := open(t, Config{Flash: flash})
	id := first.config.Device
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if again := open(t, Config{Flash: flash}).config.Device; again != id {
		t.Errorf("%x after a restart, %x before", again, id)
	}
	if other := open(t, Config{}).config.Device; other == id || other == [16]byte{} {
		t.Errorf("another device is %x too", other)
	}
}

func TestURI(t *testing.T) {
	for listen, host := range map[string]string{
		"127.0.0.1:0": "coap://127.0.0.1:",
		"0.0.0.0:0":   "coap://127.0.0.1:",
		"[::1]:0":     "coap://[::1]:",
		":0":          "coap://127.0.0.1:",
	} {
		d, err := Open(Config{Listen: listen, Flash: filepath.Join(t.TempDir(), "flash")})
		if err != nil {
			t.Logf("%s: %v", listen, err) // a host without IPv6
			continue
		}
		if !strings.HasPrefix(d.URI(), host) || strings.HasSuffix(d.URI(), ":0") {
			t.Errorf("listening on %s: %s", listen, d.URI())
		}
		d.Close()
	}
}

// TestTimer lets time pass for the timer hook.
func TestTimer(t *testing.T) {
	d := open(t, Config{})
	// It returns the number of firings so far, which it finds in its context.
	counter := program(t, "", "ldxdw %r0, [%r1+8]\nexit")
	if err := d.engine.Install(0, &engine.Spec{Hook: hookTimer, Tenant: engine.Owner, Image: counter}); err.Reason != engine.OK {
		t.Fatal(err)
	}
	d.Poll(1_000_000)
	const start = 1_000_000 + timerPeriod
	for _, step := range []struct {
		now  int64
		want uint32
	}{
		{start - 1, 0},
		{start, 1},
		{start + 1, 1},
		{start + timerPeriod - 1, 1},
		{start + timerPeriod, 2},
		{start + 100*timerPeriod, 3}, // the host slept
		{start + 100*timerPeriod + 1, 4},
		{start + 100*timerPeriod + 2, 4},
	} {
		next := d.Poll(step.now)
		if got := d.engine.Container(0).Stats().Activations; got != step.want {
			t.Errorf("at %d: %d activations, not %d", step.now-start, got, step.want)
		}
		if next > step.now+timerPeriod {
			t.Errorf("at %d: wants to be called at %d only", step.now-start, next-start)
		}
	}
	if got := d.engine.Container(0).Stats(); got.Faults != 0 {
		t.Errorf("%+v", got)
	}
}

func TestLogNames(t *testing.T) {
	var lines []string
	d := open(t, Config{Log: func(container, line string) { lines = append(lines, container+": "+line) }})
	hello := program(t, "hello\x00", "lddwr %r1, 0\ncall 1\nexit")
	for i, spec := range []engine.Spec{{Hook: hookEvent, Tenant: engine.Owner}, {Hook: hookEvent, Tenant: engine.Owner, Name: []byte("second")}} {
		spec.Image = hello
		if err := d.engine.Install(i, &spec); err.Reason != engine.OK {
			t.Fatal(err)
		}
	}
	d.engine.Fire(0, hookEvent, nil)
	d.flush(0)
	if got := strings.Join(lines, "|"); got != "event: hello|event/second: hello" {
		t.Errorf("%q", got)
	}
}

func TestRunEnds(t *testing.T) {
	d := open(t, Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	cancel(errors.New("whatever the cause"))
	if err := <-ended; err != nil {
		t.Errorf("cancelled: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := d.Run(t.Context()); err == nil {
		t.Error("runs without a socket")
	}
}

func TestRunOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		image   []byte
		context []byte
		budget  int32
		want    int64
		fault   vm.Fault
		printed string
	}{
		{"fletcher32", examples.Fletcher32, examples.Fletcher32Input, 10_000, examples.Fletcher32Sum, vm.OK, ""},
		{"for a hook of its own", examples.ThreadCounter, make([]byte, 16), 100, 0, vm.OK, ""},
		{"too little", examples.Fletcher32, examples.Fletcher32Input, 500, 0, vm.FaultBudget, ""},
		{"outlaw", examples.Outlaw, make([]byte, 8), 100, 0, vm.FaultMemory, ""},
		{"printing", program(t, "%d here\x00", "mov %r2, 7\nlddwr %r1, 0\ncall 1\nmov %r0, -2\nexit"), nil, 200, -2, vm.OK, "7 here"},
		{"its context", program(t, "", "stb [%r1], 9\nldxb %r0, [%r1]\nadd %r0, %r2\nexit"), make([]byte, 3000), 10, 3009, vm.OK, ""},
		{"much data", image.Append(nil, image.Parts{Data: make([]byte, 60_000), Text: []byte{0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}}), nil, 10, 1, vm.OK, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var printed []string
			got, err := RunOnce(tc.image, tc.context, tc.budget, nil, func(line string) { printed = append(printed, line) })
			if err != nil || got.Value != tc.want && tc.fault == vm.OK || got.Fault != tc.fault || strings.Join(printed, "|") != tc.printed {
				t.Errorf("%+v, %q, %v", got, printed, err)
			}
		})
	}
	if _, err := RunOnce(examples.SensorAverage, nil, 100, nil, nil); err == nil || !strings.Contains(err.Error(), "long-running") {
		t.Errorf("runs what waits: %v", err)
	}
	if _, err := RunOnce([]byte("no image"), nil, 10, nil, nil); err == nil {
		t.Error("runs what is no image")
	}
	if _, err := RunOnce(program(t, "", "call 0x99\nexit"), nil, 10, nil, nil); err == nil {
		t.Error("runs what calls an unknown helper")
	}
}

func TestStoresOutliveARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flash")
	d := open(t, Config{Flash: file})
	d.engine.Put(engine.Global, 7, 42)
	d.agent.Poll(d.clock())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, Config{Flash: file}).engine.Get(engine.Global, 7); got != 42 {
		t.Errorf("the store has %d", got)
	}
}
