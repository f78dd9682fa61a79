package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parses reports why line, as a person would type it, is no command of ours.
func parses(line string) error {
	words, err := shellWords(line)
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	if len(words) == 0 || words[0] != "femto" {
		return fmt.Errorf("%s: does not start with femto", line)
	}
	cmd, rest, err := newRootCommand().Find(words[1:])
	if err == nil {
		cmd.InitDefaultHelpFlag()
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		if asked, _ := cmd.Flags().GetBool("help"); !asked {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
	}
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// shellWords splits a line as a shell does, up to a comment.
func shellWords(line string) (words []string, err error) {
	word, quote, started := "", rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word += string(r)
		case r == '"' || r == '\'':
			quote, started = r, true
		case r == '#' && !started:
			return words, nil
		case r == ' ':
			if started {
				words = append(words, word)
			}
			word, started = "", false
		default:
			word, started = word+string(r), true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if started {
		words = append(words, word)
	}
	return words, nil
}

// everyCommand calls f with each command there is.
func everyCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, verb := range cmd.Commands() {
		everyCommand(verb, f)
	}
}

func TestHelp(t *testing.T) {
	everyCommand(newRootCommand(), func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var out bytes.Buffer
			printHelp(&out, cmd)
			text := out.String()
			for _, line := range strings.Split(text, "\n") {
				if len(strings.ReplaceAll(line, "\t", "        ")) > helpWidth {
					t.Errorf("wider than %d columns: %s", helpWidth, line)
				}
				for _, r := range line {
					if r > '~' {
						t.Errorf("%q is not ASCII: %s", r, line)
						break
					}
				}
			}
			if examples, usage := strings.Index(text, "Examples:"), strings.Index(text, "Usage:"); examples > usage {
				t.Error("examples come after the usage")
			}
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("short help %q", cmd.Short)
			}
			for _, line := range strings.Split(cmd.Example, "\n") {
				if line = strings.TrimSpace(line); line != "" {
					if err := parses(line); err != nil {
						t.Errorf("example does not parse: %v", err)
					}
				}
			}
		})
	})
}

// TestEveryVerbHasAnExample holds for what people type daily.
func TestEveryVerbHasAnExample(t *testing.T) {
	everyCommand(newRootCommand(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		ours := !strings.HasPrefix(path, "femto completion") && !strings.HasPrefix(path, "femto debug")
		if ours && cmd.HasAvailableLocalFlags() && !cmd.HasSubCommands() && cmd.Example == "" {
			t.Errorf("%s has flags but no example", path)
		}
	})
}

func TestNextCommandsParse(t *testing.T) {
	for _, words := range nextCommands {
		if err := parses("femto " + command(words...)); err != nil {
			t.Error(err)
		}
	}
}

func TestCommandQuotes(t *testing.T) {
	for _, words := range [][]string{
		{"femto", "image", "inspect", "a file.bin"},
		{"femto", "image", "inspect", "it's"},
		{"femto", "image", "inspect", `C:\images\a.bin`},
		{"femto", "image", "inspect", "$HOME;rm"},
		{"femto", "image", "inspect", "#1"},
		{"femto", "image", "inspect", ""},
		{"femto", "ps", "-d", "coap://[::1]:5683"},
	} {
		line := command(words...)
		got, err := shellWords(line)
		if err != nil || strings.Join(got, "|") != strings.Join(words, "|") {
			t.Errorf("%q becomes %s, which is read as %q, %v", words, line, got, err)
		}
	}
}

// TestHintsParse looks for hints in the source, so that also those which no
// transcript provokes are commands that exist.
func TestHintsParse(t *testing.T) {
	packages, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for name, file := range packages["main"].Files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var line string
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); !ok || f.Name != "command" || n.Ellipsis.IsValid() {
					return true
				}
				var words []string
				for _, arg := range n.Args {
					words = append(words, literal(arg))
				}
				line = strings.Join(words, " ")
			case *ast.CompositeLit: // []string{"femto …"}
				for _, element := range n.Elts {
					if text := literal(element); strings.HasPrefix(text, "femto ") {
						checked++
						if err := parses(text); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				}
				return true
			default:
				return true
			}
			checked++
			if err := parses(line); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return true
		})
	}
	if checked < 15 {
		t.Errorf("only %d hints were found", checked)
	}
}

// literal is the text of an expression, with a stand-in for what is not known
// before the program runs.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return "1s" // a duration, a file, an address
}
