package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/remote"
)

// A rollback is a container on its way back to an earlier image.
type rollback struct {
	connection
	hook, name string
	key        author.PrivateKey
	file       string // with the image; "": the one that was deployed before
	kept       bool   // only what the device has kept
	progress   *progress
}

// wentBack is what came of it. Wire is of an image that was signed again.
type wentBack struct {
	Hook        string        `json:"hook"`
	Name        string        `json:"name"`
	Sequence    uint64        `json:"sequence"`
	Digest      remote.Digest `json:"digest"`
	SignedAgain bool          `json:"signed_again"` // false: the device had kept it
	Wire        *wire         `json:"wire,omitempty"`
}

func newContainerRollbackCommand() *cobra.Command {
	var r rollback
	var keyFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rollback HOOK[/NAME]",
		Short: "Go back to the image before",
		Long: `Signs the image that was deployed before the one that runs again, with a higher
number, and deploys it: this machine remembers what it has deployed where, and keeps
the images. --image names another one.

A version on trial is given up instead: the device still has the one before, and a
signed command brings that back without a transfer. So it is with --kept, with a key
that is not the container's tenant's, as the owner's, and where this machine knows
of no image before.`,
		Example: "  femto container rollback event/limit -d " + exampleURI + " --key alice.key\n" +
			"  femto container rollback event/limit --image limit-1.2.bin",
		Args: exactArgs("HOOK[/NAME]"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if r.hook, r.name, err = splitContainer(cmd, args[0]); err != nil {
				return err
			}
			if r.kept && r.file != "" {
				return usageError(cmd, errors.New("--image and --kept: an image from here, or the device's own?"))
			}
			if r.key, err = loadSigningKey(keyFile); err != nil {
				return err
			}
			r.progress = newProgress(cmd.ErrOrStderr(), asJSON)
			var done *wentBack
			err = r.with(cmd, client.Options{Progress: func(t client.Progress) { r.progress.show(t.Sent, t.SendTotal) }},
				func(ctx context.Context, d *remote.Device) (err error) {
					done, err = r.goBack(cmd, ctx, d)
					return err
				})
			r.progress.end()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.container.rollback/1", done)
			}
			how := "the device had kept it"
			if done.SignedAgain {
				how = "signed again"
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "rolled back %s to %s (sequence %d): %s\n", args[0], done.Digest.Short(), done.Sequence, how)
			return nil
		},
	}
	r.addFlags(cmd)
	cmd.Flags().StringVar(&r.file, "image", "", "image `FILE` to go back to; the one deployed before by default")
	cmd.Flags().BoolVar(&r.kept, "kept", false, "only go back to what the device has kept, without a transfer")
	addKeyFlag(cmd, &keyFile)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// goBack chooses the way back and takes it.
func (r *rollback) goBack(cmd *cobra.Command, ctx context.Context, device *remote.Device) (*wentBack, error) {
	info, err := device.Info(ctx)
	if err != nil {
		return nil, err
	}
	hook, err := findHook(device, info, r.hook)
	if err != nil {
		return nil, err
	}
	now, err := r.running(ctx, device, hook)
	if err != nil {
		return nil, err
	}
	d := deployment{hook: hook.Name, name: r.name, key: r.key}
	keyID := r.key.Public().ID()
	onTrial := now != nil && agent.State(now.State) == agent.StateTrial
	if onTrial && r.file != "" {
		return nil, &commandError{exit: exitRefused, what: "the container is on trial", where: r.uri,
			why: "the device keeps the version before and takes no other until that is decided",
			try: []string{command("femto", "container", "rollback", r.place(), "-d", r.uri)}}
	}
	file := r.file
	switch {
	case now == nil || onTrial || r.kept || file == "" && !trustsAs(info, keyID, now.Tenant):
		return r.byCommand(ctx, device, hook)
	case file != "":
		if d.image, _, err = readImage(cmd, file); err != nil {
			return nil, err
		}
	default:
		at := images.Place{Device: info.Device, Hook: hook.Name, Name: r.name, Key: keyID.String()}
		digest, known := images.Before(at, now.Digest)
		if !known {
			return r.byCommand(ctx, device, hook)
		}
		if digest == nil {
			return nil, &commandError{exit: exitRefused, what: "no image before this one is known here", where: r.uri,
				why: "the first that this machine deployed there is " + now.Digest.String() + ", which runs", try: r.otherWays()}
		}
		file = "image " + hex.EncodeToString(digest)
		found := images.Find(digest, projectFolders()...)
		if found == nil {
			return nil, &commandError{exit: exitRefused, what: "the image before is not on this machine any more", where: r.uri,
				why: "it was " + remote.Digest(digest).String(), try: r.otherWays()}
		}
		d.image = found.Bytes
	}
	return r.signAgain(ctx, device, &d, file, now)
}

// running returns the container as it is, nil if there is none.
func (r *rollback) running(ctx context.Context, device *remote.Device, hook *remote.Hook) (*remote.Container, error) {
	list, err := device.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Hook == hook.Name && list[i].Name == r.name {
			return &list[i], nil
		}
	}
	return nil, nil
}

// byCommand has the device put back what it has kept.
func (r *rollback) byCommand(ctx context.Context, device *remote.Device, hook *remote.Hook) (*wentBack, error) {
	report, err := sendCommand(ctx, device, r.key, &author.Command{Verb: agent.VerbRollback, Name: r.name}, r.hook)
	if err != nil {
		return nil, err
	}
	done := &wentBack{Hook: hook.Name, Name: r.name, Sequence: report.Sequence}
	now, err := r.running(ctx, device, hook)
	if now != nil {
		done.Digest = now.Digest
	}
	return done, err
}

// signAgain deploys an image with a higher number.
func (r *rollback) signAgain(ctx context.Context, device *remote.Device, d *deployment, file string, now *remote.Container) (*wentBack, error) {
	img, refused := image.Parse(d.image)
	if refused != image.OK {
		return nil, &commandError{exit: exitRejected, what: file + " is not a container image", why: refused.Error(), err: refused}
	}
	need, err := loadable(file, &img)
	if err != nil {
		return nil, err
	}
	d.helpers = helperNames(&need.Helpers)
	if err := d.heed(file, d.image); err != nil {
		return nil, err
	}
	p, err := d.plan(ctx, device)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(p.result.Digest, now.Digest) {
		return nil, &commandError{exit: exitUsage, what: "this image runs already", where: r.uri, why: strings.TrimPrefix(file, "image "),
			try: []string{command("femto", "ps", "-d", r.uri)}}
	}
	device.Fetching, device.Waiting = r.progress.show, r.progress.wait
	images.Keep(d.image, nil, "")
	if err := p.carryOut(ctx, device); err != nil {
		return nil, err
	}
	if r.file == "" {
		images.WentBack(p.at, p.result.Digest)
	} else {
		p.note()
	}
	return &wentBack{Hook: p.at.Hook, Name: r.name, Sequence: p.result.Sequence, Digest: p.result.Digest, SignedAgain: true, Wire: &p.result.Wire}, nil
}

// otherWays are the commands that need nothing from this machine's memory.
func (r *rollback) otherWays() []string {
	line := []string{"femto", "container", "rollback", r.place(), "-d", r.uri}
	return []string{command(append(line, "--image", "FILE")...), command(append(line, "--kept")...)}
}

// place is the container as people name it.
func (r *rollback) place() string {
	if r.name == "" {
		return r.hook
	}
	return r.hook + "/" + r.name
}
