package author

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/suit"
)

// A Description is a manifest as people write it, in JSON: every element of the
// draft that devices or the draft's examples have, by name. docs/spec/manifest.md
// has the names.
type Description struct {
	Sequence   uint64            `json:"sequence"`
	Reference  string            `json:"reference,omitempty"`
	Components [][]string        `json:"components"`
	Shared     Sequence          `json:"shared"`
	Fetch      *Section          `json:"payload-fetch,omitempty"`
	Install    *Section          `json:"install,omitempty"`
	Validate   *Section          `json:"validate,omitempty"`
	Load       *Section          `json:"load,omitempty"`
	Invoke     *Section          `json:"invoke,omitempty"`
	Text       *Blob             `json:"text,omitempty"`
	CoSWID     *Blob             `json:"coswid,omitempty"`
	Payloads   map[string]string `json:"payloads,omitempty"` // URI: bytes
}

// A Section is a sequence in the manifest, or beside it with its digest in the
// manifest, or only that digest.
type Section struct {
	Sequence Sequence `json:"sequence,omitempty"`
	Beside   bool     `json:"beside,omitempty"`  // the sequence is severable
	Severed  string   `json:"severed,omitempty"` // sha256:…, for no sequence
}

// A Blob is an element that devices do not read.
type Blob struct {
	Content string `json:"content,omitempty"` // bytes
	Beside  bool   `json:"beside,omitempty"`
	Severed string `json:"severed,omitempty"`
}

// UnmarshalJSON takes a bare list of steps for a section in the manifest.
func (s *Section) UnmarshalJSON(b []byte) error {
	if trimmed := bytes.TrimSpace(b); len(trimmed) > 0 && trimmed[0] == '[' {
		return json.Unmarshal(b, &s.Sequence)
	}
	type plain Section
	return strict(b, (*plain)(s))
}

// MarshalJSON writes a section in the manifest as a bare list of steps.
func (s Section) MarshalJSON() ([]byte, error) {
	if !s.Beside && s.Severed == "" {
		return json.Marshal(s.Sequence)
	}
	type plain Section
	return json.Marshal(plain(s))
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// ParseDescription reads JSON and refuses names that it does not know.
func ParseDescription(b []byte) (*Description, error) {
	d := &Description{}
	if err := strict(b, d); err != nil {
		return nil, fmt.Errorf("read description: %w", err)
	}
	return d, nil
}

// Build makes the unsigned envelope that d describes; files are relative to
// folder.
func (d *Description) Build(folder string) (*Parts, error) {
	n := notation{folder}
	p := &Parts{Elements: map[int][]byte{}, Payloads: map[string][]byte{}}
	if err := d.build(n, p); err != nil {
		return nil, fmt.Errorf("make manifest: %w", err)
	}
	return p, nil
}

func (d *Description) build(n notation, p *Parts) error {
	components := [][][]byte{}
	for i, c := range d.Components {
		segments := [][]byte{}
		for _, text := range c {
			segment, err := n.bytes(text)
			if err != nil {
				return fmt.Errorf("component %d: %w", i, err)
			}
			segments = append(segments, segment)
		}
		components = append(components, segments)
	}
	shared, err := d.Shared.encode(n)
	if err != nil {
		return fmt.Errorf("shared: %w", err)
	}
	manifest := map[int]any{1: suit.Version, 2: d.Sequence, 3: encode(map[int]any{2: components, 4: shared})}
	if d.Reference != "" {
		manifest[4] = d.Reference
	}
	for key, s := range d.sections() {
		if s == nil {
			continue
		}
		var content []byte
		if s.Severed == "" {
			if content, err = s.Sequence.encode(n); err != nil {
				return fmt.Errorf("%s: %w", SectionName(int(key)), err)
			}
		}
		if err := p.place(manifest, n, key, content, s.Beside, s.Severed); err != nil {
			return fmt.Errorf("%s: %w", SectionName(int(key)), err)
		}
	}
	for key, b := range map[int]*Blob{keyText: d.Text, keyCoSWID: d.CoSWID} {
		if b == nil {
			continue
		}
		var content []byte
		if b.Severed == "" {
			if content, err = n.bytes(b.Content); err != nil {
				return fmt.Errorf("element %d: %w", key, err)
			}
		}
		if err := p.place(manifest, n, key, content, b.Beside, b.Severed); err != nil {
			return fmt.Errorf("element %d: %w", key, err)
		}
	}
	for uri, text := range d.Payloads {
		if p.Payloads[uri], err = n.bytes(text); err != nil {
			return fmt.Errorf("payload %q: %w", uri, err)
		}
	}
	p.Manifest = encode(manifest)
	return nil
}

// place puts an element into the manifest, or beside it.
func (p *Parts) place(manifest map[int]any, n notation, key int, content []byte, beside bool, severed string) error {
	switch {
	case severed != "":
		digest, err := n.digest(severed)
		if err != nil {
			return err
		}
		manifest[key] = digest
	case beside:
		manifest[key] = digestOfElement(content)
		p.Elements[key] = content
	default:
		manifest[key] = content
	}
	return nil
}

func (d *Description) sections() map[int]*Section {
	return map[int]*Section{
		suit.SectionFetch: d.Fetch, suit.SectionInstall: d.Install,
		suit.SectionValidate: d.Validate, suit.SectionLoad: d.Load, suit.SectionInvoke: d.Invoke,
	}
}

// Describe is the inverse of Build: built again, the description gives the same
// manifest, byte for byte.
func Describe(p *Parts) (*Description, error) {
	d := &Description{Payloads: map[string]string{}}
	err := d.describe(p)
	if err == nil {
		var again *Parts
		if again, err = d.Build(""); err == nil && !bytes.Equal(again.Manifest, p.Manifest) {
			err = fmt.Errorf("it has elements that are %w", errShape)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("describe manifest: %w", err)
	}
	return d, nil
}

func (d *Description) describe(p *Parts) error {
	var manifest map[int]cbor.RawMessage
	if err := cbor.Unmarshal(p.Manifest, &manifest); err != nil {
		return err
	}
	for key, value := range manifest {
		var err error
		switch key {
		case 1:
			var version int
			if err = cbor.Unmarshal(value, &version); err == nil && version != suit.Version {
				err = fmt.Errorf("version %d", version)
			}
		case 2:
			err = cbor.Unmarshal(value, &d.Sequence)
		case 3:
			err = d.describeCommon(value)
		case 4:
			err = cbor.Unmarshal(value, &d.Reference)
		case suit.SectionFetch:
			d.Fetch, err = p.section(key, value)
		case suit.SectionInstall:
			d.Install, err = p.section(key, value)
		case suit.SectionValidate:
			d.Validate, err = p.section(key, value)
		case suit.SectionLoad:
			d.Load, err = p.section(key, value)
		case suit.SectionInvoke:
			d.Invoke, err = p.section(key, value)
		case keyText:
			d.Text, err = p.blob(key, value)
		case keyCoSWID:
			d.CoSWID, err = p.blob(key, value)
		default:
			err = errShape
		}
		if err != nil {
			return fmt.Errorf("field %d: %w", key, err)
		}
	}
	for uri, payload := range p.Payloads {
		d.Payloads[uri] = bytesText(payload)
	}
	return nil
}

func (d *Description) describeCommon(value []byte) error {
	var wrapped []byte
	var common struct {
		Extra      cbor.RawMessage `cbor:"1,keyasint,omitempty"`
		Components [][][]byte      `cbor:"2,keyasint"`
		Shared     []byte          `cbor:"4,keyasint"`
	}
	if cbor.Unmarshal(value, &wrapped) != nil || cbor.Unmarshal(wrapped, &common) != nil || common.Extra != nil {
		return errShape
	}
	for _, segments := range common.Components {
		var c []string
		for _, segment := range segments {
			c = append(c, bytesText(segment))
		}
		d.Components = append(d.Components, c)
	}
	var err error
	d.Shared, err = decodeSequence(common.Shared)
	return err
}

// element returns what stands at key: content in the manifest or beside it, or
// a digest alone.
func (p *Parts) element(key int, value []byte) (content []byte, beside bool, severed string, err error) {
	if cbor.Unmarshal(value, &content) == nil {
		return content, false, "", nil
	}
	text, digest := digestText(value)
	if digest == nil {
		return nil, false, "", fmt.Errorf("%w: %s", errShape, text)
	}
	if content = p.Elements[key]; content != nil {
		return content, true, "", nil
	}
	return nil, false, fmt.Sprintf("sha256:%x", digest), nil
}

func (p *Parts) section(key int, value []byte) (*Section, error) {
	content, beside, severed, err := p.element(key, value)
	if err != nil || severed != "" {
		return &Section{Severed: severed}, err
	}
	sequence, err := decodeSequence(content)
	return &Section{Sequence: sequence, Beside: beside}, err
}

func (p *Parts) blob(key int, value []byte) (*Blob, error) {
	content, beside, severed, err := p.element(key, value)
	if err != nil || severed != "" {
		return &Blob{Severed: severed}, err
	}
	return &Blob{Content: bytesText(content), Beside: beside}, nil
}

func number(text string) (int32, bool) {
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err == nil
}
