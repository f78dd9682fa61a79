package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/remote"
)

// unfinished is a deployment under way, kept in a file so that the same command
// goes on with it after this one has ended early.
type unfinished struct {
	Envelope []byte    `json:"envelope"`
	Sequence uint64    `json:"sequence"`
	Fetched  bool      `json:"fetched"`
	Block    int       `json:"block"` // size of blocks
	Sent     int       `json:"sent"`  // bytes of the envelope that the device has
	Port     uint16    `json:"port"`  // from which
	Tag      uint16    `json:"tag"`   // and in which transfer
	At       time.Time `json:"at"`

	Place  images.Place `json:"place"`
	Before []byte       `json:"before"` // digest of the image that ran there

	file string
}

const (
	// keptTransfer is how long a device keeps the beginning of an envelope; see
	// docs/spec/coap.md.
	keptTransfer = 90 * time.Second

	// keptEnvelope is how long an envelope that has not come through is sent
	// rather than a new one.
	keptEnvelope = time.Hour
)

// unfinishedOf returns what is known of an earlier try at a deployment, without
// an Envelope if there is nothing to go on with.
func unfinishedOf(uri string, d *deployment) *unfinished {
	u := &unfinished{}
	cache, err := os.UserCacheDir()
	if err != nil || d.sequence != 0 || d.tamper != nil {
		return u // nothing is kept
	}
	id := d.key.Public().ID()
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(uri), []byte(d.hook), []byte(d.name), id[:], d.image} {
		fmt.Fprintf(sum, "%d:", len(part))
		sum.Write(part)
	}
	u.file = filepath.Join(cache, "femto", "transfers", hex.EncodeToString(sum.Sum(nil)[:16]))
	text, err := os.ReadFile(u.file)
	kept := *u
	if err != nil || json.Unmarshal(text, &kept) != nil || time.Since(kept.At) > keptEnvelope || time.Until(kept.At) > 0 {
		return u
	}
	return &kept
}

// goesOn reports whether the device may have the beginning of the envelope, in
// blocks of that size, or 0 for any.
func (u *unfinished) goesOn(block int) bool {
	return u.Envelope != nil && u.Sent > 0 && u.Sent < len(u.Envelope) && (u.Block == block || block == 0) && time.Since(u.At) < keptTransfer
}

// save writes down how far the transfer is. What cannot be kept is no reason to
// stop.
func (u *unfinished) save() {
	if u.file == "" {
		return
	}
	u.At = time.Now()
	text, err := json.Marshal(u)
	if err != nil || os.MkdirAll(filepath.Dir(u.file), 0o700) != nil {
		return
	}
	if os.WriteFile(u.file+"~", text, 0o600) == nil {
		_ = os.Rename(u.file+"~", u.file)
	}
}

// done forgets it.
func (u *unfinished) done() {
	if u.file != "" {
		_ = os.Remove(u.file)
	}
}

// adopt makes a plan of an earlier try: the same envelope, so that the device
// knows it again.
func (d *deployment) adopt(u *unfinished) *plan {
	digest := sha256.Sum256(d.image)
	return &plan{deployment: d, envelope: u.Envelope, at: u.Place, before: u.Before, result: deployed{
		Name: d.name, Hook: d.hook, Digest: digest[:], Sequence: u.Sequence,
		ImageBytes: len(d.image), EnvelopeBytes: len(u.Envelope), Fetched: u.Fetched,
	}}
}

// resumable carries a plan out, keeping note of how far it is.
func (p *plan) resumable(ctx context.Context, device *remote.Device, u *unfinished) error {
	if p.result.Unchanged {
		return nil
	}
	again := u.Envelope != nil
	if again {
		device.Suit(u.Block)
	}
	block := device.BlockSize()
	device.Offset, device.Tag = 0, 0
	if u.goesOn(block) && device.LocalPort() == u.Port {
		device.Offset, device.Tag = u.Sent, u.Tag
		p.result.Resumed = u.Sent
	}
	u.Place, u.Before = p.at, p.before
	u.Envelope, u.Sequence, u.Fetched = p.envelope, p.result.Sequence, p.result.Fetched
	u.Block, u.Sent, u.Port, u.Tag = block, device.Offset, device.LocalPort(), device.Tag
	fetching := device.Fetching
	device.Fetching = func(received, total int) {
		if again && p.result.Resumed == 0 && received < total {
			p.result.Resumed = received
		}
		again = false
		if fetching != nil {
			fetching(received, total)
		}
	}
	if len(p.envelope) > block || p.result.Fetched {
		u.save()
	}
	err := p.carryOut(ctx, device)
	var refused *remote.RefusedError
	if err == nil || errors.As(err, &refused) || errors.Is(err, remote.ErrOvertaken) {
		u.done()
		u.Envelope = nil
	}
	return err
}

// sent notes progress.
func (u *unfinished) sent(t client.Progress) {
	if u.Envelope != nil && t.SendTotal == len(u.Envelope) && (t.Sent > u.Sent || t.Tag != u.Tag) {
		u.Sent, u.Tag = t.Sent, t.Tag
		u.save()
	}
}

// interrupted says how to go on with a transfer that did not come to its end.
func (u *unfinished) interrupted(cmd *cobra.Command, args []string, err error) error {
	if err == nil || u.Envelope == nil || u.file == "" || u.Sent == 0 && !u.Fetched {
		return err
	}
	e := &commandError{what: "the transfer was cut", why: "the device has a part of it: the same command goes on from there"}
	var known *commandError
	switch {
	case errors.Is(err, context.Canceled):
		e.exit, e.what = exitInterrupted, "interrupted"
	case !errors.As(err, &known):
		return err
	case known.exit == exitTimeout:
		e.exit, e.what, e.where = exitTimeout, known.what, known.where
	case known.exit == exitUnreachable:
		e.exit, e.where, e.err = exitResumable, known.where, known
	default:
		return err
	}
	line := append([]string{"femto", "deploy"}, args...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "bool" {
			line = append(line, "--"+f.Name)
		} else {
			line = append(line, "--"+f.Name, f.Value.String())
		}
	})
	e.try = []string{command(line...)}
	return e
}
