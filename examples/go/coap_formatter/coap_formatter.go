// Package coap_formatter is of tenant B, on the hook coap: it answers with the
// mean that sensor_average keeps, as decimal text.
package coap_formatter

import "github.com/femto-containers/femto/sdk/go/femto"

const result = 0x50 // key

// Respond returns the length of the response, -1 if it has no room.
//
//femto:hook coap
//femto:name coap_formatter
func Respond(ctx *femto.CoapContext) int64 {
	var text [20]byte
	n := femto.FormatUint(text[:], femto.Global.Get(result))
	ctx.Respond(femto.Content)
	ctx.AddFormat(femto.TextPlain)
	header := ctx.Finish(femto.PayloadFollows)
	if femto.Copy(ctx.Payload(), text[:n]) < n {
		return -1
	}
	return int64(header) + int64(n)
}
