package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newManifestCommand() *cobra.Command {
	return newNoun("manifest", "Make, sign and look into manifests",
		newManifestCreateCommand(), newManifestSignCommand(), newManifestSeverCommand(),
		newManifestShowCommand(), newManifestVerifyCommand(), newManifestLintCommand(), newManifestReportCommand())
}

// openManifest reads an envelope and takes it apart.
func openManifest(file string) ([]byte, *author.Parts, error) {
	envelope, err := readFile(file)
	if err != nil {
		return nil, nil, err
	}
	parts, err := author.Open(envelope)
	if err != nil {
		return nil, nil, &commandError{exit: exitRejected, what: file + " is not a SUIT envelope", why: strings.TrimPrefix(err.Error(), "open envelope: "),
			try: []string{command("femto", "manifest", "lint", file)}, err: err}
	}
	return envelope, parts, nil
}

func addOutputFlag(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "", "`FILE` to write")
}

// saveManifest writes an envelope and says so; what is there is overwritten.
func saveManifest(cmd *cobra.Command, output string, envelope []byte) error {
	if output == "" {
		return usageError(cmd, errors.New("-o is missing: where shall the manifest go?"))
	}
	if err := os.WriteFile(output, envelope, 0o644); err != nil {
		return &commandError{exit: exitUsage, what: "the manifest cannot be written", where: output, why: reason(err), err: err}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", output, bytesText(len(envelope)))
	return nil
}

// manifestKey reads a key of any kind that signs manifests.
func manifestKey(file string) (author.PrivateKey, error) {
	key, err := author.LoadPrivate(file)
	if err != nil {
		e := &commandError{exit: exitUsage, what: "no key to sign with", where: file, why: reason(err), err: err}
		if errors.Is(err, fs.ErrNotExist) {
			e.try = []string{command("femto", "key", "generate", "-o", file)}
		}
		return key, e
	}
	return key, nil
}
