package author

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/suit"
)

// Delivery says how the image comes to the device.
type Delivery int

const (
	// Content puts the image into the manifest itself. It costs the fewest
	// bytes: the manifest's digest vouches for the image too.
	Content Delivery = iota
	// Integrated puts the image into the envelope beside the manifest.
	Integrated
	// Reference leaves the image where Manifest.URI says; the device fetches it.
	Reference
)

// A Manifest is an order to install one container.
type Manifest struct {
	Sequence  uint64    // UTC seconds, by convention
	Class     uuid.UUID // the class of device it is for; needed
	Vendor    uuid.UUID // left out if zero: a class of ours says its vendor
	Hook      uuid.UUID // where the container runs
	Container string    // its name there; left out if empty
	Image     []byte
	Delivery  Delivery
	URI       string // of a Reference; of an Integrated image its key, "#" by default
	Invoke    bool   // add an invoke section; a device of ours needs none
	Text      string // for people, severable; devices do not read it
	KeyHint   int    // bytes of the signer's key identifier to send along, 0..8
}

// Envelope returns the manifest in a signed envelope.
func (m *Manifest) Envelope(key PrivateKey) ([]byte, error) {
	p, err := m.Parts()
	if err != nil {
		return nil, err
	}
	if err := p.Sign(key, m.KeyHint); err != nil {
		return nil, err
	}
	return p.Envelope(), nil
}

// Parts returns the unsigned envelope.
func (m *Manifest) Parts() (*Parts, error) {
	manifest, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("make manifest: %w", err)
	}
	p := &Parts{Manifest: manifest, Elements: map[int][]byte{}, Payloads: map[string][]byte{}}
	if m.Delivery == Integrated {
		p.Payloads[m.integratedKey()] = m.Image
	}
	if m.Text != "" {
		p.Elements[keyText] = m.text()
	}
	return p, nil
}

// text is a text section that describes the manifest, in English.
func (m *Manifest) text() []byte {
	return encode(map[string]any{"en": map[int]string{1: m.Text}})
}

func (m *Manifest) integratedKey() string {
	if m.URI == "" {
		return "#"
	}
	return m.URI
}

func (m *Manifest) encode() ([]byte, error) {
	if m.Class == uuid.Nil {
		return nil, errors.New("no class of device")
	}
	if m.Hook == uuid.Nil {
		return nil, errors.New("no hook")
	}
	if len(m.Image) == 0 {
		return nil, errors.New("empty image")
	}
	component := []any{m.Hook[:]}
	if m.Container != "" {
		component = append(component, []byte(m.Container))
	}

	parameters := map[int32]any{suit.ParameterClassID: m.Class[:]}
	var conditions []any
	if m.Vendor != uuid.Nil {
		parameters[suit.ParameterVendorID] = m.Vendor[:]
		conditions = append(conditions, suit.CommandVendorID, recordAll)
	}
	conditions = append(conditions, suit.CommandClassID, recordAll)

	var install []any
	switch m.Delivery {
	case Content:
		install = []any{
			suit.CommandOverrideParameters, map[int32]any{suit.ParameterContent: m.Image},
			suit.CommandWrite, recordFailure,
		}
	case Integrated, Reference:
		uri := m.integratedKey()
		if m.Delivery == Reference {
			if uri = m.URI; uri == "" {
				return nil, errors.New("a referenced image needs a uri")
			}
			parameters[suit.ParameterImageSize] = len(m.Image)
		}
		if len(uri) > suit.MaxURI {
			return nil, fmt.Errorf("uri is %d bytes, longer than %d", len(uri), suit.MaxURI)
		}
		sum := sha256.Sum256(m.Image)
		parameters[suit.ParameterImageDigest] = encode(digestOf(sum))
		install = []any{
			suit.CommandOverrideParameters, map[int32]any{suit.ParameterURI: uri},
			suit.CommandFetch, recordFailure,
			suit.CommandImageMatch, recordAll,
		}
	default:
		return nil, fmt.Errorf("unknown delivery %d", m.Delivery)
	}
	shared := append([]any{suit.CommandOverrideParameters, parameters}, conditions...)

	manifest := map[int]any{
		1:                   suit.Version,
		2:                   m.Sequence,
		3:                   encode(map[int]any{2: []any{component}, 4: encode(shared)}),
		suit.SectionInstall: encode(install),
	}
	if m.Invoke {
		manifest[suit.SectionInvoke] = encode([]any{suit.CommandInvoke, recordFailure})
	}
	if m.Text != "" {
		manifest[keyText] = digestOfElement(m.text())
	}
	return encode(manifest), nil
}

// Reporting policies, as the draft's examples use them.
const (
	recordFailure = 2
	recordAll     = 15
)

func digestOf(sum [sha256.Size]byte) []any {
	return []any{cose.AlgSHA256, sum[:]}
}
