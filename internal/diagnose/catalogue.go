package diagnose

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// The codes. FC01: femto.toml and projects; FC02: compiling; FC03: linking, and
// from FC0311 on what the deep check is certain of;
// FC04: the load-time check, grants and budgets; FC05: faults at run time; FC06:
// tests; FC20: tools.
const (
	BadTOML     Code = 101
	UnknownKey  Code = 102
	BadValue    Code = 103
	NoProject   Code = 104
	NoSources   Code = 105
	FolderTaken Code = 106
	MetaDiffers Code = 107
	LockDiffers Code = 108
	NoTemplate  Code = 109

	StackTooLarge  Code = 201
	SixArguments   Code = 202
	FloatingPoint  Code = 203
	Undeclared     Code = 204
	NoHeader       Code = 205
	SignedDivision Code = 206
	LibraryCall    Code = 207
	DynamicStack   Code = 208
	StructReturn   Code = 209
	WideInteger    Code = 210
	Unused         Code = 211
	FormatArgument Code = 212
	AtomicLevel    Code = 213
	NoPrototype    Code = 214
	OtherCompile   Code = 299

	GoType          Code = 221
	GoStatement     Code = 222
	GoHeap          Code = 223
	GoString        Code = 224
	GoFunctionValue Code = 225
	GoRecursion     Code = 226
	GoInit          Code = 227
	GoImport        Code = 228
	GoLarge         Code = 229
	GoHelper        Code = 230
	GoNoBody        Code = 231
	GoDirective     Code = 232
	GoNoHook        Code = 233
	GoContext       Code = 234
	GoOther         Code = 239

	UndefinedSymbol Code = 301
	DefinedTwice    Code = 302
	StaticEntry     Code = 303
	NoCode          Code = 304
	OddSection      Code = 305
	CodePointer     Code = 306
	NoRegion        Code = 311
	OutsideStack    Code = 312
	OutsideContext  Code = 313
	OutsideData     Code = 314
	WriteToReadOnly Code = 315
	OtherLink       Code = 399

	NotLoadable Code = 401
	NotGranted  Code = 402
	OverFlash   Code = 411
	OverRAM     Code = 412
	OverStack   Code = 413
	OverBudget  Code = 414

	MemoryFault   Code = 501
	BudgetFault   Code = 502
	ArgumentFault Code = 503
	DepthFault    Code = 504
	TrapFault     Code = 505
	OtherFault    Code = 599

	BadTest     Code = 601
	TestFailed  Code = 602
	FuzzFinding Code = 603
	NativeTest  Code = 604

	NoCompiler Code = 2001
)

// An Entry is what is known of a kind of error.
type Entry struct {
	Code  Code
	Exit  int // of the command
	Title string
	Cause string
	Wrong string // the smallest example, of C unless it says otherwise
	Right string
}

// Find returns the entry of a code, nil if there is none.
func Find(c Code) *Entry {
	if i := slices.IndexFunc(Catalogue, func(e Entry) bool { return e.Code == c }); i >= 0 {
		return &Catalogue[i]
	}
	return nil
}

// ParseCode reads a code as people type it: FC0201, fc201, 201.
func ParseCode(s string) (Code, bool) {
	s = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "FC")
	var n uint16
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || fmt.Sprintf("%0*d", len(s), n) != s {
		return 0, false
	}
	return Code(n), Find(Code(n)) != nil
}

// Explain writes the entry as people read it.
func (e *Entry) Explain(w io.Writer) {
	fmt.Fprintf(w, "%v: %s\n\n%s\n", e.Code, e.Title, fold(e.Cause, 80))
	if e.Wrong != "" {
		fmt.Fprintf(w, "\nThis provokes it:\n\n%s\n", indent(e.Wrong))
	}
	if e.Right != "" {
		fmt.Fprintf(w, "\nThis does not:\n\n%s\n", indent(e.Right))
	}
	fmt.Fprintf(w, "\nThe exit code is %d.\n", e.Exit)
}

// Reference writes the catalogue as a page of documentation.
func Reference(w io.Writer) {
	fmt.Fprint(w, `# Errors by number

Written by `+"`go test ./internal/diagnose -update`"+`. `+"`femto explain FC0201`"+` prints the same
without a network. Numbers never change their meaning. `+"`FC01`"+` is about femto.toml and
projects, `+"`FC02`"+` about compiling, `+"`FC03`"+` about linking, `+"`FC04`"+` about the load-time check,
grants and budgets, `+"`FC05`"+` about faults at run time, `+"`FC06`"+` about tests, `+"`FC20`"+` about tools.

| code | exit | what |
|---|---|---|
`)
	for i := range Catalogue {
		e := &Catalogue[i]
		fmt.Fprintf(w, "| [%v](#%s) | %d | %s |\n", e.Code, strings.ToLower(e.Code.String()), e.Exit, e.Title)
	}
	for i := range Catalogue {
		e := &Catalogue[i]
		fmt.Fprintf(w, "\n## %v\n\n**%s**\n\n%s\n", e.Code, e.Title, fold(e.Cause, 88))
		if e.Wrong != "" {
			fmt.Fprintf(w, "\nThis provokes it:\n\n%s\n", indent(e.Wrong))
		}
		if e.Right != "" {
			fmt.Fprintf(w, "\nThis does not:\n\n%s\n", indent(e.Right))
		}
	}
}

func indent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "    " + line
		}
	}
	return strings.Join(lines, "\n")
}

// fold breaks a paragraph into lines.
func fold(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
