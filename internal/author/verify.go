package author

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/suit"
)

// MaxImage is more bytes than any device of ours has in a slot.
const MaxImage = 64 << 10

// Checks are what a device knows and Verify therefore compares with. Whatever
// is zero passes any value.
type Checks struct {
	Key         PublicKey
	Vendor      []byte   // 16 bytes
	Class       []byte   // 16 bytes
	Components  [][]byte // first segments of the components the device has
	MinSequence uint64
}

// A Verdict is what a device would say to an envelope.
type Verdict struct {
	Accepted bool
	Stage    string // where it ended: "-" if everything would run, "install" if that was severed
	Reason   string // in the words of a SUIT report
	Detail   string // for people
	Report   suit.Report
	Sequence uint64
	Fetches  []string // URIs a device would fetch from
}

// Verify processes an envelope as a device does, up to fetching a payload by
// URI, which it takes to succeed. Integrated payloads are checked.
func Verify(envelope []byte, checks Checks) Verdict {
	return process(envelope, &desk{checks: checks})
}

func process(envelope []byte, d *desk) Verdict {
	var p suit.Processor
	p.Init(d)
	status := p.Process(envelope)
	r := p.Report()
	v := Verdict{
		Accepted: status == suit.Done,
		Stage:    r.Stage.String(),
		Reason:   r.Reason.Error(),
		Report:   r,
		Sequence: p.Sequence(),
		Fetches:  d.fetches,
	}
	v.Detail = d.detail(v)
	return v
}

// detail says in a sentence where and why.
func (d *desk) detail(v Verdict) string {
	r := v.Report
	switch {
	case v.Accepted && r.Stage == suit.StageInstall:
		return "authentic, but the install section is severed: nothing to install"
	case v.Accepted && len(d.fetches) > 0:
		return fmt.Sprintf("accepted up to the fetch of %s", d.fetches[0])
	case v.Accepted:
		return "accepted"
	}
	text := stageText[r.Stage]
	if r.Stage == suit.StageSetup && v.Sequence > suit.MaxSequence {
		text = fmt.Sprintf("sequence number %d is higher than %d: it would lock out every later manifest", v.Sequence, uint64(suit.MaxSequence))
	}
	if d.why != "" && d.whyStage == r.Stage {
		text = d.why
	}
	if r.Section != 0 {
		text += fmt.Sprintf(" (%s section, %s at byte %d)", SectionName(int(r.Section)), commandName(r.Command), r.Offset)
	}
	return text
}

var stageText = map[suit.Stage]string{
	suit.StageCBOR:      "not deterministic cbor: truncated, trailing bytes, a duplicate key, an indefinite length or not the shortest form",
	suit.StageEnvelope:  "not a suit envelope: tag 107 with an authentication wrapper before a manifest",
	suit.StageDigest:    "a digest does not fit what it is of, or is not sha-256",
	suit.StageAuth:      "no valid signature of this key",
	suit.StageSetup:     "a manifest field is missing, malformed or not supported",
	suit.StageCheck:     "the component list or the shared sequence is not acceptable",
	suit.StageCondition: "a condition failed, or its parameter is missing or malformed",
	suit.StageExecute:   "a command cannot be run",
	suit.StageFetch:     "a payload cannot be fetched",
	suit.StageInstall:   "a payload cannot be stored",
	suit.StageInvoke:    "a component cannot be invoked",
}

// A desk is the platform of Verify: a device on paper.
type desk struct {
	checks   Checks
	anybody  bool // every signature is good
	ids      [][]byte
	stored   map[int][]byte
	fetches  []string
	why      string // what a call below refused and why
	whyStage suit.Stage
}

func (d *desk) refuse(stage suit.Stage, format string, args ...any) {
	d.why, d.whyStage = fmt.Sprintf(format, args...), stage
}

func (d *desk) Authenticate(s *suit.Signature) (int, bool) {
	if d.anybody || d.checks.Key.verifies(s) {
		return 0, true
	}
	d.refuse(suit.StageAuth, "no valid signature of the %s key %s (the envelope is signed with %s)",
		d.checks.Key.Kind(), d.checks.Key.ID(), algorithmName(s.Algorithm))
	return 0, false
}

func (d *desk) Component(_ int, id suit.ComponentID) (int, suit.Reason) {
	first := id.Segment(0)
	if len(d.checks.Components) > 0 && !contains(d.checks.Components, first) {
		d.refuse(suit.StageCheck, "component %x is not one of the device's", first)
		return 0, suit.ReasonComponent
	}
	if len(d.checks.Components) > 0 && (id.Len() > 2 || !agent.ValidName(id.Segment(1))) {
		d.refuse(suit.StageCheck, "a component is a hook's UUID and at most one name, of 1 to 16 letters, digits and - _ .")
		return 0, suit.ReasonComponent
	}
	for i, known := range d.ids {
		if bytes.Equal(known, id) {
			return i, suit.ReasonOK
		}
	}
	d.ids = append(d.ids, id)
	return len(d.ids) - 1, suit.ReasonOK
}

func contains(list [][]byte, b []byte) bool {
	for _, item := range list {
		if bytes.Equal(item, b) {
			return true
		}
	}
	return false
}

func (d *desk) Sequence(_, _ int, number uint64) suit.Reason {
	if number < d.checks.MinSequence {
		d.refuse(suit.StageSetup, "sequence number %d is lower than %d: an older manifest", number, d.checks.MinSequence)
		return suit.ReasonCondition
	}
	return suit.ReasonOK
}

func (d *desk) Matches(_ int, condition int32, id []byte) bool {
	want, name := []byte(nil), "device"
	switch condition {
	case suit.CommandVendorID:
		want, name = d.checks.Vendor, "vendor"
	case suit.CommandClassID:
		want, name = d.checks.Class, "class"
	}
	if len(want) == 0 || bytes.Equal(want, id) {
		return true
	}
	d.refuse(suit.StageCondition, "the manifest is for %s %x, not %x", name, id, want)
	return false
}

func (d *desk) Fetch(component int, uri []byte, size int32, digest []byte) (bool, suit.Reason) {
	var u coap.URI
	if err := u.Parse(uri); err != 0 {
		d.refuse(suit.StageFetch, "%q is no uri that a device fetches from: %v", uri, err)
		return false, suit.ReasonParameter
	}
	if size > MaxImage {
		d.refuse(suit.StageFetch, "an image of %d bytes is larger than any device stores (%d)", size, MaxImage)
		return false, suit.ReasonOperation
	}
	d.fetches = append(d.fetches, string(uri))
	return false, suit.ReasonOK
}

func (d *desk) Store(component int, payload []byte) suit.Reason {
	if d.stored == nil {
		d.stored = map[int][]byte{}
	}
	d.stored[component] = payload
	return suit.ReasonOK
}

func (d *desk) Copy(component, source int) suit.Reason {
	if image, ok := d.stored[source]; ok {
		return d.Store(component, image)
	}
	delete(d.stored, component)
	return suit.ReasonOK
}

// ImageMatch takes a payload that was not fetched to be what the manifest says.
func (d *desk) ImageMatch(component int, digest []byte, size int32) bool {
	image, ok := d.stored[component]
	if !ok {
		return true
	}
	got := sha256.Sum256(image)
	return bytes.Equal(got[:], digest) && (size < 0 || int(size) == len(image))
}

func (d *desk) Invoke(int) suit.Reason { return suit.ReasonOK }
