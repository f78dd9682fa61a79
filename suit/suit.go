// Package suit processes SUIT manifests (draft-ietf-suit-manifest) on a device:
// it authenticates an envelope, checks it and runs its command sequences
// against a Platform. docs/spec/manifest.md has the profile.
package suit

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/sha2"
)

// Draft is the draft of the manifest format that this package implements. The
// version that the format carries is still 1.
const (
	Draft   = 37
	Version = 1
)

// Limits of the profile. Sequence numbers are UTC seconds by convention; one far
// beyond them would lock out every later manifest.
const (
	MaxEnvelope   = 1<<16 - 1 // bytes; a platform's buffer is the limit that counts
	MaxComponents = 8
	MaxSignatures = 2
	MaxNesting    = 4   // sequences inside a section's sequence
	MaxCommands   = 512 // run for one envelope, counted once per component
	MaxURI        = 128 // bytes
	MaxSequence   = 1<<40 - 1
)

// Stage says how far an envelope came.
type Stage uint8

const (
	StageNone      Stage = iota // everything was done
	StageCBOR                   // some part is not the strict subset of CBOR
	StageEnvelope               // the envelope's structure
	StageDigest                 // a digest of a part of the envelope
	StageAuth                   // signatures
	StageSetup                  // manifest fields: version, sequence number, sections
	StageCheck                  // component list and shared sequence, before anything runs
	StageCondition              // a condition, or what it would compare
	StageExecute                // a sequence or command that cannot run
	StageFetch                  // getting a payload
	StageInstall                // storing a payload
	StageInvoke                 // invoking a component
)

func (s Stage) String() string {
	switch s {
	case StageNone:
		return "-"
	case StageCBOR:
		return "cbor"
	case StageEnvelope:
		return "envelope"
	case StageDigest:
		return "digest"
	case StageAuth:
		return "auth"
	case StageSetup:
		return "setup"
	case StageCheck:
		return "check"
	case StageCondition:
		return "condition"
	case StageExecute:
		return "execute"
	case StageFetch:
		return "fetch"
	case StageInstall:
		return "install"
	case StageInvoke:
		return "invoke"
	}
	return "unknown"
}

// Reason is a reason code of a SUIT report (draft-ietf-suit-report).
type Reason uint8

const (
	ReasonOK                    Reason = 0
	ReasonCBOR                  Reason = 1
	ReasonCOSE                  Reason = 2
	ReasonAlgorithm             Reason = 3
	ReasonUnauthorised          Reason = 4
	ReasonCommand               Reason = 5
	ReasonComponent             Reason = 6
	ReasonComponentUnauthorised Reason = 7
	ReasonParameter             Reason = 8
	ReasonSevering              Reason = 9
	ReasonCondition             Reason = 10
	ReasonOperation             Reason = 11
	ReasonInvokePending         Reason = 12
)

// Error returns the reason in words.
func (r Reason) Error() string {
	switch r {
	case ReasonOK:
		return "ok"
	case ReasonCBOR:
		return "malformed cbor"
	case ReasonCOSE:
		return "unsupported cose message"
	case ReasonAlgorithm:
		return "unsupported algorithm"
	case ReasonUnauthorised:
		return "not authorised"
	case ReasonCommand:
		return "unsupported command"
	case ReasonComponent:
		return "unsupported component"
	case ReasonComponentUnauthorised:
		return "component not authorised"
	case ReasonParameter:
		return "unsupported parameter"
	case ReasonSevering:
		return "unsupported severing"
	case ReasonCondition:
		return "condition failed"
	case ReasonOperation:
		return "operation failed"
	case ReasonInvokePending:
		return "invoke pending"
	}
	return "unknown reason"
}

// A Report says where processing ended. Section, Command, Offset and Component
// are of the last command looked at, 0 before the first.
type Report struct {
	Stage     Stage
	Reason    Reason
	Section   uint8  // key of the section in the manifest; the shared sequence is SectionCommon
	Component uint8  // index in the manifest's component list
	Offset    uint16 // of the command in the section's sequence, in bytes
	Command   int32
}

// Status is what became of an envelope.
type Status uint8

const (
	Idle    Status = iota // nothing given to Process yet
	Done                  // every section ran; Stage is StageInstall if there was a severed one
	Pending               // a fetch is under way; call Resume
	Refused               // see the report
)

// A Signature is what Platform.Authenticate judges.
type Signature = cose.Signature

// A ComponentID is a view of an encoded component identifier: an array of one
// or more byte strings.
type ComponentID []byte

// Len returns the number of segments.
func (c ComponentID) Len() int {
	d := cbor.New(c)
	return d.Array()
}

// Segment returns a view of segment i, or nil.
func (c ComponentID) Segment(i int) []byte {
	d := cbor.New(c)
	if n := d.Array(); i < 0 || i >= n {
		return nil
	}
	for ; i > 0; i-- {
		d.Bytes()
	}
	return d.Bytes()
}

// A Platform is the device below a Processor. The slices it is given are views
// of the envelope and stay good until the Processor is Done or Refused.
type Platform interface {
	// Authenticate returns the signer whose valid signature s is. It is asked
	// once per signature until it accepts one.
	Authenticate(s *Signature) (signer int, ok bool)

	// Component finds the component that signer names by id and returns a
	// handle for the calls below, or why not: ReasonComponent if the device has
	// no such component, ReasonComponentUnauthorised if it is not the signer's.
	Component(signer int, id ComponentID) (component int, reason Reason)

	// Sequence decides whether number may follow what signer last installed
	// in component. Equal numbers are legal (a manifest may be applied again).
	Sequence(signer, component int, number uint64) Reason

	// Matches reports whether value is the device's for condition: the 16
	// bytes of an identifier for CommandVendorID, CommandClassID or
	// CommandDeviceID, an encoded unsigned integer for CommandComponentSlot,
	// the slot that a payload for component would go to.
	Matches(component int, condition int32, value []byte) bool

	// Fetch gets the payload at uri into component's idle storage: size bytes,
	// more than 0, with the SHA-256 digest. If it returns pending, the Processor
	// stops until Resume.
	Fetch(component int, uri []byte, size int32, digest []byte) (pending bool, reason Reason)

	// Store copies payload into component's idle storage.
	Store(component int, payload []byte) Reason

	// Copy copies what component source holds into component's idle storage.
	Copy(component, source int) Reason

	// ImageMatch reports whether what component holds (what was fetched or
	// stored, else what is installed) has the SHA-256 digest, and is size
	// bytes long unless size is -1.
	ImageMatch(component int, digest []byte, size int32) bool

	// Invoke is asked to start component. Later sections may still be refused,
	// so a platform makes nothing permanent before the Processor is Done.
	Invoke(component int) Reason
}

// A Processor works on one envelope at a time. It has a fixed size, allocates
// nothing, and keeps the envelope it is given until it is Done or Refused.
type Processor struct {
	d        cbor.Decoder // all reading goes through this one
	platform Platform
	envelope []byte
	status   Status
	signer   int
	sequence uint64
	report   Report
	digest   [sha2.Size256]byte // of the manifest
	sum      [sha2.Size256]byte // the last one made

	elements   [elementCount]span // byte strings with their heads
	payloads   uint16             // where the integrated payloads begin, 0 if there are none
	sections   [sectionCount]span
	shared     span
	severed    bool
	identified bool // a class condition of the shared sequence has held
	phase      uint8
	start      uint16 // of the running section in the envelope
	count      uint8
	components [MaxComponents]component

	commands uint16 // run so far
	depth    uint8
	frames   [1 + MaxNesting]frame

	claim  Signature
	prefix [cose.PrefixSize]byte
}

// span is a part of the envelope. An empty one is absent: no element of the
// format that a span stands for is empty.
type span struct{ from, to uint16 }

type component struct {
	handle     int
	parameters [parameterCount]span
	unverified bool // it was stored, and no image match has succeeded since
}

// Init sets the platform, which the Processor keeps.
func (p *Processor) Init(platform Platform) {
	*p = Processor{platform: platform}
}

// Process starts on an envelope, forgetting any other, and runs until it is
// Done, Refused or Pending. The caller leaves the envelope alone meanwhile.
func (p *Processor) Process(envelope []byte) Status {
	p.Init(p.platform)
	p.envelope = envelope
	if !p.open() || !p.authenticate() || !p.setup() {
		return p.status
	}
	return p.run()
}

// Resume goes on after a fetch, with the reason why the fetch failed or
// ReasonOK. It does nothing unless the Processor is Pending.
func (p *Processor) Resume(reason Reason) Status {
	if p.status != Pending {
		return p.status
	}
	if reason != ReasonOK {
		p.refuse(StageFetch, reason)
		return p.status
	}
	p.stored()
	return p.run()
}

// Status returns what the last call returned.
func (p *Processor) Status() Status { return p.status }

// Report says where and why processing ended, or where it waits.
func (p *Processor) Report() Report { return p.report }

// Signer returns who signed, as Platform.Authenticate said; valid from
// StageSetup on.
func (p *Processor) Signer() int { return p.signer }

// Sequence returns the manifest's sequence number; valid from StageCheck on.
func (p *Processor) Sequence() uint64 { return p.sequence }

// Digest returns the manifest's SHA-256; valid from StageAuth on.
func (p *Processor) Digest() *[sha2.Size256]byte { return &p.digest }

// Components returns the number of components; valid once Done.
func (p *Processor) Components() int { return int(p.count) }

// Component returns the platform's handle of component i of Components.
func (p *Processor) Component(i int) int { return p.components[i].handle }

// refuse ends processing. It returns false so that checks can return it.
//
//go:noinline
func (p *Processor) refuse(stage Stage, reason Reason) bool {
	p.status = Refused
	p.report.Stage, p.report.Reason = stage, reason
	return false
}
