package author

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/suit"
)

// A Finding is what Lint has to say about an envelope.
type Finding struct {
	Level string `json:"level"` // refused, warning or note
	Where string `json:"where"`
	What  string `json:"what"`
	Try   string `json:"try,omitempty"`
}

// Text returns what there is to say, and what to try.
func (f Finding) Text() string {
	if f.Try == "" {
		return f.What
	}
	return f.What + "; try " + f.Try
}

// Levels of findings.
const (
	Rejected = "refused" // every device of ours refuses it
	Warning  = "warning" // some devices refuse it, or it does what is seldom meant
	Note     = "note"
)

const (
	deviceEnvelope = 1024          // bytes, the buffer of small devices
	farFuture      = 24 * 60 * 60  // seconds ahead of now
	utcSeconds     = 1_600_000_000 // a number lower than that is no time
	maxHint        = len(KeyID{})  // bytes of a kid that mean something
	maxNamed       = 2             // segments of a component of ours
)

// published are public keys whose private halves anybody can look up.
var published = map[string]string{
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a": "test 1 of RFC 8032",
	"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c": "test 2 of RFC 8032",
	"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025": "test 3 of RFC 8032",
	"278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e": "test 1024 of RFC 8032",
	"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf": "test sha(abc) of RFC 8032",
}

// Lint looks for what devices refuse and for what is seldom meant, at time now
// in UTC seconds. It verifies no signature, but says whose private key is
// public if key, which may be none, is such a one.
func Lint(envelope []byte, key PublicKey, now uint64) []Finding {
	l := &linter{}
	l.key(key)
	p, err := Open(envelope)
	signed := envelope
	if err == nil && len(p.Signatures) == 0 { // see what else there is
		as := *p
		if err := as.Sign(NewPrivateKey([32]byte{1}), 0); err == nil {
			signed = as.Envelope()
		}
	}
	v := process(signed, &desk{anybody: true})
	if !v.Accepted {
		l.add(Rejected, v.Stage, v.Detail, "")
	}
	if err != nil {
		if v.Accepted {
			l.add(Rejected, "envelope", err.Error(), "")
		}
		return l.findings
	}
	l.envelope(envelope, p)
	l.signatures(p)
	if d, err := Describe(p); err == nil {
		l.manifest(d, now)
	}
	return l.findings
}

type linter struct{ findings []Finding }

func (l *linter) add(level, where, what, try string) {
	l.findings = append(l.findings, Finding{level, where, what, try})
}

func (l *linter) key(key PublicKey) {
	if whose, ok := published[hex.EncodeToString(key.Raw())]; ok {
		l.add(Rejected, "key", "its private half is public: "+whose, "femto key generate")
	}
	if key.hmac != nil {
		l.add(Warning, "key", "a shared key signs for whoever can verify", "an Ed25519 key")
	}
}

func (l *linter) envelope(envelope []byte, p *Parts) {
	if n := len(envelope); n > deviceEnvelope {
		try := "--uri, so that the device fetches the image"
		if len(p.Severable()) > 0 {
			try = "femto manifest sever"
		}
		l.add(Warning, "envelope", fmt.Sprintf("%d bytes: small devices take %d", n, deviceEnvelope), try)
	}
	for _, name := range p.Severable() {
		if name == "text" || name == "coswid" {
			l.add(Note, name, fmt.Sprintf("%d bytes that devices do not read", len(p.Elements[severable[name]])), "femto manifest sever")
		}
	}
}

func (l *linter) signatures(p *Parts) {
	if len(p.Signatures) == 0 {
		l.add(Rejected, "authentication", "no signature", "femto manifest sign")
	}
	ours := false
	for i, block := range p.Signatures {
		where := fmt.Sprintf("signature %d", i+1)
		var m cose.Message
		if e := cose.Parse(block, &m); e != 0 {
			l.add(Warning, where, e.Error(), "")
			continue
		}
		switch m.Algorithm {
		case cose.AlgEd25519:
			ours = true
		case cose.AlgEdDSA:
			ours = true
			l.add(Note, where, "eddsa (-8) is deprecated (RFC 9864); -19 says the same", "femto manifest sign")
		case cose.AlgES256:
			l.add(Note, where, "es256 (-7) is deprecated (RFC 9864); -9 says the same", "femto manifest sign")
		}
		if len(m.KeyID) > maxHint {
			l.add(Warning, where, fmt.Sprintf("a key id of %d bytes: devices of ours know %d", len(m.KeyID), maxHint), "")
		}
	}
	if len(p.Signatures) > 0 && !ours {
		l.add(Warning, "authentication", "not signed with Ed25519, all that microcontrollers of ours verify", "an Ed25519 key")
	}
}

func (l *linter) manifest(d *Description, now uint64) {
	switch {
	case d.Sequence > now+farFuture:
		l.add(Warning, "sequence number", fmt.Sprintf("%d is more than a day ahead: devices may refuse it, or refuse every other for as long", d.Sequence), "UTC seconds")
	case d.Sequence < utcSeconds:
		l.add(Note, "sequence number", fmt.Sprintf("%d is no time: who loses count cannot make a higher one", d.Sequence), "UTC seconds")
	}
	if len(d.Components) > 1 {
		l.add(Warning, "components", fmt.Sprintf("%d: a manifest for a device of ours is about one container", len(d.Components)), "a manifest each")
	}
	for i, c := range d.Components {
		if !component(c) {
			l.add(Warning, fmt.Sprintf("component %d", i), strings.Join(c, " / ")+" is not the UUID of a hook and at most a name of 1 to 16 letters, digits and - _ .", "")
		}
	}
	if !d.Shared.has("vendor-id") && !d.Shared.has("class-id") {
		l.add(Rejected, "shared sequence", "no class condition: it would be for devices of any kind", "")
	}
	used := map[string]bool{}
	for _, s := range d.sections() {
		if s == nil {
			continue
		}
		for _, command := range []string{"copy", "component-slot"} {
			if s.Sequence.has(command) {
				l.add(Warning, command, "devices of ours refuse it", "")
			}
		}
		s.Sequence.uris(used)
	}
	d.Shared.uris(used)
	for uri := range d.Payloads {
		if !used[uri] {
			l.add(Warning, "integrated payload "+uri, "no fetch names it, and so nothing vouches for it", "")
		}
	}
}

// component reports whether c names a container as devices of ours do.
func component(c []string) bool {
	if len(c) == 0 || len(c) > maxNamed {
		return false
	}
	first, err := notation{}.bytes(c[0])
	if _, uerr := uuid.FromBytes(first); err != nil || uerr != nil {
		return false
	}
	if len(c) == 1 {
		return true
	}
	name, err := notation{}.bytes(c[1])
	return err == nil && agent.ValidName(name)
}

// has reports whether a command is in s or a sequence inside it.
func (s Sequence) has(command string) (found bool) {
	s.walk(func(step Step) { found = found || step.Command == command })
	return found
}

func (s Sequence) uris(used map[string]bool) {
	s.walk(func(step Step) {
		if parameters, ok := step.Argument.(map[string]any); ok {
			if uri, ok := parameters["uri"].(string); ok {
				used[uri] = true
			}
		}
	})
}

func (s Sequence) walk(visit func(Step)) {
	for _, step := range s {
		visit(step)
		switch inner := step.Argument.(type) {
		case Sequence:
			inner.walk(visit)
		case []Sequence:
			for _, alternative := range inner {
				alternative.walk(visit)
			}
		}
	}
}

var _ suit.Platform = (*desk)(nil)
