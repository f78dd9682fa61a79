package debug

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An Expression is what people write to look at a container: C's operators on
// variables, registers and memory. See docs/debugging.md.
type Expression struct {
	text string
	root node
}

// String returns the expression as it was written.
func (e *Expression) String() string { return e.text }

// node is an operation and what it is applied to.
type node struct {
	op   string // "number", "name", "->", ".", "[]", "unary *" and the like, or a binary operator
	name string
	n    uint64
	args []node
}

const (
	maxExpression = 1024 // bytes
	maxNesting    = 64
)

// Parse reads an expression.
func Parse(text string) (*Expression, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("longer than %d bytes", maxExpression)
	}
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := parser{tokens: tokens}
	root, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t != "" {
		return nil, fmt.Errorf("%s is not expected there", t)
	}
	return &Expression{strings.TrimSpace(text), root}, nil
}

// operators are the binary ones, those that bind least first.
var operators = [][]string{
	{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"},
}

const punctuation = "|| && == != <= >= << >> -> | ^ & < > + - * / % ! ~ ( ) [ ] ."

// scan divides text into numbers, names and punctuation.
func scan(text string) (tokens []string, err error) {
next:
	for text != "" {
		c := text[0]
		switch {
		case c == ' ' || c == '\t':
			text = text[1:]
			continue
		case c == '\'':
			end := strings.IndexByte(text[1:], '\'')
			if end < 1 {
				return nil, errors.New("a character that does not end")
			}
			tokens, text = append(tokens, text[:end+2]), text[end+2:]
			continue
		case isWord(c):
			n := 1
			for n < len(text) && isWord(text[n]) {
				n++
			}
			tokens, text = append(tokens, text[:n]), text[n:]
			continue
		}
		for _, symbol := range strings.Fields(punctuation) {
			if strings.HasPrefix(text, symbol) {
				tokens, text = append(tokens, symbol), text[len(symbol):]
				continue next
			}
		}
		return nil, fmt.Errorf("%q is not part of an expression", []rune(text)[0])
	}
	return tokens, nil
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

type parser struct {
	tokens []string
	depth  int
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) take(token string) bool {
	if p.peek() != token || token == "" {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) want(token string) error {
	if p.take(token) {
		return nil
	}
	return fmt.Errorf("%s is missing%s", token, p.before())
}

func (p *parser) before() string {
	if t := p.peek(); t != "" {
		return " before " + t
	}
	return " at the end"
}

func (p *parser) binary(level int) (node, error) {
	if level == len(operators) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil {
		op := ""
		for _, candidate := range operators[level] {
			if p.take(candidate) {
				op = candidate
				break
			}
		}
		if op == "" {
			break
		}
		var right node
		right, err = p.binary(level + 1)
		left = node{op: op, args: []node{left, right}}
	}
	return left, err
}

func (p *parser) unary() (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		return node{}, errors.New("nested too deep")
	}
	for _, op := range []string{"!", "~", "-", "*", "&", "+"} {
		if p.take(op) {
			arg, err := p.unary()
			return node{op: "unary " + op, args: []node{arg}}, err
		}
	}
	value, err := p.primary()
	for err == nil {
		switch {
		case p.take("["):
			var index node
			if index, err = p.binary(0); err == nil {
				err = p.want("]")
			}
			value = node{op: "[]", args: []node{value, index}}
		case p.take("."), p.take("->"): // one does for the other
			name := p.peek()
			if name == "" || !isWord(name[0]) || isDigit(name[0]) {
				return node{}, fmt.Errorf("the name of a field is missing%s", p.before())
			}
			p.take(name)
			value = node{op: ".", name: name, args: []node{value}}
		default:
			return value, nil
		}
	}
	return value, err
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (p *parser) primary() (node, error) {
	t := p.peek()
	switch {
	case p.take("("):
		value, err := p.binary(0)
		if err == nil {
			err = p.want(")")
		}
		return value, err
	case t != "" && isDigit(t[0]):
		p.take(t)
		n, err := strconv.ParseUint(strings.TrimRight(strings.ToLower(t), "ul"), 0, 64)
		if err != nil {
			return node{}, fmt.Errorf("%s is no number", t)
		}
		return node{op: "number", n: n}, nil
	case t != "" && t[0] == '\'':
		p.take(t)
		s, err := strconv.Unquote(t)
		if err != nil || len(s) != 1 {
			return node{}, fmt.Errorf("%s is no character", t)
		}
		return node{op: "number", n: uint64(s[0])}, nil
	case t != "" && isWord(t[0]):
		p.take(t)
		return node{op: "name", name: t}, nil
	}
	return node{}, fmt.Errorf("a value is missing%s", p.before())
}
