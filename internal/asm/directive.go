package asm

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// maxSection bounds a section, in bytes, so that a line cannot ask for more.
const maxSection = 1 << 24

var dataWidths = map[string]int{
	".byte": 1, ".2byte": 2, ".short": 2, ".half": 2, ".hword": 2,
	".4byte": 4, ".long": 4, ".word": 4, ".int": 4, ".8byte": 8, ".quad": 8,
}

// ignored are directives of compilers that say nothing about the bytes.
var ignored = map[string]bool{
	".file": true, ".ident": true, ".type": true, ".size": true, ".addrsig": true, ".addrsig_sym": true, ".local": true,
}

func (a *assembler) directive(l *line) {
	t := l.next()
	if width, ok := dataWidths[t.text]; ok {
		a.numbers(l, width)
		return
	}
	switch t.text {
	case ".text":
		a.current = text
	case ".rodata":
		a.current = rodata
	case ".data", ".bss":
		a.current = data
	case ".section":
		a.section(l)
	case ".globl", ".global":
		t := l.next()
		if t.kind != word {
			l.fail(t, "%s is no name", t.name())
		}
		a.globals = append(a.globals, global{t.text, t, l})
	case ".function":
		a.function(l)
	case ".ascii":
		a.strings(l, "")
	case ".asciz", ".string":
		a.strings(l, "\x00")
	case ".zero", ".space", ".skip":
		a.fillSpace(l, l.peek(), l.number64(), false)
	case ".align", ".balign", ".p2align":
		at := l.peek()
		n := l.number64()
		if t.text == ".p2align" && n < 16 {
			n = 1 << n
		}
		if n == 0 || n > 1<<15 || n&(n-1) != 0 {
			l.fail(at, "no alignment: want a power of two")
			return
		}
		a.fillSpace(l, at, -uint64(len(a.content[a.current]))&(n-1), true)
		if l.accept(",") {
			l.number64() // what to fill with: zeros do
		}
	case ".comm", ".lcomm":
		a.common(l)
	case ".set", ".equ":
		name := l.next()
		_, _, isRegister := registerOf(name)
		if name.kind != word || isRegister {
			l.fail(name, "%s is no name", name.name())
		}
		l.expect(",")
		if v := l.number64(); l.err == nil {
			a.source.constants[name.text] = v
		}
	default:
		if !ignored[t.text] {
			l.fail(t, "there is no directive %s", t.text)
		}
		l.at = len(l.tokens)
	}
}

// function reads a name of any kind for the function table, and its label.
func (a *assembler) function(l *line) {
	t := l.next()
	name, err := unquote(t.text)
	if t.kind != quoted || err != nil || strings.Contains(name, "\x00") {
		l.fail(t, "%s is no name in quotes", t.name())
	}
	l.expect(",")
	label := l.next()
	if label.kind != word {
		l.fail(label, "%s is no label", label.name())
	}
	a.globals = append(a.globals, global{name, label, l})
}

func (a *assembler) section(l *line) {
	t := l.next()
	name := strings.Trim(t.text, `"`)
	for _, s := range []struct {
		name string
		to   section
	}{{".text", text}, {".rodata", rodata}, {".data", data}, {".bss", data}, {".contract", contract}} {
		if name == s.name || strings.HasPrefix(name, s.name+".") {
			a.current = s.to
			l.at = len(l.tokens) // flags and type follow from the name
			return
		}
	}
	l.fail(t, "section %s has no place in an image", name)
}

// common reads a name, a size and an alignment: zeros in .data.
func (a *assembler) common(l *line) {
	name := l.next()
	l.expect(",")
	at := l.peek()
	size, alignment := l.number64(), uint64(8)
	if l.accept(",") {
		alignment = l.number64()
	}
	if alignment == 0 || alignment > 1<<15 || alignment&(alignment-1) != 0 {
		l.fail(at, "no alignment: want a power of two")
		return
	}
	before := a.current
	a.current = data
	a.fillSpace(l, at, -uint64(len(a.content[data]))&(alignment-1), true)
	a.label(l, name)
	a.fillSpace(l, at, size, false)
	a.current = before
}

func (a *assembler) append(l *line, at token, b ...byte) {
	if len(a.content[a.current])+len(b) > maxSection {
		l.fail(at, "%v grows above %d bytes", a.current, maxSection)
	}
	if l.err == nil {
		a.content[a.current] = append(a.content[a.current], b...)
	}
}

func (a *assembler) numbers(l *line, width int) {
	for {
		t := l.peek()
		if _, constant := a.source.constants[t.text]; t.kind == word && !constant && width == 8 && a.current != text {
			a.refer(l, useAddress, l.next(), l.addend())
			a.append(l, t, make([]byte, 8)...)
			if !l.accept(",") {
				return
			}
			continue
		}
		v := l.number64()
		if high := int64(v) >> (8*width - 1); width < 8 && high != 0 && high != -1 && v>>(8*width) != 0 {
			l.fail(t, "the number does not fit %d bits", 8*width)
		}
		a.append(l, t, binary.LittleEndian.AppendUint64(nil, v)[:width]...)
		if !l.accept(",") {
			return
		}
	}
}

func (a *assembler) strings(l *line, suffix string) {
	for {
		t := l.next()
		if t.kind != quoted {
			l.fail(t, "%s is no string", t.name())
			return
		}
		s, err := unquote(t.text)
		if err != nil {
			l.fail(t, "the string has an escape that is not understood")
		}
		a.append(l, t, []byte(s+suffix)...)
		if !l.accept(",") {
			return
		}
	}
}

// unquote understands Go's escapes and, as other assemblers do, octal ones of
// one to three digits.
func unquote(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteByte(s[i])
		if s[i] != '\\' || i+1 == len(s) {
			continue
		}
		i++
		n := 0
		for n < 3 && i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '7' {
			n++
		}
		switch n {
		case 0:
			b.WriteByte(s[i])
		default:
			b.WriteString("000"[n:] + s[i:i+n])
			i += n - 1
		}
	}
	return strconv.Unquote(b.String())
}

// fillSpace appends n bytes: zeros, or between instructions what does nothing.
func (a *assembler) fillSpace(l *line, at token, n uint64, between bool) {
	if n > maxSection {
		l.fail(at, "%v grows above %d bytes", a.current, maxSection)
		return
	}
	space := make([]byte, n)
	if between && a.current == text {
		for i := 0; i+8 <= len(space); i += 8 {
			space[i] = 0x05 // ja +0
		}
	}
	a.append(l, at, space...)
}
