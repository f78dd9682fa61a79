package suit

import (
	"crypto/sha256"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

var encoding = func() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

func enc(v any) []byte {
	b, err := encoding.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

type (
	seq   []any
	par   map[int]any
	field map[int]any
	array []any
)

// b encodes what is wrapped in a byte string.
func (s seq) b() []byte { return enc([]any(s)) }

var (
	testVendor  = []byte("vendor-vendor-16")
	testClass   = []byte("class-class-0016")
	testImage   = []byte("an image of a container")
	testURI     = "coap://[fd00::1]/image"
	otherDigest = digestOf([]byte("another image"))
)

func digestOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return enc(array{-16, sum[:]})
}

func components(names ...string) array {
	var list array
	for _, name := range names {
		list = append(list, array{[]byte(name)})
	}
	return list
}

func shared(more ...any) seq {
	s := seq{20, par{1: testVendor, 2: testClass, 3: digestOf(testImage), 14: len(testImage)}, 1, 15, 2, 15}
	return append(s, more...)
}

func common(list array, shared seq) []byte {
	return enc(field{2: list, 4: shared.b()})
}

// manifest returns a good manifest with fields replaced, or removed by nil.
func manifest(change field) []byte {
	m := field{
		1: 1, 2: 7,
		3:  common(components("a"), shared()),
		7:  seq{3, 15}.b(),
		20: seq{20, par{21: testURI}, 21, 2, 3, 15}.b(),
	}
	for key, value := range change {
		if value == nil {
			delete(m, key)
			continue
		}
		m[key] = value
	}
	return enc(m)
}

// install returns a good manifest with another install section.
func install(s seq) []byte { return manifest(field{20: s.b()}) }

// envelope wraps a manifest with its digest and a signature that only a
// platform that trusts anybody takes.
func envelope(manifest []byte, more map[any]any) []byte {
	return sealed(enc(manifest), [][]byte{anySignature}, more)
}

var anySignature = enc(cbor.Tag{Number: 18, Content: array{enc(field{1: -19}), field{}, nil, make([]byte, 64)}})

func sealed(wrapped []byte, signatures [][]byte, more map[any]any) []byte {
	sum := sha256.Sum256(wrapped)
	blocks := array{enc(array{-16, sum[:]})}
	for _, s := range signatures {
		blocks = append(blocks, s)
	}
	e := map[any]any{2: enc(blocks), 3: cbor.RawMessage(wrapped)}
	for key, value := range more {
		e[key] = value
	}
	return enc(cbor.Tag{Number: 107, Content: e})
}

// testBench returns a device that trusts anybody and has components a, b and c.
func testBench() *bench {
	return &bench{
		anySigner: true,
		vendor:    testVendor, class: testClass,
		ids:     [][]byte{[]byte("a"), []byte("b"), []byte("c")},
		payload: testImage,
		limit:   2048,
		minimum: 5,
	}
}

func process(t testing.TB, device *bench, envelope []byte) (*Processor, Status) {
	t.Helper()
	p := new(Processor)
	p.Init(device)
	status := p.Process(envelope)
	for status == Pending {
		status = p.Resume(ReasonOK)
	}
	return p, status
}
