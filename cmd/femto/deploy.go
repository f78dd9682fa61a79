package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/vm"
)

// A deployment is one container on its way to one device.
type deployment struct {
	image    []byte
	hook     string
	name     string
	key      author.PrivateKey
	sequence uint64 // 0: choose
	tamper   func(envelope []byte)
}

// deployed is what came of a deployment.
type deployed struct {
	Name          string        `json:"name"`
	Hook          string        `json:"hook"`
	Digest        remote.Digest `json:"digest"`
	Sequence      uint64        `json:"sequence"`
	ImageBytes    int           `json:"image_bytes"`
	EnvelopeBytes int           `json:"envelope_bytes"`
	Fetched       bool          `json:"fetched"`
	Unchanged     bool          `json:"unchanged"`
	Wire          wire          `json:"wire"`
}

// wire is what a piece of work cost on the network.
type wire struct {
	Exchanges       int `json:"exchanges"`
	BytesOut        int `json:"bytes_out"`
	BytesIn         int `json:"bytes_in"`
	Retransmissions int `json:"retransmissions"`
}

func wireSince(before, after client.Stats) wire {
	return wire{
		Exchanges:       after.Exchanges - before.Exchanges,
		BytesOut:        after.BytesOut - before.BytesOut,
		BytesIn:         after.BytesIn - before.BytesIn,
		Retransmissions: after.Retransmissions - before.Retransmissions,
	}
}

// to carries the deployment out.
func (d *deployment) to(ctx context.Context, device *remote.Device) (*deployed, error) {
	info, err := device.Info(ctx)
	if err != nil {
		return nil, err
	}
	hook, err := d.fits(info)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(d.image)
	result := &deployed{
		Name: d.name, Hook: d.hook, Digest: digest[:], ImageBytes: len(d.image),
	}
	keyID := d.key.Public().ID()
	spent, err := device.Counter(ctx, keyID, hook.UUID, d.name)
	if err != nil {
		return nil, err
	}
	if d.sequence == 0 && d.tamper == nil {
		list, err := device.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if c.Hook == d.hook && c.Name == d.name && c.Digest.String() == result.Digest.String() && trustsAs(info, keyID, c.Tenant) {
				result.Unchanged, result.Sequence = true, c.Sequence
				return result, nil
			}
		}
	}
	if result.Sequence = d.sequence; result.Sequence == 0 {
		result.Sequence = nextSequence(spent)
	}
	manifest := author.Manifest{
		Sequence: result.Sequence, Vendor: uuid.UUID(info.Vendor), Class: uuid.UUID(info.Class),
		Hook: uuid.UUID(hook.UUID), Container: d.name, Image: d.image, Delivery: author.Integrated,
		KeyHint: keyHint(len(info.Tenants)),
	}
	envelope, err := manifest.Envelope(d.key)
	if err != nil {
		return nil, err
	}
	if len(envelope) > info.Envelope {
		manifest.Delivery, manifest.URI = author.Reference, remote.PayloadURI
		result.Fetched = true
		if envelope, err = manifest.Envelope(d.key); err != nil {
			return nil, err
		}
	}
	if d.tamper != nil {
		d.tamper(envelope)
	}
	result.EnvelopeBytes = len(envelope)
	before := device.Stats()
	_, err = device.Manifest(ctx, envelope, d.image)
	result.Wire = wireSince(before, device.Stats())
	return result, err
}

// fits finds the hook and refuses what the device could not hold, before
// anything is sent.
func (d *deployment) fits(info *remote.Info) (*remote.Hook, error) {
	i := slices.IndexFunc(info.Hooks, func(h remote.Hook) bool { return h.Name == d.hook })
	if i < 0 {
		var names []string
		for _, h := range info.Hooks {
			names = append(names, h.Name)
		}
		return nil, &commandError{exit: exitMismatch, what: fmt.Sprintf("the device has no hook %q", d.hook),
			why: "its hooks are " + strings.Join(names, ", "), try: []string{"femto deploy IMAGE --hook " + names[0]}}
	}
	if len(d.image) > info.Image {
		return nil, &commandError{exit: exitMismatch, what: "the image is too large for the device",
			why: fmt.Sprintf("it has %s, the device holds %s", bytesText(len(d.image)), bytesText(info.Image))}
	}
	return &info.Hooks[i], nil
}

func trustsAs(info *remote.Info, keyID author.KeyID, tenant string) bool {
	for _, t := range info.Tenants {
		if t.Name == tenant && t.KeyID.String() == keyID.String() {
			return true
		}
	}
	return false
}

// keyHint is how many bytes of the key's identifier are worth sending: with
// several tenants they save the device from trying every key.
func keyHint(tenants int) int {
	if tenants > 1 {
		return 4
	}
	return 0
}

// nextSequence chooses a number above what is spent: the time, unless somebody
// was faster.
func nextSequence(spent uint64) uint64 {
	return max(uint64(time.Now().Unix()), spent+1)
}

func newDeployCommand() *cobra.Command {
	var c connection
	var asJSON bool
	var keyFile string
	d := deployment{}
	cmd := &cobra.Command{
		Use:   "deploy IMAGE",
		Short: "Sign an image and have a device run it",
		Long: `Builds a SUIT manifest for IMAGE, signs it, transfers it to the device and waits
until the device runs the container or says why not. The sequence number is
chosen: the time, or one more than what the device has seen.`,
		Example: `  femto deploy fletcher32.bin -d coap://127.0.0.1:5683 --hook event --key alice.key`,
		Args:    exactArgs("the image FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, img, err := readImage(args[0])
			if err != nil {
				return err
			}
			if _, refused := vm.Check(img.Text(), everyHelper()); refused.Fault != vm.OK {
				return checkError(args[0], refused.Fault, refused.PC)
			}
			if d.hook == "" {
				return usageError(cmd, fmt.Errorf("--hook is missing: on which hook shall the container run?"))
			}
			if d.key, err = loadPrivateKey(keyFile); err != nil {
				return err
			}
			d.image = raw
			var result *deployed
			progress := newProgress(cmd.ErrOrStderr())
			err = c.with(cmd, client.Options{Progress: progress.show}, func(ctx context.Context, device *remote.Device) (err error) {
				result, err = d.to(ctx, device)
				return err
			})
			progress.end()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), "femto.deploy/1", result)
			}
			printDeployed(cmd.OutOrStdout(), cmd.ErrOrStderr(), result)
			return nil
		},
	}
	c.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&d.hook, "hook", "", "hook on which the container runs")
	f.StringVar(&d.name, "name", "", "name among several containers on one hook (1 to 16 of a-z A-Z 0-9 - _ .)")
	f.StringVar(&keyFile, "key", "tenant.key", "private key to sign with")
	f.Uint64Var(&d.sequence, "sequence", 0, "sequence number; chosen by default")
	addJSONFlag(cmd, &asJSON)
	return cmd
}

func printDeployed(stdout, stderr io.Writer, r *deployed) {
	fmt.Fprintln(stdout, r.Digest)
	if r.Unchanged {
		fmt.Fprintf(stderr, "already running on %s (number %d)\n", r.Hook, r.Sequence)
		return
	}
	fmt.Fprintf(stderr, "running on %s (number %d): %s image, %s manifest, %d exchanges, %d B out, %d B in\n",
		r.Hook, r.Sequence, bytesText(r.ImageBytes), bytesText(r.overhead()), r.Wire.Exchanges, r.Wire.BytesOut, r.Wire.BytesIn)
	if r.Wire.Retransmissions > 0 {
		fmt.Fprintf(stderr, "%d datagrams were repeated\n", r.Wire.Retransmissions)
	}
}

// overhead is what the envelope adds to the image.
func (r *deployed) overhead() int {
	if r.Fetched {
		return r.EnvelopeBytes
	}
	return r.EnvelopeBytes - r.ImageBytes
}
