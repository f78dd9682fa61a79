package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
)

// envelopeHead is how an envelope begins: tag 107.
var envelopeHead = []byte{0xd8, 107}

// isManifest returns what is in a file if that is an envelope.
func isManifest(file string) ([]byte, bool) {
	b, err := os.ReadFile(file)
	return b, err == nil && bytes.HasPrefix(b, envelopeHead)
}

// manifested is what came of a manifest that was sent as it is.
type manifested struct {
	Manifest      remote.Hex `json:"manifest"` // the beginning of its digest
	Sequence      uint64     `json:"sequence"`
	EnvelopeBytes int        `json:"envelope_bytes"`
	Wire          wire       `json:"wire"`
}

// deployManifest sends an envelope that somebody else has made and signed.
func deployManifest(cmd *cobra.Command, c *connection, envelope []byte, asJSON bool) error {
	if _, err := author.Open(envelope); err != nil {
		return &commandError{exit: exitRejected, what: "not a SUIT envelope", why: err.Error(), err: err}
	}
	progress := newProgress(cmd.ErrOrStderr(), asJSON)
	result := manifested{EnvelopeBytes: len(envelope)}
	sent := func(t client.Progress) { progress.show(t.Sent, t.SendTotal) }
	err := c.with(cmd, client.Options{Progress: sent}, func(ctx context.Context, d *remote.Device) error {
		d.Fetching, d.Waiting = progress.show, progress.wait
		before := d.Stats()
		report, err := d.Manifest(ctx, envelope, nil)
		if err != nil {
			return err
		}
		result.Manifest, result.Sequence, result.Wire = report.Manifest, report.Sequence, wireSince(before, d.Stats())
		return nil
	})
	progress.end()
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeJSON(cmd.OutOrStdout(), "femto.deploy.manifest/1", result)
	}
	fmt.Fprintln(cmd.OutOrStdout(), result.Manifest)
	fmt.Fprintf(cmd.ErrOrStderr(), "installed (sequence %d): %s; %s, %d B out, %d B in\n", result.Sequence,
		bytesText(result.EnvelopeBytes), exchanges(result.Wire.Exchanges), result.Wire.BytesOut, result.Wire.BytesIn)
	return nil
}
