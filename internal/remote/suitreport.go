package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/cose"
)

// A SUITReport is what a device says of the last manifest that one of its tenants
// signed (draft-ietf-suit-report-22). The device does not sign it.
type SUITReport struct {
	Nonce    string  `json:"nonce"`    // what was asked with
	Manifest Digest  `json:"manifest"` // SHA-256 of the manifest
	Accepted bool    `json:"accepted"`
	Refusal  *Ending `json:"refusal,omitempty"` // where it ended, if it was not accepted as a whole
}

// An Ending is where the processing of a manifest ended, and why. Section, offset
// and component are of the last command that was looked at.
type Ending struct {
	Stage     Stage  `json:"stage"`
	Reason    Reason `json:"reason"`
	Section   int    `json:"section"`   // key in the manifest; 3 for the shared sequence
	Offset    int    `json:"offset"`    // of the command in the section, bytes
	Component int    `json:"component"` // index in the manifest's list
}

// ErrNoReport says that a device has nothing to report: the last that it was sent
// is no manifest, or is not through yet.
var ErrNoReport = errors.New("no report on a manifest")

// SUITReport asks for the report on the last manifest, and returns it as it came
// too.
func (d *Device) SUITReport(ctx context.Context) (*SUITReport, []byte, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	nonce := hex.EncodeToString(random[:])
	resp, err := d.Do(ctx, client.Request{Method: coap.GET, Path: "/" + agent.PathManifest, Query: "r=" + nonce})
	if err != nil {
		report, refused := d.report(resp, err)
		switch {
		case report != nil && report.Detail == agent.DetailAgent && agent.Error(report.Code) == agent.ErrReport:
			return nil, nil, ErrNoReport
		case refused != nil:
			return nil, nil, refused
		}
		return nil, nil, err
	}
	report, err := ParseSUITReport(resp.Body)
	if err == nil && report.Nonce != nonce {
		err = errors.New("answer is not to what was asked: another nonce")
	}
	return report, resp.Body, err
}

// ParseSUITReport reads a SUIT_Report without records.
func ParseSUITReport(raw []byte) (*SUITReport, error) {
	var document struct {
		Nonce     []byte            `cbor:"2,keyasint"`
		Records   []cbor.RawMessage `cbor:"3,keyasint"`
		Result    cbor.RawMessage   `cbor:"4,keyasint"`
		Reference []cbor.RawMessage `cbor:"99,keyasint"`
	}
	if err := decode("SUIT report", raw, &document); err != nil {
		return nil, err
	}
	r := &SUITReport{Nonce: string(document.Nonce)}
	var digest struct {
		_         struct{} `cbor:",toarray"`
		Algorithm int32
		Bytes     []byte
	}
	if len(document.Reference) == 0 {
		return nil, errors.New("SUIT report without a reference")
	}
	if err := decode("SUIT report's reference", document.Reference[len(document.Reference)-1], &digest); err != nil {
		return nil, err
	}
	if digest.Algorithm != int32(cose.AlgSHA256) || len(digest.Bytes) != 32 {
		return nil, fmt.Errorf("SUIT report refers by a digest of algorithm %d and %d bytes", digest.Algorithm, len(digest.Bytes))
	}
	r.Manifest = digest.Bytes
	if bytes.Equal(document.Result, []byte{0xf5}) {
		r.Accepted = true
		return r, nil
	}
	var result struct {
		Code   Stage `cbor:"5,keyasint"`
		Record struct {
			_          struct{} `cbor:",toarray"`
			Path       []uint
			Section    int
			Offset     int
			Component  int
			Properties map[int]cbor.RawMessage
		} `cbor:"6,keyasint"`
		Reason Reason `cbor:"7,keyasint"`
	}
	if err := decode("SUIT report's result", document.Result, &result); err != nil {
		return nil, err
	}
	r.Refusal = &Ending{
		Stage: result.Code, Reason: result.Reason, Section: result.Record.Section,
		Offset: result.Record.Offset, Component: result.Record.Component,
	}
	return r, nil
}
