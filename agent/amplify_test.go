package agent_test

import (
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/link"
)

// amplifies returns the largest ratio of what a device sends to what a datagram
// of somebody who has proved nothing has, in bytes of UDP payload, and for which
// request.
func amplifies(t *testing.T, unproven int) (worst float64, name string) {
	t.Helper()
	var lines agent.Lines
	with := withLines(&lines, 500)
	answered := 0
	d := occupied(t, func(c *agent.Config, e *engine.Config) {
		with(c, e)
		c.CoAP.BlockSize, c.CoAP.Datagram, c.CoAP.Unproven = 1024, 1024+coap.Overhead+64, unproven
		c.CoAP.Body = 2048
		send := c.CoAP.Send
		c.CoAP.Send = func(to *link.Addr, datagram []byte) {
			answered += len(datagram)
			send(to, datagram)
		}
	})
	d.observing(2000).order(record(nil, 30, "a", 1, 30))
	for range 30 {
		d.fire(make([]byte, 60))
	}
	for range 20 {
		lines.Add(0, "event", nil, []byte("a line of some length, as containers print them"))
	}
	buffer := make([]byte, 1500)
	id := uint16(0)
	measure := func(what string, code coap.Code, path []string, block2 int, token, payload int) {
		id++
		var b coap.Builder
		b.Start(buffer, coap.Confirmable, code, id, make([]byte, token))
		for _, p := range path {
			b.Option(coap.UriPath, []byte(p))
		}
		if block2 >= 0 {
			b.Uint(coap.Block2, uint32(block2))
		}
		b.Payload(make([]byte, payload))
		datagram, ok := b.Bytes()
		if !ok {
			t.Fatal("too long")
		}
		answered = 0
		d.Deliver(d.network.now, link.IPv4(10, 9, byte(id>>8), byte(id), 1), datagram)
		d.Poll(d.network.now)
		if ratio := float64(answered) / float64(len(datagram)); ratio > worst {
			worst, name = ratio, what
		}
	}
	paths := [][]string{nil, {".well-known", "core"}, {"suit"}, {"command"}, {"info"}, {"ps"}, {"counter"}, {"hook", "event"}, {"logs"}, {"kv"}, {"trust"}, {"rec"}, {"x"}}
	for _, path := range paths {
		for _, code := range []coap.Code{coap.GET, coap.POST, coap.PUT} {
			for _, block2 := range []int{-1, 0, 6, 0x16, 0x26} { // none, 16 bytes, 1024 bytes, their second and third
				for _, payload := range []int{0, 1, 8, 64, 300} {
					if code != coap.GET || payload == 0 {
						text := "/"
						for _, p := range path {
							text += p + "/"
						}
						measure(text, code, path, block2, payload%3, payload)
					}
				}
			}
		}
	}
	return worst, name
}

// TestAmplification bounds what a device can be made to send to somebody else, and
// prints what it is without the bound.
func TestAmplification(t *testing.T) {
	with, request := amplifies(t, 64)
	without, _ := amplifies(t, 0)
	t.Logf("at most %.1f bytes for each byte, for %s; %.1f without a bound", with, request, without)
	// A block of 64 bytes, its header and options, for a request of 8 bytes.
	if with > 12 || without < 2*with {
		t.Errorf("%.1f and %.1f bytes for each byte", with, without)
	}
}

// TestCore reads the list of resources in blocks, of which the first tells how
// long it is.
func TestCore(t *testing.T) {
	d := newDevice(t, nil)
	sizes := map[int]bool{}
	var whole string
	for _, block := range []int{16, 32, 64} {
		host := d.network.clientOf(t, byte(200+block/16), block, 4, 1)
		s := &sizedAnswer{}
		if _, err := host.Do(d.network.now, &atDevice, &coap.Outgoing{Code: coap.GET, Path: []byte("/.well-known/core"), ContentFormat: coap.FormatNone}, s); err != 0 {
			t.Fatal(err)
		}
		d.network.run(second, nil)
		if s.err != 0 || s.code != coap.Content || s.format != coap.FormatLinkFormat || s.size != len(s.body) || s.blocks != (len(s.body)+block-1)/block {
			t.Errorf("blocks of %d: %v, %d of %d bytes in %d blocks", block, s.err, len(s.body), s.size, s.blocks)
		}
		sizes[s.size], whole = true, string(s.body)
	}
	if len(sizes) != 1 || len(whole) < 200 {
		t.Errorf("%v: %s", sizes, whole)
	}
}

type sizedAnswer struct {
	answer
	size, blocks int
	format       coap.Format
}

func (s *sizedAnswer) Block(now int64, in *coap.Incoming) bool {
	if s.blocks++; in.Offset == 0 {
		s.size, s.format = in.Size, in.ContentFormat
	}
	return s.answer.Block(now, in)
}
