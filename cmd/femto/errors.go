package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/remote"
)

// A commandError is what a person reads when a command fails: what happened,
// where, why, and what to try; and the exit code a script reads.
type commandError struct {
	exit  int
	what  string
	where string
	why   string
	try   []string // commands, as they can be typed: see command
	err   error    // the cause, for errors.Is
}

func (e *commandError) Error() string { return e.what }
func (e *commandError) Unwrap() error { return e.err }

func usageError(cmd *cobra.Command, err error) error {
	return &commandError{
		exit: exitUsage,
		what: flagReason(err),
		try:  []string{cmd.CommandPath() + " --help"},
		err:  err,
	}
}

// flagReason says in words what is wrong with a flag: the package of flags says what
// the functions of Go said.
func flagReason(err error) string {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	f := invalid.GetFlag()
	wants := map[string]string{"bool": "it takes no value", "duration": "a time is wanted, such as 10s or 250ms"}[f.Value.Type()]
	switch {
	case wants != "":
	case strings.Contains(f.Value.Type(), "int"):
		wants = "a whole number is wanted"
		if errors.Is(err, strconv.ErrRange) {
			wants = "the number is too large, or too small"
		}
	default:
		wants = invalid.Unwrap().Error()
	}
	return fmt.Sprintf("--%s=%s: %s", f.Name, invalid.GetValue(), wants)
}

// errorDocument is an error for scripts.
type errorDocument struct {
	Code  string   `json:"code"`
	Exit  int      `json:"exit"`
	What  string   `json:"what"`
	Where string   `json:"where"`
	Why   string   `json:"why"`
	Hints []string `json:"hints"`

	// Number is that of a numbered error, "FC0201": see femto explain. File,
	// Line and Column are a place in a source, Fix what to write there, and
	// More what else is wrong.
	Number string          `json:"number,omitempty"`
	File   string          `json:"file,omitempty"`
	Line   int             `json:"line,omitempty"`
	Column int             `json:"column,omitempty"`
	Fix    string          `json:"fix,omitempty"`
	More   []errorDocument `json:"more,omitempty"`

	// Report is what the device said, if it refused a manifest or command.
	Report *remote.Report `json:"report,omitempty"`
}

// printError writes err, for people or as one JSON object, and returns its
// exit code.
func printError(w io.Writer, err error, asJSON bool) int {
	var list diagnose.List
	if errors.As(err, &list) {
		return printDiagnostics(w, list, asJSON)
	}
	var e *commandError
	if !errors.As(err, &e) {
		e = &commandError{exit: exitFailure, what: err.Error()}
	}
	if asJSON {
		document := errorDocument{
			Code: exitWord(e.exit), Exit: e.exit, What: e.what, Where: e.where, Why: e.why, Hints: append([]string{}, e.try...),
		}
		var refused *remote.RefusedError
		if errors.As(err, &refused) {
			document.Report = refused.Report
		}
		_ = writeJSON(w, "femto.error/1", document) // nobody is left to tell if this fails
		return e.exit
	}
	fmt.Fprintf(w, "error: %s\n", printable(e.what))
	if e.where != "" {
		fmt.Fprintf(w, "  where: %s\n", printable(e.where))
	}
	if e.why != "" {
		fmt.Fprintf(w, "  why: %s\n", printable(e.why))
	}
	for _, t := range e.try {
		fmt.Fprintf(w, "  try: %s\n", printable(t))
	}
	return e.exit
}

// printDiagnostics writes numbered errors and returns the exit code of the
// first.
func printDiagnostics(w io.Writer, list diagnose.List, asJSON bool) int {
	exit := diagnose.Find(list[0].Code).Exit
	if asJSON {
		var documents []errorDocument
		for _, d := range list {
			where := d.Where
			if d.Place.File != "" {
				where = d.Place.String()
			}
			documents = append(documents, errorDocument{
				Code: exitWord(exit), Exit: exit, What: d.What, Where: where, Why: d.Why, Hints: append([]string{}, d.Try...),
				Number: d.Code.String(), File: d.Place.File, Line: d.Place.Line, Column: d.Place.Column, Fix: d.Fix,
			})
		}
		documents[0].More = documents[1:]
		_ = writeJSON(w, "femto.error/1", documents[0]) // nobody is left to tell if this fails
		return exit
	}
	for _, d := range list {
		printLines(w, d.Format())
	}
	fmt.Fprintf(w, "  try: femto explain %v\n", list[0].Code)
	return exit
}

// printLines writes lines, each printable.
func printLines(w io.Writer, text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintln(w, printable(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", " ")))
	}
}

// printable keeps what a file or a device says from steering the terminal.
func printable(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// command joins words to a line that can be typed, quoting where needed.
func command(words ...string) string {
	line := make([]string, len(words))
	for i, word := range words {
		line[i] = word
		switch {
		case word != "" && strings.IndexFunc(word, needsQuotes) < 0:
		case !strings.ContainsAny(word, "\"$`!"):
			line[i] = `"` + word + `"`
		default:
			line[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(line, " ")
}

func needsQuotes(r rune) bool {
	plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !plain && !strings.ContainsRune(`-_./:=,+@%\`, r)
}

// noArgs and exactArgs are cobra's checks with this command's exit code.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return unknownCommand(cmd, args[0])
	}
	return tooMany(cmd, args[0])
}

// exactArgs wants as many arguments as it has names.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageError(cmd, fmt.Errorf("%s is missing", names[len(args)]))
		case len(args) > len(names):
			return tooMany(cmd, args[len(names)])
		}
		return nil
	}
}

// optionalArg takes one argument or none.
func optionalArg(_ string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return tooMany(cmd, args[1])
		}
		return nil
	}
}

func tooMany(cmd *cobra.Command, arg string) error {
	return usageError(cmd, fmt.Errorf("%q is one argument too many", arg))
}
