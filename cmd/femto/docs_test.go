package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestDocs keeps docs/cli.md complete: every verb, flag, exit code and schema.
func TestDocs(t *testing.T) {
	raw, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	everyCommand(newRootCommand(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		completion := strings.HasPrefix(path, "femto completion ")
		if !cmd.HasSubCommands() && !completion && !regexp.MustCompile("`"+path+"[ `]").MatchString(text) {
			t.Errorf("%s is not in docs/cli.md", path)
		}
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Name != "help" && !strings.Contains(text, "--"+flag.Name) {
				t.Errorf("--%s of %s is not in docs/cli.md", flag.Name, path)
			}
		})
	})
	for _, e := range exitCodes {
		if row := fmt.Sprintf("| %d | `%s` | %s |", e.code, e.word, e.meaning); !strings.Contains(text, row) {
			t.Errorf("docs/cli.md lacks %s", row)
		}
	}
	sources, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		source, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, schema := range regexp.MustCompile(`"(femto\.[a-z.]+/\d+)"`).FindAllStringSubmatch(string(source), -1) {
			if !strings.Contains(text, schema[1]) {
				t.Errorf("schema %s of %s is not in docs/cli.md", schema[1], file.Name())
			}
		}
	}
}
