package build

// A Type says how bytes are to be read. Types name one another by their place
// in Debug.Types, of which 0 is void.
type Type struct {
	Kind   string  `json:"kind"`             // see the constants
	Name   string  `json:"name,omitempty"`   // as the source has it
	Size   int     `json:"size"`             // in bytes
	Of     int     `json:"of,omitempty"`     // what a pointer points to, what an array consists of
	Count  int     `json:"count,omitempty"`  // elements of an array
	Fields []Field `json:"fields,omitempty"` // of a struct or union
	Values []Enum  `json:"values,omitempty"` // of an enum
}

// Kinds of types.
const (
	KindVoid    = "void"
	KindInt     = "int"  // signed
	KindUint    = "uint" // unsigned
	KindChar    = "char" // signed, and a character
	KindBool    = "bool"
	KindEnum    = "enum"
	KindPointer = "pointer"
	KindArray   = "array"
	KindStruct  = "struct"
	KindUnion   = "union"
)

// A Field is one of a struct or union.
type Field struct {
	Name   string `json:"name"`
	Type   int    `json:"type"`
	Offset int    `json:"offset"`
	Bit    int    `json:"bit,omitempty"`  // the first of a bit field, counted from offset
	Bits   int    `json:"bits,omitempty"` // width of a bit field
}

// An Enum is a value of an enum that has a name.
type Enum struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// A Variable is one of the source. Where it is depends on the instruction.
type Variable struct {
	Name      string  `json:"name"`
	Type      int     `json:"type"`
	Function  string  `json:"function,omitempty"`  // that has it; "" for variables of the whole program
	From      int     `json:"from"`                // slots in which it is in scope
	To        int     `json:"to"`                  // the first slot in which it is not
	Parameter bool    `json:"parameter,omitempty"` // of the function
	Where     []Where `json:"where,omitempty"`     // none: the compiler has removed it
}

// A Where is where a variable is for a span of instructions. One of Address and
// Value is said, in the debugger's expressions with registers as variables:
// "r10-16", "r6", "0x30000000".
type Where struct {
	From    int    `json:"from"` // slots
	To      int    `json:"to"`
	Address string `json:"address,omitempty"` // it is in memory there
	Value   string `json:"value,omitempty"`   // it is nowhere, but has this value
}

// An Inlined is a call that the compiler has replaced by the body of what is
// called. Those inside one another follow from the outside in.
type Inlined struct {
	Function string `json:"function"` // whose body it is
	From     int    `json:"from"`     // slots
	To       int    `json:"to"`
	File     string `json:"file"` // of the call
	Line     int    `json:"line"`
}
