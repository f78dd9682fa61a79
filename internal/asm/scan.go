package asm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/isa"
)

type kind uint8

const (
	end kind = iota
	word
	numeral
	quoted
	mark
)

// A token is a word, a number, a string or an operator of one line.
type token struct {
	kind   kind
	text   string
	column int // in bytes, counted from 1
}

var marks = []string{">>=", "<<=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "==", "!=", "<=", ">="}

// A line is one line of source while it is taken apart. Like a scanner it
// remembers the first error and answers with zeros from then on.
type line struct {
	source *Source
	number int
	text   string
	tokens []token
	at     int
	err    *Error
}

// scan splits text into tokens. Comments run from '#', ';' or "//" to the end.
func scan(source *Source, number int, text string) *line {
	l := &line{source: source, number: number, text: strings.TrimRight(text, " \t\r")}
	for at := 0; at < len(text) && l.err == nil; {
		c, rest := text[at], text[at:]
		switch {
		case c == ' ' || c == '\t' || c == '\r':
			at++
			continue
		case c == '#' || c == ';' || strings.HasPrefix(rest, "//"):
			return l
		}
		t := token{mark, rest[:1], at + 1}
		switch {
		case c == '"':
			t.kind = quoted
			t.text = rest[:quotedLength(rest)]
			if len(t.text) < 2 || t.text[len(t.text)-1] != '"' {
				l.fail(t, "the string does not end on this line")
			}
		case c == '%' && len(rest) > 2 && (rest[1] == 'r' || rest[1] == 'w') && digit(rest[2]):
			t.kind = word
			t.text = rest[:1+nameLength(rest[1:])]
		case letter(c):
			t.kind = word
			t.text = rest[:nameLength(rest)]
		case digit(c):
			t.kind = numeral
			t.text = rest[:nameLength(rest)]
		default:
			for _, m := range marks {
				if strings.HasPrefix(rest, m) {
					t.text = m
					break
				}
			}
		}
		l.tokens = append(l.tokens, t)
		at += len(t.text)
	}
	return l
}

func letter(c byte) bool {
	return c == '_' || c == '.' || c == '$' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func nameLength(s string) int {
	n := 0
	for n < len(s) && (letter(s[n]) || digit(s[n])) {
		n++
	}
	return n
}

func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// fail notes an error at a token, unless there is one already.
func (l *line) fail(at token, why string, args ...any) {
	if l.err != nil {
		return
	}
	l.err = &Error{
		File: l.source.Name, Line: l.number, Column: at.column,
		Text: strings.TrimSpace(l.text), Why: fmt.Sprintf(why, args...),
	}
}

// peek returns the next token; after the last one, or an error, one of kind
// end.
func (l *line) peek() token { return l.ahead(0) }

func (l *line) ahead(n int) token {
	if l.err != nil || l.at+n >= len(l.tokens) {
		return token{column: len(l.text) + 1}
	}
	return l.tokens[l.at+n]
}

func (l *line) next() token {
	t := l.peek()
	if t.kind != end {
		l.at++
	}
	return t
}

func (l *line) accept(text string) bool {
	if t := l.peek(); t.kind == end || t.kind == quoted || t.text != text {
		return false
	}
	l.at++
	return true
}

func (l *line) expect(text string) {
	if t := l.peek(); !l.accept(text) {
		if text == "," {
			text = "a comma"
		}
		l.fail(t, "want %s, got %s", text, t.name())
	}
}

// finish wants the line to end here.
func (l *line) finish() {
	if t := l.peek(); t.kind != end {
		l.fail(t, "%s is too much", t.name())
	}
}

// name is a token for messages.
func (t token) name() string {
	if t.kind == end {
		return "the end of the line"
	}
	return strconv.Quote(t.text)
}

// registerOf returns the register that t names, and whether it is named by its
// lower half (w3).
func registerOf(t token) (n uint8, half, ok bool) {
	name := strings.TrimPrefix(t.text, "%")
	if t.kind != word || len(name) < 2 || name[0] != 'r' && name[0] != 'w' {
		return 0, false, false
	}
	v, err := strconv.ParseUint(name[1:], 10, 8)
	if err != nil || v >= isa.Registers || len(name) > 2 && name[1] == '0' {
		return 0, false, false
	}
	return uint8(v), name[0] == 'w', true
}

// looksLikeRegister reports whether t was meant to be a register: r or w and
// digits.
func looksLikeRegister(t token) bool {
	name := strings.TrimPrefix(t.text, "%")
	return t.kind == word && len(name) > 1 && (name[0] == 'r' || name[0] == 'w') && strings.Trim(name[1:], "0123456789") == ""
}

// register wants a whole register.
func (l *line) register() uint8 {
	t := l.next()
	n, half, ok := registerOf(t)
	switch {
	case !ok:
		l.fail(t, "%s is no register: there are r0 to r10", t.name())
	case half:
		l.fail(t, "%s is half a register; a whole one is needed here: r%d", t.name(), n)
	}
	return n
}

// number64 reads a number with an optional sign, in 64 bits.
func (l *line) number64() uint64 {
	negative := false
	for {
		if l.accept("-") {
			negative = !negative
		} else if !l.accept("+") {
			break
		}
	}
	t := l.next()
	if t.kind == word {
		if v, ok := l.source.constants[t.text]; ok {
			return signed(v, negative)
		}
	}
	if _, _, isRegister := registerOf(t); isRegister {
		l.fail(t, "a number is needed here, not register %s", t.text)
	}
	if t.kind == word {
		l.fail(t, "%s is no register and no number", t.name())
	}
	if t.kind == end {
		l.fail(t, "a number is missing")
	}
	v, err := strconv.ParseUint(t.text, 0, 64)
	if t.kind != numeral || err != nil || negative && v > 1<<63 {
		l.fail(t, "%s is no number of 64 bits", t.name())
		return 0
	}
	return signed(v, negative)
}

func signed(v uint64, negative bool) uint64 {
	if negative {
		return -v
	}
	return v
}

// immediate reads a number that fits 32 bits, signed or unsigned.
func (l *line) immediate() int32 {
	t := l.peek()
	v := int64(l.number64())
	if v < -1<<31 || v >= 1<<32 {
		l.fail(t, "the number does not fit 32 bits")
	}
	return int32(v)
}

// offset16 reads a number that fits 16 bits, signed.
func (l *line) offset16() int16 {
	t := l.peek()
	v := int64(l.number64())
	if v != int64(int16(v)) {
		l.fail(t, "the offset does not fit 16 bits")
	}
	return int16(v)
}

// signedOffset reads "+ n", "- n" or nothing before the token that closes.
func (l *line) signedOffset(closing string) int16 {
	var offset int16
	if t := l.peek(); t.text == "+" || t.text == "-" {
		offset = l.offset16()
	}
	l.expect(closing)
	return offset
}
