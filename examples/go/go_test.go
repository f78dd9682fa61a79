// Package examples_test runs the examples written in Go as Go, and compares
// what they do with the images of those written in C.
package examples_test

import (
	"encoding/binary"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/examples/go/average"
	"github.com/femto-containers/femto/examples/go/coap_formatter"
	"github.com/femto-containers/femto/examples/go/fletcher32"
	"github.com/femto-containers/femto/examples/go/heart_rate"
	"github.com/femto-containers/femto/examples/go/heart_wave"
	"github.com/femto-containers/femto/examples/go/increment"
	"github.com/femto-containers/femto/examples/go/multiply_add"
	"github.com/femto-containers/femto/examples/go/outlaw"
	"github.com/femto-containers/femto/examples/go/periodic_increment"
	"github.com/femto-containers/femto/examples/go/sample_gcoap"
	"github.com/femto-containers/femto/examples/go/sample_storage"
	"github.com/femto-containers/femto/examples/go/sensor_average"
	"github.com/femto-containers/femto/examples/go/sensor_gcoap"
	"github.com/femto-containers/femto/examples/go/temp_sens"
	"github.com/femto-containers/femto/examples/go/thread_counter"
	"github.com/femto-containers/femto/internal/gobpf"
	"github.com/femto-containers/femto/sdk/go/femto"
	"github.com/femto-containers/femto/sdk/go/femto/fake"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// An example is a container with what it is tried on.
type example struct {
	path     string // of the image in C
	hook     string
	contexts [][]byte // of activations, one after the other; nil: the hook's
	run      func(context []byte) int64
	respond  func(*femto.CoapContext) int64 // on the hook coap
	long     func()                         // long-running: for ten seconds
	sensors  []sensor
	put      map[uint32]uint32 // in the global store
}

type sensor struct {
	kind  uint8
	scale int8
	value int16
}

func words[T uint16 | uint32 | uint64](b []byte) []T {
	list := make([]T, len(b)/binary.Size(T(0)))
	if _, err := binary.Decode(b, binary.LittleEndian, list); err != nil {
		panic(err)
	}
	return list
}

func encode(values ...any) []byte {
	var b []byte
	for _, v := range values {
		b, _ = binary.Append(b, binary.LittleEndian, v)
	}
	return b
}

var empty = [][]byte{{}}

var list = []example{
	{path: "fletcher32/fletcher32", contexts: [][]byte{examples.Fletcher32Input, {}, {1}, {1, 2, 3}, make([]byte, 1000)},
		run: func(b []byte) int64 { return int64(fletcher32.Fletcher32(words[uint16](b))) }},
	{path: "three-containers/thread_counter", hook: "thread",
		contexts: [][]byte{encode(uint64(1), uint64(3)), encode(uint64(3), uint64(0)), encode(uint64(0), uint64(3)), encode(uint64(0), uint64(7))},
		run: func(b []byte) int64 {
			w := words[uint64](b)
			return thread_counter.Count(&femto.ThreadContext{Previous: w[0], Next: w[1]})
		}},
	{path: "three-containers/sensor_average", hook: "timer", long: sensor_average.Average, sensors: []sensor{{0x45, 0, 1}, {0x82, -2, 2150}}},
	{path: "three-containers/sensor_average", hook: "timer", long: sensor_average.Average, sensors: []sensor{{0x45, 0, 1}, {0x82, -2, -5}}},
	{path: "three-containers/sensor_average", hook: "timer", long: sensor_average.Average},
	{path: "three-containers/coap_formatter", hook: "coap", respond: coap_formatter.Respond, put: map[uint32]uint32{0x50: 2150}},
	{path: "three-containers/coap_formatter", hook: "coap", respond: coap_formatter.Respond},
	{path: "papers/average", contexts: [][]byte{encode(uint32(4), uint32(10), uint32(20), uint32(30), uint32(4_000_000_000)), encode(uint32(1), uint32(9))},
		run: func(b []byte) int64 { return int64(average.Average(words[uint32](b))) }},
	{path: "papers/heart_rate", contexts: empty, run: func([]byte) int64 { return int64(heart_rate.Rate()) }},
	{path: "papers/heart_rate", contexts: empty, run: func([]byte) int64 { return int64(heart_rate.Rate()) }, sensors: []sensor{{0x80, 0, -7}}},
	{path: "papers/heart_wave", contexts: make([][]byte, 100), run: func([]byte) int64 { return heart_wave.Rate() }},
	{path: "papers/increment", contexts: [][]byte{encode(uint64(41)), encode(uint64(0xffff_ffff))},
		run: func(b []byte) int64 { return int64(increment.Increment(&words[uint64](b)[0])) }},
	{path: "papers/multiply_add", contexts: [][]byte{encode(uint64(5), uint64(8))}, run: func(b []byte) int64 {
		w := words[uint64](b)
		return int64(multiply_add.MultiplyAdd(&multiply_add.Numbers{A: w[0], B: w[1]}))
	}},
	{path: "papers/periodic_increment", long: periodic_increment.Count},
	{path: "papers/sample_gcoap", hook: "coap", respond: func(c *femto.CoapContext) int64 { return int64(sample_gcoap.Respond(c)) }},
	{path: "papers/sample_storage", contexts: make([][]byte, 3), run: func([]byte) int64 { return int64(sample_storage.Count()) }},
	{path: "papers/sensor_gcoap", hook: "coap", respond: sensor_gcoap.Respond},
	{path: "papers/sensor_gcoap", hook: "coap", respond: sensor_gcoap.Respond, sensors: []sensor{{0x45, 0, 1}, {0x82, -2, -5}}},
	{path: "papers/temp_sens", contexts: empty, run: func([]byte) int64 { return int64(temp_sens.Temperature()) }},
	{path: "papers/temp_sens", contexts: empty, run: func([]byte) int64 { return int64(temp_sens.Temperature()) }, sensors: []sensor{{0x42, 0, 21}}},
}

// did is what a container did, as text.
type did []string

func (d *did) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

// native runs an example as Go.
func (e *example) native(t *testing.T) (d did) {
	device := fake.New(t)
	for _, s := range e.sensors {
		device.Sensors = append(device.Sensors, fake.Reads(femto.SensorType(s.kind), s.scale, s.value))
	}
	for key, value := range e.put {
		device.Put(fake.Global, key, value)
	}
	switch {
	case e.long != nil:
		if device.Run(10*time.Second, e.long) {
			d.add("it returned")
		}
	case e.respond != nil:
		a := device.Answer(e.respond(device.Request()))
		d.add("answered %d, format %d, %q", a.Code, a.Format, a.Payload)
	}
	for _, context := range e.contexts {
		d.add("returned %d", int32(e.run(context)))
	}
	for scope := range fake.Global + 1 {
		pairs := map[uint32]uint32{}
		for _, entry := range device.Store(scope) {
			pairs[entry.Key] = entry.Value
		}
		d.add("store %d: %v", scope, pairs)
	}
	d.add("printed %q", device.Log)
	return d
}

// image runs an example's image.
func (e *example) image(t *testing.T, raw []byte) (d did) {
	hook := e.hook
	if hook == "" {
		hook = "event"
	}
	c := femtotest.New(t, raw, femtotest.Config{Hook: hook})
	for _, s := range e.sensors {
		c.Sensors = append(c.Sensors, femtotest.Sensor(s.kind, s.scale, s.value))
	}
	for key, value := range e.put {
		c.Put(femtotest.Global, key, value)
	}
	var log []string
	switch {
	case e.long != nil:
		r := c.Fire(nil)
		more := c.Advance(10 * time.Second)
		if !more.Waiting {
			d.add("it returned or faulted: %v, %v", r.Fault, more.Fault)
		}
		log = append(r.Log, more.Log...)
	case e.respond != nil:
		a, r := c.Request()
		d.add("answered %d, format %d, %q", a.Code, a.Format, a.Payload)
		log = r.Log
	}
	for _, context := range e.contexts {
		if context == nil {
			context = []byte{}
		}
		r := c.Fire(context)
		if r.Fault != vm.OK {
			d.add("fault %v at %d", r.Fault, r.PC)
			continue
		}
		d.add("returned %d", int32(r.Value)) // an int of C fills 32 bits
		log = append(log, r.Log...)
	}
	for scope := range engine.ScopeGlobal + 1 {
		d.add("store %d: %v", scope, c.Store(scope))
	}
	d.add("printed %q", log)
	return d
}

// TestGoIsLikeC: an example does in Go what it does in C.
func TestGoIsLikeC(t *testing.T) {
	if len(list) < 15 {
		t.Fatal("examples are missing")
	}
	for i := range list {
		e := &list[i]
		t.Run(fmt.Sprintf("%s#%d", e.path, i), func(t *testing.T) {
			raw := examples.Image(e.path)
			if e.path == "fletcher32/fletcher32" {
				raw = examples.Fletcher32
			}
			want := e.image(t, raw)
			want.compare(t, "as Go", e.native(t))
			want.compare(t, "as an image", e.image(t, compiled(t, path.Base(e.path))))
		})
	}
}

func (want did) compare(t *testing.T, how string, got did) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %q, in C: %q", how, got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s %s; in C %s", how, got[i], want[i])
		}
	}
}

// compiled is the image of an example written in Go.
func compiled(t *testing.T, name string) []byte {
	t.Helper()
	p, err := gobpf.Compile(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.Image()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestChecksum(t *testing.T) {
	c := femtotest.New(t, compiled(t, "fletcher32"), femtotest.Config{})
	c.Fire(examples.Fletcher32Input).Want(examples.Fletcher32Sum)
	if got := fletcher32.Fletcher32(words[uint16](examples.Fletcher32Input)); got != examples.Fletcher32Sum {
		t.Errorf("got %#x, want %#x", got, uint32(examples.Fletcher32Sum))
	}
}

// TestOutlaw: what faults on a device panics here.
func TestOutlaw(t *testing.T) {
	c := femtotest.New(t, compiled(t, "outlaw"), femtotest.Config{})
	context := []byte{1, 2, 3}
	if r := c.Fire(context); r.Fault != vm.FaultMemory || !slices.Equal(r.Context, context) {
		t.Errorf("fault %v, context %v", r.Fault, r.Context)
	}
	defer func() {
		if recover() == nil {
			t.Error("it wrote past the end of its context")
		}
	}()
	outlaw.Outlaw(make([]byte, 3))
}

// TestEveryExampleIsThere: what exists in C exists in Go.
func TestEveryExampleIsThere(t *testing.T) {
	have := map[string]bool{"outlaw/outlaw": true}
	for _, e := range list {
		have[e.path] = true
	}
	sources, err := filepath.Glob("../*/*.c")
	if err != nil || len(sources) < 15 {
		t.Fatalf("%d sources in C: %v", len(sources), err)
	}
	for _, source := range sources {
		folder, file := filepath.Split(source)
		if path := filepath.Base(folder) + "/" + strings.TrimSuffix(file, ".c"); !have[path] {
			t.Errorf("%s is not there in Go", path)
		}
	}
}
