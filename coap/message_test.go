package coap

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type option struct {
	number uint16
	value  string
}

func optionsOf(m *Message) (all []option) {
	for o := m.Options(); o.Next(); {
		all = append(all, option{o.Number, string(o.Value)})
	}
	return all
}

// The first seven are the examples of RFC 7252 appendix A.
var wellFormed = []struct {
	name    string
	hex     string
	typ     Type
	code    Code
	id      uint16
	token   string
	options []option
	payload string
}{
	{"figure 16 request", "40 01 7d34 bb 74656d7065726174757265", Confirmable, GET, 0x7d34, "",
		[]option{{UriPath, "temperature"}}, ""},
	{"figure 16 response", "60 45 7d34 ff 32322e332043", Acknowledgement, Content, 0x7d34, "", nil, "22.3 C"},
	{"figure 17 request", "41 01 7d35 20 bb 74656d7065726174757265", Confirmable, GET, 0x7d35, "\x20",
		[]option{{UriPath, "temperature"}}, ""},
	{"figure 17 response", "61 45 7d35 20 ff 32322e332043", Acknowledgement, Content, 0x7d35, "\x20", nil, "22.3 C"},
	{"empty acknowledgement", "60 00 7d38", Acknowledgement, Empty, 0x7d38, "", nil, ""},
	{"reset", "70 00 7d38", Reset, Empty, 0x7d38, "", nil, ""},
	{"non-confirmable", "51 45 ad7b 75 ff 32322e332043", NonConfirmable, Content, 0xad7b, "\x75", nil, "22.3 C"},
	{"token of 8", "48 02 0000 0102030405060708", Confirmable, POST, 0, "\x01\x02\x03\x04\x05\x06\x07\x08", nil, ""},
	{"repeated and empty options", "40 01 0001 b1 61 00 01 62", Confirmable, GET, 1, "",
		[]option{{UriPath, "a"}, {UriPath, ""}, {UriPath, "b"}}, ""},
	{"delta of one more byte", "40 01 0001 d0 ff", Confirmable, GET, 1, "", []option{{268, ""}}, ""},
	{"delta of two more bytes", "40 01 0001 e1 0017 07", Confirmable, GET, 1, "", []option{{RequestTag, "\x07"}}, ""},
	{"largest delta", "40 01 0001 e0 fef2", Confirmable, GET, 1, "", []option{{65535, ""}}, ""},
	{"length of one more byte", "40 01 0001 bd 00 61616161616161616161616161", Confirmable, GET, 1, "",
		[]option{{UriPath, strings.Repeat("a", 13)}}, ""},
	{"length of two more bytes", "40 01 0001 be 0000" + strings.Repeat("61", 269), Confirmable, GET, 1, "",
		[]option{{UriPath, strings.Repeat("a", 269)}}, ""},
}

func TestParse(t *testing.T) {
	for _, tt := range wellFormed {
		t.Run(tt.name, func(t *testing.T) {
			var m Message
			if err := Parse(unhex(t, tt.hex), &m); err != 0 {
				t.Fatal(err)
			}
			if m.Type != tt.typ || m.Code != tt.code || m.ID != tt.id || string(m.Token) != tt.token || string(m.Payload) != tt.payload {
				t.Errorf("got %+v", m)
			}
			got := optionsOf(&m)
			if len(got) != len(tt.options) {
				t.Fatalf("options = %v, want %v", got, tt.options)
			}
			for i := range got {
				if got[i] != tt.options[i] {
					t.Errorf("option %d = %v, want %v", i, got[i], tt.options[i])
				}
			}
		})
	}
}

func TestBuilder(t *testing.T) {
	for _, tt := range wellFormed {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.hex)
			build := func(size int) ([]byte, bool) {
				var b Builder
				b.Start(make([]byte, size), tt.typ, tt.code, tt.id, []byte(tt.token))
				for _, o := range tt.options {
					b.Option(o.number, []byte(o.value))
				}
				b.Payload([]byte(tt.payload))
				return b.Bytes()
			}
			if got, ok := build(len(want)); !ok || !bytes.Equal(got, want) {
				t.Errorf("got %x, %v, want %x", got, ok, want)
			}
			for size := range len(want) {
				if got, ok := build(size); ok {
					t.Fatalf("in %d bytes: %x, want failure", size, got)
				}
			}
		})
	}
}

func TestBuilderRefusesDisorder(t *testing.T) {
	var b Builder
	b.Start(make([]byte, 64), Confirmable, GET, 1, nil)
	b.Uint(UriQuery, 1)
	b.Uint(UriPath, 1)
	if got, ok := b.Bytes(); ok {
		t.Errorf("got %x, want failure", got)
	}
}

// A token longer than a message may have is not written, nor is one for which
// there is no room.
func TestBuilderRefusesTokens(t *testing.T) {
	for _, tt := range []struct{ room, token int }{{64, 9}, {64, 15}, {7, 4}, {3, 0}} {
		var b Builder
		buffer := make([]byte, tt.room)
		b.Start(buffer, Confirmable, GET, 1, body(tt.token))
		if _, ok := b.Bytes(); ok || !bytes.Equal(buffer, make([]byte, tt.room)) {
			t.Errorf("a token of %d bytes in %d: % x", tt.token, tt.room, buffer)
		}
	}
}

func TestBuilderUint(t *testing.T) {
	for _, tt := range []struct {
		v    uint32
		want string
	}{{0, ""}, {1, "01"}, {255, "ff"}, {256, "0100"}, {1<<24 - 1, "ffffff"}, {1 << 24, "01000000"}} {
		var b Builder
		b.Start(make([]byte, 64), Confirmable, GET, 1, nil)
		b.Uint(Size1, tt.v)
		got, _ := b.Bytes()
		var m Message
		if err := Parse(got, &m); err != 0 {
			t.Fatal(err)
		}
		o := m.Options()
		o.Next()
		if hex.EncodeToString(o.Value) != tt.want || o.Uint() != tt.v {
			t.Errorf("%d: value %x, read as %d, want %s", tt.v, o.Value, o.Uint(), tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		hex  string
		want Error
	}{
		{"nothing", "", ErrShort},
		{"three bytes", "40 01 00", ErrShort},
		{"version 0", "00 01 0001", ErrVersion},
		{"version 2", "80 01 0001", ErrVersion},
		{"version 3", "c0 01 0001", ErrVersion},
		{"token of 9", "49 01 0001 010203040506070809", ErrTokenLength},
		{"extended token of 13", "4d 01 0001 00 01020304050607080910111213", ErrTokenLength},
		{"extended token of 14", "4e 01 0001 0000", ErrTokenLength},
		{"token length 15", "4f 01 0001", ErrTokenLength},
		{"token cut", "44 01 0001 0102", ErrShort},
		{"class 1", "40 21 0001", ErrCode},
		{"class 3", "40 61 0001", ErrCode},
		{"class 6", "40 c1 0001", ErrCode},
		{"class 7", "40 e1 0001", ErrCode},
		{"empty with token", "41 00 0001 01", ErrEmpty},
		{"empty with trailing byte", "40 00 0001 00", ErrEmpty},
		{"empty with payload", "60 00 0001 ff 00", ErrEmpty},
		{"marker without payload", "40 01 0001 ff", ErrNoPayload},
		{"marker after option without payload", "40 01 0001 b1 61 ff", ErrNoPayload},
		{"delta 15", "40 01 0001 f0 00", ErrOptionForm},
		{"length 15", "40 01 0001 0f 00", ErrOptionForm},
		{"delta 13 cut", "40 01 0001 d0", ErrOptionForm},
		{"delta 14 cut", "40 01 0001 e0 00", ErrOptionForm},
		{"length 13 cut", "40 01 0001 bd", ErrOptionForm},
		{"length 14 cut", "40 01 0001 be 00", ErrOptionForm},
		{"value cut", "40 01 0001 b4 616263", ErrOptionForm},
		{"value of 65804 cut", "40 01 0001 be ffff 61", ErrOptionForm},
		{"number above 65535", "40 01 0001 e0 fef3", ErrOptionForm},
		{"sum above 65535", "40 01 0001 e0 fef2 10", ErrOptionForm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m Message
			if err := Parse(unhex(t, tt.hex), &m); err != tt.want {
				t.Errorf("got %q, want %q", err, tt.want)
			}
		})
	}
}

func TestBlockValue(t *testing.T) {
	for _, tt := range []struct {
		value  uint32
		block  Block
		size   int
		offset int
	}{
		{0x00, Block{0, false, 0}, 16, 0},
		{0x0e, Block{0, true, 6}, 1024, 0},
		{0x33, Block{3, false, 3}, 128, 384},
		{0x3a, Block{3, true, 2}, 64, 192},
		{0xffffff, Block{1<<20 - 1, true, 7}, 2048, 2048 * (1<<20 - 1)},
	} {
		b := DecodeBlock(tt.value)
		if b != tt.block || b.Value() != tt.value || b.Size() != tt.size || b.Offset() != tt.offset {
			t.Errorf("%#x: %+v, value %#x, size %d, offset %d", tt.value, b, b.Value(), b.Size(), b.Offset())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range wellFormed {
		f.Add(unhex(f, tt.hex))
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var m Message
		if Parse(datagram, &m) != 0 {
			return
		}
		// What was accepted means the same when it is written again.
		var b Builder
		b.Start(make([]byte, len(datagram)), m.Type, m.Code, m.ID, m.Token)
		for o := m.Options(); o.Next(); {
			b.Option(o.Number, o.Value)
		}
		b.Payload(m.Payload)
		again, ok := b.Bytes()
		if !ok {
			t.Fatalf("%x: cannot be written again", datagram)
		}
		var m2 Message
		if err := Parse(again, &m2); err != 0 {
			t.Fatalf("%x: written again as %x: %v", datagram, again, err)
		}
		o1, o2 := optionsOf(&m), optionsOf(&m2)
		if len(o1) != len(o2) || !bytes.Equal(m.Payload, m2.Payload) || !bytes.Equal(m.Token, m2.Token) {
			t.Fatalf("%x: written again as %x", datagram, again)
		}
		for i := range o1 {
			if o1[i] != o2[i] {
				t.Fatalf("%x: written again as %x", datagram, again)
			}
		}
	})
}
