package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/suit"
)

// exampleURI is where a simulated device is unless told otherwise.
const exampleURI = "coap://" + defaultListen

// connection is how a command reaches a device.
type connection struct {
	uri       string
	blockSize int
	timeout   time.Duration
}

func (c *connection) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&c.uri, "device", "d", os.Getenv("FEMTO_DEVICE"), "`URI` of the device, coap://host[:port]; or $FEMTO_DEVICE")
	f.IntVar(&c.blockSize, "block-size", 0, "largest CoAP block in `BYTES`: 16, 32, ... 1024; 0: what suits the device")
	f.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long the whole command may take")
}

// with runs do with the device.
func (c *connection) with(cmd *cobra.Command, options client.Options, do func(context.Context, *remote.Device) error) error {
	if c.uri == "" {
		return &commandError{
			exit: exitUsage, what: "no device named", why: "neither --device nor $FEMTO_DEVICE says which one",
			try: []string{"femto device run", "femto device info -d " + exampleURI},
		}
	}
	if c.timeout <= 0 {
		return usageError(cmd, fmt.Errorf("--timeout %v: must be above 0", c.timeout))
	}
	if !slices.Contains([]int{0, 16, 32, 64, 128, 256, 512, 1024}, c.blockSize) {
		return usageError(cmd, fmt.Errorf("--block-size %d: must be 0, 16, 32, 64, 128, 256, 512 or 1024", c.blockSize))
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
	defer cancel()
	options.BlockSize = c.blockSize
	device, err := remote.Open(ctx, c.uri, options)
	if err != nil {
		return c.explain(cmd, c.badAddress(err))
	}
	defer device.Close()
	if err := openReading(ctx, device); err != nil {
		return c.explain(cmd, err)
	}
	return c.explain(cmd, do(ctx, device))
}

// badAddress puts what is wrong with an address into words, and returns other
// errors as they are.
func (c *connection) badAddress(err error) error {
	var lookup *net.DNSError
	switch {
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &lookup):
		return &commandError{exit: exitUnreachable, what: "no such host", where: c.uri, why: err.Error(), err: err}
	}
	uri := exampleURI
	if !strings.Contains(c.uri, "://") {
		uri = "coap://" + c.uri
	}
	return &commandError{
		exit: exitUsage, what: "not the address of a device", where: c.uri, why: strings.TrimPrefix(err.Error(), c.uri+": "),
		try: []string{command("femto", "device", "info", "-d", uri)}, err: err,
	}
}

// explain puts what a device or the way to it did wrong into words.
func (c *connection) explain(cmd *cobra.Command, err error) error {
	var known *commandError
	var refused *remote.RefusedError
	var status *client.StatusError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case cmd.Context().Err() != nil:
		return cmd.Context().Err()
	case errors.As(err, &refused):
		return c.refusal(refused)
	case errors.Is(err, context.DeadlineExceeded):
		return &commandError{exit: exitTimeout, what: "no answer in time", where: c.uri, why: fmt.Sprintf("--timeout is %v", c.timeout),
			try: []string{command("femto", "device", "info", "-d", c.uri, "--timeout", (3 * c.timeout).String())}, err: err}
	case errors.Is(err, udplink.ErrRefused):
		e := &commandError{exit: exitUnreachable, what: "no device at this address", where: c.uri, why: "its host says that nobody listens there", err: err}
		if host, isLocal := c.local(); isLocal {
			e.try = []string{command("femto", "device", "run", "--listen", host)}
		}
		return e
	case errors.Is(err, client.ErrUnreachable):
		return &commandError{exit: exitUnreachable, what: "the device does not answer", where: c.uri,
			why: strings.TrimPrefix(err.Error(), client.ErrUnreachable.Error()+": "), err: err}
	case errors.As(err, &status):
		return &commandError{exit: exitRefused, what: "the device refused", where: c.uri, why: status.Error(),
			try: []string{c.info()}, err: err}
	}
	return &commandError{exit: exitFailure, what: "talking with the device failed", where: c.uri, why: err.Error(), err: err}
}

// local returns the host and port of a device on this machine.
func (c *connection) local() (string, bool) {
	host := strings.TrimSuffix(strings.TrimPrefix(c.uri, "coap://"), "/")
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name, host = host, net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(coap.DefaultPort))
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return host, name == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *connection) info() string { return command("femto", "device", "info", "-d", c.uri) }
func (c *connection) ps() string   { return command("femto", "ps", "-d", c.uri) }

// refusal puts a device's report into words.
func (c *connection) refusal(refused *remote.RefusedError) error {
	r := refused.Report
	e := &commandError{
		exit: exitRefused, what: "the device refused: " + r.Reason.String(),
		where: c.uri + ", stage " + r.Stage.String(), why: r.Why(), err: refused,
	}
	switch {
	case r.Stage.Untrusted():
		e.exit = exitUntrusted
		e.why = "no tenant whom the device trusts has signed these bytes"
		e.try = []string{c.info()}
	case r.Detail == agent.DetailCounter:
		e.what = "the device refused: the sequence number is spent"
		e.why = fmt.Sprintf("the device has accepted sequence number %d for this container and never goes back", r.Sequence)
		e.try = []string{c.ps()}
	case r.Detail == agent.DetailAgent:
		if agent.Error(r.Code) == agent.ErrFull {
			e.why = "every place for a container is taken"
		}
		e.try = []string{c.ps()}
	case suit.Reason(r.Reason) == suit.ReasonComponentUnauthorised:
		e.why = "the device's owner does not let this key's tenant use this hook"
		e.try = []string{c.info()}
	case e.why == "" && len(r.Manifest) > 0:
		e.try = []string{command("femto", "manifest", "report", "-d", c.uri)}
	}
	return e
}

// openReading asks for a session, with the key that $FEMTO_READER names, if the
// device lets nobody read without one.
func openReading(ctx context.Context, d *remote.Device) error {
	file := os.Getenv("FEMTO_READER")
	if file == "" {
		return nil
	}
	key, err := loadSigningKey(file)
	if err != nil {
		return err
	}
	info, err := d.Info(ctx)
	if err != nil || info.Trust.Flags&agent.InfoClosed == 0 || info.Board != "" {
		return err
	}
	c := author.Command{Sequence: info.Trust.Nonce, Verb: agent.VerbRead, Device: uuid.UUID(info.Device)}
	message, err := c.Sign(key)
	if err != nil {
		return err
	}
	_, err = d.Command(ctx, message)
	return err
}
