package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/project"
)

func newInitCommand() *cobra.Command {
	var template, lang string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "init NAME",
		Short: "Make a project: source, tests, key, and an image that runs",
		Long: `Makes the folder NAME with a container's source, femto.toml, tests, a key pair
that signs what you deploy, and the image of the source: femto run works there
without a compiler. NAME may be a path; the last part is the container's name.

In Go the folder is a module with a copy of package femto, so that go test and
editors work as well; femto compiles it by itself.`,
		Example: `  femto init hello
  femto init hello --template coap
  femto init hello --lang go`,
		Args: exactArgs("the project's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if lang == "" {
				lang = defaultLanguage()
			}
			if !slices.Contains(project.Languages, lang) {
				return usageError(cmd, fmt.Errorf("--lang %s: there are templates for %s", lang, strings.Join(project.Languages, " and ")))
			}
			dir := filepath.Clean(args[0])
			name := filepath.Base(dir)
			p, err := project.Init(dir, name, template, lang)
			if err != nil {
				return projectError(err)
			}
			key, err := author.GenerateKey()
			if err != nil {
				return err
			}
			if err := saveKey(key, filepath.Join(dir, "tenant.key")); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.init/1", map[string]any{
					"name": name, "folder": dir, "template": template, "lang": lang, "image": p.ImageFile(), "key_id": key.Public().ID().String(),
				})
			}
			source := filepath.Join("src", name+".c")
			switch lang {
			case "go":
				source = name + ".go"
			case "rust":
				source = filepath.Join("src", name+".rs")
			}
			stderr := cmd.ErrOrStderr()
			fmt.Fprintf(stderr, "%s is a %s container in %s: edit %s\n", dir, template, languageNames[lang], filepath.Join(dir, source))
			fmt.Fprintf(stderr, "next: cd %s && femto run\n", dir)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&template, "template", "timer", "what to begin with: "+strings.Join(project.Templates, ", "))
	f.StringVar(&lang, "lang", "", "language of the source: c, go or rust; without it, c where there is a clang")
	addJSONFlag(cmd, &asJSON)
	completeFrom(cmd, "template", project.Templates)
	completeFrom(cmd, "lang", project.Languages)
	return cmd
}

var languageNames = map[string]string{"c": "C", "go": "Go", "rust": "Rust"}

// defaultLanguage is C where it can be compiled: the compiler of Go is part of
// the command.
func defaultLanguage() string {
	if _, err := build.FindClang(); err != nil {
		return "go"
	}
	return "c"
}

// completeFrom lets shells complete a flag from a list.
func completeFrom(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // the flag does not exist: a mistake of ours
	}
}
