package author

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/suit"
)

// Show writes an envelope for people, one line per SUIT element. It verifies
// no signature. An element that it does not understand is shown as bytes; the
// error says where the envelope stops being one.
func Show(w io.Writer, envelope []byte) error {
	elements, err := Elements(envelope)
	var out strings.Builder
	for _, e := range elements {
		indent := strings.Repeat("  ", e.Depth)
		fmt.Fprintf(&out, "%s\n", strings.TrimRight(fmt.Sprintf("%-*s %s", label, indent+e.Name, e.Value), " "))
	}
	if _, werr := io.WriteString(w, out.String()); werr != nil {
		return fmt.Errorf("show envelope: %w", werr)
	}
	return err
}

// An Element is a line of Show.
type Element struct {
	Depth int    `json:"depth"` // of nesting, 0 for the envelope
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Elements returns what Show writes, with what it understood before an error.
func Elements(envelope []byte) ([]Element, error) {
	s := &shower{}
	if err := s.envelope(envelope); err != nil {
		return s.elements, fmt.Errorf("show envelope: %w", err)
	}
	return s.elements, nil
}

type shower struct {
	elements []Element
	depth    int
}

// showDepth ends what a hostile envelope can make Show do.
const showDepth = 12

// label is how wide the names of elements are.
const label = 40

func (s *shower) line(name, format string, args ...any) {
	s.elements = append(s.elements, Element{s.depth, name, fmt.Sprintf(format, args...)})
}

func (s *shower) nested(f func()) {
	s.depth++
	f()
	s.depth--
}

func (s *shower) malformed(where string, b []byte, e cbor.Error) {
	s.line(where, "malformed: %s: %s", e.Error(), shortHex(b))
}

func (s *shower) envelope(b []byte) error {
	if e := cbor.Valid(b, cbor.MaxDepth); e != 0 && e != cbor.ErrOrder {
		return fmt.Errorf("%d bytes: %w", len(b), e)
	}
	d := cbor.New(b)
	tag := "tag 107"
	if d.Type() == cbor.Tag {
		if got := d.Tag(); got != 107 {
			return fmt.Errorf("tag %d, not 107", got)
		}
	} else {
		tag = "no tag"
	}
	if d.Type() != cbor.Map {
		return errors.New("not a map")
	}
	s.line("envelope", "%d bytes, %s", len(b), tag)
	_, manifest := find(d, 3)
	s.depth++
	for n := d.Map(); n > 0; n-- {
		if d.Type() == cbor.Text {
			key := d.Text()
			payload := d.Bytes()
			sum := sha256.Sum256(payload)
			s.line("integrated payload", "%q, %d bytes, sha-256 %x", key, len(payload), sum)
			continue
		}
		key := d.Int()
		start := d.Offset()
		if d.Type() != cbor.Bytes {
			raw := d.Raw(cbor.MaxDepth)
			s.line(fmt.Sprintf("element %d", key), "not a byte string: %s", shortHex(raw))
			continue
		}
		content := d.Bytes()
		switch key {
		case 2:
			s.authentication(content, manifest)
		case 3:
			s.manifest(content)
		case suit.SectionFetch, suit.SectionInstall:
			s.sequence(SectionName(int(key))+" (severable)", key, content)
		case 23:
			s.line("text (23, severable)", "%d bytes", len(content))
		default:
			s.line(fmt.Sprintf("unknown element (%d)", key), "%s", shortHex(b[start:d.Offset()]))
		}
	}
	s.depth--
	if e := d.End(); e != 0 {
		return fmt.Errorf("after %d bytes: %w", d.Offset(), e)
	}
	return nil
}

// find returns the value of an integer key of the map that d is at, as encoded
// and as the content of a byte string.
func find(d cbor.Decoder, key int32) (content, raw []byte) {
	for n := d.Map(); n > 0; n-- {
		k := int32(-1)
		if d.Type() == cbor.Uint {
			k = d.Int()
		} else {
			d.Skip(cbor.MaxDepth)
		}
		raw = d.Raw(cbor.MaxDepth)
		if d.Err() != 0 {
			break
		}
		if k == key {
			v := cbor.New(raw)
			return v.Bytes(), raw
		}
	}
	return nil, nil
}

func (s *shower) authentication(b, manifest []byte) {
	d := cbor.New(b)
	n := d.Array()
	s.line("authentication (2)", "%d bytes", len(b))
	s.nested(func() {
		for i := 0; i < n; i++ {
			item := d.Bytes()
			if e := d.Err(); e != 0 {
				s.malformed("authentication block", b, e)
				return
			}
			if i == 0 {
				text, digest := digestText(item)
				sum := sha256.Sum256(manifest)
				switch {
				case digest == nil:
				case bytes.Equal(digest, sum[:]):
					text += " (of this manifest)"
				default:
					text += " (NOT of this manifest)"
				}
				s.line("manifest digest", "%s", text)
				continue
			}
			var m cose.Message
			if e := cose.Parse(item, &m); e != 0 {
				s.line(fmt.Sprintf("authentication block %d", i), "%s: %s", e.Error(), shortHex(item))
				continue
			}
			kind, key := "signature", "no key id"
			if m.Tag == cose.TagMac0 {
				kind = "mac"
			}
			if m.KeyID != nil {
				key = fmt.Sprintf("key id %x", m.KeyID)
			}
			s.line(fmt.Sprintf("%s %d", kind, i), "%s, %d bytes, %s", algorithmName(m.Algorithm), len(m.Signature), key)
		}
	})
}

// digestText describes a SUIT_Digest and returns its bytes.
func digestText(b []byte) (string, []byte) {
	d := cbor.New(b)
	n := d.Array()
	algorithm := d.Int()
	digest := d.Bytes()
	if n != 2 || d.End() != 0 {
		return "malformed digest: " + shortHex(b), nil
	}
	return fmt.Sprintf("%s %x", algorithmName(algorithm), digest), digest
}

func (s *shower) manifest(b []byte) {
	s.line("manifest (3)", "%d bytes", len(b))
	d := cbor.New(b)
	s.nested(func() {
		for n := d.Map(); n > 0 && d.Err() == 0; n-- {
			key := d.Int()
			value := d.Raw(cbor.MaxDepth)
			if d.Err() != 0 {
				break
			}
			s.field(key, value)
		}
	})
	if e := d.End(); e != 0 {
		s.malformed("manifest", b, e)
	}
}

func (s *shower) field(key int32, value []byte) {
	v := cbor.New(value)
	switch key {
	case 1, 2:
		name := "manifest version (1)"
		if key == 2 {
			name = "sequence number (2)"
		}
		if number := v.Uint(); v.Err() == 0 {
			s.line(name, "%d", number)
			return
		}
		s.line(name, "not an unsigned integer: %s", shortHex(value))
	case 3:
		s.common(v.Bytes())
	case 4:
		s.line("reference uri (4)", "%q", v.Text())
	case suit.SectionValidate, suit.SectionLoad, suit.SectionInvoke, suit.SectionFetch, suit.SectionInstall, 23:
		name := "text"
		if key != 23 {
			name = SectionName(int(key))
		}
		if v.Type() == cbor.Array {
			text, _ := digestText(value)
			s.line(fmt.Sprintf("%s (%d)", name, key), "severed, %s", text)
			return
		}
		if key == 23 {
			s.line("text (23)", "%d bytes", len(v.Bytes()))
			return
		}
		s.sequence(name, key, v.Bytes())
	default:
		s.line(fmt.Sprintf("unknown field (%d)", key), "%s", shortHex(value))
	}
}

func (s *shower) common(b []byte) {
	s.line("common (3)", "%d bytes", len(b))
	d := cbor.New(b)
	s.nested(func() {
		for n := d.Map(); n > 0 && d.Err() == 0; n-- {
			key := d.Int()
			value := d.Raw(cbor.MaxDepth)
			if d.Err() != 0 {
				break
			}
			v := cbor.New(value)
			switch key {
			case 2:
				n := v.Array()
				s.line("components (2)", "%d", n)
				s.nested(func() {
					for i := 0; i < n && v.Err() == 0; i++ {
						s.line(fmt.Sprintf("component %d", i), "%s", componentText(v.Raw(cbor.MaxDepth)))
					}
				})
			case 4:
				s.sequence("shared sequence", 4, v.Bytes())
			default:
				s.line(fmt.Sprintf("unknown field (%d)", key), "%s", shortHex(value))
			}
		}
	})
	if e := d.End(); e != 0 {
		s.malformed("common", b, e)
	}
}

func componentText(id suit.ComponentID) string {
	var parts []string
	for i := range id.Len() {
		segment := id.Segment(i)
		if i > 0 && printable(segment) {
			parts = append(parts, fmt.Sprintf("%q", segment))
			continue
		}
		parts = append(parts, identifierName(segment))
	}
	return strings.Join(parts, " / ")
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}

func (s *shower) sequence(name string, key int32, b []byte) {
	if key > 0 {
		name = fmt.Sprintf("%s (%d)", name, key)
	}
	if s.depth > showDepth {
		s.line(name, "nested too deep")
		return
	}
	d := cbor.New(b)
	n := d.Array()
	odd := ""
	if n&1 != 0 {
		odd = ", an odd number of items"
	}
	s.line(name, "%d bytes%s", len(b), odd)
	s.nested(func() {
		for i := 0; i < n && d.Err() == 0; i += 2 {
			code := d.Int()
			if i+1 == n {
				s.line(commandName(code), "no argument")
				break
			}
			argument := d.Raw(cbor.MaxDepth)
			if d.Err() == 0 {
				s.command(code, argument)
			}
		}
	})
	if e := d.End(); e != 0 {
		s.malformed(name, b, e)
	}
}

func (s *shower) command(code int32, argument []byte) {
	name := commandName(code)
	a := cbor.New(argument)
	switch {
	case code == suit.CommandOverrideParameters && a.Type() == cbor.Map:
		n := a.Map()
		s.line(name, "")
		s.nested(func() {
			for ; n > 0 && a.Err() == 0; n-- {
				key := a.Int()
				value := a.Raw(cbor.MaxDepth)
				s.line(parameterName(key), "%s", parameterText(key, value))
			}
		})
	case code == suit.CommandRunSequence && a.Type() == cbor.Bytes:
		s.line(name, "")
		s.nested(func() { s.sequence("sequence", 0, a.Bytes()) })
	case code == suit.CommandTryEach && a.Type() == cbor.Array:
		n := a.Array()
		s.line(name, "%d alternatives", n)
		s.nested(func() {
			for i := 0; i < n && a.Err() == 0; i++ {
				title := fmt.Sprintf("alternative %d", i)
				if a.Null() {
					s.line(title, "nothing")
					continue
				}
				s.sequence(title, 0, a.Bytes())
			}
		})
	case code == suit.CommandSetComponentIndex:
		s.line(name, "%s", itemText(argument))
	case a.Type() == cbor.Uint:
		s.line(name, "report %s", policyText(a.Uint()))
	default:
		s.line(name, "%s", itemText(argument))
	}
}

func policyText(policy uint64) string {
	switch {
	case policy == 0:
		return "nothing"
	case policy == 15:
		return "everything"
	case policy > 15:
		return fmt.Sprintf("%d (no such policy)", policy)
	}
	var parts []string
	for i, name := range []string{"success", "failure", "sysinfo on success", "sysinfo on failure"} {
		if policy>>i&1 != 0 {
			parts = append(parts, name)
		}
	}
	return strings.Join(parts, ", ")
}

func parameterText(key int32, value []byte) string {
	v := cbor.New(value)
	switch key {
	case suit.ParameterVendorID, suit.ParameterClassID, suit.ParameterDeviceID:
		if v.Type() == cbor.Bytes {
			return identifierName(v.Bytes())
		}
	case suit.ParameterImageDigest:
		if v.Type() == cbor.Bytes {
			text, _ := digestText(v.Bytes())
			return text
		}
	case suit.ParameterImageSize:
		if v.Type() == cbor.Uint {
			return fmt.Sprintf("%d bytes", v.Uint())
		}
	case suit.ParameterContent:
		if v.Type() == cbor.Bytes {
			content := v.Bytes()
			return fmt.Sprintf("%d bytes, sha-256 %x", len(content), sha256.Sum256(content))
		}
	}
	return itemText(value)
}

// itemText shows a small item as a value and anything else as bytes.
func itemText(b []byte) string {
	d := cbor.New(b)
	switch d.Type() {
	case cbor.Uint:
		return fmt.Sprint(d.Uint())
	case cbor.Nint:
		return fmt.Sprint(d.Int())
	case cbor.Text:
		return fmt.Sprintf("%q", d.Text())
	case cbor.Array:
		n := d.Array()
		var parts []string
		for i := 0; i < n && d.Type() == cbor.Uint; i++ {
			parts = append(parts, fmt.Sprint(d.Uint()))
		}
		if d.End() == 0 {
			return "[" + strings.Join(parts, ", ") + "]"
		}
	case cbor.Simple:
		if len(b) == 1 && b[0] == 0xf5 {
			return "true"
		}
	}
	return shortHex(b)
}

// shortHex keeps a line a line.
func shortHex(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("h'%x…' (%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("h'%x'", b)
}
