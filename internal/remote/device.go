package remote

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
)

// A Device is one device that can be reached. It is not safe for concurrent
// use, except for Close.
type Device struct {
	*client.Client
	URI string // as given to Open
	// Fetching is told how much of a payload the device has fetched, and of
	// how many bytes, while Manifest waits for that. nil: nobody is.
	Fetching func(received, total int)

	// Waiting is told when the device is busy with somebody else's manifest
	// and has to be asked again. nil: nobody is.
	Waiting func()

	// Offset and Tag are those of the next envelope's transfer, if it began
	// earlier: see client.Request.
	Offset int
	Tag    uint16

	payload []byte // what the device may GET from us at payloadPath
}

// payloadPath is where a device finds the image of an envelope that we sent.
const payloadPath = "p"

// PayloadURI is the relative reference of that image, for the manifest.
const PayloadURI = "/" + payloadPath

// Open prepares to talk with the device at uri, "coap://host:port". It sends
// nothing.
func Open(ctx context.Context, uri string, options client.Options) (*Device, error) {
	d := &Device{URI: uri}
	options.Handler = d
	c, err := client.Dial(ctx, uri, options)
	if err != nil {
		return nil, err
	}
	d.Client = c
	return d, nil
}

// ServeCoAP hands the device the payload that it was sent a manifest about.
func (d *Device) ServeCoAP(_ int64, req *coap.Request, resp *coap.Response) {
	if req.Code != coap.GET || !req.PathIs(payloadPath) || d.payload == nil {
		resp.Fail(coap.NotFound, "")
		return
	}
	resp.Code = coap.Content
	resp.Body = d.payload
}

// Info asks what the device is.
func (d *Device) Info(ctx context.Context) (*Info, error) {
	info := &Info{}
	if err := d.get(ctx, "info", "/"+agent.PathInfo, "", info); err != nil {
		return nil, err
	}
	d.Suit(info.Block)
	return info, nil
}

// List asks for the device's containers: hook by hook, each in the order in
// which the hook runs them, then those that it does not have on it.
func (d *Device) List(ctx context.Context) ([]Container, error) {
	list := []Container{}
	if err := d.get(ctx, "list", "/"+agent.PathList, "", &list); err != nil {
		return nil, err
	}
	inOrder(list)
	return list, nil
}

// inOrder sorts containers for List. Those of a device that tells no positions
// stay as they are.
func inOrder(list []Container) {
	first := map[string]int{} // place of the hook in what is told
	for i, c := range list {
		if _, ok := first[c.Hook]; !ok {
			first[c.Hook] = i
		}
	}
	slices.SortStableFunc(list, func(a, b Container) int {
		return cmp.Or(cmp.Compare(first[a.Hook], first[b.Hook]),
			cmp.Compare(uint(a.Position)-1, uint(b.Position)-1)) // 0 becomes the last
	})
}

// Counter asks for the highest sequence number that a key has spent on a
// component, or on the device if hook is zero, 0 if the device does not know the
// key.
func (d *Device) Counter(ctx context.Context, keyID [8]byte, hook UUID, name string) (uint64, error) {
	query := "k=" + hex.EncodeToString(keyID[:])
	if hook != (UUID{}) {
		query += "&h=" + hex.EncodeToString(hook[:])
	}
	if name != "" {
		query += "&n=" + url.PathEscape(name)
	}
	var sequence uint64
	err := d.get(ctx, "counter", "/"+agent.PathCounter, query, &sequence)
	var status *client.StatusError
	if errors.As(err, &status) && status.Code == coap.NotFound {
		return 0, nil
	}
	return sequence, err
}

// Fire fires a hook with a context of bytes.
func (d *Device) Fire(ctx context.Context, hook string, context []byte) (*Firing, error) {
	resp, err := d.Do(ctx, client.Request{
		Method: coap.POST, Path: "/" + agent.PathHook + "/" + url.PathEscape(hook),
		ContentFormat: coap.FormatOctetStream, Body: context,
	})
	if err != nil {
		return nil, err
	}
	firing := &Firing{}
	return firing, decode("answer to a fired hook", resp.Body, firing)
}

// envelopeFormat is what every block of an envelope says of it: nothing, as there
// is no registered number, and the envelope begins with a tag that says it.
const envelopeFormat = coap.FormatNone

// FireSigned fires a hook by a signed command. A refusal is a *RefusedError.
func (d *Device) FireSigned(ctx context.Context, message []byte) (*Firing, error) {
	resp, err := d.Do(ctx, client.Request{
		Method: coap.POST, Path: "/" + agent.PathCommand, ContentFormat: coap.FormatCOSESign1, Body: message,
	})
	if err != nil {
		if _, refused := d.report(resp, err); refused != nil {
			return nil, refused
		}
		return nil, err
	}
	firing := &Firing{}
	return firing, decode("answer to a fired hook", resp.Body, firing)
}

// Manifest sends an envelope, lets the device fetch payload if it wants to,
// and returns what became of it: a nil error means that the container runs. A
// refusal is a *RefusedError.
func (d *Device) Manifest(ctx context.Context, envelope, payload []byte) (*Report, error) {
	d.payload = payload
	defer func() { d.payload = nil }()
	report, err := d.post(ctx, agent.PathManifest, envelopeFormat, envelope)
	if report == nil || err != nil && !d.lost(report) {
		return report, err
	}
	manifest, received, moved := report.Manifest, report.Received, time.Now()
	if d.Fetching != nil && report.Progress == Progress(agent.ProgressFetching) {
		d.Fetching(report.Received, report.Total) // what it has from an earlier try
	}
	for err != nil || report.Progress == Progress(agent.ProgressFetching) {
		if err := d.serveFor(ctx, pollInterval); err != nil {
			return nil, err
		}
		if time.Since(moved) > stallInterval || d.lost(report) {
			// The device may be fetching from where we were before we were
			// interrupted; it turns to us when that has failed for a while.
			moved = time.Now()
			report, err = d.post(ctx, agent.PathManifest, envelopeFormat, envelope)
		} else {
			report, err = d.report(d.Do(ctx, client.Request{Method: coap.GET, Path: "/" + agent.PathManifest}))
		}
		if report != nil && report.Received != received {
			received, moved = report.Received, time.Now()
		}
		switch {
		case report == nil:
			return nil, err
		case report.Manifest.String() != manifest.String():
			return nil, ErrOvertaken
		case err != nil && !d.lost(report):
			return report, err
		case d.Fetching != nil:
			d.Fetching(report.Received, report.Total)
		}
	}
	return report, nil
}

// lost reports whether the device gave a fetch up because too many datagrams got
// lost. It goes on with it when it gets the manifest again.
func (d *Device) lost(r *Report) bool {
	return r.Progress == Progress(agent.ProgressRefused) && r.Detail == agent.DetailCoAP && coap.Error(r.Code) == coap.ErrTimeout
}

// ErrOvertaken says that the device went on to somebody else's manifest.
var ErrOvertaken = errors.New("another manifest came before this one was through")

const (
	pollInterval  = 100 * time.Millisecond // between looks at how far a fetch is
	stallInterval = time.Second            // without progress, until the manifest is sent again
	busyInterval  = 500 * time.Millisecond // between tries while somebody else's manifest is being processed
)

// Command sends a signed command. A refusal is a *RefusedError.
func (d *Device) Command(ctx context.Context, message []byte) (*Report, error) {
	return d.post(ctx, agent.PathCommand, coap.FormatCOSESign1, message)
}

// post sends what changes the device, as soon as the device has time for it.
func (d *Device) post(ctx context.Context, path string, format coap.Format, body []byte) (*Report, error) {
	for {
		resp, err := d.Do(ctx, client.Request{
			Method: coap.POST, Path: "/" + path, ContentFormat: format, Body: body, Offset: d.Offset, Tag: d.Tag,
		})
		d.Offset, d.Tag = 0, 0
		if resp.Code != coap.ServiceUnavailable {
			return d.report(resp, err)
		}
		if d.Waiting != nil {
			d.Waiting()
		}
		if err := d.serveFor(ctx, busyInterval); err != nil {
			return nil, err
		}
	}
}

// serveFor serves the device for a while.
func (d *Device) serveFor(ctx context.Context, interval time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	err := d.Serve(wait)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func (d *Device) get(ctx context.Context, what, path, query string, v any) error {
	resp, err := d.Do(ctx, client.Request{Method: coap.GET, Path: path, Query: query})
	if err != nil {
		if _, refused := d.report(resp, err); refused != nil {
			return refused
		}
		return err
	}
	return decode(what, resp.Body, v)
}

// report decodes the answer to an envelope or command, whatever its code.
func (d *Device) report(resp client.Response, err error) (*Report, error) {
	var status *client.StatusError
	if err != nil && (!errors.As(err, &status) || resp.ContentFormat != coap.FormatCBOR) {
		return nil, err
	}
	report := &Report{}
	if err := decode("report", resp.Body, report); err != nil {
		return nil, err
	}
	if report.Progress == Progress(agent.ProgressRefused) {
		return report, &RefusedError{Report: report, status: err}
	}
	return report, nil
}
