package helpers

import "github.com/femto-containers/femto/vm"

// What containers of the original have compiled in of a packet: offsets in
// struct femto_packet. Addresses take 32 bits.
const (
	packetHeader     = 0
	packetToken      = 4
	packetPayload    = 8
	packetPayloadLen = 12
	packetOptionsLen = 14
	packetSize       = 16

	contextSize = 24 // of the hook coap: packet, buffer, length, 64 bits each
)

const (
	headerSize     = 4
	optionFormat   = 12
	payloadMarker  = 0xff
	payloadFollows = 1 // flag of coap_opt_finish
)

// A response is what the container's context points to. All of it is the
// container's: at is checked before it is used.
type response struct {
	packet, buffer []byte
	begin          uint32 // address of buffer
	at             uint32 // where the payload begins in buffer
}

// open follows the context in r1. It is false if the container may not write
// to what is there.
func (r *response) open(c *vm.Call) (ok bool) {
	ctx := c.Mem[0]
	if r.packet, ok = c.Bytes(get64(ctx, 0), packetSize, true); !ok {
		return false
	}
	n := min(get32(ctx, 16), vm.MaxRegion)
	if r.buffer, ok = c.Bytes(get64(ctx, 8), int(n), true); !ok {
		return false
	}
	r.begin = get32(ctx, 8)
	r.at = get32(r.packet, packetPayload) - r.begin
	return true
}

func get64(b []byte, at int) uint64 {
	return uint64(get32(b, at)) | uint64(get32(b, at+4))<<32
}

// add appends n bytes to what precedes the payload and returns them, or nil if
// there is no room.
func (r *response) add(n uint32) []byte {
	if r.at > uint32(len(r.buffer)) || uint32(len(r.buffer))-r.at < n {
		return nil
	}
	b := r.buffer[r.at : r.at+n]
	r.move(r.at + n)
	return b
}

// move lets the payload begin at offset at.
func (r *response) move(at uint32) {
	r.at = at
	put32(r.packet, packetPayload, r.begin+at)
	left := uint32(len(r.buffer)) - at
	left = min(left, 0xffff)
	r.packet[packetPayloadLen], r.packet[packetPayloadLen+1] = byte(left), byte(left>>8)
}

func gcoapRespInit(c *vm.Call) uint64 {
	var r response
	if !r.open(c) {
		return 0
	}
	begin := headerLen(r.buffer)
	if begin == 0 {
		return failed
	}
	// A confirmable request is answered in its acknowledgement (RFC 7252 §5.2.1).
	if r.buffer[0]&0x30 == 0 {
		r.buffer[0] |= 0x20
	}
	r.buffer[1] = byte(c.R[1])
	put32(r.packet, packetHeader, r.begin)
	put32(r.packet, packetToken, r.begin+headerSize)
	r.packet[packetOptionsLen], r.packet[packetOptionsLen+1] = 0, 0
	r.move(uint32(begin))
	return 0
}

// headerLen returns how many bytes header and token take, 0 if they are not
// all there.
func headerLen(pdu []byte) int {
	if len(pdu) < headerSize {
		return 0
	}
	n := int(pdu[0] & 15)
	if n > 8 || headerSize+n > len(pdu) {
		return 0
	}
	return headerSize + n
}

func coapAddFormat(c *vm.Call) uint64 {
	var r response
	if !r.open(c) {
		return 0
	}
	format := uint32(c.R[1])
	n := uint32(0)
	for v := format; v != 0; v >>= 8 {
		n++
	}
	option := r.add(1 + n)
	if option == nil {
		return failed
	}
	// There is no other option: a second one is as far from the first as 0.
	option[0] = byte(n)
	if r.packet[packetOptionsLen] == 0 {
		option[0] |= optionFormat << 4
	}
	for i := n; i > 0; i-- {
		option[i] = byte(format)
		format >>= 8
	}
	r.packet[packetOptionsLen]++
	return uint64(1 + n)
}

func coapOptFinish(c *vm.Call) uint64 {
	var r response
	if !r.open(c) {
		return 0
	}
	if c.R[1]&payloadFollows != 0 {
		marker := r.add(1)
		if marker == nil {
			return failed
		}
		marker[0] = payloadMarker
	}
	return uint64(r.at)
}

func coapGetPdu(c *vm.Call) uint64 {
	var r response
	if !r.open(c) {
		return 0
	}
	return uint64(r.begin + r.at)
}
