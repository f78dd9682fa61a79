package suit

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/femto-containers/femto/internal/cbor"
)

// TestReportEncode compares with SUIT_Reports that another encoder makes
// (draft-ietf-suit-report-22, the keys and order of its CDDL).
func TestReportEncode(t *testing.T) {
	digest := [32]byte{1, 2, 3}
	reference := array{-16, digest[:]}
	refused := Report{Stage: StageCondition, Reason: ReasonCondition, Section: SectionInstall, Component: 1, Offset: 300, Command: CommandImageMatch}
	record := array{array{}, SectionInstall, 300, 1, field{}}
	for _, tc := range []struct {
		name       string
		report     Report
		uri, nonce []byte
		want       field
	}{
		{"success", Report{}, nil, nil, field{3: array{}, 4: true, 99: array{reference}}},
		{"nonce", Report{}, nil, []byte("nonce"), field{2: []byte("nonce"), 3: array{}, 4: true, 99: array{reference}}},
		{"empty nonce", Report{}, nil, []byte{}, field{2: []byte{}, 3: array{}, 4: true, 99: array{reference}}},
		{"uri", Report{}, []byte("coap://h/m"), nil, field{3: array{}, 4: true, 99: array{"coap://h/m", reference}}},
		{"refused", refused, nil, nil, field{3: array{}, 4: field{5: StageCondition, 6: record, 7: 10}, 99: array{reference}}},
		{"severed", Report{Stage: StageInstall}, nil, nil, field{3: array{}, 4: field{5: StageInstall, 6: array{array{}, 0, 0, 0, field{}}, 7: 9}, 99: array{reference}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			buffer := make([]byte, MaxReport+len(tc.uri)+len(tc.nonce)+6)
			e := cbor.NewEncoder(buffer)
			tc.report.Encode(&e, tc.uri, tc.nonce, &digest)
			if want := enc(tc.want); e.Overflow() || !bytes.Equal(e.Bytes(), want) {
				t.Errorf("got  %s\nwant %s", hex.EncodeToString(e.Bytes()), hex.EncodeToString(want))
			}
			if cbor.Valid(e.Bytes(), cbor.MaxDepth) != 0 {
				t.Error("not deterministic")
			}
		})
	}

	longest := Report{Stage: 23, Reason: 23, Section: 255, Component: 255, Offset: 65535}
	e := cbor.NewEncoder(make([]byte, MaxReport))
	if n := testing.AllocsPerRun(10, func() {
		e = cbor.NewEncoder(e.Bytes()[:0:MaxReport][:MaxReport])
		longest.Encode(&e, nil, nil, &digest)
	}); n != 0 || e.Overflow() {
		t.Errorf("%v allocations, overflow %v", n, e.Overflow())
	}
}
