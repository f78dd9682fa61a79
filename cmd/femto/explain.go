package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/diagnose"
)

func newExplainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Explain a numbered error, or list all",
		Long: `Prints what an error's number, such as FC0201, stands for: its cause, the smallest
example, and the way out. Without CODE it lists all numbers. Needs no network.`,
		Example: `  femto explain FC0201`,
		Args:    optionalArg("the CODE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listErrors(cmd, asJSON)
			}
			code, ok := diagnose.ParseCode(args[0])
			if !ok {
				return &commandError{exit: exitUsage, what: fmt.Sprintf("there is no error %q", args[0]), why: "numbers are FC and four digits",
					try: []string{"femto explain"}}
			}
			entry := diagnose.Find(code)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.explain/1", explained(entry))
			}
			entry.Explain(cmd.OutOrStdout())
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var codes []string
			for i := range diagnose.Catalogue {
				codes = append(codes, fmt.Sprintf("%v\t%s", diagnose.Catalogue[i].Code, diagnose.Catalogue[i].Title))
			}
			return codes, cobra.ShellCompDirectiveNoFileComp
		},
	}
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func explained(e *diagnose.Entry) map[string]any {
	return map[string]any{"number": e.Code.String(), "exit": e.Exit, "title": e.Title, "cause": e.Cause, "wrong": e.Wrong, "right": e.Right}
}

func listErrors(cmd *cobra.Command, asJSON bool) error {
	if asJSON {
		list := []map[string]any{}
		for i := range diagnose.Catalogue {
			list = append(list, explained(&diagnose.Catalogue[i]))
		}
		return writeJSON(cmd.OutOrStdout(), "femto.explain.list/1", map[string]any{"errors": list})
	}
	for i := range diagnose.Catalogue {
		fmt.Fprintf(cmd.OutOrStdout(), "%v  %s\n", diagnose.Catalogue[i].Code, diagnose.Catalogue[i].Title)
	}
	return nil
}
