package coap

import "github.com/femto-containers/femto/link"

// DefaultPort is the UDP port of the coap scheme (RFC 7252 §6.1).
const DefaultPort = 5683

// A URI is a view of a parsed URI reference.
type URI struct {
	Absolute bool      // false: Peer is unknown, such as for "/x/y"
	Peer     link.Addr // whom to ask
	Path     []byte    // percent-encoded, with its leading slash; points into the URI
	Query    []byte    // percent-encoded, without the question mark; points into the URI
}

// ParseURI reads "coap://[v6]:port/path?query", "coap://a.b.c.d/path" or a
// reference with an absolute path, "/path?query". Zones are numbers: "fe80::1%2"
// or "fe80::1%252". ErrScheme and ErrName are for URIs that are well-formed but
// not for a device; everything else wrong is ErrURI.
func ParseURI(uri []byte) (URI, Error) {
	var u URI
	rest := uri
	if len(rest) == 0 {
		return u, ErrURI
	}
	if rest[0] != '/' {
		const prefix = "coap://"
		if len(rest) < len(prefix) || !equalFold(rest[:len(prefix)], prefix) {
			return u, schemeError(rest)
		}
		rest = rest[len(prefix):]
		end := 0
		for end < len(rest) && rest[end] != '/' && rest[end] != '?' && rest[end] != '#' {
			end++
		}
		var err Error
		if u.Peer, err = parseAuthority(rest[:end]); err != 0 {
			return URI{}, err
		}
		u.Absolute = true
		rest = rest[end:]
	} else if len(rest) > 1 && rest[1] == '/' {
		return u, ErrURI // "//host": the scheme is missing
	}
	u.Path = rest
	for i, c := range rest {
		if c <= ' ' || c == '#' || c >= 0x7f {
			return URI{}, ErrURI // RFC 7252 §6.4: no fragments
		}
		if c == '?' && u.Query == nil {
			u.Path, u.Query = rest[:i], rest[i+1:]
		}
	}
	if _, ok := count(u.Path); !ok {
		return URI{}, ErrURI
	}
	if _, ok := count(u.Query); !ok {
		return URI{}, ErrURI
	}
	return u, 0
}

func equalFold(b []byte, lower string) bool {
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// schemeError tells another scheme from no URI at all.
func schemeError(b []byte) Error {
	for i, c := range b {
		if c == ':' {
			if i > 0 && len(b) > i+2 && b[i+1] == '/' && b[i+2] == '/' {
				return ErrScheme
			}
			break
		}
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '+' && c != '-' && c != '.' && (c < '0' || c > '9')) {
			break
		}
	}
	return ErrURI
}

func parseAuthority(b []byte) (link.Addr, Error) {
	var a link.Addr
	var ok bool
	host := b
	if len(b) > 0 && b[0] == '[' {
		end := 1
		for end < len(b) && b[end] != ']' {
			end++
		}
		if end == len(b) {
			return a, ErrURI
		}
		if a.IP, a.Zone, ok = parseIPv6(b[1:end]); !ok {
			return a, ErrURI
		}
		host = b[end+1:]
	} else {
		end := 0
		for end < len(b) && b[end] != ':' {
			if b[end] == '@' {
				return a, ErrURI
			}
			end++
		}
		if end == 0 {
			return a, ErrURI
		}
		var four [4]byte
		if four, ok = parseIPv4(b[:end]); !ok {
			return a, ErrName
		}
		a = link.IPv4(four[0], four[1], four[2], four[3], 0)
		host = b[end:]
	}
	a.Port = DefaultPort
	if len(host) == 0 {
		return a, 0
	}
	if host[0] != ':' {
		return a, ErrURI
	}
	if len(host) > 1 { // RFC 3986 §3.2.3 allows "host:"
		port, ok := decimal(host[1:], 0xffff)
		if !ok || port == 0 {
			return a, ErrURI
		}
		a.Port = uint16(port)
	}
	return a, 0
}

func decimal(b []byte, most uint32) (uint32, bool) {
	v := uint32(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if v = v*10 + uint32(c-'0'); v > most {
			return 0, false
		}
	}
	return v, len(b) > 0
}

func parseIPv4(b []byte) (a [4]byte, ok bool) {
	for i := range a {
		end := 0
		for end < len(b) && b[end] != '.' {
			end++
		}
		v, ok := decimal(b[:end], 255)
		if !ok || end > 1 && b[0] == '0' || (i < 3) == (end == len(b)) {
			return a, false
		}
		a[i] = byte(v)
		if end < len(b) {
			end++
		}
		b = b[end:]
	}
	return a, true
}

// parseIPv6 reads the text forms of RFC 4291 §2.2, with a numeric zone.
func parseIPv6(b []byte) (ip [16]byte, zone uint16, ok bool) {
	for i, c := range b {
		if c != '%' {
			continue
		}
		z := b[i+1:]
		if len(z) > 2 && z[0] == '2' && z[1] == '5' { // RFC 6874
			z = z[2:]
		}
		v, ok := decimal(z, 0xffff)
		if !ok {
			return ip, 0, false
		}
		zone, b = uint16(v), b[:i]
		break
	}
	n, gap := 0, -1
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 {
		end := 0
		for end < len(b) && b[end] != ':' {
			end++
		}
		if four, ok := parseIPv4(b); ok {
			if n > 12 {
				return ip, 0, false
			}
			n += copy(ip[n:], four[:])
			b = nil
			break
		}
		v, ok := hexadecimal(b[:end])
		if !ok || n > 14 {
			return ip, 0, false
		}
		ip[n], ip[n+1] = byte(v>>8), byte(v)
		n += 2
		if end == len(b) {
			b = nil
			break
		}
		b = b[end+1:]
		if len(b) == 0 {
			return ip, 0, false
		}
		if b[0] == ':' {
			if gap >= 0 {
				return ip, 0, false
			}
			gap, b = n, b[1:]
		}
	}
	if gap < 0 {
		return ip, zone, n == 16
	}
	if n == 16 {
		return ip, 0, false
	}
	for i := n - 1; i >= gap; i-- {
		ip[16-n+i] = ip[i]
		ip[i] = 0
	}
	return ip, zone, true
}

func hexadecimal(b []byte) (v uint16, ok bool) {
	if len(b) == 0 || len(b) > 4 {
		return 0, false
	}
	for _, c := range b {
		d, ok := hexDigit(c)
		if !ok {
			return 0, false
		}
		v = v<<4 | uint16(d)
	}
	return v, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// count returns the length of a percent-encoded text when decoded.
func count(b []byte) (n int, ok bool) {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' {
			if _, ok := escaped(b[i:]); !ok {
				return 0, false
			}
			i += 2
		}
		n++
	}
	return n, true
}

func escaped(b []byte) (byte, bool) {
	if len(b) < 3 {
		return 0, false
	}
	high, ok1 := hexDigit(b[1])
	low, ok2 := hexDigit(b[2])
	return high<<4 | low, ok1 && ok2
}

// split appends a percent-encoded path or query as one option per part (RFC
// 7252 §6.4), and reports whether it is well-formed.
func (b *Builder) split(number uint16, text []byte) bool {
	separator := byte('&')
	if number == UriPath {
		separator = '/'
		if len(text) > 0 && text[0] == '/' {
			text = text[1:]
		}
	}
	if len(text) == 0 {
		return true
	}
	for {
		end := 0
		for end < len(text) && text[end] != separator {
			end++
		}
		n, ok := count(text[:end])
		if !ok || n > 255 {
			return false
		}
		at := b.header(number, n)
		for i := 0; i < end && !b.failed; i++ {
			c := text[i]
			if c == '%' {
				c, _ = escaped(text[i:])
				i += 2
			}
			b.buf[at] = c
			at++
		}
		if !b.failed {
			b.n = at
		}
		if end == len(text) {
			return true
		}
		text = text[end+1:]
	}
}
