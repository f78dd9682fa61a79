package debug

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
)

// A Value is what an expression stands for.
type Value struct {
	Type    build.Type // of kind "" for a number without a type, which is signed
	Bits    uint64     // extended to 64 bits; of what is no number: nothing
	Address uint64     // where it is, if InMemory
	Size    int        // in bytes, if InMemory

	InMemory bool
	Register int // it is that register, if InRegister; then it can be set
	InReg    bool
	bytes    []byte
}

// ErrGone is the value of a variable that the compiler has removed, at least
// here.
var ErrGone = errors.New("optimised out")

// True reports whether the value is other than zero.
func (v Value) True() bool { return v.Bits != 0 }

func numberValue(bits uint64) Value { return Value{Bits: bits} }

func truth(b bool) Value {
	if b {
		return numberValue(1)
	}
	return numberValue(0)
}

// context is where an expression is evaluated.
type context struct {
	s     *Session
	frame Frame
}

// Eval evaluates an expression in a frame, 0 being the innermost.
func (s *Session) Eval(text string, frame int) (Value, error) {
	e, err := Parse(text)
	if err != nil {
		return Value{}, err
	}
	return s.Evaluate(e, frame)
}

// Evaluate is Eval of an expression that was parsed.
func (s *Session) Evaluate(e *Expression, frame int) (Value, error) {
	frames := s.Frames()
	c := context{s, frames[min(max(frame, 0), len(frames)-1)]}
	return c.eval(&e.root)
}

func (c *context) eval(n *node) (Value, error) {
	switch n.op {
	case "number":
		return numberValue(n.n), nil
	case "name":
		return c.name(n.name)
	case "&&", "||":
		left, err := c.eval(&n.args[0])
		if err != nil || left.True() == (n.op == "||") {
			return truth(left.True()), err
		}
		right, err := c.eval(&n.args[1])
		return truth(right.True()), err
	case "[]":
		return c.index(n)
	case ".":
		return c.field(n)
	}
	args := make([]Value, len(n.args))
	for i := range n.args {
		var err error
		if args[i], err = c.eval(&n.args[i]); err != nil {
			return Value{}, err
		}
	}
	if len(args) == 1 {
		return c.unary(n.op, args[0])
	}
	return c.binary(n.op, args[0], args[1])
}

func (c *context) unary(op string, v Value) (Value, error) {
	switch op {
	case "unary *":
		if v.Type.Kind != build.KindPointer && v.Type.Kind != build.KindArray {
			return Value{}, errors.New("* is for pointers; memory is read by u8[address], u16[…], u32[…] or u64[…]")
		}
		return c.element(v, 0)
	case "unary &":
		if !v.InMemory {
			return Value{}, errors.New("& is for what is in memory")
		}
		return numberValue(v.Address), nil
	}
	if err := v.scalar(); err != nil {
		return Value{}, err
	}
	switch op {
	case "unary !":
		return truth(v.Bits == 0), nil
	case "unary ~":
		return numberValue(^v.Bits), nil
	case "unary -":
		return numberValue(-v.Bits), nil
	}
	return numberValue(v.Bits), nil
}

// scalar is nil for what can be calculated with.
func (v Value) scalar() error {
	switch v.Type.Kind {
	case build.KindStruct, build.KindUnion, build.KindVoid:
		return fmt.Errorf("a %s is no number", v.Type.Kind)
	}
	return nil
}

// asNumber lets an array be its address.
func (v Value) asNumber() uint64 {
	if v.Type.Kind == build.KindArray {
		return v.Address
	}
	return v.Bits
}

func (c *context) binary(op string, left, right Value) (Value, error) {
	if err := errors.Join(left.scalar(), right.scalar()); err != nil {
		return Value{}, err
	}
	a, b := left.asNumber(), right.asNumber()
	// Numbers are signed but for variables that are unsigned and as wide.
	unsigned := func(v Value) bool {
		return v.Type.Kind == build.KindUint && v.Type.Size == 8 || v.Type.Kind == build.KindPointer
	}
	u := unsigned(left) || unsigned(right)
	x, y := int64(a), int64(b)
	switch op {
	case "|":
		return numberValue(a | b), nil
	case "^":
		return numberValue(a ^ b), nil
	case "&":
		return numberValue(a & b), nil
	case "==":
		return truth(a == b), nil
	case "!=":
		return truth(a != b), nil
	case "<":
		return truth(u && a < b || !u && x < y), nil
	case "<=":
		return truth(u && a <= b || !u && x <= y), nil
	case ">":
		return truth(u && a > b || !u && x > y), nil
	case ">=":
		return truth(u && a >= b || !u && x >= y), nil
	case "<<":
		return numberValue(a << (b & 63)), nil
	case ">>":
		if u {
			return numberValue(a >> (b & 63)), nil
		}
		return numberValue(uint64(x >> (b & 63))), nil
	case "+", "-":
		if op == "-" {
			b = -b
		}
		if left.Type.Kind == build.KindPointer {
			sum := left
			sum.Bits += b * uint64(max(c.s.typeOf(left.Type.Of).Size, 1))
			sum.InMemory, sum.InReg = false, false
			return sum, nil
		}
		return numberValue(a + b), nil
	case "*":
		return numberValue(a * b), nil
	}
	if b == 0 {
		return Value{}, errors.New("division by zero")
	}
	switch {
	case op == "/" && u:
		return numberValue(a / b), nil
	case op == "/":
		return numberValue(uint64(x / y)), nil
	case u:
		return numberValue(a % b), nil
	}
	return numberValue(uint64(x % y)), nil
}

// widthNames read memory: u16[address].
var widthNames = map[string]build.Type{
	"u8": {Kind: build.KindUint, Size: 1}, "u16": {Kind: build.KindUint, Size: 2}, "u32": {Kind: build.KindUint, Size: 4}, "u64": {Kind: build.KindUint, Size: 8},
	"s8": {Kind: build.KindInt, Size: 1}, "s16": {Kind: build.KindInt, Size: 2}, "s32": {Kind: build.KindInt, Size: 4}, "s64": {Kind: build.KindInt, Size: 8},
}

// storeNames look into stores: local[key].
var storeNames = []string{"local", "tenant", "global"}

func (c *context) index(n *node) (Value, error) {
	at, err := c.eval(&n.args[1])
	if err != nil {
		return Value{}, err
	}
	if err := at.scalar(); err != nil {
		return Value{}, err
	}
	if of := n.args[0]; of.op == "name" {
		name := strings.TrimPrefix(of.name, "$")
		_, err := c.variable(of.name)
		if t, ok := widthNames[name]; ok && errors.Is(err, errUnknown) {
			return c.s.read(t, at.asNumber())
		}
		if i := slices.Index(storeNames, name); i >= 0 && errors.Is(err, errUnknown) {
			return numberValue(uint64(c.s.state.Stores[i][uint32(at.Bits)])), nil
		}
	}
	of, err := c.eval(&n.args[0])
	if err != nil {
		return Value{}, err
	}
	return c.element(of, int64(at.asNumber()))
}

// element returns element i of what a pointer points to, or of an array.
func (c *context) element(of Value, i int64) (Value, error) {
	t := c.s.typeOf(of.Type.Of)
	switch of.Type.Kind {
	case build.KindPointer:
		if t.Size == 0 {
			return Value{}, errors.New("what it points to has no type")
		}
		return c.s.read(t, of.Bits+uint64(i)*uint64(t.Size))
	case build.KindArray:
		if i < 0 || i >= int64(of.Type.Count) {
			return Value{}, fmt.Errorf("[%d] is outside of an array of %d", i, of.Type.Count)
		}
		return of.part(t, int(i)*t.Size)
	}
	return Value{}, errors.New("[ ] is for arrays, pointers, u8 to s64, and the stores local, tenant and global")
}

func (c *context) field(n *node) (Value, error) {
	of, err := c.eval(&n.args[0])
	if err != nil {
		return Value{}, err
	}
	if of.Type.Kind == build.KindPointer {
		if of, err = c.element(of, 0); err != nil {
			return Value{}, err
		}
	}
	for _, f := range of.Type.Fields {
		if f.Name == n.name {
			return c.s.fieldOf(of, f)
		}
	}
	if len(of.Type.Fields) == 0 {
		return Value{}, fmt.Errorf("it has no fields, so no %s", n.name)
	}
	names := make([]string, len(of.Type.Fields))
	for i, f := range of.Type.Fields {
		names[i] = f.Name
	}
	return Value{}, fmt.Errorf("it has no field %s but %s", n.name, strings.Join(names, ", "))
}

func (s *Session) fieldOf(of Value, f build.Field) (Value, error) {
	v, err := of.part(s.typeOf(f.Type), f.Offset)
	if err == nil && f.Bits > 0 {
		v.Bits = number(v.bytes) >> f.Bit
		v.Bits = extend(v.Bits, f.Bits, v.Type.Kind == build.KindInt)
		v.InMemory = false // it cannot be set as bytes
	}
	return v, err
}

// part returns what lies at an offset in a value.
func (v Value) part(t build.Type, offset int) (Value, error) {
	if offset < 0 || t.Size < 0 || offset+t.Size > len(v.bytes) {
		return Value{}, ErrGone
	}
	p := typed(t, v.bytes[offset:offset+t.Size])
	p.Address, p.InMemory, p.Size = v.Address+uint64(offset), v.InMemory, t.Size
	return p, nil
}

// typed reads bytes as a value.
func typed(t build.Type, b []byte) Value {
	v := Value{Type: t, bytes: b}
	switch t.Kind {
	case build.KindArray, build.KindStruct, build.KindUnion, build.KindVoid:
		return v
	}
	v.Bits = extend(number(b), 8*len(b), t.Kind == build.KindInt || t.Kind == build.KindChar)
	return v
}

// extend widens a number of so many bits to 64.
func extend(v uint64, bits int, signed bool) uint64 {
	if bits <= 0 || bits >= 64 {
		return v
	}
	shift := 64 - uint(bits)
	if signed {
		return uint64(int64(v<<shift) >> shift)
	}
	return v << shift >> shift
}

// read returns what is in memory.
func (s *Session) read(t build.Type, address uint64) (Value, error) {
	b := s.state.Memory(address, t.Size)
	if b == nil {
		return Value{}, fmt.Errorf("no %d bytes can be read at %#x", t.Size, address)
	}
	v := typed(t, b)
	v.Address, v.InMemory, v.Size = address, true, t.Size
	return v, nil
}

// typeOf returns a type of the side file.
func (s *Session) typeOf(i int) build.Type {
	if i <= 0 || i >= len(s.Debug.Types) {
		return build.Type{Kind: build.KindVoid}
	}
	return s.Debug.Types[i]
}

var errUnknown = errors.New("unknown")

// name is what a name stands for: with $ never a variable.
func (c *context) name(name string) (Value, error) {
	if v, err := c.variable(name); !errors.Is(err, errUnknown) {
		return v, err
	}
	word := strings.TrimPrefix(name, "$")
	if rest, ok := strings.CutPrefix(word, "r"); ok {
		if n, err := strconv.Atoi(rest); err == nil && n >= 0 && n < isa.Registers && strconv.Itoa(n) == rest {
			return c.register(n)
		}
	}
	switch word {
	case "pc":
		return numberValue(uint64(c.frame.Slot)), nil
	case "budget":
		return numberValue(uint64(c.s.state.Budget)), nil
	case "depth":
		return numberValue(uint64(len(c.s.state.Calls))), nil
	case "time":
		return numberValue(uint64(c.s.at)), nil
	}
	if word == name {
		for i := range c.s.Debug.Types {
			for _, e := range c.s.Debug.Types[i].Values {
				if e.Name == name {
					return numberValue(uint64(e.Value)), nil
				}
			}
		}
		for _, symbol := range c.s.Debug.Symbols {
			if region := map[string]uint64{".data": 3, ".rodata": 4}[symbol.Section]; symbol.Name == name && region > 0 {
				size := symbol.Size
				if size != 1 && size != 2 && size != 4 && size != 8 {
					return numberValue(region<<28 + uint64(symbol.Offset)), nil
				}
				return c.s.read(build.Type{Kind: build.KindUint, Size: size}, region<<28+uint64(symbol.Offset))
			}
		}
	}
	return Value{}, fmt.Errorf("%s is nothing that is known here: neither a variable nor r0 to r10, pc, budget, depth or time", name)
}

func (c *context) register(n int) (Value, error) {
	bits, ok := c.frame.Register(n)
	if !ok {
		return Value{}, fmt.Errorf("r%d of a caller is not known: only r6 to r10 are kept by calls", n)
	}
	return Value{Bits: bits, Register: n, InReg: c.frame.level == 0 && n < isa.FramePointer}, nil
}

// variable returns a variable that is in scope, the innermost of that name.
func (c *context) variable(name string) (Value, error) {
	var best *build.Variable
	for i := range c.s.Debug.Variables {
		v := &c.s.Debug.Variables[i]
		if v.Name != name || !c.frame.sees(v) {
			continue
		}
		if best == nil || best.Function == "" || v.Function != "" && v.To-v.From <= best.To-best.From {
			best = v
		}
	}
	if best == nil {
		return Value{}, errUnknown
	}
	return c.valueOf(best)
}

// valueOf looks a variable up where it is for the instruction of the frame.
func (c *context) valueOf(v *build.Variable) (Value, error) {
	t := c.s.typeOf(v.Type)
	for _, w := range v.Where {
		if v.Function != "" && (c.frame.Slot < w.From || c.frame.Slot >= w.To) {
			continue
		}
		text := w.Address
		if text == "" {
			text = w.Value
		}
		e, err := Parse(text)
		if err != nil {
			return Value{}, fmt.Errorf("debug file: where %s is: %w", v.Name, err)
		}
		plain := context{c.s, c.frame}
		plain.frame.registersOnly = true
		at, err := plain.eval(&e.root)
		if err != nil {
			return Value{}, ErrGone // in a caller's register that was not kept
		}
		if w.Address != "" {
			return c.s.read(t, at.Bits)
		}
		b := make([]byte, 8)
		putNumber(b, at.Bits)
		if t.Size > len(b) {
			return Value{}, ErrGone
		}
		value := typed(t, b[:t.Size])
		value.Register, value.InReg, value.Size = at.Register, at.InReg, t.Size
		return value, nil
	}
	return Value{}, ErrGone
}

// A Variable is one that a frame sees.
type Variable struct {
	Name      string
	Type      string
	Value     Value
	Err       error // instead of a value: ErrGone
	Parameter bool
	Global    bool
}

// Variables lists what a frame sees: its parameters and variables or, if
// global, those of the whole program.
func (s *Session) Variables(frame Frame, global bool) (list []Variable) {
	c := context{s, frame}
	for i := range s.Debug.Variables {
		v := &s.Debug.Variables[i]
		if (v.Function == "") != global || !frame.sees(v) {
			continue
		}
		value, err := c.valueOf(v)
		list = append(list, Variable{v.Name, s.TypeName(s.typeOf(v.Type)), value, err, v.Parameter, global})
	}
	return list
}

// Children lists the parts of a value: fields, elements, what it points to.
func (s *Session) Children(v Value) (list []Variable) {
	c := context{s, Frame{}}
	add := func(name string, part Value, err error) {
		list = append(list, Variable{Name: name, Type: s.TypeName(part.Type), Value: part, Err: err})
	}
	switch v.Type.Kind {
	case build.KindPointer:
		to, err := c.element(v, 0)
		if err != nil {
			return nil
		}
		if len(to.Type.Fields) > 0 {
			return s.Children(to)
		}
		add("*", to, nil)
	case build.KindArray:
		for i := range v.Type.Count {
			part, err := c.element(v, int64(i))
			add(fmt.Sprintf("[%d]", i), part, err)
		}
	case build.KindStruct, build.KindUnion:
		for _, f := range v.Type.Fields {
			part, err := s.fieldOf(v, f)
			add(f.Name, part, err)
		}
	}
	return list
}

// HasChildren reports whether there is something in a value.
func (s *Session) HasChildren(v Value) bool {
	switch v.Type.Kind {
	case build.KindPointer:
		t := s.typeOf(v.Type.Of)
		return t.Size > 0 && s.state.Memory(v.Bits, t.Size) != nil
	case build.KindArray:
		return v.Type.Count > 0
	}
	return len(v.Type.Fields) > 0
}

// TypeName is a type as C writes it.
func (s *Session) TypeName(t build.Type) string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Kind == build.KindPointer:
		return strings.TrimSuffix(s.TypeName(s.typeOf(t.Of)), " ") + " *"
	case t.Kind == build.KindArray:
		name, rest, inner := strings.Cut(s.TypeName(s.typeOf(t.Of)), "[")
		if inner {
			rest = "[" + rest
		}
		return fmt.Sprintf("%s[%d]%s", name, t.Count, rest)
	}
	return t.Kind
}

const (
	maxElements = 16 // of an array that is written in full
	maxText     = 64 // bytes of a string
)

// Text writes a value in a line.
func (s *Session) Text(v Value) string {
	switch t := v.Type; t.Kind {
	case "":
		return numberText(v.Bits)
	case build.KindBool:
		return strconv.FormatBool(v.Bits != 0)
	case build.KindEnum:
		for _, e := range t.Values {
			if uint64(e.Value) == v.Bits || t.Size < 8 && uint64(e.Value)&(1<<(8*t.Size)-1) == v.Bits {
				return fmt.Sprintf("%s (%d)", e.Name, e.Value)
			}
		}
		return strconv.FormatUint(v.Bits, 10)
	case build.KindUint:
		if t.Size == 1 && v.Bits >= ' ' && v.Bits < 0x7f {
			return fmt.Sprintf("%d %q", v.Bits, rune(v.Bits))
		}
		return strconv.FormatUint(v.Bits, 10)
	case build.KindChar:
		if v.Bits >= ' ' && v.Bits < 0x7f {
			return fmt.Sprintf("%d %q", v.Bits, rune(v.Bits))
		}
		return strconv.FormatInt(int64(v.Bits), 10)
	case build.KindPointer:
		text := s.AddressText(v.Bits)
		if to := s.typeOf(t.Of); to.Kind == build.KindChar && to.Size == 1 {
			if b := s.stringAt(v.Bits); b != nil {
				return fmt.Sprintf("%s %q", text, b)
			}
		}
		return text
	case build.KindArray:
		return s.arrayText(v)
	case build.KindStruct, build.KindUnion:
		var parts []string
		for _, child := range s.Children(v) {
			parts = append(parts, child.Name+" = "+s.VariableText(child))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case build.KindVoid:
		return "void"
	}
	return strconv.FormatInt(int64(v.Bits), 10)
}

// VariableText writes the value of a variable, or why it has none.
func (s *Session) VariableText(v Variable) string {
	if v.Err != nil {
		return "<" + v.Err.Error() + ">"
	}
	return s.Text(v.Value)
}

func (s *Session) arrayText(v Value) string {
	if of := s.typeOf(v.Type.Of); of.Kind == build.KindChar && of.Size == 1 {
		b := v.bytes
		for len(b) > 0 && b[len(b)-1] == 0 {
			b = b[:len(b)-1]
		}
		if len(b) <= maxText {
			return fmt.Sprintf("%q", b)
		}
	}
	var parts []string
	for i, child := range s.Children(v) {
		if i == maxElements {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, s.VariableText(child))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// stringAt returns the text at an address, nil if there is none.
func (s *Session) stringAt(address uint64) []byte {
	for n := range maxText {
		b := s.state.Memory(address, n+1)
		if b == nil {
			return nil
		}
		if b[n] == 0 {
			return b[:n]
		}
	}
	return nil
}

// numberText writes a number without a type: small ones as they are, what may
// be an address in hexadecimal too.
func numberText(v uint64) string {
	if n := int64(v); n > -1<<16 && n < 1<<16 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%d (%#x)", int64(v), v)
}

// AddressText writes an address with the region in which it lies.
func (s *Session) AddressText(address uint64) string {
	region, offset := int(address>>28), int(address&0xfffffff)
	if address>>32 != 0 || region == 0 {
		return fmt.Sprintf("%#x", address)
	}
	mem := s.state.Region[region].Bytes
	if mem == nil {
		return fmt.Sprintf("%#x", address)
	}
	if region == 1 && offset <= len(mem) {
		return fmt.Sprintf("%#x (stack end%+d)", address, offset-len(mem))
	}
	name := s.Symbol(address)
	if name == "" {
		name = fmt.Sprintf("%s+%d", symbols.RegionName(region), offset)
	}
	return fmt.Sprintf("%#x (%s)", address, name)
}

// RegisterText writes a register's value: a number or, if it is one, an
// address.
func (s *Session) RegisterText(v uint64) string {
	if region := v >> 28; v>>32 == 0 && region > 0 && v&0xfffffff <= uint64(len(s.state.Region[region].Bytes)) && s.state.Region[region].Bytes != nil {
		return s.AddressText(v)
	}
	return numberText(v)
}

// Set sets what target stands for, a register or something in memory, to the
// value of another expression.
func (s *Session) Set(target, value string, frame int) (Value, error) {
	to, err := s.Eval(target, frame)
	if err != nil {
		return Value{}, err
	}
	v, err := s.Eval(value, frame)
	if err == nil {
		err = v.scalar()
	}
	if err != nil {
		return Value{}, err
	}
	switch {
	case to.InMemory && to.Size <= 8 && to.scalar() == nil && to.Type.Kind != build.KindArray:
		b := make([]byte, 8)
		putNumber(b, v.Bits)
		err = s.SetMemory(to.Address, b[:to.Size])
	case to.InReg:
		err = s.SetRegister(to.Register, extend(v.Bits, 8*to.Size, false))
	default:
		return Value{}, fmt.Errorf("%s cannot be set: it is neither a register nor a number in memory", target)
	}
	if err != nil {
		return Value{}, err
	}
	return s.Eval(target, frame)
}
