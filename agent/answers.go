package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
)

// Answers lets containers answer requests, as a Config's Other: GET c fires a
// hook, the standard one called coap, whose first container to give a response
// answers; GET c/NAME has the container of that name answer alone. The hook's
// Regions are those of the Responder.
type Answers struct {
	Engine    *engine.Engine
	Hook      int
	Responder helpers.Responder
}

// ServeCoAP answers one request that is not for the agent.
//
//go:noinline
func (s *Answers) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	segments := req.NumPath()
	if segments == 0 || segments > 2 || !equal(req.Path(0), PathAnswers) {
		resp.Fail(coap.NotFound, "")
		return
	}
	if req.Code != coap.GET {
		resp.Fail(coap.MethodNotAllowed, "")
		return
	}
	var result engine.Result
	context := s.Responder.Begin(0, nil)
	if segments == 1 {
		result = s.Engine.Fire(now, s.Hook, context)
	} else {
		result = s.Engine.FireOne(now, s.Engine.Find(s.Hook, req.Path(1)), context)
	}
	switch {
	case result.Err == engine.ErrContainer:
		resp.Fail(coap.NotFound, "no such container")
		return
	case result.Ran == 0 && result.Faulted > 0:
		resp.Fail(coap.InternalServerError, "container stopped")
		return
	case result.Ran == 0 && result.Skipped > 0:
		resp.Fail(coap.ServiceUnavailable, "tenant has used up its rate")
		return
	}
	code, format, payload := s.Responder.End(result.Value)
	resp.Code = coap.Code(code)
	resp.ContentFormat = coap.FormatNone
	if format != helpers.NoFormat {
		resp.ContentFormat = coap.Format(format)
	}
	resp.Body = payload
}
