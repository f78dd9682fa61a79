package main

import "github.com/spf13/cobra"

func newManifestCommand() *cobra.Command {
	return newNoun("manifest", "Look into signed manifests",
		newManifestShowCommand(), newManifestVerifyCommand())
}
