package cover

import (
	"bufio"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strings"

	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
)

// WriteLCOV writes the report as lcov's tracefile: DA, BRDA, FN and FNDA.
// folder is where files are, from where the tracefile is read. Of the two ways of
// a jump, 0 is that it is not taken.
func (r *Report) WriteLCOV(w io.Writer, folder string) error {
	out := bufio.NewWriter(w)
	for i := range r.Files {
		f := &r.Files[i]
		fmt.Fprintf(out, "TN:femto\nSF:%s\n", trace.Printable(filepath.ToSlash(filepath.Join(folder, filepath.FromSlash(f.Name)))))
		for _, e := range f.Entry {
			fmt.Fprintf(out, "FN:%d,%s\n", e.Line, trace.Printable(e.Name))
		}
		for _, e := range f.Entry {
			fmt.Fprintf(out, "FNDA:%d,%s\n", e.Count, trace.Printable(e.Name))
		}
		fmt.Fprintf(out, "FNF:%d\nFNH:%d\n", f.Functions.All, f.Functions.Hit)
		for _, l := range f.Code {
			for block, b := range l.Branches {
				for way, n := range []int64{b.Not, b.Taken} {
					times := fmt.Sprint(n)
					if b.Taken+b.Not == 0 {
						times = "-" // the jump was not executed
					}
					fmt.Fprintf(out, "BRDA:%d,%d,%d,%s\n", l.Number, block, way, times)
				}
			}
		}
		fmt.Fprintf(out, "BRF:%d\nBRH:%d\n", f.Branches.All, f.Branches.Hit)
		for _, l := range f.Code {
			fmt.Fprintf(out, "DA:%d,%d\n", l.Number, l.Count)
		}
		fmt.Fprintf(out, "LF:%d\nLH:%d\nend_of_record\n", f.Lines.All, f.Lines.Hit)
	}
	return out.Flush()
}

// A row is a line of a file with its source, whether it has instructions or not.
type row struct {
	Number int
	Text   string
	Code   *Line // nil: it has none
}

// rows are the lines of a file; without its source, those that have
// instructions.
func (f *File) rows(sources *symbols.Sources) []row {
	var list []row
	code := f.Code
	for i, text := range sources.Lines(f.Name) {
		r := row{Number: i + 1, Text: text}
		if len(code) > 0 && code[0].Number == r.Number {
			r.Code = &code[0]
			code = code[1:]
		}
		list = append(list, r)
	}
	for i := range code {
		list = append(list, row{Number: code[i].Number, Code: &code[i]})
	}
	return list
}

// State is "no code", "executed", "partly executed" or "never executed".
func (r *row) State() string {
	switch l := r.Code; {
	case l == nil:
		return "no code"
	case l.Count == 0:
		return "never executed"
	case l.Never > 0 || l.Ways().Hit < l.Ways().All:
		return "partly executed"
	}
	return "executed"
}

// Class is State for a style sheet.
func (r *row) Class() string { return strings.Fields(r.State())[0] }

// Sign is State where there are no colours.
func (r *row) Sign() string {
	return map[string]string{"never": "!", "partly": "~"}[r.Class()]
}

// Title says more of the line.
func (r *row) Title() string {
	if r.Code == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(r.State())
	if r.Code.Never > 0 && r.Code.Count > 0 {
		fmt.Fprintf(&b, "; %d of its instructions never", r.Code.Never)
	}
	for _, branch := range r.Code.Branches {
		fmt.Fprintf(&b, "\njump at slot %d: taken %d times, not taken %d times", branch.Slot, branch.Taken, branch.Not)
	}
	return b.String()
}

// Branches are how many ways were gone, "1/2", or "".
func (r *row) Branches() string {
	if r.Code == nil || len(r.Code.Branches) == 0 {
		return ""
	}
	ways := r.Code.Ways()
	return fmt.Sprintf("%d/%d", ways.Hit, ways.All)
}

// Count is how often the line was executed, or "".
func (r *row) Count() string {
	if r.Code == nil {
		return ""
	}
	return fmt.Sprint(r.Code.Count)
}

// WriteText writes the sources, before each line how often it was executed and
// how many ways its branches went, marked with ! where it never was and ~ where
// it was in part.
func (r *Report) WriteText(w io.Writer, sources *symbols.Sources) error {
	out := bufio.NewWriter(w)
	for i := range r.Files {
		f := &r.Files[i]
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s: %s lines, %s branches\n", trace.Printable(f.Name), f.Lines, f.Branches)
		for _, row := range f.rows(sources) {
			fmt.Fprintln(out, strings.TrimRight(fmt.Sprintf("%8s %1s %5s %5d| %s", row.Count(), row.Sign(), row.Branches(), row.Number, row.Text), " "))
		}
	}
	return out.Flush()
}

// WriteHTML writes the report as a page that stands alone. name is the
// container's.
func (r *Report) WriteHTML(w io.Writer, name string, sources *symbols.Sources) error {
	type file struct {
		*File
		ID   string
		Rows []row
	}
	page := struct {
		Name string
		*Report
		Shown []file
	}{Name: name, Report: r}
	for i := range r.Files {
		page.Shown = append(page.Shown, file{&r.Files[i], fmt.Sprintf("file%d", i+1), r.Files[i].rows(sources)})
	}
	return html.Execute(w, page)
}

var html = template.Must(template.New("cover").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Name}}: what the tests execute</title>
<style>
:root { color-scheme: light dark; --paper: #fffdf8; --ink: #2b2118; --dim: #776b5d; --rule: #e6dfd2;
  --yes: #dcefd8; --partly: #fdebb8; --never: #f9d2cb; --never-ink: #a02915 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1d1a17; --ink: #ece5da; --dim: #9c9184; --rule: #3a342d; --yes: #22382a; --partly: #4a3d16; --never: #54251e; --never-ink: #ff9d8a }
}
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; margin: 0 0 .2rem }
h2 { font: 600 1rem "DejaVu Sans Mono", Menlo, Consolas, monospace; margin: 2rem 0 .4rem }
p { margin: .3rem 0; color: var(--dim) }
table { border-collapse: collapse }
.sum { margin-top: 1rem }
.sum th { text-align: left; font-weight: 600; color: var(--dim) }
.sum th, .sum td { padding: .15rem 1.2rem .15rem 0 }
.sum td.n, .sum th.n { text-align: right; font-variant-numeric: tabular-nums }
.sum td.bar { width: 12rem }
meter { width: 100%; height: .8rem }
a { color: inherit }
.src { width: 100%; font: 13px/1.45 "DejaVu Sans Mono", Menlo, Consolas, monospace; border: 1px solid var(--rule) }
.src td { padding: 0 .6rem; white-space: pre-wrap; tab-size: 4; vertical-align: top }
.src td.n { text-align: right; color: var(--dim); white-space: nowrap; width: 1% }
.src td.s { width: 1%; padding: 0; font-weight: 700; color: var(--never-ink) }
tr.executed td.c { background: var(--yes) }
tr.partly td { background: var(--partly) }
tr.never td { background: var(--never) }
.key span { padding: .1rem .5rem; margin-right: .6rem; color: var(--ink) }
</style>
</head>
<body>
<h1>{{.Name}}: what the tests execute</h1>
<p>{{.Lines}} lines, {{.Branches}} branches, {{.Functions}} functions, {{.Instructions}} instructions. A branch is one way of a conditional jump of the compiled program.</p>
<table class="sum">
<tr><th>file</th><th></th><th class="n">lines</th><th class="n"></th><th class="n">branches</th><th class="n"></th><th>never executed</th><th>one way only</th></tr>
{{range .Shown}}<tr><td><a href="#{{.ID}}">{{.Name}}</a></td><td class="bar"><meter min="0" max="{{.Lines.All}}" value="{{.Lines.Hit}}"></meter></td><td class="n">{{.Lines.Percent}}</td><td class="n">{{.Lines}}</td><td class="n">{{.Branches.Percent}}</td><td class="n">{{.Branches}}</td><td>{{.Missing}}</td><td>{{.OneWay}}</td></tr>
{{end}}</table>
<p class="key" style="margin-top:1rem"><span style="background:var(--yes)">executed</span><span style="background:var(--partly)">~ in part</span><span style="background:var(--never)">! never</span>count, ways of branches, line</p>
{{range .Shown}}<h2 id="{{.ID}}">{{.Name}}</h2>
<table class="src">
{{range .Rows}}<tr class="{{.Class}}"{{with .Title}} title="{{.}}"{{end}}><td class="n c">{{.Count}}</td><td class="s">{{.Sign}}</td><td class="n">{{.Branches}}</td><td class="n">{{.Number}}</td><td>{{.Text}}</td></tr>
{{end}}</table>
{{end}}</body>
</html>
`))
