package slip

import (
	"bytes"
	"testing"
)

func feed(d *Decoder, b []byte) (packets [][]byte) {
	for _, c := range b {
		if p := d.Feed(c); p != nil {
			packets = append(packets, bytes.Clone(p))
		}
	}
	return packets
}

func TestAppend(t *testing.T) {
	got := Append(nil, []byte{1, 0xc0, 2, 0xdb, 3})
	want := []byte{0xc0, 1, 0xdb, 0xdc, 2, 0xdb, 0xdd, 3, 0xc0}
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		name string
		in   string
		want []string
	}{
		{"one packet", "\xc0abc\xc0", []string{"abc"}},
		{"no END in front", "abc\xc0", []string{"abc"}},
		{"two that share an END", "\xc0ab\xc0cd\xc0", []string{"ab", "cd"}},
		{"escapes", "\xdb\xdc\xdb\xdd\xc0", []string{"\xc0\xdb"}},
		{"empty frames", "\xc0\xc0\xc0", nil},
		{"unfinished", "\xc0abc", nil},
		{"wrong escape", "a\xdbbc\xc0ok\xc0", []string{"ok"}},
		{"END within an escape", "a\xdb\xc0ok\xc0", []string{"ok"}},
		{"as long as the buffer", "12345678\xc0", []string{"12345678"}},
		{"longer than the buffer", "123456789\xc0ok\xc0", []string{"ok"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := feed(&Decoder{Buffer: make([]byte, 8)}, []byte(test.in))
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i := range got {
				if string(got[i]) != test.want[i] {
					t.Errorf("packet %d: got %q, want %q", i, got[i], test.want[i])
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\xc0abc\xdb\xdc\xc0"), []byte{0xc0, 0xdb, 1})
	f.Fuzz(func(t *testing.T, noise, packet []byte) {
		if len(packet) == 0 || len(packet) > 64 {
			return
		}
		d := &Decoder{Buffer: make([]byte, 64)}
		feed(d, noise)
		// Whatever came before, the next packet gets through.
		got := feed(d, Append(nil, packet))
		if len(got) == 0 || !bytes.Equal(got[len(got)-1], packet) {
			t.Fatalf("%x came back as %x", packet, got)
		}
	})
}
