package suit

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/sha2"
)

// Keys of a SUIT report and the most of one without its URI and nonce
// (draft-ietf-suit-report-22).
const (
	reportNonce     = 2
	reportRecords   = 3
	reportResult    = 4
	reportCode      = 5
	reportRecord    = 6
	reportReason    = 7
	reportReference = 99

	MaxReport = 80 // bytes
)

// Encode writes r as a SUIT_Report about the manifest with the digest: by its
// reference uri if that is not empty, and with the nonce of whoever asked if
// that is not nil. A result that is not success has the Stage as its code and
// says in one record where processing ended. It is up to the caller to ask e
// for Overflow, and to protect the report.
func (r Report) Encode(e *cbor.Encoder, uri, nonce []byte, digest *[sha2.Size256]byte) {
	pairs := 3
	if nonce != nil {
		pairs = 4
	}
	e.Map(pairs)
	if nonce != nil {
		e.Uint(reportNonce)
		e.ByteString(nonce)
	}
	e.Uint(reportRecords)
	e.Array(0)
	e.Uint(reportResult)
	if r.Stage == StageNone {
		e.Bool(true)
	} else {
		reason := r.Reason
		if reason == ReasonOK { // accepted, but its install section is elsewhere
			reason = ReasonSevering
		}
		e.Map(3)
		e.Uint(reportCode)
		e.Uint(uint64(r.Stage))
		e.Uint(reportRecord)
		e.Array(5)
		e.Array(0) // the root manifest
		e.Uint(uint64(r.Section))
		e.Uint(uint64(r.Offset))
		e.Uint(uint64(r.Component))
		e.Map(0)
		e.Uint(reportReason)
		e.Uint(uint64(reason))
	}
	e.Uint(reportReference)
	e.Array(1 + min(len(uri), 1))
	if len(uri) != 0 {
		e.Head(cbor.Text, uint64(len(uri)))
		e.Raw(uri)
	}
	e.Array(2)
	e.Int(int64(cose.AlgSHA256))
	e.ByteString(digest[:])
}
