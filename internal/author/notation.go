package author

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"
)

// Descriptions write bytes as text with a prefix that says how:
//
//	hex:0011  text:abc  file:app.bin  uuid:…  hook:event  class:femto-sim  vendor:femto-containers.org
//
// and any CBOR as "cbor:" and its bytes in hexadecimal.

// maxFile is more than any image and any element of an envelope.
const maxFile = 1 << 20

// A notation reads such text; files are relative to folder.
type notation struct{ folder string }

func (n notation) bytes(text string) ([]byte, error) {
	kind, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, fmt.Errorf("%q says not what it is: write hex:, text:, file:, uuid:, hook:, class: or vendor: before it", text)
	}
	switch kind {
	case "hex":
		return hex.DecodeString(rest)
	case "text":
		return []byte(rest), nil
	case "file":
		return n.file(rest)
	case "uuid":
		id, err := uuid.Parse(rest)
		return id[:], err
	case "hook":
		id := HookID(rest)
		return id[:], nil
	case "class":
		id := ClassID(rest)
		return id[:], nil
	case "vendor":
		id := uuid.NewSHA1(uuid.NameSpaceDNS, []byte(rest))
		return id[:], nil
	}
	return nil, fmt.Errorf("%q: no kind of bytes is called %s", text, kind)
}

func (n notation) file(name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(n.folder, name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", name, maxFile)
	}
	return os.ReadFile(name)
}

// digest reads "sha256:" and 64 digits, or a file, and returns a SUIT_Digest.
func (n notation) digest(text string) ([]any, error) {
	if digits, ok := strings.CutPrefix(text, "sha256:"); ok {
		var sum [sha256.Size]byte
		if b, err := hex.DecodeString(digits); err != nil || copy(sum[:], b) != len(sum) || len(b) != len(sum) {
			return nil, fmt.Errorf("%q: want 64 hexadecimal digits", text)
		}
		return digestOf(sum), nil
	}
	if name, ok := strings.CutPrefix(text, "file:"); ok {
		b, err := n.file(name)
		return digestOf(sha256.Sum256(b)), err
	}
	return nil, fmt.Errorf("%q: want sha256: and 64 hexadecimal digits, or file: and a name", text)
}

// raw reads "cbor:" and hexadecimal digits.
func raw(text string) (cbor.RawMessage, bool, error) {
	digits, ok := strings.CutPrefix(text, "cbor:")
	if !ok {
		return nil, false, nil
	}
	b, err := hex.DecodeString(digits)
	if err == nil {
		err = cbor.Wellformed(b)
	}
	if err != nil {
		return nil, true, fmt.Errorf("%.40q is not cbor: %w", text, err)
	}
	return b, true, nil
}

func rawText(b []byte) string { return "cbor:" + hex.EncodeToString(b) }

// bytesText writes bytes so that notation.bytes reads them, as what they are if
// that is known.
func bytesText(b []byte) string {
	if id, err := uuid.FromBytes(b); err == nil {
		switch id {
		case VendorID():
			return "vendor:femto-containers.org"
		case ClassID("femto-sim"):
			return "class:femto-sim"
		}
		for _, hook := range []string{"event", "timer"} {
			if id == HookID(hook) {
				return "hook:" + hook
			}
		}
		return "uuid:" + id.String()
	}
	if len(b) > 1 && printable(b) {
		return "text:" + string(b)
	}
	return "hex:" + hex.EncodeToString(b)
}

var errShape = errors.New("not of the form that this element has")
