// Package sample_gcoap answers "hello" and counts how often.
package sample_gcoap

import "github.com/femto-containers/femto/sdk/go/femto"

const runs = 1 // key

// Respond returns the length of the response.
//
//femto:hook coap
func Respond(ctx *femto.CoapContext) int32 {
	femto.Local.Set(runs, femto.Local.Get(runs)+1)
	ctx.Respond(femto.Content)
	length := ctx.Finish(femto.PayloadFollows)
	return length + int32(copy(ctx.Payload(), "hello"))
}
