// Package diagnose is what people read when their container is refused:
// numbered, at a line of their source, with the reason and a way out.
package diagnose

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A Code numbers a kind of error. Numbers never change their meaning.
type Code uint16

// String returns the code as people read it, "FC0201".
func (c Code) String() string { return fmt.Sprintf("FC%04d", uint16(c)) }

// A Place is in a source file.
type Place struct {
	File   string `json:"file"`
	Line   int    `json:"line"`   // from 1; 0: the file as a whole
	Column int    `json:"column"` // from 1, in bytes; 0: the line as a whole
	Text   string `json:"text"`   // of the line, if known
}

// String returns file:line:column, as editors understand it.
func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Diagnostic is one thing that is wrong.
type Diagnostic struct {
	Code  Code
	What  string // one line
	Place Place  // in a source; or
	Where string // what else, such as a file that is no text
	Why   string
	Fix   string   // what to write in the source
	Try   []string // commands, at most three
	Err   error    // the cause, for errors.Is
}

func (d *Diagnostic) Error() string { return d.What }
func (d *Diagnostic) Unwrap() error { return d.Err }

// A List is all that is wrong at once; never empty.
type List []*Diagnostic

func (l List) Error() string { return l[0].What }

// Unwrap gives errors.As the first one.
func (l List) Unwrap() error { return l[0] }

// Read fills in the texts of the lines that l is about; names of files are
// relative to dir. What cannot be read stays without.
func (l List) Read(dir string) {
	lines := map[string][]string{}
	for _, d := range l {
		p := &d.Place
		if p.File == "" || p.Line == 0 || p.Text != "" {
			continue
		}
		if _, known := lines[p.File]; !known {
			name := p.File
			if !filepath.IsAbs(name) {
				name = filepath.Join(dir, filepath.FromSlash(name))
			}
			text, _ := os.ReadFile(name)
			lines[p.File] = strings.Split(string(text), "\n")
		}
		if known := lines[p.File]; p.Line <= len(known) {
			p.Text = strings.TrimRight(known[p.Line-1], "\r")
		}
	}
}

// excerpt is how many columns of a line are shown.
const excerpt = 72

// Format returns d as people read it, without escapes for the terminal.
func (d *Diagnostic) Format() string {
	return d.format(fmt.Sprintf("error[%v]", d.Code))
}

// Note returns d as people read what is no error, and has no number.
func (d *Diagnostic) Note() string { return d.format("note") }

func (d *Diagnostic) format(kind string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", kind, d.What)
	switch {
	case d.Place.File != "":
		fmt.Fprintf(&b, "  --> %s\n", d.Place)
		if text := strings.ReplaceAll(d.Place.Text, "\t", " "); strings.TrimSpace(text) != "" {
			text, at := window(text, d.Place.Column-1)
			fmt.Fprintf(&b, "  %4d | %s\n", d.Place.Line, text)
			if at >= 0 {
				fmt.Fprintf(&b, "  %4s | %s%s\n", "", strings.Repeat(" ", utf8.RuneCountInString(text[:at])), strings.Repeat("^", width(text[at:])))
			}
		}
	case d.Where != "":
		fmt.Fprintf(&b, "  where: %s\n", d.Where)
	}
	if d.Why != "" {
		fmt.Fprintf(&b, "  why: %s\n", d.Why)
	}
	if d.Fix != "" {
		fmt.Fprintf(&b, "  fix: %s\n", d.Fix)
	}
	for _, try := range d.Try {
		fmt.Fprintf(&b, "  try: %s\n", try)
	}
	return b.String()
}

// window is what is shown of a line: all of it, or what is around the byte at, with
// an ellipsis for the rest. It returns where that byte is then, -1 if nowhere.
func window(text string, at int) (string, int) {
	if at > len(text) {
		at = -1
	}
	if len(text) <= excerpt {
		return text, at
	}
	begin := 0
	if at > excerpt*3/4 {
		begin = min(at-excerpt/2, len(text)-excerpt)
	}
	end := begin + excerpt
	for begin > 0 && !utf8.RuneStart(text[begin]) {
		begin--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	shown, before := text[begin:end], ""
	if end < len(text) {
		shown += ellipsis
	}
	if begin > 0 {
		before = ellipsis
	}
	if at >= 0 {
		at += len(before) - begin
	}
	return before + shown, at
}

const ellipsis = "…"

// width is the length of the word that text begins with.
func width(text string) int {
	n := strings.IndexFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	if n < 0 {
		n = len(text)
	}
	return max(n, 1)
}

// Nearest returns the word of words that typed was meant to be, or "".
func Nearest(typed string, words []string) string {
	best, distance := "", 1+max(2, len(typed)/3)
	for _, word := range words {
		if d := edits(typed, word); d < distance {
			best, distance = word, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
