// Package answers responds to CoAP requests in ways that the global store's key
// 1 chooses.
package answers

import "github.com/femto-containers/femto/sdk/go/femto"

// Respond returns the length of the response, or -9*32 behind the last case.
//
//femto:hook coap
func Respond(ctx *femto.CoapContext) int64 {
	begin := int32(0)
	switch femto.Global.Get(1) {
	case 0:
		return 0
	case 1:
		return femto.NotImplemented.Result()
	case 2:
		ctx.Respond(femto.Changed)
		begin = ctx.Finish(0)
	case 3:
		ctx.Respond(femto.Content)
		n := ctx.AddFormat(femto.CBOR)
		begin = ctx.Finish(femto.PayloadFollows)
		payload := ctx.Payload()
		payload[0], payload[1] = byte(n), byte(len(payload))
		begin += 2
	case 4:
		ctx.Respond(femto.Content)
		for ctx.AddFormat(0x1234) > 0 {
		}
		begin = ctx.Finish(femto.PayloadFollows)
		femto.Log2("%d %u", begin, ctx.Packet.OptionsLen)
	case 5:
		begin = ctx.Finish(femto.PayloadFollows)
		femto.Log3("%u %u %u", ctx.Packet.Header, ctx.Packet.Payload, ctx.Packet.PayloadLen)
	case 6:
		ctx.Respond(femto.Content)
		begin = ctx.Finish(femto.PayloadFollows) + 1000
	case 7:
		ctx.Respond(femto.Content)
		begin = ctx.Finish(femto.PayloadFollows)
		for _, b := range ctx.Payload() {
			if b != 0 {
				return -1
			}
		}
		clear(ctx.Payload())
		begin += int32(len(ctx.Payload()))
	default:
		return -9 * 32
	}
	return int64(begin)
}
