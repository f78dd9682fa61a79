package helpers

import "github.com/femto-containers/femto/vm"

// printf formats into the engine's line buffer, which bounds what comes out,
// and returns the length. What it does not know it prints as it stands.
func printf(c *vm.Call) uint64 {
	e := host(c)
	p := printer{line: e.Line()}
	format := c.Mem[0]
	arg := 1
	for i := 0; i < len(format); {
		begin := i
		b := format[i]
		i++
		if b != '%' {
			p.put(b)
			continue
		}
		p.pad, p.width = ' ', 0
		wide := false
		for b = 0; i < len(format); {
			b = format[i]
			i++
			if b == 'l' {
				wide = true
			} else if d := int(b) - '0'; d < 0 || d > 9 {
				break
			} else if d == 0 && p.width == 0 {
				p.pad = '0'
			} else {
				p.width = min(p.width*10+d, 255)
			}
			b = 0
		}
		if b == '%' {
			p.put(b)
		} else if arg < len(c.R) && p.convert(c, b, c.R[arg], wide) {
			arg++
		} else {
			p.write(format[begin:i])
		}
		if c.Fault != vm.OK {
			return 0
		}
	}
	e.Print(p.line[:p.n])
	return uint64(p.n)
}

type printer struct {
	line  []byte
	n     int
	width int
	pad   byte
}

//go:noinline
func (p *printer) put(b byte) {
	if p.n < len(p.line) {
		p.line[p.n] = b
		p.n++
	}
}

//go:noinline
func (p *printer) write(text []byte) {
	for _, b := range text {
		p.put(b)
	}
}

// fill pads what takes n characters.
func (p *printer) fill(n int, with byte) {
	for ; n < p.width; n++ {
		p.put(with)
	}
}

// convert prints v as verb says; false: there is no such verb.
func (p *printer) convert(c *vm.Call, verb byte, v uint64, wide bool) bool {
	base, letters := uint64(16), byte('a'-'9'-1)
	negative := false
	switch verb {
	case 'c':
		p.put(byte(v))
		return true
	case 's':
		s, _ := c.String(v)
		p.fill(len(s), ' ')
		p.write(s)
		return true
	case 'd', 'i':
		base = 10
		if !wide {
			v = uint64(int64(int32(v)))
		}
		if negative = int64(v) < 0; negative {
			v = -v
		}
	case 'u':
		base = 10
	case 'X':
		letters = 'A' - '9' - 1
	case 'x':
	default:
		return false
	}
	if !wide {
		v = uint64(uint32(v))
	}
	var digits [21]byte
	at := len(digits)
	for {
		d := byte(v % base)
		if d > 9 {
			d += letters
		}
		at--
		digits[at] = '0' + d
		if v /= base; v == 0 {
			break
		}
	}
	if negative {
		if p.pad == '0' {
			p.put('-')
			p.width--
		} else {
			at--
			digits[at] = '-'
		}
	}
	p.fill(len(digits)-at, p.pad)
	p.write(digits[at:])
	return true
}
