package agent_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/suit"
)

// An option of a request, in the order of numbers.
type option struct {
	number uint16
	value  string
}

// raw sends a request with any options and returns what comes back at once.
func (d *device) raw(id uint16, method coap.Code, path string, options []option, payload []byte) *answer {
	d.tb.Helper()
	var b coap.Builder
	b.Start(make([]byte, 256), coap.Confirmable, method, id, nil)
	for done := false; len(options) > 0 || !done; {
		if !done && (len(options) == 0 || options[0].number >= coap.UriPath) {
			b.Option(coap.UriPath, []byte(path))
			done = true
			continue
		}
		b.Option(options[0].number, []byte(options[0].value))
		options = options[1:]
	}
	b.Payload(payload)
	datagram, ok := b.Bytes()
	if !ok {
		d.tb.Fatal("no message")
	}
	var a *answer
	send := d.config.CoAP.Send
	d.config.CoAP.Send = func(_ *link.Addr, datagram []byte) {
		var m coap.Message
		if err := coap.Parse(datagram, &m); err != 0 {
			d.tb.Fatal(err)
		}
		a = &answer{code: m.Code, body: bytes.Clone(m.Payload), done: true}
	}
	d.Deliver(d.network.now, link.IPv4(10, 0, 0, 7, 7), datagram)
	d.config.CoAP.Send = send
	return a
}

// reason returns the report of a refusal, which has to have one.
func reason(t *testing.T, a *answer) *remote.Report {
	t.Helper()
	if a == nil {
		t.Fatal("no answer")
	}
	r := &remote.Report{}
	if err := cbor.Unmarshal(a.body, r); err != nil {
		t.Fatalf("%d.%02d %q: %v", a.code.Class(), a.code.Detail(), a.body, err)
	}
	if r.Progress != remote.Progress(agent.ProgressRefused) || suit.Reason(r.Reason) == suit.ReasonOK || suit.Stage(r.Stage) == suit.StageNone {
		t.Errorf("%d.%02d without a reason: %+v", a.code.Class(), a.code.Detail(), r)
	}
	return r
}

// TestEveryRefusalHasAReason walks the ways in which a request to the resources
// that take manifests and commands is refused, by the agent and by the layer below
// it. What is refused unseen leaves the report on what was seen as it is.
func TestEveryRefusalHasAReason(t *testing.T) {
	const block1, more = 27, 1 << 3
	long := bytes.Repeat([]byte{7}, 16)
	short := func(n int) string { return string(rune(n)) }
	uint2 := func(v int) string { return string([]byte{byte(v >> 8), byte(v)}) }
	for _, path := range []string{agent.PathManifest, agent.PathCommand} {
		for name, test := range map[string]struct {
			method  coap.Code
			options []option
			payload []byte
			want    coap.Code
			closed  bool
			err     agent.Error
		}{
			"another method":                  {coap.PUT, nil, nil, coap.MethodNotAllowed, false, agent.ErrRequest},
			"no method":                       {coap.DELETE, nil, nil, coap.MethodNotAllowed, false, agent.ErrRequest},
			"unknown critical option":         {coap.POST, []option{{9, ""}}, long, coap.BadOption, false, agent.ErrRequest},
			"proxy":                           {coap.POST, []option{{coap.ProxyUri, "coap://x"}}, long, coap.ProxyingNotSupported, false, agent.ErrRequest},
			"block that is not of its size":   {coap.POST, []option{{block1, short(more)}}, long[:9], coap.BadRequest, false, agent.ErrRequest},
			"block of no size":                {coap.POST, []option{{block1, short(7)}}, long, coap.BadRequest, false, agent.ErrRequest},
			"block that belongs to no body":   {coap.POST, []option{{block1, short(3 << 4)}}, long, coap.RequestEntityIncomplete, false, agent.ErrRequest},
			"body announced too large":        {coap.POST, []option{{block1, short(more)}, {60, uint2(5000)}}, long, coap.RequestEntityTooLarge, false, agent.ErrLength},
			"no place for a body":             {coap.POST, []option{{block1, short(more)}, {292, "mine"}}, long, coap.ServiceUnavailable, false, agent.ErrProcessing},
			"block of an answer that is lost": {coap.POST, []option{{23, short(3 << 4)}}, nil, coap.RequestEntityIncomplete, false, agent.ErrRequest},
			"reading is closed":               {coap.GET, nil, nil, coap.Unauthorized, true, agent.ErrSession},
		} {
			t.Run(path+", "+name, func(t *testing.T) {
				d := occupied(t, nil)
				if test.closed {
					if got := d.trustOf(chief, chief, 5, agent.TrustClosed, tenant("alice", alice, "event"), tenant("bob", bob, "event")); got != "done" {
						t.Fatal(got)
					}
				}
				if test.want == coap.ServiceUnavailable {
					for i := range 2 {
						d.raw(uint16(1+i), coap.POST, path, []option{{block1, short(more)}, {292, short(1 + i)}}, long)
					}
				}
				operations := d.operations()
				a := d.raw(9, test.method, path, test.options, test.payload)
				if a == nil || a.code != test.want {
					t.Fatalf("%+v", a)
				}
				if r := reason(t, a); agent.Error(r.Code) != test.err || r.Detail != agent.DetailAgent {
					t.Errorf("%+v", r)
				}
				if len(a.body) > 16 {
					t.Errorf("%d bytes", len(a.body))
				}
				if d.operations() != operations {
					t.Error("the flash was touched")
				}
			})
		}
	}
}

// TestUnseen: an envelope that is longer than the buffer, and one that comes while
// another is being processed, get a reason; the report stays the other's.
func TestUnseen(t *testing.T) {
	d := occupied(t, nil)
	a := d.host.ask(atDevice, coap.POST, "/suit", "", make([]byte, 1025))
	if r := reason(t, a); a.code != coap.RequestEntityTooLarge || agent.Error(r.Code) != agent.ErrLength {
		t.Errorf("%d.%02d %+v", a.code.Class(), a.code.Detail(), r)
	}
	first := order{number: 30, image: returning(t, 3, 300), name: "a"}.fetched()
	d.host.serve = func(_ *coap.Request, resp *coap.Response) bool {
		resp.Code, resp.Body = coap.Content, first.image
		return true
	}
	d.network.drop = func(p *packet) bool { return p.from == atDevice && p.datagram[1] == byte(coap.GET) }
	d.host.ask(atDevice, coap.POST, "/suit", "", first.envelope(t))
	before := d.host.ask(atDevice, coap.GET, "/suit", "", nil)
	for path, body := range map[string][]byte{"/suit": order{number: 31, image: returning(t, 4, 10), name: "a"}.envelope(t), "/command": remove(alice, 31, "event", "a")} {
		a := d.host.ask(atDevice, coap.POST, path, "", body)
		if r := reason(t, a); a.code != coap.ServiceUnavailable || agent.Error(r.Code) != agent.ErrProcessing || suit.Reason(r.Reason) != suit.ReasonOperation {
			t.Errorf("%s: %d.%02d %+v", path, a.code.Class(), a.code.Detail(), r)
		}
	}
	if after := d.host.ask(atDevice, coap.GET, "/suit", "", nil); !bytes.Equal(after.body, before.body) {
		t.Errorf("%x, before %x", after.body, before.body)
	}
	if a := d.host.ask(atDevice, coap.GET, "/suit", "r", nil); a.code != coap.NotFound || agent.Error(reason(t, a).Code) != agent.ErrReport {
		t.Errorf("report while fetching: %d.%02d %x", a.code.Class(), a.code.Detail(), a.body)
	}
}

// TestSUITReport asks for the report of the draft, as another implementation reads it.
func TestSUITReport(t *testing.T) {
	d := newDevice(t, nil)
	ask := func(query string) (code coap.Code, report map[int]any) {
		t.Helper()
		a := d.host.ask(atDevice, coap.GET, "/suit", query, nil)
		if a.code == coap.Content {
			report = *decode[map[int]any](t, a)
		} else {
			reason(t, a)
		}
		return a.code, report
	}
	if code, _ := ask("r"); code != coap.NotFound {
		t.Error("before anything came:", code)
	}
	digest := func(envelope []byte) []byte {
		sum := sha256.Sum256(manifestOf(t, envelope))
		return sum[:]
	}
	accepted := order{number: 10, image: returning(t, 1, 100), name: "a"}.envelope(t)
	d.post(accepted)
	want := func(query string, nonce []byte, result any, envelope []byte) {
		t.Helper()
		m := map[int]any{3: []any{}, 4: result, 99: []any{[]any{int64(-16), digest(envelope)}}}
		if nonce != nil {
			m[2] = nonce
		}
		raw := d.host.ask(atDevice, coap.GET, "/suit", query, nil).body
		if !bytes.Equal(raw, enc(m)) {
			t.Errorf("%s: %x\nwant %x", query, raw, enc(m))
		}
	}
	want("r", nil, true, accepted)
	want("r=", []byte{}, true, accepted)
	want("r=a nonce", []byte("a nonce"), true, accepted)
	ended := func(stage suit.Stage, reason suit.Reason, section, offset, component int) map[int]any {
		return map[int]any{5: int(stage), 6: []any{[]any{}, section, offset, component, map[int]any{}}, 7: int(reason)}
	}
	refused := order{number: 11, image: returning(t, 2, 100), name: "a", class: "femto-other"}.envelope(t)
	d.post(refused)
	want("r=1", []byte("1"), ended(suit.StageCondition, suit.ReasonCondition, 3, classAt(t, refused), 0), refused)
	d.post(order{number: 12, image: returning(t, 2, 100), by: mallory}.envelope(t)) // leaves no trace
	want("r=2", []byte("2"), ended(suit.StageCondition, suit.ReasonCondition, 3, classAt(t, refused), 0), refused)
	d.command(remove(alice, 20, "event", "a"))
	if code, _ := ask("r=3"); code != coap.NotFound {
		t.Error("about a command:", code)
	}
}

// manifestOf returns what a manifest's digest is of.
func manifestOf(t *testing.T, envelope []byte) []byte {
	t.Helper()
	var tag cbor.RawTag
	var elements map[any]cbor.RawMessage
	if err := cbor.Unmarshal(envelope, &tag); err != nil {
		t.Fatal(err)
	}
	if err := cbor.Unmarshal(tag.Content, &elements); err != nil {
		t.Fatal(err)
	}
	return elements[uint64(3)]
}

// classAt returns where the class condition is in the shared sequence.
func classAt(t *testing.T, envelope []byte) int {
	t.Helper()
	var wrapped []byte
	var manifest map[int]cbor.RawMessage
	if err := cbor.Unmarshal(manifestOf(t, envelope), &wrapped); err != nil {
		t.Fatal(err)
	}
	if err := cbor.Unmarshal(wrapped, &manifest); err != nil {
		t.Fatal(err)
	}
	var fields map[int]cbor.RawMessage
	var raw []byte
	for _, step := range []error{cbor.Unmarshal(manifest[3], &raw), cbor.Unmarshal(raw, &fields), cbor.Unmarshal(fields[4], &raw)} {
		if step != nil {
			t.Fatal(step)
		}
	}
	at := bytes.LastIndex(raw, []byte{2, 15})
	if at < 0 {
		t.Fatal("no class condition")
	}
	return at
}
