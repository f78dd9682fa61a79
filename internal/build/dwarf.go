package build

import (
	"bytes"
	"debug/dwarf"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// unit reads what the debug information of an object says of variables.
type unit struct {
	data     *dwarf.Data
	types    *typeTable
	files    []*dwarf.LineFile
	folder   string
	low      uint64            // to which location lists refer
	addrBase uint64            // of the unit in .debug_addr
	locBase  uint64            // of the unit in .debug_loclists
	addr     []byte            // .debug_addr, of this object
	loclists []byte            // .debug_loclists
	spaces   map[uint64]uint64 // addresses of data in a container, by place in .debug_addr
	stacks   map[uint64]uint64 // sizes of stacks, by where a function begins

	variables []Variable
	inlined   []Inlined
}

// scope is what a variable belongs to.
type scope struct {
	function string
	from, to int
	stack    int64 // bytes; negative: unknown
}

// maxDepth bounds how deep scopes lie in one another.
const maxDepth = 64

// errPlace says that where a variable is cannot be said in an expression.
var errPlace = errors.New("no expression")

// read reads the variables of the unit that e begins.
func (u *unit) read(e *dwarf.Entry) error {
	u.low, _ = e.Val(dwarf.AttrLowpc).(uint64)
	base := func(a dwarf.Attr) uint64 {
		n, _ := e.Val(a).(int64)
		return uint64(n)
	}
	u.addrBase, u.locBase = base(dwarf.AttrAddrBase), base(dwarf.AttrLoclistsBase)
	if !e.Children {
		return nil
	}
	r := u.data.Reader()
	r.Seek(e.Offset)
	if _, err := r.Next(); err != nil {
		return err
	}
	return u.walk(r, scope{}, 0)
}

// walk reads the variables of the entries up to the end of their parent.
func (u *unit) walk(r *dwarf.Reader, s scope, depth int) error {
	for {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil || e.Tag == 0 {
			return nil
		}
		if err := u.entry(r, e, s, depth); err != nil {
			return err
		}
	}
}

func (u *unit) entry(r *dwarf.Reader, e *dwarf.Entry, s scope, depth int) error {
	inner := s
	switch e.Tag {
	case dwarf.TagVariable, dwarf.TagFormalParameter:
		if err := u.variable(e, s); err != nil {
			return err
		}
		r.SkipChildren()
		return nil
	case dwarf.TagSubprogram, dwarf.TagInlinedSubroutine, dwarf.TagLexDwarfBlock:
		ranges, err := u.data.Ranges(e)
		if err != nil {
			return err
		}
		if len(ranges) == 0 || depth == maxDepth { // not compiled, or only where it is inlined
			r.SkipChildren()
			return nil
		}
		inner.from, inner.to = hull(ranges)
		switch e.Tag {
		case dwarf.TagSubprogram:
			inner.function, inner.stack = u.name(e), -1
			if size, ok := u.stacks[ranges[0][0]]; ok {
				inner.stack = int64(size)
			}
		case dwarf.TagInlinedSubroutine:
			inner.function = u.name(e)
			file, line := u.call(e)
			for _, span := range ranges {
				u.inlined = append(u.inlined, Inlined{inner.function, int(span[0] / slot), int(span[1] / slot), file, line})
			}
		}
	default:
		r.SkipChildren()
		return nil
	}
	if !e.Children {
		return nil
	}
	return u.walk(r, inner, depth+1)
}

// hull is the first slot of ranges and the one behind the last.
func hull(ranges [][2]uint64) (from, to int) {
	from = math.MaxInt
	for _, span := range ranges {
		from, to = min(from, int(span[0]/slot)), max(to, int(span[1]/slot))
	}
	return from, to
}

// origin returns an attribute of an entry, or of the one that it stands for.
func (u *unit) origin(e *dwarf.Entry, a dwarf.Attr) any {
	for range 4 {
		if v := e.Val(a); v != nil {
			return v
		}
		at, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			if at, ok = e.Val(dwarf.AttrSpecification).(dwarf.Offset); !ok {
				return nil
			}
		}
		r := u.data.Reader()
		r.Seek(at)
		next, err := r.Next()
		if err != nil || next == nil {
			return nil
		}
		e = next
	}
	return nil
}

func (u *unit) name(e *dwarf.Entry) string {
	name, _ := u.origin(e, dwarf.AttrName).(string)
	return name
}

// call is where a function was called that is inlined.
func (u *unit) call(e *dwarf.Entry) (file string, line int) {
	n, _ := e.Val(dwarf.AttrCallLine).(int64)
	i, ok := e.Val(dwarf.AttrCallFile).(int64)
	if ok && i >= 0 && int(i) < len(u.files) && u.files[i] != nil {
		file = withoutFolder(u.files[i].Name, u.folder)
	}
	return file, int(n)
}

func (u *unit) variable(e *dwarf.Entry, s scope) error {
	name := u.name(e)
	at, ok := u.origin(e, dwarf.AttrType).(dwarf.Offset)
	if name == "" || !ok {
		return nil
	}
	v := Variable{Name: name, Function: s.function, From: s.from, To: s.to, Parameter: e.Tag == dwarf.TagFormalParameter}
	where, err := u.where(e, s)
	if err != nil {
		return err
	}
	if s.function == "" && len(where) == 0 {
		return nil // it is not in the image
	}
	v.Where = where
	t, err := u.data.Type(at)
	if err != nil {
		return err
	}
	v.Type = u.types.add(t)
	u.variables = append(u.variables, v)
	return nil
}

// where says where a variable is.
func (u *unit) where(e *dwarf.Entry, s scope) ([]Where, error) {
	if v := u.origin(e, dwarf.AttrConstValue); v != nil {
		if n, ok := v.(int64); ok {
			return []Where{{From: s.from, To: s.to, Value: fmt.Sprint(n)}}, nil
		}
		return nil, nil
	}
	field := e.AttrField(dwarf.AttrLocation)
	if field == nil {
		return nil, nil
	}
	var list []Where
	add := func(from, to uint64, expression []byte) {
		w, err := u.expression(expression, s)
		if w.From, w.To = int(from/slot), int(to/slot); err == nil && w.From < w.To {
			list = append(list, w)
		}
	}
	switch v := field.Val.(type) {
	case []byte:
		if w, err := u.expression(v, s); err == nil {
			w.From, w.To = s.from, s.to
			list = append(list, w)
		}
	case int64:
		return list, u.locations(uint64(v), field.Class == dwarf.ClassLocList, add)
	case uint64:
		return list, u.locations(v, field.Class == dwarf.ClassLocList, add)
	}
	return list, nil
}

var errLocations = errors.New("location list is malformed")

// locations reads a location list (DWARF 5, section 7.7.3), by its number or
// its place.
func (u *unit) locations(at uint64, indexed bool, add func(from, to uint64, expression []byte)) error {
	le := binary.LittleEndian
	if indexed {
		entry := u.locBase + 4*at
		if u.loclists == nil || entry+4 > uint64(len(u.loclists)) || entry < u.locBase {
			return errLocations
		}
		at = u.locBase + uint64(le.Uint32(u.loclists[entry:]))
	}
	if at > uint64(len(u.loclists)) {
		return errLocations
	}
	b := &cursor{b: u.loclists[at:]}
	base := u.low
	for b.err == nil {
		var from, to uint64
		switch kind := b.u8(); kind {
		case 0: // end of list
			return b.err
		case 1: // base_addressx
			base = u.address(b.uleb())
			continue
		case 2: // startx_endx
			from, to = u.address(b.uleb()), u.address(b.uleb())
		case 3: // startx_length
			from = u.address(b.uleb())
			to = from + b.uleb()
		case 4: // offset_pair
			from, to = base+b.uleb(), base+b.uleb()
		case 5: // default_location
			from, to = 0, math.MaxInt32
		case 6: // base_address
			base = b.u64()
			continue
		case 7: // start_end
			from, to = b.u64(), b.u64()
		case 8: // start_length
			from = b.u64()
			to = from + b.uleb()
		default:
			return errLocations
		}
		expression := b.bytes(b.uleb())
		if b.err == nil && from <= to && to <= math.MaxInt32 {
			add(from, to, expression)
		}
	}
	return b.err
}

// address is an entry of the unit in .debug_addr.
func (u *unit) address(i uint64) uint64 {
	at := u.addrBase + 8*i
	if at+8 > uint64(len(u.addr)) || at < u.addrBase {
		return 0
	}
	return binary.LittleEndian.Uint64(u.addr[at:])
}

// expression turns a location description (DWARF 5, section 2.6) into an
// expression of the debugger.
func (u *unit) expression(code []byte, s scope) (Where, error) {
	b := &cursor{b: code}
	var stack []string
	push := func(format string, args ...any) { stack = append(stack, fmt.Sprintf(format, args...)) }
	value, register := false, ""
	offset := func(base string, n int64) {
		switch {
		case n == 0:
			push("%s", base)
		default:
			push("(%s%+d)", base, n)
		}
	}
	for len(b.b) > 0 && b.err == nil {
		if value || register != "" || len(stack) > 32 {
			return Where{}, errPlace // pieces and the like
		}
		op := b.u8()
		need := func(n int) bool { return len(stack) >= n }
		switch {
		case op == 0x03: // addr: of text only
			return Where{}, errPlace
		case op >= 0x08 && op <= 0x0f:
			width := []uint64{1, 1, 2, 2, 4, 4, 8, 8}[op-0x08]
			raw := b.bytes(width)
			n := int64(le64(raw))
			if shift := 64 - 8*width; op&1 == 1 && shift < 64 {
				n = n << shift >> shift
			}
			push("%s", literal(n))
		case op == 0x10:
			push("%s", literal(int64(b.uleb())))
		case op == 0x11:
			push("%s", literal(b.sleb()))
		case op >= 0x30 && op <= 0x4f:
			push("%d", op-0x30)
		case op >= 0x50 && op <= 0x5a:
			register = fmt.Sprintf("r%d", op-0x50)
		case op >= 0x70 && op <= 0x7a:
			offset(fmt.Sprintf("r%d", op-0x70), b.sleb())
		case op == 0x91: // fbreg, which counts from the lower end of the stack
			if s.stack < 0 {
				return Where{}, errPlace
			}
			offset("r10", b.sleb()-s.stack)
		case op == 0xa1: // addrx
			i := b.uleb()
			space, ok := u.spaces[u.addrBase+8*i]
			if !ok {
				return Where{}, errPlace
			}
			push("%#x", space)
		case op == 0x06 && need(1):
			stack[len(stack)-1] = "u64[" + stack[len(stack)-1] + "]"
		case op == 0x94 && need(1): // deref_size
			width := b.u8()
			if width != 1 && width != 2 && width != 4 && width != 8 {
				return Where{}, errPlace
			}
			stack[len(stack)-1] = fmt.Sprintf("u%d[%s]", 8*width, stack[len(stack)-1])
		case op == 0x12 && need(1):
			push("%s", stack[len(stack)-1])
		case op == 0x13 && need(1):
			stack = stack[:len(stack)-1]
		case op == 0x14 && need(2):
			push("%s", stack[len(stack)-2])
		case op == 0x16 && need(2):
			n := len(stack)
			stack[n-1], stack[n-2] = stack[n-2], stack[n-1]
		case op == 0x1f && need(1):
			stack[len(stack)-1] = "(-" + stack[len(stack)-1] + ")"
		case op == 0x20 && need(1):
			stack[len(stack)-1] = "(~" + stack[len(stack)-1] + ")"
		case op == 0x23 && need(1):
			stack[len(stack)-1] = fmt.Sprintf("(%s+%d)", stack[len(stack)-1], b.uleb())
		case binaryOperations[op] != "" && need(2):
			n := len(stack)
			stack = append(stack[:n-2], fmt.Sprintf("(%s%s%s)", stack[n-2], binaryOperations[op], stack[n-1]))
		case op == 0x9f:
			value = true
		default:
			return Where{}, errPlace
		}
		if n := len(stack); n > 0 && len(stack[n-1]) > 200 {
			return Where{}, errPlace
		}
	}
	switch {
	case b.err != nil:
		return Where{}, b.err
	case register != "" && len(stack) == 0:
		return Where{Value: register}, nil
	case len(stack) != 1:
		return Where{}, errPlace
	}
	text := unbracketed(stack[0])
	if value {
		return Where{Value: text}, nil
	}
	return Where{Address: text}, nil
}

// unbracketed takes off brackets around the whole.
func unbracketed(s string) string {
	if !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")") || strings.Count(s, "(") > 1 {
		return s
	}
	return s[1 : len(s)-1]
}

func literal(n int64) string {
	if n < 0 {
		return fmt.Sprintf("(-%d)", uint64(-n))
	}
	return fmt.Sprint(n)
}

var binaryOperations = map[byte]string{
	0x1a: "&", 0x1b: "/", 0x1c: "-", 0x1d: "%", 0x1e: "*", 0x21: "|", 0x22: "+", 0x24: "<<", 0x26: ">>", 0x27: "^",
	0x29: "==", 0x2a: ">=", 0x2b: ">", 0x2c: "<=", 0x2d: "<", 0x2e: "!=",
}

func le64(b []byte) uint64 {
	var all [8]byte
	copy(all[:], b)
	return binary.LittleEndian.Uint64(all[:])
}

// cursor reads the small encodings of DWARF. After the first error it gives
// zeros.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.err, c.b = errLocations, nil
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) u8() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u64() uint64 { return le64(c.bytes(8)) }

func (c *cursor) uleb() (v uint64) {
	for shift := 0; shift < 70; shift += 7 {
		b := c.u8()
		if shift < 64 {
			v |= uint64(b&0x7f) << shift
		}
		if b < 0x80 {
			return v
		}
	}
	c.err = errLocations
	return 0
}

func (c *cursor) sleb() (v int64) {
	for shift := 0; shift < 70; shift += 7 {
		b := c.u8()
		if shift < 64 {
			v |= int64(b&0x7f) << shift
		}
		if b < 0x80 {
			if shift += 7; b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
	c.err = errLocations
	return 0
}

// A typeTable is Debug.Types as it grows.
type typeTable struct {
	list []Type
	at   map[dwarf.Type]int
}

func newTypeTable() *typeTable {
	return &typeTable{list: []Type{{Kind: KindVoid}}, at: map[dwarf.Type]int{}}
}

// add returns the place of a type, 0 for what is none.
func (t *typeTable) add(d dwarf.Type) int {
	name := ""
	for range 16 {
		switch typed := d.(type) {
		case *dwarf.QualType:
			d = typed.Type
			continue
		case *dwarf.TypedefType:
			if name == "" {
				name = typed.Name
			}
			d = typed.Type
			continue
		}
		break
	}
	if d == nil {
		return 0
	}
	if i, ok := t.at[d]; ok && (name == "" || t.list[i].Name == name) {
		return i
	}
	described := Type{Name: name, Size: int(max(d.Size(), 0))}
	switch typed := d.(type) {
	case *dwarf.IntType, *dwarf.FloatType:
		described.Kind = KindInt
	case *dwarf.UintType, *dwarf.UcharType, *dwarf.AddrType:
		described.Kind = KindUint
	case *dwarf.CharType:
		described.Kind = KindChar
	case *dwarf.BoolType:
		described.Kind = KindBool
	case *dwarf.EnumType:
		described.Kind = KindEnum
		for _, v := range typed.Val {
			described.Values = append(described.Values, Enum{v.Name, v.Val})
		}
		described.Name = named(name, typed.EnumName, "enum ")
	case *dwarf.PtrType:
		described.Kind = KindPointer
	case *dwarf.ArrayType:
		described.Kind, described.Count = KindArray, int(max(typed.Count, 0))
	case *dwarf.StructType:
		if typed.Incomplete || typed.Kind == "class" {
			return 0
		}
		described.Kind = typed.Kind
		described.Name = named(name, typed.StructName, typed.Kind+" ")
	default:
		return 0
	}
	if described.Name == "" {
		described.Name = d.Common().Name
	}
	i := len(t.list)
	t.list = append(t.list, described)
	t.at[d] = i
	switch typed := d.(type) {
	case *dwarf.PtrType:
		of := t.add(typed.Type)
		t.list[i].Of = of
	case *dwarf.ArrayType:
		of := t.add(typed.Type)
		t.list[i].Of = of
	case *dwarf.StructType:
		for _, f := range typed.Field {
			field := Field{Name: f.Name, Type: t.add(f.Type), Offset: int(f.ByteOffset)}
			if f.BitSize > 0 {
				bit := f.DataBitOffset
				field.Offset, field.Bit, field.Bits = int(bit/8), int(bit%8), int(f.BitSize)
				if size := int64(t.list[field.Type].Size); size > 0 { // in the unit of its type
					field.Offset, field.Bit = int(bit/8/size*size), int(bit-bit/8/size*size*8)
				}
			}
			t.list[i].Fields = append(t.list[i].Fields, field)
		}
	}
	return i
}

func named(typedef, tag, kind string) string {
	switch {
	case typedef != "":
		return typedef
	case tag != "":
		return kind + tag
	}
	return ""
}

// stackSizes reads what -fstack-size-section says: for each function where it
// begins and how many bytes of stack it uses.
func (l *linker) stackSizes(o *object) (map[uint64]uint64, error) {
	sizes := map[uint64]uint64{}
	for i, s := range o.file.Sections {
		if s.Name != ".stack_sizes" || s.Size > maxSection {
			continue
		}
		b, err := s.Data()
		if err != nil {
			return nil, err
		}
		b = bytes.Clone(b)
		if err := l.relocateDebug(o, uint32(i), b); err != nil {
			return nil, err
		}
		for c := (&cursor{b: b}); len(c.b) > 0 && c.err == nil; {
			at := c.u64()
			sizes[at] = c.uleb()
		}
	}
	return sizes, nil
}

// dataSpaces lists the entries of .debug_addr that are of data, as addresses in
// a container.
func (l *linker) dataSpaces(o *object, section uint32, b []byte) (map[uint64]uint64, error) {
	spaces := map[uint64]uint64{}
	for _, s := range o.file.Sections {
		if !isRelocations(s) || s.Info != section {
			continue
		}
		list, err := relocations(s)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if r.symbol == 0 || int(r.symbol) > len(o.symbols) || r.offset+8 > uint64(len(b)) {
				continue
			}
			to, at, ok := o.placed(o.symbols[r.symbol-1])
			if region := map[segment]uint64{data: 3, rodata: 4}[to]; ok && region > 0 {
				spaces[r.offset] = region<<28 + at + le64(b[r.offset:])
			}
		}
	}
	return spaces, nil
}

// sortVariables puts what belongs to the whole program first, then by place.
func sortVariables(list []Variable) {
	slices.SortStableFunc(list, func(a, b Variable) int {
		if (a.Function == "") != (b.Function == "") {
			if a.Function == "" {
				return -1
			}
			return 1
		}
		return 0
	})
}
