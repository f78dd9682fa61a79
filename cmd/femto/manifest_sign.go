package main

import (
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
)

func newManifestSignCommand() *cobra.Command {
	var output, keyFile string
	var hint int
	var replace bool
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Add a signature to a manifest",
		Long: `Adds a signature to the envelope in FILE, or with an HMAC key a MAC. Devices read
two. The kind of the key says the algorithm: Ed25519, which microcontrollers
verify, ESP256 for a P-256 key, HMAC 256/256 for a shared one.`,
		Example: `  femto manifest sign app.suit --key alice.key -o app.signed.suit`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, parts, err := openManifest(args[0])
			if err != nil {
				return err
			}
			key, err := manifestKey(keyFile)
			if err != nil {
				return err
			}
			if replace {
				parts.Signatures = nil
			}
			if err := parts.Sign(key, min(max(hint, 0), len(author.KeyID{}))); err != nil {
				return &commandError{exit: exitUsage, what: "no signature can be added", where: args[0], why: err.Error(),
					try: []string{command("femto", "manifest", "sign", "--replace", args[0])}, err: err}
			}
			if output == "" {
				output = args[0]
			}
			return saveManifest(cmd, output, parts.Envelope())
		},
	}
	addKeyFlag(cmd, &keyFile)
	f := cmd.Flags()
	f.IntVar(&hint, "key-hint", 0, "bytes of the key's identifier to send along, 0 to 8: saves work where many are trusted")
	f.BoolVar(&replace, "replace", false, "take out the signatures that are there")
	f.StringVarP(&output, "output", "o", "", "`FILE` to write; by default the same")
	return cmd
}

func newManifestSeverCommand() *cobra.Command {
	var output string
	var elements []string
	cmd := &cobra.Command{
		Use:   "sever FILE",
		Short: "Take text out of a manifest, leaving its signature good",
		Long: `Takes elements that devices do not need out of the envelope in FILE: what stays
has their digests, so that every signature stays good. By default the text.`,
		Example: `  femto manifest sever app.suit -o app.short.suit`,
		Args:    exactArgs("the manifest FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, parts, err := openManifest(args[0])
			if err != nil {
				return err
			}
			for _, element := range elements {
				if err := parts.Sever(element); err != nil {
					return &commandError{exit: exitUsage, what: "nothing to sever", where: args[0], why: err.Error(), err: err}
				}
			}
			if output == "" {
				output = args[0]
			}
			return saveManifest(cmd, output, parts.Envelope())
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&elements, "element", []string{"text"}, "what to take out: text, coswid, install, payload-fetch")
	f.StringVarP(&output, "output", "o", "", "`FILE` to write; by default the same")
	return cmd
}
