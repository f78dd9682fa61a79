package main

import "github.com/spf13/cobra"

func newImageCommand() *cobra.Command {
	return newNoun("image", "Look into container images", newImageInspectCommand(), newImageDisasmCommand(),
		newImageSizeCommand(), newImageDiffCommand(), newImageAssembleCommand())
}
