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

// Parse makes u a view of "coap://[v6]:port/path?query", "coap://a.b.c.d/path" or
// a reference with an absolute path, "/path?query". Zones are numbers: "fe80::1%2"
// or "fe80::1%252". ErrScheme and ErrName are for URIs that are well-formed but
// not for a device; everything else wrong is ErrURI. After an error u says nothing.
//
//go:noinline
func (u *URI) Parse(uri []byte) Error {
	*u = URI{}
	rest := uri
	if len(rest) == 0 {
		return ErrURI
	}
	if rest[0] != '/' {
		const prefix = "coap://"
		if !hasPrefix(rest, prefix) {
			return schemeError(rest)
		}
		rest = rest[len(prefix):]
		end := min(index(rest, '/'), index(rest, '?'), index(rest, '#'))
		if err := parseAuthority(rest[:end], &u.Peer); err != 0 {
			return err
		}
		u.Absolute = true
		rest = rest[end:]
	} else if len(rest) > 1 && rest[1] == '/' {
		return ErrURI // "//host": the scheme is missing
	}
	for _, c := range rest {
		if c <= ' ' || c == '#' || c >= 0x7f {
			return ErrURI // RFC 7252 §6.4: no fragments
		}
	}
	if count(rest) < 0 {
		return ErrURI
	}
	end := index(rest, '?')
	u.Path = rest[:end]
	if end < len(rest) {
		u.Query = rest[end+1:]
	}
	return 0
}

// index returns where c is in b, len(b) if nowhere.
//
//go:noinline
func index(b []byte, c byte) int {
	for i := range b {
		if b[i] == c {
			return i
		}
	}
	return len(b)
}

// hasPrefix compares without regard to case. lower is in lower case.
func hasPrefix(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
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
	end := index(b, ':')
	if end == 0 || !hasPrefix(b[end:], "://") {
		return ErrURI
	}
	for i, c := range b[:end] {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '+' && c != '-' && c != '.' && (c < '0' || c > '9')) {
			return ErrURI
		}
	}
	return ErrScheme
}

func parseAuthority(b []byte, a *link.Addr) Error {
	if index(b, '@') < len(b) {
		return ErrURI
	}
	rest := b
	if len(b) > 0 && b[0] == '[' {
		end := index(b, ']')
		if end == len(b) || !parseIPv6(b[1:end], a) {
			return ErrURI
		}
		rest = b[end+1:]
	} else {
		end := index(b, ':')
		if end == 0 {
			return ErrURI
		}
		if !parseIPv4(b[:end], a.IP[12:]) {
			return ErrName
		}
		a.IP[10], a.IP[11] = 0xff, 0xff
		rest = b[end:]
	}
	a.Port = DefaultPort
	if len(rest) == 0 {
		return 0
	}
	if rest[0] != ':' {
		return ErrURI
	}
	if len(rest) > 1 { // RFC 3986 §3.2.3 allows "host:"
		port := number(rest[1:], 10, 0xffff)
		if port <= 0 {
			return ErrURI
		}
		a.Port = uint16(port)
	}
	return 0
}

// number reads an unsigned number, -1 if b is none or is above most.
//
//go:noinline
func number(b []byte, base, most int32) int32 {
	v := int32(-1)
	for _, c := range b {
		d := hexDigit(c)
		if d >= base {
			return -1
		}
		if v = max(v, 0)*base + d; v > most {
			return -1
		}
	}
	return v
}

// hexDigit returns the value of c, 16 if it is no digit.
func hexDigit(c byte) int32 {
	switch {
	case c >= '0' && c <= '9':
		return int32(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int32(c|0x20-'a') + 10
	}
	return 16
}

// parseIPv4 reads four decimal numbers into dst[:4].
func parseIPv4(b []byte, dst []byte) bool {
	for i := range 4 {
		end := index(b, '.')
		v := number(b[:end], 10, 255)
		if v < 0 || end > 1 && b[0] == '0' || (i == 3) != (end == len(b)) {
			return false
		}
		dst[i] = byte(v)
		b = b[min(end+1, len(b)):]
	}
	return true
}

// parseIPv6 reads the text forms of RFC 4291 §2.2, with a numeric zone.
func parseIPv6(b []byte, a *link.Addr) bool {
	if end := index(b, '%'); end < len(b) {
		z := b[end+1:]
		if len(z) > 2 && z[0] == '2' && z[1] == '5' { // RFC 6874
			z = z[2:]
		}
		zone := number(z, 10, 0xffff)
		if zone < 0 {
			return false
		}
		a.Zone, b = uint16(zone), b[:end]
	}
	ip := a.IP[:]
	n, gap := 0, -1
	if hasPrefix(b, "::") {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 {
		end := index(b, ':')
		if end == len(b) && index(b, '.') < end {
			if n > 12 || !parseIPv4(b, ip[n:]) {
				return false
			}
			n += 4
			break
		}
		v := number(b[:end], 16, 0xffff)
		if v < 0 || end > 4 || n > 14 {
			return false
		}
		ip[n], ip[n+1] = byte(v>>8), byte(v)
		n += 2
		if end == len(b) {
			break
		}
		if b = b[end+1:]; len(b) == 0 {
			return false
		}
		if b[0] == ':' {
			if gap >= 0 {
				return false
			}
			gap, b = n, b[1:]
		}
	}
	if gap < 0 {
		return n == 16
	}
	for i := n - 1; i >= gap; i-- {
		ip[16-n+i], ip[i] = ip[i], 0
	}
	return n < 16
}

// count returns the length of a percent-encoded text when decoded, -1 if it is
// malformed.
func count(b []byte) int {
	n := 0
	for i := 0; i < len(b); i++ {
		if b[i] == '%' {
			if len(b)-i < 3 || number(b[i+1:i+3], 16, 255) < 0 {
				return -1
			}
			i += 2
		}
		n++
	}
	return n
}

// split appends a percent-encoded path or query as one option per part (RFC
// 7252 §6.4), and reports whether it is well-formed.
func (b *Builder) split(option uint16, text []byte) bool {
	separator := byte('&')
	if option == UriPath {
		separator = '/'
		if len(text) > 0 && text[0] == '/' {
			text = text[1:]
		}
	}
	for more := len(text) > 0; more; {
		end := index(text, separator)
		n := count(text[:end])
		if n < 0 || n > 255 {
			return false
		}
		at := b.header(option, n)
		if b.failed {
			return true
		}
		for i := 0; i < end; i++ {
			b.buf[at] = text[i]
			if text[i] == '%' {
				b.buf[at] = byte(number(text[i+1:i+3], 16, 255))
				i += 2
			}
			at++
		}
		b.n = at
		more = end < len(text)
		text = text[min(end+1, len(text)):]
	}
	return true
}
