package build

import (
	"errors"
	"fmt"
)

// A CompileError is what a compiler refused.
type CompileError struct {
	Compiler string // "clang-19"
	Source   string
	Output   string // its messages, untouched
	Err      error
}

func (e *CompileError) Error() string { return fmt.Sprintf("%s: %v\n%s", e.Compiler, e.Err, e.Output) }
func (e *CompileError) Unwrap() error { return e.Err }

// Why objects do not link; a LinkError has one of them, or none.
var (
	ErrUndefined = errors.New("not defined")
	ErrTwice     = errors.New("defined twice")
	ErrEntry     = errors.New("the first function is static")
	ErrNoCode    = errors.New("nothing to run")
	ErrSection   = errors.New("a section has no place in an image")
	ErrPointer   = errors.New("address of a function")
)

// A LinkError says what keeps objects from being linked.
type LinkError struct {
	Kind   error  // one of those above
	Symbol string // that it is about, if any
	Place  Line   // in the source, if known: Place.Line is 0 otherwise
	text   string
}

func (e *LinkError) Error() string { return e.text }
func (e *LinkError) Unwrap() error { return e.Kind }

func linkError(kind error, symbol, format string, args ...any) error {
	return &LinkError{Kind: kind, Symbol: symbol, text: fmt.Sprintf(format, args...)}
}

// locate notes which line of the source err, about what lies at an offset of a
// section of code, comes from.
func (l *linker) locate(o *object, err error, from segment, at uint64) {
	var e *LinkError
	if !errors.As(err, &e) || e.Place.Line != 0 || from != text {
		return
	}
	lines, lineErr := l.debugOf(o, &Program{}, newTypeTable())
	if lineErr != nil {
		return
	}
	for _, line := range lines {
		if line.Slot <= int(at/slot) && line.Line != 0 && line.Slot >= e.Place.Slot {
			e.Place = line
		}
	}
}
