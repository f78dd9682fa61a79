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
		if format[i] != '%' {
			p.put(format[i])
			i++
			continue
		}
		begin := i
		i++
		p.pad, p.width = ' ', 0
		if i < len(format) && format[i] == '0' {
			p.pad = '0'
		}
		for i < len(format) && format[i] >= '0' && format[i] <= '9' {
			if p.width < len(p.line) {
				p.width = p.width*10 + int(format[i]-'0')
			}
			i++
		}
		wide := false
		for i < len(format) && format[i] == 'l' {
			wide = true
			i++
		}
		verb := byte(0)
		if i < len(format) {
			verb = format[i]
			i++
		}
		if verb == '%' {
			p.put('%')
			continue
		}
		if arg == len(c.R) || !p.convert(c, verb, wide, arg) {
			for _, b := range format[begin:i] {
				p.put(b)
			}
			continue
		}
		if c.Fault != vm.OK {
			return 0
		}
		arg++
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

func (p *printer) put(b byte) {
	if p.n < len(p.line) {
		p.line[p.n] = b
		p.n++
	}
}

// convert prints register arg as verb says; false: there is no such verb.
func (p *printer) convert(c *vm.Call, verb byte, wide bool, arg int) bool {
	v := c.R[arg]
	switch verb {
	case 'd', 'i':
		s := int64(int32(v))
		if wide {
			s = int64(v)
		}
		if s < 0 {
			p.number(-uint64(s), 10, 'a', true)
		} else {
			p.number(uint64(s), 10, 'a', false)
		}
	case 'u', 'x', 'X':
		if !wide {
			v = uint64(uint32(v))
		}
		base := uint64(16)
		if verb == 'u' {
			base = 10
		}
		p.number(v, base, verb-'x'+'a', false)
	case 'c':
		p.put(byte(v))
	case 's':
		s, ok := c.String(v)
		for n := len(s); ok && n < p.width; n++ {
			p.put(' ')
		}
		for _, b := range s {
			p.put(b)
		}
	default:
		return false
	}
	return true
}

// number prints v with digits above nine from ten on.
func (p *printer) number(v, base uint64, ten byte, negative bool) {
	var digits [20]byte
	at := len(digits)
	for {
		at--
		d := byte(v % base)
		if d < 10 {
			digits[at] = '0' + d
		} else {
			digits[at] = ten + d - 10
		}
		if v /= base; v == 0 {
			break
		}
	}
	width := p.width - (len(digits) - at)
	if negative {
		width--
		if p.pad == '0' {
			p.put('-')
		}
	}
	for ; width > 0; width-- {
		p.put(p.pad)
	}
	if negative && p.pad != '0' {
		p.put('-')
	}
	for _, d := range digits[at:] {
		p.put(d)
	}
}
