package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write manual pages",
		Long: `Writes a manual page for each verb into the folder DIR, which is made if
it is not there: femto.1, femto-run.1 and so on. They come from the same place as
the help.`,
		Example: `  femto man share/man/man1`,
		Args:    exactArgs("the folder DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return &commandError{exit: exitUsage, what: "cannot write to " + args[0], why: reason(err), err: err}
			}
			written := 0
			var each func(c *cobra.Command) error
			each = func(c *cobra.Command) error {
				var page strings.Builder
				writePage(&page, c)
				if err := os.WriteFile(filepath.Join(args[0], pageName(c)+".1"), []byte(page.String()), 0o644); err != nil {
					return &commandError{exit: exitUsage, what: "cannot write to " + args[0], why: reason(err), err: err}
				}
				written++
				for _, verb := range c.Commands() {
					if hasPage(verb) {
						if err := each(verb); err != nil {
							return err
						}
					}
				}
				return nil
			}
			if err := each(cmd.Root()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%d pages in %s\n", written, args[0])
			return nil
		},
	}
}

func hasPage(cmd *cobra.Command) bool {
	return cmd.IsAvailableCommand() || cmd.IsAdditionalHelpTopicCommand()
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// writePage writes the manual page of a verb, for man(7).
func writePage(w io.Writer, cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	fmt.Fprintf(w, ".TH %s 1 \"\" \"femto %s\" \"femto\"\n", roff(strings.ToUpper(pageName(cmd))), version)
	fmt.Fprintf(w, ".SH NAME\n%s \\- %s\n", roff(pageName(cmd)), roff(cmd.Short))
	if cmd.Runnable() {
		fmt.Fprintf(w, ".SH SYNOPSIS\n.B %s\n", roff(useLine(cmd)))
	}
	about := cmd.Long
	if about == "" {
		about = cmd.Short + "."
	}
	fmt.Fprint(w, ".SH DESCRIPTION\n")
	if cmd.Name() == "exit-codes" {
		fmt.Fprintf(w, ".nf\n%s\n.fi\n", roff(strings.TrimSpace(about)))
	} else {
		fmt.Fprintf(w, "%s\n", strings.ReplaceAll(roff(strings.TrimSpace(about)), "\n\n", "\n.PP\n"))
	}
	if cmd.HasExample() {
		fmt.Fprintf(w, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(strings.TrimRight(cmd.Example, "\n")))
	}
	if cmd.HasAvailableLocalFlags() {
		fmt.Fprint(w, ".SH OPTIONS\n")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			kind, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(name+" "+kind)), roff(usage))
		})
	}
	var related []string
	if cmd.HasParent() {
		related = append(related, pageName(cmd.Parent()))
	}
	if verbs := cmd.Commands(); len(verbs) > 0 {
		fmt.Fprint(w, ".SH VERBS\n")
		for _, verb := range verbs {
			if hasPage(verb) {
				fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(verb.Name()), roff(verb.Short))
				related = append(related, pageName(verb))
			}
		}
	}
	if cmd.Name() != "exit-codes" {
		fmt.Fprint(w, ".SH EXIT STATUS\n")
		for _, e := range exitCodes {
			fmt.Fprintf(w, ".TP\n.B %d\n%s\n", e.code, roff(e.meaning))
		}
	}
	if len(related) > 0 {
		fmt.Fprint(w, ".SH SEE ALSO\n")
		for i, name := range related {
			comma := ","
			if i == len(related)-1 {
				comma = ""
			}
			fmt.Fprintf(w, ".BR %s (1)%s\n", roff(name), comma)
		}
	}
}

// roff escapes text for man pages.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
