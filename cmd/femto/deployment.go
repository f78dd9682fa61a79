package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/vm"
)

// A deployment is one container on its way to one device.
type deployment struct {
	image    []byte
	helpers  []string  // that it calls
	contract *contract // nil: of version 0
	hook     string
	name     string
	key      author.PrivateKey
	sequence uint64 // 0: choose
	tamper   func(envelope []byte)
}

// deployed is what came of a deployment, or will.
type deployed struct {
	Name          string        `json:"name"`
	Hook          string        `json:"hook"`
	Digest        remote.Digest `json:"digest"`
	Sequence      uint64        `json:"sequence"`
	ImageBytes    int           `json:"image_bytes"`
	EnvelopeBytes int           `json:"envelope_bytes"`
	Fetched       bool          `json:"fetched"`
	Unchanged     bool          `json:"unchanged"`
	Resumed       int           `json:"resumed"` // bytes that the device had from an earlier try
	Wire          wire          `json:"wire"`
}

// place is where the container runs, for people: HOOK or HOOK/NAME.
func (r *deployed) place() string {
	if r.Name == "" {
		return r.Hook
	}
	return r.Hook + "/" + r.Name
}

// overhead is what the envelope adds to the image, in bytes.
func (r *deployed) overhead() int {
	if r.Fetched {
		return r.EnvelopeBytes
	}
	return r.EnvelopeBytes - r.ImageBytes
}

// wire is what a piece of work cost on the network.
type wire struct {
	Exchanges       int `json:"exchanges"`
	DatagramsOut    int `json:"datagrams_out"`
	DatagramsIn     int `json:"datagrams_in"`
	BytesOut        int `json:"bytes_out"`
	BytesIn         int `json:"bytes_in"`
	Retransmissions int `json:"retransmissions"` // of ours
	Repeated        int `json:"repeated"`        // of the device's, as far as they came
}

func wireSince(before, after client.Stats) wire {
	return wire{
		Exchanges:       after.Exchanges - before.Exchanges,
		DatagramsOut:    after.DatagramsOut - before.DatagramsOut,
		DatagramsIn:     after.DatagramsIn - before.DatagramsIn,
		BytesOut:        after.BytesOut - before.BytesOut,
		BytesIn:         after.BytesIn - before.BytesIn,
		Retransmissions: after.Retransmissions - before.Retransmissions,
		Repeated:        after.Repeated - before.Repeated,
	}
}

// A plan is a deployment for which everything is known and made.
type plan struct {
	*deployment
	info     *remote.Info
	spent    uint64 // highest sequence number that the device has seen
	at       images.Place
	before   []byte // digest of the image that runs there; nil: none, or not known
	envelope []byte
	result   deployed
}

// to plans the deployment and carries it out.
func (d *deployment) to(ctx context.Context, device *remote.Device) (*deployed, error) {
	p, err := d.plan(ctx, device)
	if err == nil {
		err = p.carryOut(ctx, device)
	}
	if err != nil {
		return nil, err
	}
	return &p.result, nil
}

// plan asks the device what it needs to know, refuses what the device could
// not run, and makes the envelope. It changes nothing.
func (d *deployment) plan(ctx context.Context, device *remote.Device) (*plan, error) {
	info, err := device.Info(ctx)
	if err != nil {
		return nil, err
	}
	hook, err := d.fits(device, info)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(d.image)
	p := &plan{deployment: d, info: info, result: deployed{
		Name: d.name, Hook: d.hook, Digest: digest[:], ImageBytes: len(d.image),
	}}
	keyID := d.key.Public().ID()
	p.at = images.Place{Device: info.Device, Hook: hook.Name, Name: d.name, Key: keyID.String()}
	if p.spent, err = device.Counter(ctx, keyID, hook.UUID, d.name); err != nil {
		return nil, err
	}
	if d.sequence == 0 && d.tamper == nil {
		list, err := device.List(ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if c.Hook != hook.Name || c.Name != d.name || !trustsAs(info, keyID, c.Tenant) {
				continue
			}
			p.before = c.Digest
			if c.Digest.String() == p.result.Digest.String() {
				p.result.Unchanged, p.result.Sequence = true, c.Sequence
				return p, nil
			}
		}
	}
	if p.result.Sequence = d.sequence; d.sequence == 0 {
		p.result.Sequence = nextSequence(p.spent)
	}
	return p, p.sign(hook)
}

// sign makes the envelope, with the image in the manifest if the device has room
// for that.
func (p *plan) sign(hook *remote.Hook) (err error) {
	// The vendor is left out: a class's UUID is made from its vendor's.
	manifest := author.Manifest{
		Sequence: p.result.Sequence, Class: uuid.UUID(p.info.Class),
		Hook: uuid.UUID(hook.UUID), Container: p.name, Image: p.image, Delivery: author.Content,
		KeyHint: keyHint(len(p.info.Tenants)),
	}
	if p.envelope, err = manifest.Envelope(p.key); err != nil {
		return err
	}
	if len(p.envelope) > p.info.Envelope {
		p.result.Fetched = true
		manifest.Delivery, manifest.URI = author.Reference, remote.PayloadURI
		if p.envelope, err = manifest.Envelope(p.key); err != nil {
			return err
		}
	}
	if p.tamper != nil {
		p.tamper(p.envelope)
	}
	p.result.EnvelopeBytes = len(p.envelope)
	return nil
}

// note has this machine remember what it has deployed, to go back to it one day.
func (p *plan) note() { images.Deployed(p.at, p.before, p.result.Digest) }

// carryOut sends what the plan has, if there is anything to change.
func (p *plan) carryOut(ctx context.Context, device *remote.Device) error {
	if p.result.Unchanged {
		return nil
	}
	before := device.Stats()
	_, err := device.Manifest(ctx, p.envelope, p.image)
	p.result.Wire = wireSince(before, device.Stats())
	return err
}

// foresee says what the device would say, as far as it can be known.
func (p *plan) foresee(device *remote.Device) error {
	keyID := p.key.Public().ID()
	if !slices.ContainsFunc(p.info.Tenants, func(t remote.Tenant) bool { return t.KeyID.String() == keyID.String() }) {
		return &commandError{exit: exitUntrusted, what: "the device would refuse: it does not trust this key", where: device.URI,
			why: "none of its tenants has the key " + keyID.String(), try: []string{command("femto", "device", "info", "-d", device.URI)}}
	}
	if !p.result.Unchanged && p.result.Sequence <= p.spent {
		return &commandError{exit: exitRefused, what: "the device would refuse: the sequence number is spent", where: device.URI,
			why: fmt.Sprintf("it has accepted %d for this container and never goes back to %d", p.spent, p.result.Sequence),
			try: []string{command("femto", "ps", "-d", device.URI)}}
	}
	return nil
}

// fits finds the hook and refuses what the device could not hold or run,
// before anything is sent.
func (d *deployment) fits(device *remote.Device, info *remote.Info) (*remote.Hook, error) {
	hook, err := d.hookOf(device, info)
	if err != nil {
		return nil, err
	}
	try := []string{command("femto", "device", "info", "-d", device.URI)}
	if len(d.image) > info.Image {
		return nil, &commandError{exit: exitMismatch, what: "the image is too large for the device", where: device.URI,
			why: fmt.Sprintf("it has %s, the device holds %s", bytesText(len(d.image)), bytesText(info.Image)), try: try}
	}
	for _, helper := range d.helpers {
		if !slices.Contains(info.Helpers, helper) {
			return nil, &commandError{exit: exitMismatch, what: "the container calls the helper " + helper + ", which the device does not have",
				where: device.URI, why: "its helpers are " + strings.Join(info.Helpers, ", "), try: try}
		}
	}
	return hook, nil
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

// helperNames lists what a program calls.
func helperNames(set *vm.HelperSet) []string {
	names := []string{}
	for n := range 256 {
		if set.Has(uint8(n)) {
			names = append(names, helperName(n))
		}
	}
	return names
}

// helperName is a helper's name, or its number if it is none of the standard
// ones.
func helperName(n int) string {
	for i := range helpers.Standard {
		if int(helpers.Standard[i].Number) == n {
			return helpers.Standard[i].Name
		}
	}
	return fmt.Sprintf("%#02x", n)
}
