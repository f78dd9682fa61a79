package ip

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/femto-containers/femto/link"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// appendUDP appends the packet that carries payload to dst.
func appendUDP(dst []byte, source, target link.Addr, payload []byte) []byte {
	b := make([]byte, Overhead+len(payload))
	return append(dst, b[:PutUDP(b, &source, &target, payload)]...)
}

func parse(b []byte) (p Packet, err Error) {
	err = p.Parse(b)
	return p, err
}

var (
	peer4  = link.IPv4(10, 0, 2, 2, 40000)
	own4   = link.IPv4(10, 0, 2, 15, 5683)
	peer6  = link.Addr{IP: [16]byte{0: 0xfe, 1: 0x80, 15: 1}, Port: 40000}
	own6   = link.Addr{IP: [16]byte{0: 0xfe, 1: 0x80, 15: 2}, Port: 5683}
	sample = []byte("femto")
)

// TestPutUDP compares with packets whose checksums were computed
// independently: RFC 1071's sum is the packet as a number modulo 0xffff.
func TestPutUDP(t *testing.T) {
	for _, test := range []struct {
		name           string
		source, target link.Addr
		want           string
	}{
		{"IPv4", peer4, own4,
			"4500002100004000401122bc0a0002020a00020f" + "9c401633000df275" + "66656d746f"},
		{"IPv6", peer6, own6,
			"60000000000d1140fe800000000000000000000000000001fe800000000000000000000000000002" +
				"9c401633000d0d82" + "66656d746f"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := appendUDP(nil, test.source, test.target, sample)
			want := unhex(t, test.want)
			if !bytes.Equal(got, want) {
				t.Errorf("\n got %x\nwant %x", got, want)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	for _, ends := range [][2]link.Addr{{peer4, own4}, {peer6, own6}} {
		for _, n := range []int{0, 1, 2, 47, 1024} {
			payload := bytes.Repeat([]byte{0xa5}, n)
			b := appendUDP(nil, ends[0], ends[1], payload)
			b = append(b, 1, 2, 3) // padding is not the packet's
			p, err := parse(b)
			if err != OK {
				t.Fatalf("Parse: %v", err)
			}
			source, target, got, err := p.UDP()
			if err != OK || p.Source != ends[0].IP || p.Target != ends[1].IP ||
				source != ends[0].Port || target != ends[1].Port || !bytes.Equal(got, payload) {
				t.Errorf("%d bytes to %v: got %d to %d, %x, %v", n, ends[1], source, target, got, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	packet := func(source, target link.Addr) []byte {
		return appendUDP(nil, source, target, sample)
	}
	v4, v6 := packet(peer4, own4), packet(peer6, own6)
	with := func(b []byte, at int, value byte) []byte {
		b = bytes.Clone(b)
		b[at] = value
		return b
	}
	// header makes an IPv4 header's checksum right again.
	header := func(b []byte) []byte {
		b[10], b[11] = 0, 0
		check := ^fold(sum(0, b[:20]))
		b[10], b[11] = byte(check>>8), byte(check)
		return b
	}
	noPort := peer4
	noPort.Port = 0
	for _, test := range []struct {
		name string
		b    []byte
		want Error
	}{
		{"empty", nil, ErrShort},
		{"IPv4 cut in the header", v4[:19], ErrShort},
		{"IPv4 cut in the payload", v4[:len(v4)-1], ErrShort},
		{"IPv4 header below its least", with(v4, 0, 0x44), ErrVersion},
		{"IPv4 header beyond the packet", header(with(v4, 0, 0x4f)), ErrVersion},
		{"IPv4 header damaged", with(v4, 8, 63), ErrChecksum},
		{"IPv4 first fragment", header(with(v4, 6, 0x20)), ErrFragment},
		{"IPv4 last fragment", header(with(v4, 7, 1)), ErrFragment},
		{"IPv4 TCP", header(with(v4, 9, 6)), ErrProtocol},
		{"IPv4 payload damaged", with(v4, 30, 0), ErrChecksum},
		{"IPv4 UDP length below its header", with(v4, 25, 7), ErrShort},
		{"IPv4 UDP length beyond the packet", with(v4, 25, 14), ErrShort},
		{"IPv4 port 0", packet(noPort, own4), ErrPort},
		{"IPv6 cut in the header", v6[:39], ErrShort},
		{"IPv6 cut in the payload", v6[:len(v6)-1], ErrShort},
		{"IPv6 fragment header", with(v6, 6, 44), ErrProtocol},
		{"IPv6 payload damaged", with(v6, 50, 0), ErrChecksum},
		{"IPv6 without a checksum", with(with(v6, 46, 0), 47, 0), ErrChecksum},
		{"version 5", with(v4, 0, 0x55), ErrVersion},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := parse(test.b)
			if err == OK {
				_, _, _, err = p.UDP()
			}
			if err != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestIPv4WithoutChecksum(t *testing.T) {
	b := appendUDP(nil, peer4, own4, sample)
	b[26], b[27] = 0, 0
	p, _ := parse(b)
	if _, _, got, err := p.UDP(); err != OK || !bytes.Equal(got, sample) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestEcho(t *testing.T) {
	request := unhex(t, "4500001c00004000400122d10a0002020a00020f"+"0800f7fd00010001")
	b := make([]byte, 100)
	p, err := parse(request)
	if err != OK {
		t.Fatal(err)
	}
	want := unhex(t, "4500001c00004000400122d10a00020f0a000202"+"0000fffd00010001")
	if n := p.PutEcho(b); !bytes.Equal(b[:n], want) {
		t.Errorf("\n got %x\nwant %x", b[:n], want)
	}
	if n := p.PutEcho(b[:len(request)-1]); n != 0 {
		t.Errorf("wrote %d bytes where there is no room", n)
	}
	half := p
	half.Payload = p.Payload[:4]
	if n := half.PutEcho(b); n != 0 {
		t.Errorf("answered half a request: %x", b[:n])
	}

	p6 := Packet{Source: peer6.IP, Target: own6.IP, Protocol: ProtocolICMPv6}
	p6.Payload = []byte{128, 0, 0, 0, 0, 1, 0, 1, 'h', 'i'}
	if n := p6.PutEcho(b); n != 0 {
		t.Errorf("answered a request with a wrong checksum: %x", b[:n])
	}
	p6.SealICMP(p6.Payload)
	answer, err := parse(b[:p6.PutEcho(b)])
	if err != OK || !answer.IntactICMPv6() || answer.Target != peer6.IP || answer.Payload[0] != 129 ||
		!bytes.Equal(answer.Payload[4:], p6.Payload[4:]) {
		t.Errorf("got %+v, %v", answer, err)
	}
	group := p6
	group.Target = [16]byte{0: 0xff, 1: 2, 15: 1}
	group.SealICMP(group.Payload)
	if n := group.PutEcho(b); n != 0 {
		t.Errorf("answered a request to a group: %x", b[:n])
	}
}

func TestAllocations(t *testing.T) {
	buffer := make([]byte, 1500)
	allocs := testing.AllocsPerRun(100, func() {
		n := PutUDP(buffer, &peer6, &own6, sample)
		var p Packet
		p.Parse(buffer[:n])
		if _, _, _, err := p.UDP(); err != OK {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(appendUDP(nil, peer4, own4, sample))
	f.Add(appendUDP(nil, peer6, own6, sample))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parse(b)
		if err != OK {
			return
		}
		p.PutEcho(make([]byte, 64))
		source, target, payload, err := p.UDP()
		if err != OK || Is4(&p.Source) != Is4(&p.Target) {
			return
		}
		from, to := link.Addr{IP: p.Source, Port: source}, link.Addr{IP: p.Target, Port: target}
		again, err := parse(appendUDP(nil, from, to, payload))
		if err != OK {
			t.Fatalf("own packet refused: %v", err)
		}
		s, d, got, err := again.UDP()
		if err != OK || again.Source != p.Source || again.Target != p.Target || s != source || d != target || !bytes.Equal(got, payload) {
			t.Fatalf("%x came back as %x, %v", payload, got, err)
		}
	})
}
