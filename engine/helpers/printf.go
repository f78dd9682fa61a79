package helpers

import "github.com/femto-containers/femto/vm"

// printf formats into the engine's line buffer, which bounds what comes out,
// and returns the length. What it does not know it prints as it stands.
func printf(c *vm.Call) uint64 {
	e := host(c)
	p := printer{line: e.Line()}
	format := c.Mem[0]
	arg := 1
	begin, wide := -1, false // of a conversion
	for i, b := range format {
		switch digit := b - '0'; {
		case begin < 0 && b != '%':
			p.put(b)
			continue
		case begin < 0:
			begin, wide = i, false
			p.pad, p.width = ' ', 0
			continue
		case b == 'l':
			wide = true
			continue
		case digit == 0 && p.width == 0:
			p.pad = '0'
			continue
		case digit <= 9:
			p.width = min(p.width*10+int(digit), 255)
			continue
		case b == '%':
			p.put(b)
		case arg < len(c.R) && p.convert(c, b, c.R[arg], wide):
			arg++
		default:
			p.width = 0
			p.write(format[begin : i+1])
		}
		if c.Fault != vm.OK {
			return 0
		}
		begin = -1
	}
	if begin >= 0 {
		p.width = 0
		p.write(format[begin:])
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

// write prints text, padded to the width.
//
//go:noinline
func (p *printer) write(text []byte) {
	for ; p.width > len(text); p.width-- {
		p.put(p.pad)
	}
	for _, b := range text {
		p.put(b)
	}
}

// convert prints v as verb says; false: there is no such verb.
//
//go:noinline
func (p *printer) convert(c *vm.Call, verb byte, v uint64, wide bool) bool {
	base, letters := uint32(10), byte('a'-'9'-1)
	negative := false
	switch verb {
	case 'c':
		p.put(byte(v))
		return true
	case 's':
		p.pad = ' '
		text, _ := c.String(v)
		p.write(text)
		return true
	case 'd', 'i':
		if !wide {
			v = uint64(int64(int32(v)))
		}
		if negative = int64(v) < 0; negative {
			v = -v
		}
	case 'u':
	case 'X':
		base, letters = 16, 'A'-'9'-1
	case 'x':
		base = 16
	default:
		return false
	}
	if !wide {
		v = uint64(uint32(v))
	}
	var digits [24]byte
	at := len(digits)
	for more := true; more; more = v != 0 {
		d := byte(v % uint64(base))
		if d > 9 {
			d += letters
		}
		at--
		digits[at] = '0' + d
		v /= uint64(base)
	}
	if negative && p.pad == '0' {
		p.put('-')
		p.width--
	} else if negative {
		at--
		digits[at] = '-'
	}
	p.write(digits[at:])
	return true
}
