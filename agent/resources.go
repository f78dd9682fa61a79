package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/suit"
)

// resources is what /.well-known/core lists (RFC 6690).
var resources = [...]coap.Resource{
	atManifest: {Path: "/" + PathManifest, Type: "femto.suit", Format: "60"},
	atCommand:  {Path: "/" + PathCommand, Type: "femto.command"},
	atInfo:     {Path: "/" + PathInfo, Type: "femto.info", Format: "60"},
	atList:     {Path: "/" + PathList, Type: "femto.ps", Format: "60"},
	atCounter:  {Path: "/" + PathCounter, Type: "femto.counter", Format: "60"},
	atHook:     {Path: "/" + PathHook, Type: "femto.hook"},
	atStore:    {Path: "/" + PathStore, Type: "femto.kv", Format: "60"},
	atTrust:    {Path: "/" + PathTrust, Type: "femto.trust", Format: "18"},
	atLogs:     {Path: "/" + PathLogs, Type: "femto.logs", Format: "60"}, // last: left out without Config.Logs
}

const (
	atManifest = iota
	atCommand
	atInfo
	atList
	atCounter
	atHook
	atStore
	atTrust
	atLogs
)

// ServeCoAP answers one request. It is the Endpoint's handler; nobody else
// calls it.
//
//go:noinline
func (a *Agent) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	if a.serveRecord(now, req, resp) {
		return
	}
	at, known := 0, a.c.CoAP.Resources
	for at < len(known) && !equal(req.Path(0), known[at].Path[1:]) {
		at++
	}
	if at == len(known) && a.c.Other != nil {
		a.c.Other.ServeCoAP(now, req, resp)
		return
	}
	segments := 1
	if at == atHook {
		segments = 2
	}
	if at == len(known) || req.NumPath() != segments {
		resp.Fail(coap.NotFound, "")
		return
	}
	switch req.Code {
	case coap.POST:
		switch at {
		case atManifest:
			a.serveManifest(now, req, resp)
			return
		case atCommand:
			a.serveCommand(now, req, resp)
			return
		case atHook:
			a.serveHook(now, req, resp)
			return
		}
	case coap.GET:
		if at != atInfo && !a.readable(now, &req.From) {
			a.decline(resp, coap.Unauthorized, suit.ReasonUnauthorised, ErrSession)
			return
		}
		switch at {
		case atManifest:
			if query := req.Query(0); len(query) > 0 && query[0] == 'r' {
				a.serveReport(query, resp)
				return
			}
			resp.Code = coap.Content
			a.writeReport(resp)
			return
		case atInfo:
			a.serveInfo(now, a.readable(now, &req.From), resp)
			return
		case atList:
			resp.Topic = topicList
			a.serveList(resp)
			return
		case atCounter, atStore:
			a.serveQuery(at, req, resp)
			return
		case atTrust:
			a.serveTrust(resp)
			return
		case atLogs:
			resp.Topic = topicLogs
			a.c.Logs.ServeCoAP(now, req, resp)
			return
		}
	}
	a.decline(resp, coap.MethodNotAllowed, suit.ReasonCommand, ErrRequest)
}

// finish turns what e wrote into the response's body, or into an error if it
// did not fit.
//
//go:noinline
func finish(resp *coap.Response, code coap.Code, e *cbor.Encoder) {
	if e.Overflow() {
		resp.Fail(coap.InternalServerError, "answer too long")
		return
	}
	resp.Code = code
	resp.ContentFormat = coap.FormatCBOR
	resp.Body = resp.Body[:e.Len()]
}

// body returns an encoder into the response's body.
//
//go:noinline
func body(resp *coap.Response) cbor.Encoder {
	return cbor.NewEncoder(resp.Body[:cap(resp.Body)])
}

// pair appends a pair of a map. A key of 8 bits leaves the registers to the
// value.
//
//go:noinline
func pair(e *cbor.Encoder, key uint8, value uint64) {
	e.Uint(uint64(key))
	e.Uint(value)
}

//go:noinline
func pairInt(e *cbor.Encoder, key uint8, value int64) {
	e.Uint(uint64(key))
	e.Int(value)
}

//go:noinline
func pairBytes(e *cbor.Encoder, key uint8, value []byte) {
	e.Uint(uint64(key))
	e.ByteString(value)
}

//go:noinline
func pairText(e *cbor.Encoder, key uint8, value string) {
	e.Uint(uint64(key))
	e.Text(value)
}

// pairArray appends a key and the head of its array.
//
//go:noinline
func pairArray(e *cbor.Encoder, key uint8, n int) {
	e.Uint(uint64(key))
	e.Array(n)
}

// text appends b as a text string. It is of an alphabet without surprises.
//
//go:noinline
func text(e *cbor.Encoder, b []byte) {
	e.Head(cbor.Text, uint64(len(b)))
	e.Raw(b)
}

// serveInfo tells what the device is. Those who may not read get what they need
// to ask for a session.
//
//go:noinline
func (a *Agent) serveInfo(now int64, all bool, resp *coap.Response) {
	e := body(resp)
	if !all {
		e.Map(3)
		pair(&e, InfoWire, WireVersion)
		a.device(&e)
		finish(resp, coap.Content, &e)
		return
	}
	e.Map(17)
	pair(&e, InfoBlock, uint64(a.c.CoAP.BlockSize))
	pair(&e, InfoWire, WireVersion)
	pairText(&e, InfoBoard, a.c.Board)
	pairText(&e, InfoVersion, a.c.Version)
	pairBytes(&e, InfoVendor, a.c.Vendor[:])
	pairBytes(&e, InfoClass, a.c.Class[:])
	pair(&e, InfoManifest, suit.Version)
	pair(&e, InfoEnvelope, uint64(len(a.c.Envelope)))
	pair(&e, InfoImage, uint64(a.maxImage()))
	pairArray(&e, InfoContainers, 2)
	e.Uint(uint64(a.used()))
	e.Uint(uint64(len(a.c.Containers)))
	pairArray(&e, InfoHooks, a.engine.Hooks())
	for i := 0; i < a.engine.Hooks(); i++ {
		hook := a.engine.Hook(i)
		e.Array(4)
		e.Text(hook.Name)
		e.ByteString(hook.UUID[:])
		e.Uint(uint64(a.attached(i)))
		e.Bool(a.remote(i))
	}
	e.Uint(InfoTenants)
	e.Array(a.trustedTenants())
	for i := range a.tenants {
		if t := &a.tenants[i]; !t.free() {
			e.Array(2)
			text(&e, trimZeros(t.name[:]))
			e.ByteString(t.keyID[0][:])
		}
	}
	e.Uint(InfoHelpers)
	helpers := a.engine.Helpers()
	e.Array(len(helpers))
	for i := range helpers {
		e.Text(helpers[i].Name)
	}
	// Seldom another one, so that the info can be read in blocks.
	pair(&e, InfoUptime, uint64(now)|(1<<uptimeStep-1))
	pair(&e, InfoMemory, uint64(a.engine.MemoryFree()))
	a.device(&e)
	finish(resp, coap.Content, &e)
}

// uptimeStep is the exponent of the microseconds by which the uptime that is
// told grows: 4.2 s.
const uptimeStep = 22

// device tells whose the device is.
func (a *Agent) device(e *cbor.Encoder) {
	pairBytes(e, InfoDevice, a.c.Device[:])
	flags := uint64(a.flags&TrustClosed) | uint64(a.flags&TrustSigned)<<2
	if withP256 {
		flags |= InfoP256
	}
	pairArray(e, InfoTrust, 4)
	if a.owner.free() {
		e.ByteString(nil)
		if a.enrolls() {
			flags |= InfoEnrolls
		}
	} else {
		e.ByteString(a.owner.keyID[0][:])
	}
	e.Uint(a.sequence(trustCounter[:]))
	e.Uint(flags)
	e.Uint(a.nonce)
}

// remote reports whether a hook may be fired from the network.
func (a *Agent) remote(hook int) bool { return a.c.Remote>>uint(hook)&1 != 0 }

// attached counts the containers on a hook.
func (a *Agent) attached(hook int) int {
	n := 0
	for i := range a.c.Containers {
		if a.container(i).used() && a.engine.Container(i).Hook() == hook {
			n++
		}
	}
	return n
}

//go:noinline
func (a *Agent) serveList(resp *coap.Response) {
	e := body(resp)
	config := a.c
	e.Array(a.used())
	for i := range config.Containers {
		c := a.container(i)
		if !c.used() {
			continue
		}
		header := a.header(i)
		container := a.engine.Container(i)
		stats := container.Stats()
		state := StateRunning
		switch {
		case container.State() == engine.Stopped:
			state = StateStopped
		case container.State() == engine.Faulted:
			state = StateFaulted
		case container.State() == engine.Installed:
			state = StateInstalled
		case c.state&stateTrial != 0:
			state = StateTrial
		case c.state&stateReverted != 0:
			state = StateReverted
		case container.State() == engine.Suspended:
			state = StateSuspended
		}
		e.Map(16 + recordMore)
		e.Uint(ListName)
		text(&e, container.Name())
		pairText(&e, ListHook, a.engine.Hook(container.Hook()).Name)
		e.Uint(ListTenant)
		text(&e, trimZeros(a.tenants[c.tenant].name[:]))
		pairBytes(&e, ListDigest, header.digest())
		pair(&e, ListSize, uint64(header.size()))
		pair(&e, ListSequence, a.sequence(header.counter()))
		pair(&e, ListState, uint64(state))
		pair(&e, ListActivations, uint64(stats.Activations))
		pair(&e, ListInstructions, stats.Instructions)
		pair(&e, ListFaults, uint64(stats.Faults))
		pairInt(&e, ListLastFault, int64(stats.Fault))
		pair(&e, ListFaultPC, uint64(stats.FaultPC))
		pair(&e, ListFaultAddress, stats.FaultAddress)
		pair(&e, ListMemory, uint64(container.Memory()))
		pair(&e, ListSlot, uint64(slotIndex(i, c.slot())))
		pair(&e, ListPosition, uint64(a.engine.Position(i)))
		a.pairCalls(&e, i)
	}
	finish(resp, coap.Content, &e)
}

// serveHook fires a hook with the request's body as context.
//
//go:noinline
func (a *Agent) serveHook(now int64, req *coap.Request, resp *coap.Response) {
	hook := -1
	for i := 0; i < a.engine.Hooks(); i++ {
		if equal(req.Path(1), a.engine.Hook(i).Name) {
			hook = i
		}
	}
	if hook < 0 {
		resp.Fail(coap.NotFound, "no such hook")
		return
	}
	if !a.remote(hook) || a.c.Signed>>uint(hook)&1 != 0 || a.flags&TrustSigned != 0 {
		resp.Fail(coap.Forbidden, "hook is not fired from the network unsigned")
		return
	}
	if len(req.Payload) > len(a.c.Context) || !a.engine.Hook(hook).Fits(len(req.Payload)) {
		resp.Fail(coap.BadRequest, "context is not of the hook's size")
		return
	}
	a.fire(now, hook, req.Payload, resp)
}

// fire fires a hook that may be fired, with a context of its size.
func (a *Agent) fire(now int64, hook int, payload []byte, resp *coap.Response) {
	// The context is the hook's memory: a container may write to it.
	context := a.c.Context[:copy(a.c.Context, payload)]
	result := a.engine.FireEach(now, hook, context, a.c.Outcomes)
	e := body(resp)
	e.Map(5)
	pairInt(&e, FireValue, result.Value)
	pair(&e, FireRan, uint64(result.Ran))
	pair(&e, FireFaulted, uint64(result.Faulted))
	pair(&e, FireInstructions, uint64(result.Instructions))
	e.Uint(FireOutcomes)
	outcomes := a.c.Outcomes[:min(int(result.Ran)+int(result.Faulted), len(a.c.Outcomes))]
	e.Array(len(outcomes))
	for i := range outcomes {
		o := &outcomes[i]
		e.Array(6)
		text(&e, a.engine.Container(o.Container).Name())
		e.Int(o.Value)
		e.Int(int64(o.Fault))
		e.Uint(uint64(o.PC))
		e.Uint(o.Address)
		e.Uint(uint64(o.Instructions))
	}
	finish(resp, coap.Changed, &e)
}
