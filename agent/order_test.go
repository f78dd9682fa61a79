package agent_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/suit"
)

// A signer has a key.
type signer struct {
	author.PrivateKey
	key ed25519.PrivateKey
	kid []byte // sent along by sign1, if not nil
}

var alice, bob, mallory, chief = newSigner(1), newSigner(2), newSigner(3), newSigner(4)

func newSigner(n byte) *signer {
	var seed [32]byte
	seed[0] = n
	return &signer{PrivateKey: author.NewPrivateKey(seed), key: ed25519.NewKeyFromSeed(seed[:])}
}

func (s *signer) raw() [32]byte    { return [32]byte(s.key.Public().(ed25519.PublicKey)) }
func (s *signer) id() author.KeyID { return s.Public().ID() }
func (s *signer) sign1(context string, payload []byte, attached bool) []byte {
	protected := enc(map[int]any{1: cose.AlgEd25519})
	signature := ed25519.Sign(s.key, enc([]any{"Signature1", protected, []byte(context), payload}))
	var body any
	if attached {
		body = payload
	}
	unprotected := map[int]any{}
	if s.kid != nil {
		unprotected[4] = s.kid
	}
	return enc(cbor.Tag{Number: cose.TagSign1, Content: []any{protected, unprotected, body, signature}})
}

var encoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

func enc(v any) []byte {
	b, err := encoding.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// An order is a manifest of the author's tool, with what tests vary.
type order struct {
	by       *signer // alice
	number   uint64
	hook     string // event
	name     string
	image    []byte
	delivery author.Delivery
	uri      string
	hint     int
	class    string // testBoard
}

func (o order) envelope(tb testing.TB) []byte {
	tb.Helper()
	if o.by == nil {
		o.by = alice
	}
	if o.hook == "" {
		o.hook = "event"
	}
	if o.class == "" {
		o.class = testBoard
	}
	m := author.Manifest{
		Sequence: o.number, Vendor: author.VendorID(), Class: author.ClassID(o.class), Hook: author.HookID(o.hook),
		Container: o.name, Image: o.image, Delivery: o.delivery, URI: o.uri, KeyHint: o.hint,
	}
	b, err := m.Envelope(o.by.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// fetched makes it an order that the device fetches the image of from its
// sender.
func (o order) fetched() order {
	o.delivery, o.uri = author.Reference, "/p"
	return o
}

// deploy sends an order and waits for the device's opinion. The sender hands
// out the image.
func (d *device) deploy(o order) *remote.Report {
	d.tb.Helper()
	if o.delivery == author.Reference && d.host.files["p"] == nil {
		d.host.files["p"] = o.image
		defer delete(d.host.files, "p")
	}
	return d.post(o.envelope(d.tb))
}

// must deploys and wants it done.
func (d *device) must(o order) *remote.Report {
	d.tb.Helper()
	r := d.deploy(o)
	if agent.Progress(r.Progress) != agent.ProgressDone {
		d.tb.Fatalf("refused: %s", describe(r))
	}
	return r
}

// refusal is how a test writes a report: "stage: reason (why)".
func describe(r *remote.Report) string {
	if agent.Progress(r.Progress) != agent.ProgressRefused {
		return r.Progress.String()
	}
	text := fmt.Sprintf("%s: %s", r.Stage, r.Reason)
	if why := r.Why(); why != "" {
		text += " (" + why + ")"
	}
	return text
}

// remove returns a signed order to take a container off a device.
func remove(by *signer, number uint64, hook, name string) []byte {
	id := author.HookID(hook)
	component := []any{id[:]}
	if name != "" {
		component = append(component, []byte(name))
	}
	return by.sign1(cose.CommandContext, enc([]any{number, agent.VerbRemove, component, deviceID[:]}), true)
}

// A verb is a command in parts.
type verb struct {
	by         *signer // alice
	number     uint64
	verb       int
	hook, name string // "": about the device
	arg        any
}

func (v verb) message(tb testing.TB) []byte {
	tb.Helper()
	if v.by == nil {
		v.by = alice
	}
	c := author.Command{Sequence: v.number, Verb: v.verb, Device: deviceID, Name: v.name, Arg: v.arg}
	if v.hook != "" {
		c.Hook = author.HookID(v.hook)
	}
	b, err := c.Sign(v.by.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// order sends a command and describes what the device says.
func (d *device) order(v verb) string {
	d.tb.Helper()
	return describe(d.command(v.message(d.tb)))
}

// A sheet is a manifest in parts, for what the author's tool would not write.
type sheet struct {
	number     uint64
	components []any
	shared     []any
	sections   map[int]any // sequences as []any; anything else as it is
	envelope   map[any]any // further elements
}

func component(hook, name string) []any {
	id := author.HookID(hook)
	if name == "" {
		return []any{id[:]}
	}
	return []any{id[:], []byte(name)}
}

// newSheet returns a manifest for the test device about hook "event" that does
// nothing yet.
func newSheet(number uint64, parameters map[int]any) *sheet {
	vendor, class := author.VendorID(), author.ClassID(testBoard)
	p := map[int]any{1: vendor[:], 2: class[:]}
	for k, v := range parameters {
		p[k] = v
	}
	return &sheet{
		number: number, components: []any{component("event", "")},
		shared:   []any{20, p, 1, 15, 2, 15},
		sections: map[int]any{}, envelope: map[any]any{},
	}
}

func digestOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return enc([]any{cose.AlgSHA256, sum[:]})
}

func (s *sheet) manifest() map[int]any {
	m := map[int]any{1: suit.Version, 2: s.number, 3: enc(map[int]any{2: s.components, 4: enc(s.shared)})}
	for key, v := range s.sections {
		if sequence, ok := v.([]any); ok && len(sequence) > 0 {
			if _, digest := sequence[len(sequence)-1].([]byte); !digest {
				v = enc(sequence)
			}
		}
		m[key] = v
	}
	return m
}

func (s *sheet) sign(by *signer) []byte { return seal(by, enc(s.manifest()), s.envelope) }

// seal signs manifest bytes of any kind and puts them into an envelope.
func seal(by *signer, manifest []byte, more map[any]any) []byte {
	wrapped := enc(manifest)
	digest := digestOf(wrapped)
	e := map[any]any{2: enc([]any{digest, by.sign1("", digest, false)}), 3: cbor.RawMessage(wrapped)}
	for key, v := range more {
		e[key] = v
	}
	return enc(cbor.Tag{Number: 107, Content: e})
}

// program makes an image of assembly.
func program(tb testing.TB, source string, parts image.Parts) []byte {
	tb.Helper()
	text, err := asm.Assemble(source)
	if err != nil {
		tb.Fatal(err)
	}
	parts.Text = text
	return image.Append(nil, parts)
}

// returning is an image that returns n, padded to about size bytes.
func returning(tb testing.TB, n, size int) []byte {
	tb.Helper()
	var parts image.Parts
	if size > 60 {
		parts.Rodata = make([]byte, (size-44)&^7)
		for i := range parts.Rodata {
			parts.Rodata[i] = byte(i * n)
		}
	}
	return program(tb, fmt.Sprintf("mov r0, %d\nexit", n), parts)
}

func decodeInto(b []byte, v any) {
	if err := cbor.Unmarshal(b, v); err != nil {
		panic(err)
	}
}
