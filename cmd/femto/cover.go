package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/cover"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
)

// coverFlags say what is to be made of what tests execute.
type coverFlags struct {
	table            bool
	lcov, text, html string // files
}

func (f *coverFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.table, "cover", false, "say which lines and branches of the source the tests execute")
	flags.StringVar(&f.lcov, "cover-lcov", "", "write that to `FILE`, for genhtml and editors; - is standard output, here as below")
	flags.StringVar(&f.text, "cover-text", "", "write the sources with how often each line was executed to `FILE`")
	flags.StringVar(&f.html, "cover-html", "", "write the same as a page for a browser to `FILE`")
}

func (f *coverFlags) on() bool { return f.table || f.lcov != "" || f.text != "" || f.html != "" }

// stdout reports whether one of the files is standard output.
func (f *coverFlags) stdout() bool { return f.lcov == "-" || f.text == "-" || f.html == "-" }

func (f *coverFlags) check(cmd *cobra.Command, asJSON bool) error {
	n := 0
	for _, file := range []string{f.lcov, f.text, f.html} {
		if file == "-" {
			n++
		}
	}
	if n > 1 || n == 1 && asJSON {
		return usageError(cmd, errors.New("only one thing can go to standard output"))
	}
	return nil
}

// A covering is what tests of a project execute, while they run. nil is none.
type covering struct {
	trace.Tracer
	cover   *cover.Cover
	project *project.Project
}

func (f *coverFlags) start(p *project.Project, b *project.Built) (*covering, error) {
	program, err := symbols.Open(b.Image, b.Debug, b.Hook)
	if err != nil {
		return nil, err
	}
	c := cover.New(program)
	return &covering{trace.Tracer{Program: program, Each: c.Step}, c, p}, nil
}

// write writes the files that were asked for.
func (f *coverFlags) write(cmd *cobra.Command, c *covering, r *cover.Report, asJSON bool) error {
	sources := &symbols.Sources{Folders: []string{c.project.Dir}}
	for _, out := range []struct {
		file  string
		write func(w io.Writer) error
	}{
		{f.lcov, func(w io.Writer) error { return r.WriteLCOV(w, c.project.Dir) }},
		{f.text, func(w io.Writer) error { return r.WriteText(w, sources) }},
		{f.html, func(w io.Writer) error { return r.WriteHTML(w, c.project.Config.Container.Name, sources) }},
	} {
		if out.file == "" {
			continue
		}
		if out.file == "-" {
			if err := out.write(cmd.OutOrStdout()); err != nil {
				return err
			}
			continue
		}
		if err := writeFile(out.file, out.write); err != nil {
			return err
		}
		if !asJSON {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s is written\n", printable(out.file))
		}
	}
	return nil
}

// printCover writes a line for each file of the source.
func printCover(w io.Writer, r *cover.Report) error {
	if len(r.Files) == 0 {
		_, err := fmt.Fprintf(w, "\n%s instructions executed; no line of the source is known\n", r.Instructions)
		return err
	}
	t := newTable(w)
	fmt.Fprintf(t, "\nLINES\t\tBRANCHES\t\tFILE\tNEVER EXECUTED\tONE WAY ONLY\n")
	for i := range r.Files {
		f := &r.Files[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Lines.Percent(), f.Lines, f.Branches.Percent(), f.Branches, printable(f.Name), dash(f.Missing()), dash(f.OneWay()))
	}
	if len(r.Files) > 1 {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\tall\t\n", r.Lines.Percent(), r.Lines, r.Branches.Percent(), r.Branches)
	}
	return t.Flush()
}
