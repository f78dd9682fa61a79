package refused

import "github.com/femto-containers/femto/sdk/go/femto"

//femto:hook coap
func Run(ctx *femto.TimerContext) int64 { return int64(ctx.Count) }
