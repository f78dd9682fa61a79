package node

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/link"
)

// A bench is a node on modelled flash, and what it sent last.
type bench struct {
	t     *testing.T
	node  Node
	flash *flash.Memory
	sent  []byte
	id    uint16
	now   int64
}

func (b *bench) start() agent.Error {
	b.node = Node{}
	return b.node.Init(b.now, &Config{
		Board: "pico", Class: ClassPico, Flash: b.flash, Random: [24]byte{1, 2, 3},
		Send: func(_ *link.Addr, datagram []byte) { b.sent = bytes.Clone(datagram) },
	})
}

// ask sends a request in one datagram and returns the answer.
func (b *bench) ask(code coap.Code, path []string, body []byte) coap.Message {
	b.t.Helper()
	b.id++
	b.sent = nil
	var request coap.Builder
	request.Start(make([]byte, MaxDatagram), coap.Confirmable, code, b.id, nil)
	for _, segment := range path {
		request.Option(coap.UriPath, []byte(segment))
	}
	request.Payload(body)
	datagram, ok := request.Bytes()
	if !ok {
		b.t.Fatal("too long")
	}
	from := link.IPv4(10, 0, 0, 1, 40000)
	b.node.Deliver(b.now, &from, datagram)
	b.now += 1000
	b.node.Poll(b.now)
	var m coap.Message
	if err := coap.Parse(b.sent, &m); err != 0 {
		b.t.Fatal(err)
	}
	return m
}

// TestEraseBlock starts a node on flash that erases as much at once as that of
// its board, has it write to every part of it, and starts it again. With the tag
// erase4k that is the flash of the boards that people own.
func TestEraseBlock(t *testing.T) {
	m := new(flash.Memory)
	if err := m.Init(bytes.Repeat([]byte{0xff}, FlashSize), eraseBlock, 4, make([]byte, FlashSize/32)); err != flash.OK {
		t.Fatal(err)
	}
	b := &bench{t: t, flash: m}
	if err := b.start(); err != agent.OK {
		t.Fatal(Why(err))
	}
	owner, tenant := author.NewPrivateKey([32]byte{1}), author.NewPrivateKey([32]byte{2})
	trust := author.Trust{Owner: owner.Public().Raw(), Tenants: []author.Tenant{{
		Name: "alice", Keys: [][]byte{tenant.Public().Raw()}, Hooks: author.Some[[]byte]{All: true}, Helpers: author.Some[uint8]{All: true},
	}}}
	device := uuid.UUID(b.node.agents.Device)
	claim, err := trust.Sign(owner, 1, device)
	if err != nil {
		t.Fatal(err)
	}
	if m := b.ask(coap.POST, []string{"command"}, claim); m.Code != coap.Changed {
		t.Fatalf("trust store: %v %x", m.Code, m.Payload)
	}
	text, err := asm.Assemble("mov r0, 7\nexit")
	if err != nil {
		t.Fatal(err)
	}
	for number := range uint64(3) {
		raw := image.Append(nil, image.Parts{Text: text, Data: make([]byte, number)})
		envelope, err := (&author.Manifest{Sequence: 1 + number, Class: uuid.UUID(ClassPico), Hook: author.HookID("event"), Image: raw, Delivery: author.Content}).Envelope(tenant)
		if err != nil {
			t.Fatal(err)
		}
		if m := b.ask(coap.POST, []string{"suit"}, envelope); m.Code != coap.Changed {
			t.Fatalf("manifest: %v %x", m.Code, m.Payload)
		}
	}
	set, err := (&author.Command{Verb: agent.VerbSet, Sequence: 9, Device: device, Arg: []any{uint(agent.ScopeGlobal), uint(5), uint(6)}}).Sign(owner)
	if err != nil {
		t.Fatal(err)
	}
	if m := b.ask(coap.POST, []string{"command"}, set); m.Code != coap.Changed {
		t.Fatalf("store: %v %x", m.Code, m.Payload)
	}
	for range 3 {
		b.now += 20_000_000
		b.node.Poll(b.now)
	}
	for range 2 {
		if err := b.start(); err != agent.OK {
			t.Fatal(Why(err))
		}
		if m := b.ask(coap.POST, []string{"hook", "event"}, nil); m.Code != coap.Changed || !bytes.HasPrefix(m.Payload, []byte{0xa5, 1, 7}) {
			t.Errorf("after a restart: %v %x", m.Code, m.Payload)
		}
		if m := b.ask(coap.GET, []string{"kv"}, nil); m.Code != coap.Content || !bytes.Equal(m.Payload, []byte{0x82, 5, 6}) {
			t.Errorf("after a restart: %v %x", m.Code, m.Payload)
		}
	}
}
