package fake

import (
	"encoding/binary"
	"unsafe"

	"github.com/femto-containers/femto/sdk/go/femto"
)

const (
	bufferSize     = 256
	bufferAt       = 0x5000_0020 // where devices have the buffer
	headerSize     = 4
	optionFormat   = 12
	payloadMarker  = 0xff
	payloadFollows = femto.PayloadFollows
)

// A response is what the context of a hook coap leads to.
type response struct {
	context femto.CoapContext
	packet  femto.Packet
	buffer  []byte
}

// An Answer is the response to a CoAP request.
type Answer struct {
	Code    femto.Code
	Format  int32 // -1: none is given
	Payload []byte
}

// Request returns the context of a CoAP request, without a token.
func (d *Device) Request() *femto.CoapContext {
	r := &d.answer
	r.buffer = make([]byte, bufferSize+1)[:bufferSize] // one more, so that the end has an address
	copy(r.buffer, []byte{1 << 6, 1, 0, 1})            // confirmable GET, message 1
	r.packet = femto.Packet{Header: bufferAt, Token: bufferAt + headerSize, Payload: bufferAt + headerSize, PayloadLen: bufferSize - headerSize}
	r.context = femto.CoapContext{Packet: &r.packet, Buffer: &r.buffer[0], Length: bufferSize}
	return &r.context
}

// Answer reads the response that the result of a container of the hook coap
// stands for, to the last Request.
func (d *Device) Answer(result int64) Answer {
	n := int(int32(result))
	if n == 0 {
		return Answer{femto.NotFound, -1, nil}
	}
	if n < 0 {
		if n = -n; n>>5 < 2 || n>>5 > 5 {
			n = int(femto.InternalServerError)
		}
		return Answer{femto.Code(n & 0xff), -1, nil}
	}
	wrong := Answer{femto.InternalServerError, -1, nil}
	buffer := d.answer.buffer
	if n > len(buffer) {
		return wrong
	}
	begin := headerLength(buffer[:n])
	if begin == 0 || buffer[1]>>5 < 2 || buffer[1]>>5 > 5 {
		return wrong
	}
	a := Answer{Code: femto.Code(buffer[1]), Format: -1}
	rest := buffer[begin:n]
	for len(rest) > 0 && rest[0] != payloadMarker {
		size := int(rest[0] & 15)
		if rest[0]>>4 != optionFormat && rest[0]>>4 != 0 || size > 2 || size >= len(rest) {
			return wrong
		}
		a.Format = 0
		for _, b := range rest[1 : 1+size] {
			a.Format = a.Format<<8 | int32(b)
		}
		rest = rest[1+size:]
	}
	if len(rest) > 0 {
		a.Payload = append([]byte{}, rest[1:]...)
	}
	return a
}

// headerLength returns how many bytes header and token take, 0 if they are not
// all there.
func headerLength(pdu []byte) int {
	if len(pdu) < headerSize {
		return 0
	}
	n := int(pdu[0] & 15)
	if n > 8 || headerSize+n > len(pdu) {
		return 0
	}
	return headerSize + n
}

// open returns the response that a context leads to, and where in it the
// payload begins.
func (h host) open(c *femto.CoapContext) (r *response, at uint32) {
	r = &h.answer
	if c.Packet != &r.packet || len(r.buffer) == 0 || c.Buffer != &r.buffer[0] {
		panic("femto: this is not the context of a request: get one from Request")
	}
	return r, r.packet.Payload - bufferAt
}

// add appends n bytes to what precedes the payload, nil if there is no room.
func (r *response) add(at, n uint32) []byte {
	if at > uint32(len(r.buffer)) || uint32(len(r.buffer))-at < n {
		return nil
	}
	r.move(at + n)
	return r.buffer[at : at+n]
}

// move lets the payload begin at offset at.
func (r *response) move(at uint32) {
	r.packet.Payload = bufferAt + at
	r.packet.PayloadLen = uint16(uint32(len(r.buffer)) - at)
}

func (h host) GcoapRespInit(c *femto.CoapContext, code femto.Code) int32 {
	r, _ := h.open(c)
	begin := headerLength(r.buffer)
	if begin == 0 {
		return -1
	}
	if r.buffer[0]&0x30 == 0 {
		r.buffer[0] |= 0x20 // a confirmable request is answered in its acknowledgement
	}
	r.buffer[1] = byte(code)
	r.packet = femto.Packet{Header: bufferAt, Token: bufferAt + headerSize}
	r.move(uint32(begin))
	return 0
}

func (h host) CoapAddFormat(c *femto.CoapContext, format uint32) int32 {
	r, at := h.open(c)
	value := binary.BigEndian.AppendUint32(nil, format)
	for len(value) > 0 && value[0] == 0 {
		value = value[1:]
	}
	option := r.add(at, uint32(1+len(value)))
	if option == nil {
		return -1
	}
	option[0] = byte(len(value))
	if r.packet.OptionsLen == 0 {
		option[0] |= optionFormat << 4
	}
	copy(option[1:], value)
	r.packet.OptionsLen++
	return int32(len(option))
}

func (h host) CoapOptFinish(c *femto.CoapContext, flags uint32) int32 {
	r, at := h.open(c)
	if flags&payloadFollows == 0 {
		return int32(at)
	}
	marker := r.add(at, 1)
	if marker == nil {
		return -1
	}
	marker[0] = payloadMarker
	return int32(at + 1)
}

func (h host) CoapGetPdu(c *femto.CoapContext) *byte {
	r, at := h.open(c)
	return &r.buffer[:len(r.buffer)+1][at]
}

// LogLine returns the context of the hook log for a line.
func LogLine(level uint32, line string) *femto.LogContext {
	const size = int(unsafe.Sizeof(femto.LogContext{}))
	memory := make([]uint64, (size+len(line)+7)/8)
	c := (*femto.LogContext)(unsafe.Pointer(&memory[0]))
	c.Level, c.Length = level, uint32(len(line))
	copy(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(c), size)), len(line)), line)
	return c
}
