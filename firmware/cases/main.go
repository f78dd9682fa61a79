//go:build tinygo

// Command cases decides the envelopes that the host hands it and prints the
// verdicts: the public edge cases of SUIT on the processor as it is on a board.
// `make test-boards` runs it.
package main

import (
	"encoding/binary"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/internal/sha2"
	"github.com/femto-containers/femto/suit"
)

// A desk is the device that the cases are made for: a platform with two
// components that takes whatever it is told to fetch from the host.
type desk struct {
	key                         [32]byte
	vendor, class, hookA, hookB [16]byte
	p256                        [33]byte // the draft's
	payload                     [64]byte
	length                      int // of payload
	stored                      [2][]byte
	sum                         [sha2.Size256]byte
}

var (
	device    desk
	processor suit.Processor
	envelope  [4 << 10]byte
	length    [2]byte
	line      [8]byte
)

func main() {
	board.Init()
	cases := board.OpenHost("cases\x00\x00")
	d := &device
	ok := cases.Read(d.key[:]) && cases.Read(d.vendor[:]) && cases.Read(d.class[:]) && cases.Read(d.hookA[:]) && cases.Read(d.hookB[:]) && cases.Read(d.p256[:]) && cases.Read(length[:])
	d.length = int(binary.LittleEndian.Uint16(length[:]))
	ok = ok && cases.Read(d.payload[:d.length])
	for ok && cases.Read(length[:]) {
		e := envelope[:binary.LittleEndian.Uint16(length[:])]
		if len(e) > 0 && !cases.Read(e) {
			break
		}
		d.stored = [2][]byte{}
		processor.Init(d)
		verdict(processor.Process(e), processor.Report())
	}
	board.Print("done\n")
	for {
		board.Sleep(1 << 62)
	}
}

// verdict prints status, stage and reason in hexadecimal.
func verdict(status suit.Status, r suit.Report) {
	const digits = "0123456789abcdef"
	line = [8]byte{digits[status&15], '.', digits[r.Stage&15], '.', digits[r.Reason&15], '\n'}
	board.Console(line[:6])
}

func same(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (d *desk) Authenticate(s *suit.Signature) (int, bool) {
	return 0, s.VerifyEd25519(&d.key) || s.VerifyP256(&d.p256)
}

func (d *desk) Component(_ int, id suit.ComponentID) (int, suit.Reason) {
	switch {
	case id.Len() == 1 && same(id.Segment(0), d.hookA[:]):
		return 0, suit.ReasonOK
	case id.Len() == 1 && same(id.Segment(0), d.hookB[:]):
		return 1, suit.ReasonOK
	}
	return 0, suit.ReasonComponent
}

func (d *desk) Sequence(int, int, uint64) suit.Reason { return suit.ReasonOK }

func (d *desk) Matches(_ int, condition int32, id []byte) bool {
	switch condition {
	case suit.CommandVendorID:
		return same(id, d.vendor[:])
	case suit.CommandClassID:
		return same(id, d.class[:])
	}
	return false
}

func (d *desk) Fetch(component int, uri []byte, _ int32, _ []byte) (bool, suit.Reason) {
	var u coap.URI
	if u.Parse(uri) != 0 {
		return false, suit.ReasonParameter
	}
	d.stored[component] = d.payload[:d.length]
	return false, suit.ReasonOK
}

func (d *desk) Store(component int, payload []byte) suit.Reason {
	d.stored[component] = payload
	return suit.ReasonOK
}

func (d *desk) Copy(component, source int) suit.Reason {
	d.stored[component] = d.stored[source]
	return suit.ReasonOK
}

func (d *desk) ImageMatch(component int, digest []byte, size int32) bool {
	image := d.stored[component]
	if image == nil { // what runs there is what the manifest says
		image = d.payload[:d.length]
	}
	sha2.Sum256(&d.sum, image)
	return same(digest, d.sum[:]) && (size < 0 || int(size) == len(image))
}

func (d *desk) Invoke(int) suit.Reason { return suit.ReasonOK }
