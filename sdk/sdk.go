// Package sdk embeds what container authors include, so that the command
// needs no copy of this repository to build a container.
package sdk

import "embed"

//go:generate go run ../internal/sdkgen/cmd ..

// C holds the headers of containers written in C, under c/; those for sources
// written for the original are under c/compat/.
//
//go:embed c
var C embed.FS

// Go holds package femto, under go/femto, for those who show its lines.
//
//go:embed go/femto/*.go
var Go embed.FS
