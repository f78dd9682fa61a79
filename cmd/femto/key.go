package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newKeyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make the keys that sign containers",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeyGenerateCommand())
	return cmd
}

func newKeyGenerateCommand() *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a tenant's key pair: FILE to sign with, FILE.pub for devices to trust",
		Example: `  femto key generate -o alice.key
  femto device run --trust alice.key.pub`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := author.GenerateKey()
			if err != nil {
				return err
			}
			if err := key.Save(out); err != nil {
				if errors.Is(err, fs.ErrExist) {
					return &commandError{
						exit: exitUsage, what: "a key is already there", where: out,
						why: "keys are never overwritten: what they signed would be lost with them",
						try: []string{"femto key generate -o another.key"}, err: err,
					}
				}
				return &commandError{exit: exitFailure, what: "the key cannot be saved", where: out, why: err.Error(), err: err}
			}
			id := key.Public().ID()
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.key/1", map[string]string{
					"private": out, "public": out + ".pub", "key_id": id.String(), "kind": key.Public().Kind(),
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", id)
			fmt.Fprintf(cmd.ErrOrStderr(), "private key %s: keep it secret, it signs\npublic key  %s.pub: give it to devices with --trust\n", out, out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "tenant.key", "file for the private key")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// loadPrivateKey reads the key that --key names.
func loadPrivateKey(path string) (author.PrivateKey, error) {
	key, err := author.LoadPrivate(path)
	if err == nil {
		return key, nil
	}
	e := &commandError{exit: exitUsage, what: "no key to sign with", where: path, why: err.Error(), err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.why = "there is no such file"
		e.try = []string{"femto key generate -o " + path}
	}
	return key, e
}
