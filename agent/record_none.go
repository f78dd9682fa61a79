//go:build tinygo && !record

package agent

import (
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/cbor"
)

// A firmware without the tag record has no recorder.
type recording struct{}

const recordMore = 0

func (a *Agent) pairCalls(*cbor.Encoder, int) {}

func (a *Agent) tellFaults() {}

func (a *Agent) aboutRecord(uint8) uint8 { return 0 }

func (a *Agent) mayRecord(*order) verdict { return done }

func (a *Agent) record(*order) {}

func (a *Agent) serveRecord(int64, *coap.Request, *coap.Response) bool { return false }
