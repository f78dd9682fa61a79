package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newKeyCommand() *cobra.Command {
	return newNoun("key", "Make the keys that sign containers; have devices trust them",
		newKeyGenerateCommand(), newKeyTrustCommand(), newKeyRotateCommand(), newKeyRevokeCommand())
}

func newKeyGenerateCommand() *cobra.Command {
	var out, kind string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make a tenant's key pair",
		Long: `Makes a key pair: FILE, which signs and stays secret, and FILE.pub, which
devices are given to trust. Prints the key's identifier. Every device verifies
Ed25519; P-256 is for keys that hardware keeps, and for devices that verify it.`,
		Example: `  femto key generate -o alice.key
  femto device run --trust alice.key.pub`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			generate := map[string]func() (author.PrivateKey, error){"ed25519": author.GenerateKey, "p-256": author.GenerateP256}[kind]
			if generate == nil {
				return usageError(cmd, fmt.Errorf("--kind must be ed25519 or p-256, not %q", kind))
			}
			key, err := generate()
			if err != nil {
				return err
			}
			if err := saveKey(key, out); err != nil {
				return err
			}
			id, public := key.Public().ID(), out+".pub"
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.key/1", map[string]string{
					"private": out, "public": public, "key_id": id.String(), "kind": key.Public().Kind(),
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", id)
			fmt.Fprintf(cmd.ErrOrStderr(), "private key %s: keep it secret, it signs\npublic key %s: give it to devices with --trust\n", out, public)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "tenant.key", "`FILE` for the private key")
	cmd.Flags().StringVar(&kind, "kind", "ed25519", "`KIND` of key: ed25519 or p-256")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// saveKey writes both halves or none.
func saveKey(key author.PrivateKey, out string) error {
	err := error(nil)
	for _, file := range []string{out, out + ".pub"} {
		if _, serr := os.Lstat(file); serr == nil {
			err = fmt.Errorf("%s: %w", file, fs.ErrExist)
			out = file
			break
		}
	}
	if err == nil {
		err = key.Save(out)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return &commandError{
			exit: exitUsage, what: "a key is already there", where: out,
			why: "keys are never overwritten: what they signed would be lost with them",
			try: []string{"femto key generate -o another.key"}, err: err,
		}
	case err != nil:
		return &commandError{exit: exitUsage, what: "the key cannot be saved", where: out, why: reason(err), err: err}
	}
	return nil
}

// addKeyFlag gives cmd the --key that signs.
func addKeyFlag(cmd *cobra.Command, file *string) {
	key := os.Getenv("FEMTO_KEY")
	if key == "" {
		key = "tenant.key"
	}
	cmd.Flags().StringVar(file, "key", key, "private key `FILE` to sign with; or $FEMTO_KEY")
}

// loadSigningKey reads the key that --key names, for devices to verify.
func loadSigningKey(file string) (author.PrivateKey, error) {
	key, err := author.LoadPrivate(file)
	if err != nil {
		e := &commandError{exit: exitUsage, what: "no key to sign with", where: file, why: reason(err), err: err}
		if errors.Is(err, fs.ErrNotExist) {
			e.try = []string{command("femto", "key", "generate", "-o", file)}
		}
		return key, e
	}
	if _, ok := key.Public().Device(); !ok {
		return key, wrongKind(file, key.Public())
	}
	return key, nil
}

// loadPublicKey reads the key that a flag names.
func loadPublicKey(flag, file string) (author.PublicKey, error) {
	key, err := author.LoadPublic(file)
	if err != nil {
		e := &commandError{exit: exitUsage, what: flag + " names no public key", where: file, why: reason(err), err: err}
		if errors.Is(err, fs.ErrNotExist) {
			e.try = []string{"femto key generate -o alice.key"}
		}
		return key, e
	}
	return key, nil
}

// loadGivenKey reads the key that a flag names for devices to have: a public one, for
// a private key stays where it is.
func loadGivenKey(flag, file string) (author.PublicKey, error) {
	if _, err := author.LoadPrivate(file); err == nil {
		return author.PublicKey{}, &commandError{exit: exitUsage, what: flag + " names a private key", where: file,
			why: "it signs, so no device may have it; devices get the public one", try: []string{command("femto", "device", "run", "--trust", file+".pub")}}
	}
	return loadPublicKey(flag, file)
}
