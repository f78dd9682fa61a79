package helpers

import "github.com/femto-containers/femto/vm"

// ResponseAt is where in a Responder's memory the response begins.
const ResponseAt = 32

// A Responder is what the containers of a hook coap work on: it lays out the
// memory that the hook grants, makes the context, and reads the response.
//
//	responder.Memory = buffer[:] // of ResponseAt + the longest response
//	hook.Regions = responder.Regions()
//	…
//	result := engine.Fire(now, hookCoAP, responder.Begin(messageID, token))
//	code, format, payload := responder.End(result.Value)
type Responder struct {
	Memory []byte

	region  [1]vm.Region
	context [contextSize]byte
}

// Regions returns the memory for engine.Hook.Regions, of which it must be the
// first. It aliases r.
func (r *Responder) Regions() []vm.Region {
	r.region[0] = vm.Region{Bytes: r.Memory, Writable: true}
	return r.region[:]
}

// Begin clears the memory, puts the header of a confirmable request with its
// token (at most 8 bytes) where the response will be, and returns the context
// to fire the hook with, which aliases r. Memory has room for at least
// ResponseAt + 12 bytes.
func (r *Responder) Begin(messageID uint16, token []byte) []byte {
	clear(r.Memory)
	begin := uint32(vm.Address(vm.RegionGrant, ResponseAt))
	packet, pdu := r.Memory[:packetSize], r.Memory[ResponseAt:]
	pdu[0] = 1<<6 | byte(len(token))
	pdu[1] = 1 // GET
	pdu[2], pdu[3] = byte(messageID>>8), byte(messageID)
	n := headerSize + copy(pdu[headerSize:headerSize+8], token)
	put32(packet, packetHeader, begin)
	put32(packet, packetToken, begin+headerSize)
	put32(packet, packetPayload, begin+uint32(n))
	packet[packetPayloadLen], packet[packetPayloadLen+1] = byte(len(pdu)-n), byte((len(pdu)-n)>>8)
	put32(r.context[:], 0, uint32(vm.Address(vm.RegionGrant, 0)))
	put32(r.context[:], 8, begin)
	put32(r.context[:], 16, uint32(len(pdu)))
	return r.context[:]
}

// NoFormat is the Content-Format of a response that names none.
const NoFormat = -1

// End reads the response that the hook's result stands for: its code
// (class << 5 | detail, RFC 7252 §3), its Content-Format or NoFormat, and its
// payload, which aliases Memory. 0 is 4.04, as nobody answered; a number below
// 0 is minus a code; what is no response is 5.00.
func (r *Responder) End(result int64) (code byte, format int32, payload []byte) {
	const notFound, serverError = 4<<5 | 4, 5 << 5
	n := int(int32(result))
	switch {
	case n == 0:
		return notFound, NoFormat, nil
	case n < 0:
		if n = -n; n>>5 < 2 || n>>5 > 5 {
			n = serverError
		}
		return byte(n), NoFormat, nil
	}
	pdu := r.Memory[ResponseAt:]
	begin := 0
	if n <= len(pdu) {
		pdu = pdu[:n]
		begin = headerLen(pdu)
	}
	if begin == 0 || pdu[1]>>5 < 2 || pdu[1]>>5 > 5 {
		return serverError, NoFormat, nil
	}
	// The only option that the helpers write is Content-Format.
	rest := pdu[begin:]
	format = NoFormat
	for len(rest) > 0 && rest[0] != payloadMarker {
		size := int(rest[0] & 15)
		if rest[0]>>4 != optionFormat && rest[0]>>4 != 0 || size > 2 || size >= len(rest) {
			return serverError, NoFormat, nil
		}
		format = 0
		for _, b := range rest[1 : 1+size] {
			format = format<<8 | int32(b)
		}
		rest = rest[1+size:]
	}
	if len(rest) > 0 {
		payload = rest[1:]
	}
	return pdu[1], format, payload
}
