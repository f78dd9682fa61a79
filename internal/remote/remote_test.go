package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/suit"
	"github.com/femto-containers/femto/vm"
)

// during runs a node's loop until the test ends.
func during(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func dial(t *testing.T, uri string, options client.Options) *Device {
	t.Helper()
	d, err := Open(t.Context(), uri, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if d.URI != uri {
		t.Errorf("URI %s", d.URI)
	}
	return d
}

// simulated returns a device that trusts key, and what it says of itself.
func simulated(t *testing.T, key author.PrivateKey) (*Device, *Info) {
	t.Helper()
	raw, _ := key.Public().Device()
	s, err := sim.Open(sim.Config{
		Listen: "127.0.0.1:0", Flash: filepath.Join(t.TempDir(), "flash"), Version: "1.2.3",
		Tenants: []agent.Tenant{{Name: "alice", Key: raw, Hooks: agent.AllHooks}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	during(t, s.Run)
	d := dial(t, s.URI(), client.Options{BlockSize: 256})
	info, err := d.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d, info
}

func envelope(t *testing.T, key author.PrivateKey, sequence uint64, raw []byte, delivery author.Delivery) []byte {
	t.Helper()
	m := author.Manifest{
		Sequence: sequence, Class: author.ClassID(sim.Board), Hook: author.HookID("event"), Image: raw, Delivery: delivery,
	}
	if delivery == author.Reference {
		m.URI = PayloadURI
	}
	e, err := m.Envelope(key)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestDevice takes a container through its life on a simulated device.
func TestDevice(t *testing.T) {
	ctx := t.Context()
	key := author.NewPrivateKey([32]byte{1})
	d, info := simulated(t, key)
	if info.Wire != agent.WireVersion || info.Board != sim.Board || info.Version != "1.2.3" || info.Manifest != suit.Version ||
		info.Class != UUID(author.ClassID(sim.Board)) || info.Vendor != UUID(author.VendorID()) || info.Device == (UUID{}) ||
		info.Envelope != 1024 || info.Image < 4000 || info.Containers.Used != 0 || info.Containers.Capacity != 8 || info.DataFree != 2048 ||
		len(info.Hooks) != len(sim.HookNames) || len(info.Tenants) != 1 || len(info.Helpers) == 0 {
		t.Errorf("%+v", info)
	}
	event := info.Hooks[0]
	if event.Name != "event" || event.UUID != UUID(author.HookID("event")) || !event.Remote || info.Hooks[1].Remote {
		t.Errorf("%+v", info.Hooks)
	}
	id := key.Public().ID()
	if got := info.Tenants[0]; got.Name != "alice" || got.KeyID.String() != id.String() {
		t.Errorf("%+v", got)
	}
	if list, err := d.List(ctx); err != nil || len(list) != 0 || list == nil {
		t.Errorf("empty: %v, %v", list, err)
	}
	if n, err := d.Counter(ctx, id, event.UUID, ""); err != nil || n != 0 {
		t.Errorf("counter %d, %v", n, err)
	}
	if n, err := d.Counter(ctx, [8]byte{1}, event.UUID, "nobody's"); err != nil || n != 0 {
		t.Errorf("a stranger's counter %d, %v", n, err)
	}

	large := image.Append(nil, image.Parts{Rodata: make([]byte, 3000), Text: []byte{0xb7, 0, 0, 0, 7, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}})
	var fetched []int
	d.Fetching = func(received, total int) {
		if total != len(large) {
			t.Errorf("fetching %d of %d", received, total)
		}
		fetched = append(fetched, received)
	}
	for i, step := range []struct {
		raw      []byte
		delivery author.Delivery
		value    int64
	}{
		{examples.Fletcher32, author.Integrated, examples.Fletcher32Sum},
		{large, author.Reference, 7},
	} {
		sequence := uint64(10 + i)
		report, err := d.Manifest(ctx, envelope(t, key, sequence, step.raw, step.delivery), step.raw)
		if err != nil || report.Sequence != sequence || report.Progress.String() != "done" {
			t.Fatalf("%+v, %v", report, err)
		}
		firing, err := d.Fire(ctx, "event", examples.Fletcher32Input)
		if err != nil || firing.Value != step.value || firing.Ran != 1 || firing.Faulted != 0 || len(firing.Outcomes) != 1 ||
			firing.Instructions != firing.Outcomes[0].Instructions {
			t.Errorf("%+v, %v", firing, err)
		}
		list, err := d.List(ctx)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if c := list[0]; c.Hook != "event" || c.Name != "" || c.Tenant != "alice" || c.Size != len(step.raw) || c.Sequence != sequence ||
			c.State.String() != "running" || c.Activations != 1 || c.Instructions != firing.Instructions || c.Faults != 0 || c.LastFault != 0 {
			t.Errorf("%+v", c)
		}
		if n, err := d.Counter(ctx, id, event.UUID, ""); err != nil || n != sequence {
			t.Errorf("counter %d, %v", n, err)
		}
	}
	if d.payload != nil {
		t.Error("a payload is still served when its manifest is through")
	}
	if len(fetched) == 0 || fetched[len(fetched)-1] != len(large) {
		t.Errorf("told of %v", fetched)
	}

	order := author.Command{Sequence: 20, Verb: agent.VerbRemove, Device: uuid.UUID(info.Device), Hook: uuid.UUID(event.UUID)}
	message, err := order.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := d.Command(ctx, message); err != nil || report.Sequence != 20 {
		t.Errorf("%+v, %v", report, err)
	}
	if list, err := d.List(ctx); err != nil || len(list) != 0 {
		t.Errorf("after the removal: %v, %v", list, err)
	}
	var refused *RefusedError
	if _, err := d.Command(ctx, message); !errors.As(err, &refused) || refused.Report.Detail != agent.DetailCounter || refused.Report.Sequence != 20 {
		t.Errorf("the same again: %v", err)
	}
}

// TestRefusals is about what a device's refusal tells.
func TestRefusals(t *testing.T) {
	key, stranger := author.NewPrivateKey([32]byte{1}), author.NewPrivateKey([32]byte{2})
	d, _ := simulated(t, key)
	bad := image.Append(nil, image.Parts{Text: []byte{0xff, 0xff, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}})
	for _, tc := range []struct {
		name      string
		envelope  []byte
		payload   []byte
		stage     string
		untrusted bool
		why       string
	}{
		{"no cbor", []byte("no envelope"), nil, "cbor", false, ""},
		{"a stranger", envelope(t, stranger, 9, examples.Fletcher32, author.Integrated), nil, "auth", true, ""},
		{"no image", envelope(t, key, 9, []byte("no image"), author.Integrated), nil, "", false, "header"},
		{"no program", envelope(t, key, 9, bad, author.Integrated), nil, "", false, "slot 0"},
		{"nothing to fetch", envelope(t, key, 9, examples.Fletcher32, author.Reference), nil, "fetch", false, "could not be fetched"},
		{"another payload", envelope(t, key, 9, examples.Fletcher32, author.Reference), examples.Outlaw, "", false, ""},
		{"too large", envelope(t, key, 9, make([]byte, 5000), author.Reference), make([]byte, 5000), "", false, "too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			report, err := d.Manifest(t.Context(), tc.envelope, tc.payload)
			var refused *RefusedError
			if !errors.As(err, &refused) || report == nil || refused.Report != report {
				t.Fatalf("%+v, %v", report, err)
			}
			if tc.stage != "" && report.Stage.String() != tc.stage || report.Stage.Untrusted() != tc.untrusted || !strings.Contains(report.Why(), tc.why) ||
				!strings.HasPrefix(err.Error(), "refused at stage ") || !strings.Contains(err.Error(), report.Why()) {
				t.Errorf("%v: %+v", err, report)
			}
		})
	}
	var status *client.StatusError
	if _, err := d.Fire(t.Context(), "nothing like this", nil); !errors.As(err, &status) || status.Code != coap.NotFound {
		t.Errorf("an unknown hook: %v", err)
	}
	if _, err := d.Fire(t.Context(), "timer", nil); !errors.As(err, &status) || status.Code != coap.Forbidden {
		t.Errorf("a hook of the device's own: %v", err)
	}
	if list, err := d.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// scripted answers the requests that come with what a test says.
type scripted func(n int, req *coap.Request, resp *coap.Response)

func fake(t *testing.T, answer scripted) *Device {
	t.Helper()
	conn, err := udplink.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var n atomic.Int32
	config := coap.Config{
		Handler: handler(func(req *coap.Request, resp *coap.Response) { answer(int(n.Add(1)), req, resp) }),
		Send:    func(to *link.Addr, datagram []byte) { _ = conn.Send(*to, datagram) },

		Exchanges: make([]coap.Exchange, 8), Transfers: make([]coap.Transfer, 2), Calls: make([]coap.Call, 1),
		Datagram: 1500, Body: 4096, BlockSize: 1024,
	}
	config.Memory = make([]byte, config.MemorySize())
	var endpoint coap.Endpoint
	if err := endpoint.Init(&config); err != 0 {
		t.Fatal(err)
	}
	during(t, func(ctx context.Context) error { return conn.Run(ctx, &endpoint, udplink.Clock()) })
	return dial(t, "coap://"+conn.LocalAddr().String(), client.Options{BlockSize: 1024})
}

type handler func(*coap.Request, *coap.Response)

func (h handler) ServeCoAP(_ int64, req *coap.Request, resp *coap.Response) { h(req, resp) }

func reply(t *testing.T, resp *coap.Response, code coap.Code, v any) {
	body, err := cbor.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	resp.Code, resp.ContentFormat, resp.Body = code, coap.FormatCBOR, body
}

// TestBusy has the device process somebody else's manifest at first.
func TestBusy(t *testing.T) {
	d := fake(t, func(n int, req *coap.Request, resp *coap.Response) {
		if n < 3 {
			resp.Fail(coap.ServiceUnavailable, "an envelope is being processed")
			return
		}
		reply(t, resp, coap.Changed, map[int]any{agent.ReportProgress: agent.ProgressDone, agent.ReportSequence: n})
	})
	waited := 0
	d.Waiting = func() { waited++ }
	if report, err := d.Manifest(t.Context(), []byte("envelope"), nil); err != nil || report.Sequence != 3 || waited != 2 {
		t.Errorf("%+v, %v, waited %d times", report, err, waited)
	}
}

// TestStalled has the device fetch from somewhere else at first.
func TestStalled(t *testing.T) {
	posts := 0
	d := fake(t, func(n int, req *coap.Request, resp *coap.Response) {
		report := map[int]any{agent.ReportProgress: agent.ProgressFetching, agent.ReportReceived: 5}
		if req.Code == coap.POST {
			posts++
		}
		if posts == 2 {
			report = map[int]any{agent.ReportProgress: agent.ProgressDone, agent.ReportSequence: 7}
		}
		reply(t, resp, coap.Changed, report)
	})
	if report, err := d.Manifest(t.Context(), []byte("envelope"), nil); err != nil || report.Sequence != 7 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestBusyForGood ends with the caller's time.
func TestBusyForGood(t *testing.T) {
	d := fake(t, func(n int, req *coap.Request, resp *coap.Response) {
		resp.Fail(coap.ServiceUnavailable, "")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := d.Command(ctx, []byte("command")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestOvertaken has the device tell of another manifest than was sent.
func TestOvertaken(t *testing.T) {
	d := fake(t, func(n int, req *coap.Request, resp *coap.Response) {
		report := map[int]any{agent.ReportProgress: agent.ProgressFetching, agent.ReportManifest: []byte("mine")}
		if n == 3 {
			report = map[int]any{agent.ReportProgress: agent.ProgressDone, agent.ReportManifest: []byte("yours")}
		}
		reply(t, resp, coap.Changed, report)
	})
	if report, err := d.Manifest(t.Context(), []byte("envelope"), nil); !errors.Is(err, ErrOvertaken) {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestStrangeAnswers is about devices that are newer, or none.
func TestStrangeAnswers(t *testing.T) {
	for _, tc := range []struct {
		name string
		body []byte
		want string
	}{
		{"newer", []byte("\xa2\x02\x65board\x18\x63\x81\x01"), ""},
		{"empty", nil, "the device's info is not understood"},
		{"text", []byte("hello"), "the device's info is not understood"},
		{"another type", []byte("\xa1\x02\x01"), "the device's info is not understood"},
		{"cut short", []byte("\xa2\x02\x65bo"), "the device's info is not understood"},
	} {
		d := fake(t, func(_ int, _ *coap.Request, resp *coap.Response) { resp.Code, resp.Body = coap.Content, tc.body })
		info, err := d.Info(t.Context())
		switch {
		case tc.want == "" && (err != nil || info.Board != "board"):
			t.Errorf("%s: %+v, %v", tc.name, info, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestText(t *testing.T) {
	for _, tc := range []struct {
		value any
		json  string
	}{
		{UUID{0x12}, `"12000000-0000-0000-0000-000000000000"`},
		{Hex{1, 0xff}, `"01ff"`},
		{Digest{1, 0xff}, `"sha256:01ff"`},
		{State(agent.StateRunning), `"running"`},
		{State(agent.StateFaulted), `"faulted"`},
		{State(agent.StateInstalled), `"installed"`},
		{State(agent.StateSuspended), `"suspended"`},
		{State(9), `"state 9"`},
		{Progress(agent.ProgressNone), `"none"`},
		{Progress(agent.ProgressFetching), `"fetching"`},
		{Progress(agent.ProgressRefused), `"refused"`},
		{Progress(9), `"progress 9"`},
		{Stage(suit.StageAuth), `"auth"`},
		{Fault(0), `null`},
		{Fault(vm.FaultBudget), `{"code":-8,"text":"` + vm.FaultBudget.Error() + `"}`},
		{Reason(suit.ReasonOK), `{"code":0,"text":"ok"}`},
	} {
		got, err := json.Marshal(tc.value)
		if err != nil || !bytes.Equal(got, []byte(tc.json)) {
			t.Errorf("%T %v: %s, %v", tc.value, tc.value, got, err)
		}
	}
	if got := Digest(bytes.Repeat([]byte{0xab}, 32)).Short(); got != "abababababab" {
		t.Error(got)
	}
	if got := (Digest{1}).Short(); got != "01" {
		t.Error(got)
	}
}

// TestWhy has a text for every kind of detail.
func TestWhy(t *testing.T) {
	for detail := agent.DetailImage; detail <= agent.DetailAgent; detail++ {
		if r := (&Report{Detail: detail, Code: 1}); r.Why() == "" {
			t.Errorf("detail %d says nothing", detail)
		}
	}
	if why := (&Report{Detail: 99}).Why(); why != "" {
		t.Errorf("an unknown detail says %q", why)
	}
}
