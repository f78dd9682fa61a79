package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/remote"
)

// verdict is what femto manifest verify prints.
type verdict struct {
	Verdict  string        `json:"verdict"` // accepted or refused
	Stage    string        `json:"stage"`   // where processing ended, "-" for the end
	Reason   remote.Reason `json:"reason"`
	Detail   string        `json:"detail"`
	Sequence uint64        `json:"sequence"`
	Fetches  []string      `json:"fetches"` // URIs that a device would fetch from
}

// verifyFlags are what the device knows that would be asked.
type verifyFlags struct {
	key, vendor, class string
	components         []string
	minSequence        uint64
}

func (v *verifyFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&v.key, "key", os.Getenv("FEMTO_KEY"), "public `KEY`: a file (PEM, or 64 hex digits) or the digits; or $FEMTO_KEY")
	f.StringVar(&v.vendor, "vendor", "", "the device's vendor identifier, 32 `HEX` digits or a UUID")
	f.StringVar(&v.class, "class", "", "the device's class identifier, 32 `HEX` digits or a UUID")
	f.StringSliceVar(&v.components, "component", nil, "a component that the device has, in `HEX`: the UUID of a hook; may be repeated")
	f.Uint64Var(&v.minSequence, "min-seq", 0, "lowest sequence `NUMBER` to accept")
}

func (v *verifyFlags) checks(cmd *cobra.Command) (checks author.Checks, err error) {
	if v.key == "" {
		return checks, usageError(cmd, errors.New("--key is missing: whose signature shall it be?"))
	}
	if checks.Key, err = loadPublicKey("--key", v.key); err != nil {
		return checks, err
	}
	if checks.Vendor, err = identifierFlag(cmd, "--vendor", v.vendor, 16); err != nil {
		return checks, err
	}
	if checks.Class, err = identifierFlag(cmd, "--class", v.class, 16); err != nil {
		return checks, err
	}
	for _, text := range v.components {
		component, err := identifierFlag(cmd, "--component", text, 0)
		if err != nil {
			return checks, err
		}
		if component != nil {
			checks.Components = append(checks.Components, component)
		}
	}
	checks.MinSequence = v.minSequence
	return checks, nil
}

func newManifestVerifyCommand() *cobra.Command {
	var flags verifyFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Say what a device would say to a manifest",
		Long: `Processes the envelope in FILE with the code that devices run, up to, not
including, fetching a payload, and prints verdict, stage and reason. Identifiers
that are not given pass any value. The exit status is 0 for an accepted manifest
and 11 for a refused one.`,
		Example: `  femto manifest verify --key alice.key.pub update.suit`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			checks, err := flags.checks(cmd)
			if err != nil {
				return err
			}
			envelope, err := readFile(args[0])
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
			switch {
			case err != nil:
				return err
			case !result.Accepted:
				return &commandError{exit: exitUntrusted, what: "a device would refuse this manifest", where: args[0] + ", stage " + v.Stage,
					why: v.Detail, try: []string{command("femto", "manifest", "show", args[0])}}
			case !asJSON:
				fmt.Fprintln(cmd.ErrOrStderr(), printable(v.Detail))
			}
			return nil
		},
	}
	flags.add(cmd)
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
