package coap

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/link"
)

func ipv6(port, zone uint16, ip ...byte) link.Addr {
	a := link.Addr{Port: port, Zone: zone}
	copy(a.IP[:], ip)
	return a
}

func TestParseURI(t *testing.T) {
	db8 := func(port uint16, last byte) link.Addr {
		return ipv6(port, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last)
	}
	for _, tt := range []struct {
		uri         string
		peer        link.Addr
		absolute    bool
		path, query string
	}{
		{"coap://1.2.3.4", link.IPv4(1, 2, 3, 4, 5683), true, "", ""},
		{"coap://1.2.3.4/", link.IPv4(1, 2, 3, 4, 5683), true, "/", ""},
		{"COAP://1.2.3.4:61616/x/y?a=1&b", link.IPv4(1, 2, 3, 4, 61616), true, "/x/y", "a=1&b"},
		{"coap://1.2.3.4:/x", link.IPv4(1, 2, 3, 4, 5683), true, "/x", ""},
		{"coap://1.2.3.4?q", link.IPv4(1, 2, 3, 4, 5683), true, "", "q"},
		{"coap://1.2.3.4/x?a?b/c", link.IPv4(1, 2, 3, 4, 5683), true, "/x", "a?b/c"},
		{"coap://[2001:db8::2:1]:5684/x", ipv6(5684, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1), true, "/x", ""},
		{"coap://[2001:DB8:0:0:0:0:0:1]", db8(5683, 1), true, "", ""},
		{"coap://[2001:db8::]", db8(5683, 0), true, "", ""},
		{"coap://[::1]:1/a%20b", ipv6(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), true, "/a%20b", ""},
		{"coap://[::]", ipv6(5683, 0), true, "", ""},
		{"coap://[::ffff:10.0.0.1]", link.IPv4(10, 0, 0, 1, 5683), true, "", ""},
		{"coap://[1:2:3:4:5:6:7:8]", ipv6(5683, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8), true, "", ""},
		{"coap://[1:2:3:4:5:6:1.2.3.4]", ipv6(5683, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4), true, "", ""},
		{"coap://[fe80::1%2]", ipv6(5683, 2, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), true, "", ""},
		{"coap://[fe80::1%2512]", ipv6(5683, 12, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), true, "", ""},
		{"/x/y", link.Addr{}, false, "/x/y", ""},
		{"/", link.Addr{}, false, "/", ""},
		{"/p?q=%41", link.Addr{}, false, "/p", "q=%41"},
	} {
		t.Run(tt.uri, func(t *testing.T) {
			var u URI
			err := u.Parse([]byte(tt.uri))
			if err != 0 {
				t.Fatal(err)
			}
			if u.Peer != tt.peer || u.Absolute != tt.absolute || string(u.Path) != tt.path || string(u.Query) != tt.query {
				t.Errorf("got %+v, path %q, query %q", u, u.Path, u.Query)
			}
		})
	}
}

func TestParseURIRefuses(t *testing.T) {
	for _, tt := range []struct {
		uri  string
		want Error
	}{
		{"", ErrURI},
		{"x/y", ErrURI},
		{"//1.2.3.4/x", ErrURI},
		{"coap:", ErrURI},
		{"coap:/x", ErrURI},
		{"coap://", ErrURI},
		{"coap:///x", ErrURI},
		{"coaps://1.2.3.4", ErrScheme},
		{"http://1.2.3.4/x", ErrScheme},
		{"coap+tcp://1.2.3.4/x", ErrScheme},
		{"1x://1.2.3.4/x", ErrURI},
		{"coap://example.com/x", ErrName},
		{"coap://256.1.1.1", ErrName},
		{"coap://1.2.3", ErrName},
		{"coap://1.2.3.4.5", ErrName},
		{"coap://01.2.3.4", ErrName},
		{"coap://1.2.3.", ErrName},
		{"coap://user@1.2.3.4", ErrURI},
		{"coap://1.2.3.4:0", ErrURI},
		{"coap://1.2.3.4:65536", ErrURI},
		{"coap://1.2.3.4:5x", ErrURI},
		{"coap://1.2.3.4/x#f", ErrURI},
		{"coap://1.2.3.4#f", ErrURI},
		{"/x y", ErrURI},
		{"/x\x00", ErrURI},
		{"/%", ErrURI},
		{"/%4", ErrURI},
		{"/%4g", ErrURI},
		{"/?%zz", ErrURI},
		{"coap://[::1", ErrURI},
		{"coap://[::1]x", ErrURI},
		{"coap://[]", ErrURI},
		{"coap://[:]", ErrURI},
		{"coap://[:::]", ErrURI},
		{"coap://[1]", ErrURI},
		{"coap://[1:2:3:4:5:6:7]", ErrURI},
		{"coap://[1:2:3:4:5:6:7:8:9]", ErrURI},
		{"coap://[1:2:3:4:5:6:7:8::]", ErrURI},
		{"coap://[1::2::3]", ErrURI},
		{"coap://[12345::]", ErrURI},
		{"coap://[g::]", ErrURI},
		{"coap://[1:2:3:4:5:6:7:]", ErrURI},
		{"coap://[1:2:3:4:5:6:7:1.2.3.4]", ErrURI},
		{"coap://[fe80::1%eth0]", ErrURI},
		{"coap://[fe80::1%]", ErrURI},
		{"coap://[fe80::1%65536]", ErrURI},
	} {
		t.Run(tt.uri, func(t *testing.T) {
			var u URI
			if err := u.Parse([]byte(tt.uri)); err != tt.want {
				t.Errorf("got %+v, %q, want %q", u, err, tt.want)
			}
		})
	}
}

// RFC 7252 §6.4: how a path and a query become options.
func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		number uint16
		text   string
		want   []string
	}{
		{UriPath, "", nil},
		{UriPath, "/", nil},
		{UriPath, "/a", []string{"a"}},
		{UriPath, "a/b", []string{"a", "b"}},
		{UriPath, "/a/", []string{"a", ""}},
		{UriPath, "//a", []string{"", "a"}},
		{UriPath, "/%E3%81%93/a%2Fb&c", []string{"こ", "a/b&c"}},
		{UriQuery, "a=1&b=%26&c", []string{"a=1", "b=&", "c"}},
		{UriQuery, "//&?&", []string{"//", "?", ""}},
	} {
		var b Builder
		b.Start(make([]byte, 64), Confirmable, GET, 1, nil)
		if !b.split(tt.number, []byte(tt.text)) {
			t.Errorf("%q refused", tt.text)
			continue
		}
		datagram, _ := b.Bytes()
		var m Message
		if err := Parse(datagram, &m); err != 0 {
			t.Fatal(err)
		}
		var got []string
		for o := m.Options(); o.Next(); {
			got = append(got, string(o.Value))
		}
		if len(got) != len(tt.want) || strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	for _, text := range []string{"%", "/%4", "/" + strings.Repeat("a", 256)} {
		var b Builder
		b.Start(make([]byte, 1024), Confirmable, GET, 1, nil)
		if b.split(UriPath, []byte(text)) {
			t.Errorf("%q accepted", text)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	for _, s := range []string{"coap://[fe80::1%251]:5683/x/y?a=1", "coap://1.2.3.4/x", "/x/%41"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, uri []byte) {
		var u URI
		err := u.Parse(uri)
		if err != 0 {
			return
		}
		if !u.Absolute && len(u.Path) == 0 {
			t.Fatalf("%q: neither peer nor path", uri)
		}
		if len(u.Path)+len(u.Query) > len(uri) {
			t.Fatalf("%q: more than was there", uri)
		}
	})
}
