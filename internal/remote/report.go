package remote

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/suit"
	"github.com/femto-containers/femto/vm"
)

// Report is what a device says of an envelope or command. Keys are
// agent.Report….
type Report struct {
	Progress Progress     `cbor:"1,keyasint" json:"progress"`
	Stage    Stage        `cbor:"2,keyasint" json:"stage"`
	Reason   Reason       `cbor:"3,keyasint" json:"reason"`
	Detail   agent.Detail `cbor:"4,keyasint" json:"-"`
	Code     int          `cbor:"5,keyasint" json:"-"`
	PC       int          `cbor:"6,keyasint" json:"-"`
	Sequence uint64       `cbor:"7,keyasint" json:"sequence"`
	Received int          `cbor:"8,keyasint" json:"received"`
	Total    int          `cbor:"9,keyasint" json:"total"`
	Section  int          `cbor:"10,keyasint" json:"section"`
	Command  int          `cbor:"11,keyasint" json:"command"`
	Manifest Hex          `cbor:"12,keyasint" json:"manifest"` // the beginning of its digest
	Unmet    engine.Unmet `cbor:"13,keyasint" json:"-"`
	Lacking  []uint32     `cbor:"14,keyasint" json:"-"` // helpers, as vm.HelperSet
}

// Needs says in words everything that the image needs and does not get.
func (r *Report) Needs() []string {
	var unmet []string
	for bit := engine.Unmet(1); bit != 0; bit <<= 1 {
		if r.Unmet&bit == 0 {
			continue
		}
		need := bit.String()
		if bit == engine.UnmetHelpers {
			for n := range 32 * len(r.Lacking) {
				if r.Lacking[n/32]>>(n%32)&1 != 0 {
					need += " " + helperName(uint8(n))
				}
			}
		}
		unmet = append(unmet, need)
	}
	return unmet
}

func helperName(n uint8) string {
	for i := range helpers.Standard {
		if h := &helpers.Standard[i]; h.Number == n {
			return fmt.Sprintf("%s (%#x)", h.Name, n)
		}
	}
	return fmt.Sprintf("%#x", n)
}

// Progress says how far an envelope has come.
type Progress agent.Progress

func (p Progress) String() string {
	switch agent.Progress(p) {
	case agent.ProgressNone:
		return "none"
	case agent.ProgressDone:
		return "done"
	case agent.ProgressFetching:
		return "fetching"
	case agent.ProgressRefused:
		return "refused"
	}
	return fmt.Sprintf("progress %d", uint8(p))
}

func (p Progress) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Stage is where processing ended.
type Stage suit.Stage

func (s Stage) String() string               { return suit.Stage(s).String() }
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Untrusted reports whether processing ended because the bytes are not what a
// trusted key has signed.
func (s Stage) Untrusted() bool {
	return suit.Stage(s) == suit.StageAuth || suit.Stage(s) == suit.StageDigest
}

// Reason is a SUIT report's reason code.
type Reason suit.Reason

func (r Reason) String() string { return suit.Reason(r).Error() }

// MarshalJSON gives the code and its text.
func (r Reason) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"code": uint8(r), "text": r.String()})
}

// Why says in words what exactly the device found, or "" if the reason says
// all.
func (r *Report) Why() string {
	if unmet := r.Needs(); len(unmet) > 0 {
		return "it needs " + strings.Join(unmet, "; ")
	}
	switch r.Detail {
	case agent.DetailImage:
		return image.Error(r.Code).Error()
	case agent.DetailCheck:
		return fmt.Sprintf("%s at slot %d", vm.Fault(r.Code).Error(), r.PC)
	case agent.DetailEngine:
		return engine.Error(r.Code).Error()
	case agent.DetailFlash:
		return flash.Error(r.Code).Error()
	case agent.DetailCoAP:
		return coap.Error(r.Code).Error()
	case agent.DetailCounter:
		return fmt.Sprintf("sequence number is not above %d, which is spent", r.Sequence)
	case agent.DetailAgent:
		return agent.Error(r.Code).Error()
	}
	return ""
}

// A RefusedError is a device's refusal.
type RefusedError struct {
	Report *Report
	status error // the response's code
}

// Unwrap returns the response's code, nil if there was none.
func (e *RefusedError) Unwrap() error { return e.status }

func (e *RefusedError) Error() string {
	text := fmt.Sprintf("refused at stage %s: %s", e.Report.Stage, e.Report.Reason)
	if why := e.Report.Why(); why != "" {
		text += " (" + why + ")"
	}
	return text
}
