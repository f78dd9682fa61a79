package main

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

// maxManifestFile bounds an envelope on the host; devices take far less.
const maxManifestFile = 1 << 20

func newManifestCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Look into signed manifests",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newManifestShowCommand(), newManifestVerifyCommand())
	return cmd
}

func newManifestShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Print a manifest with a line for each element; verifies nothing",
		Args:  exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			envelope, err := readFile(args[0], maxManifestFile)
			if err != nil {
				return err
			}
			if err := author.Show(cmd.OutOrStdout(), envelope); err != nil {
				return &commandError{exit: exitRejected, what: "not a SUIT envelope", where: args[0], why: err.Error(), err: err}
			}
			return nil
		},
	}
}

// verdict is what femto manifest verify prints.
type verdict struct {
	Verdict  string        `json:"verdict"`
	Stage    string        `json:"stage"`
	Reason   remote.Reason `json:"reason"`
	Detail   string        `json:"detail"`
	Sequence uint64        `json:"sequence"`
	Fetches  []string      `json:"fetches"`
}

func newManifestVerifyCommand() *cobra.Command {
	var key, vendor, class, component string
	var checks author.Checks
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Say what a device would say to a manifest, up to fetching its payload",
		Long: `Processes the envelope in FILE with the code that devices run, up to, not
including, fetching a payload, and prints verdict, stage and reason. Identifiers
that are not given pass any value. The exit status is 0 for an accepted manifest
and 11 for a refused one.`,
		Example: `  femto manifest verify --key alice.key.pub manifest.suit`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return usageError(cmd, fmt.Errorf("--key is missing: whose signature shall it be?"))
			}
			var err error
			if checks.Key, err = author.LoadPublic(key); err != nil {
				return &commandError{exit: exitUsage, what: "--key names no public key", where: key, why: err.Error(),
					try: []string{"femto key generate -o alice.key"}, err: err}
			}
			if checks.Vendor, err = identifierFlag(cmd, "--vendor", vendor, 16); err != nil {
				return err
			}
			if checks.Class, err = identifierFlag(cmd, "--class", class, 16); err != nil {
				return err
			}
			if component != "" {
				id, err := identifierFlag(cmd, "--component", component, 0)
				if err != nil {
					return err
				}
				checks.Components = [][]byte{id}
			}
			envelope, err := readFile(args[0], maxManifestFile)
			if err != nil {
				return err
			}
			result := author.Verify(envelope, checks)
			v := verdict{
				Verdict: "refused", Stage: result.Stage, Reason: remote.Reason(result.Report.Reason),
				Detail: result.Detail, Sequence: result.Sequence, Fetches: append([]string{}, result.Fetches...),
			}
			if result.Accepted {
				v.Verdict = "accepted"
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.manifest.verify/1", v)
			} else {
				fmt.Fprintf(cmd.OutOrStdout(), "%s  stage %s, reason %s\n", v.Verdict, v.Stage, v.Reason)
			}
			if err != nil {
				return err
			}
			if !result.Accepted {
				return &commandError{exit: exitUntrusted, what: "a device would refuse this manifest", where: args[0] + ", stage " + v.Stage,
					why: v.Detail, try: []string{"femto manifest show " + args[0]}}
			}
			if !asJSON {
				fmt.Fprintln(cmd.ErrOrStderr(), v.Detail)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&key, "key", "", "public key: a file (PEM, or 64 hexadecimal digits), or the digits")
	f.StringVar(&vendor, "vendor", "", "the device's vendor identifier, 32 hexadecimal digits or a UUID")
	f.StringVar(&class, "class", "", "the device's class identifier, likewise")
	f.StringVar(&component, "component", "", "the device's component, in hexadecimal: the UUID of a hook")
	f.Uint64Var(&checks.MinSequence, "min-seq", 0, "lowest sequence number to accept")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// identifierFlag reads an identifier of size bytes, or of any size for 0; nil
// if text is empty.
func identifierFlag(cmd *cobra.Command, flag, text string, size int) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	id, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(id) == 0 || size != 0 && len(id) != size {
		want := "hexadecimal digits"
		if size != 0 {
			want = fmt.Sprintf("%d hexadecimal digits or a UUID", 2*size)
		}
		return nil, usageError(cmd, fmt.Errorf("%s %q: want %s", flag, text, want))
	}
	return id, nil
}
