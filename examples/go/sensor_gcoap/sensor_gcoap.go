// Package sensor_gcoap answers with what a sensor reads, as a decimal number
// with its scale; 5.00 where there is no sensor.
package sensor_gcoap

import "github.com/femto-containers/femto/sdk/go/femto"

const sensor = 1 // position

// Respond returns the length of the response.
//
//femto:hook coap
func Respond(ctx *femto.CoapContext) int64 {
	var reading femto.Reading
	if femto.SensorAt(sensor).Read(&reading) < 0 {
		return femto.InternalServerError.Result()
	}
	ctx.Respond(femto.Content)
	ctx.AddFormat(femto.TextPlain)
	length := ctx.Finish(femto.PayloadFollows)
	n := femto.FormatFixed(ctx.Payload(), reading.Value[0], reading.Scale)
	return int64(length) + int64(n)
}
