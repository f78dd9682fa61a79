package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is the narrowest terminal that help is written for.
const helpWidth = 80

func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB]...",
		Short: "Explain a verb, or exit-codes",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, _ := cmd.Root().Traverse(args)
			if len(rest) > 0 {
				return unknownCommand(target, rest[0])
			}
			return target.Help()
		},
	}
}

func newExitCodesTopic() *cobra.Command {
	var long strings.Builder
	long.WriteString("Exit codes never change their meaning. With --json an error is one JSON object\non standard error, whose code is the word here.\n\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&long, "  %3d  %-12s %s\n", e.code, e.word, e.meaning)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: long.String()}
}

// printHelp explains cmd: what it does, examples, and then the rest.
func printHelp(w io.Writer, cmd *cobra.Command) {
	about := cmd.Long
	if about == "" {
		about = cmd.Short
	}
	fmt.Fprintln(w, fold(strings.TrimSpace(about)))
	if cmd.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", strings.TrimRight(cmd.Example, "\n"))
	}
	if cmd.Runnable() {
		fmt.Fprintf(w, "\nUsage:\n  %s\n", useLine(cmd))
	}
	if cmd.HasAvailableSubCommands() {
		for _, group := range cmd.Groups() {
			printVerbs(w, cmd, group.Title, group.ID)
		}
		title := "Verbs:"
		if len(cmd.Groups()) > 0 {
			title = "More:"
		}
		printVerbs(w, cmd, title, "")
	}
	switch {
	case cmd.HasAvailableSubCommands():
		fmt.Fprintf(w, "\nMore about one: %s VERB\n", strings.Replace(cmd.CommandPath(), "femto", "femto help", 1))
	case cmd.Runnable():
		cmd.InitDefaultHelpFlag()
		fmt.Fprintf(w, "\nFlags:\n%s", cmd.LocalFlags().FlagUsagesWrapped(helpWidth))
	}
}

// fold breaks the lines that are too wide.
func fold(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if len(line) > helpWidth {
			if at := strings.LastIndexByte(line[:helpWidth], ' '); at > 0 {
				lines[i] = line[:at] + "\n" + fold(line[at+1:])
			}
		}
	}
	return strings.Join(lines, "\n")
}

func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " VERB"
	}
	return cmd.UseLine()
}

func printVerbs(w io.Writer, cmd *cobra.Command, title, group string) {
	header := "\n" + title + "\n"
	for _, verb := range cmd.Commands() {
		listed := verb.IsAvailableCommand() || verb.Name() == "help" || verb.IsAdditionalHelpTopicCommand()
		if listed && verb.GroupID == group {
			fmt.Fprintf(w, "%s  %-11s %s\n", header, verb.Name(), verb.Short)
			header = ""
		}
	}
}

// unknownCommand says what was typed instead of a verb of cmd, and what may
// have been meant.
func unknownCommand(cmd *cobra.Command, typed string) error {
	e := &commandError{exit: exitUsage, what: fmt.Sprintf("%s has no verb %q", cmd.CommandPath(), typed)}
	cmd.SuggestionsMinimumDistance = 2
	for _, name := range cmd.SuggestionsFor(typed) {
		e.try = append(e.try, cmd.CommandPath()+" "+name+" --help")
	}
	if len(e.try) == 0 || len(e.try) > 3 {
		e.try = []string{cmd.CommandPath() + " --help"}
	}
	return e
}
