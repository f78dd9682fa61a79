// Package sdk embeds what container authors include, so that the command
// needs no copy of this repository to build a container.
package sdk

import "embed"

// C holds the headers of containers written in C, under c/.
//
//go:embed c/*.h
var C embed.FS
