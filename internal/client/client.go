// Package client asks devices over CoAP, for the commands of the host.
package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
)

// DefaultBlockSize is the largest block as long as the device has not said which
// one suits it: with its headers it fits into one or two frames of IEEE 802.15.4.
const DefaultBlockSize = 64

// maxBlockSize is the largest of CoAP.
const maxBlockSize = 1024

// maxBody bounds what a peer can have the host store, in bytes.
const maxBody = 16 << 20

// Options change how a Client works. The zero Options are good ones.
type Options struct {
	// BlockSize is the largest block to send or ask for: 16, 32 … 1024
	// bytes; 0 means DefaultBlockSize, until Suit. A device may ask for smaller
	// ones.
	BlockSize int

	// Port is the local UDP port to use if it is free, 0 for any. A transfer
	// that another Client began goes on from the same port only.
	Port uint16

	// Handler answers requests that the device sends to the Client, such as
	// for a payload by its URI, while Do or Serve waits. nil rejects them.
	Handler coap.Handler

	// Progress is told after every block. nil: nobody is.
	Progress func(Progress)

	// Trace sees every datagram; it must not keep it. nil: nobody does.
	Trace func(sent bool, datagram []byte)

	// AckTimeout is the wait before the first repetition, 0 for the 2 s of
	// RFC 7252; every further one takes twice as long.
	AckTimeout time.Duration

	// MaxRetransmit is how often a datagram is repeated, 0 for the 4 of RFC
	// 7252, which gives up after about a minute; negative for never.
	MaxRetransmit int

	// ResponseTimeout is the wait for a response that the device has only
	// acknowledged, 0 for 93 s.
	ResponseTimeout time.Duration
}

// Progress says how far a Do is. Totals are in bytes, -1 while unknown.
type Progress struct {
	Sent, SendTotal        int
	Received, ReceiveTotal int
	Tag                    uint16 // see Request
}

// Stats count what a Client did since Dial.
type Stats struct {
	Exchanges       int // requests that were sent or served, each block one
	Repeated        int // datagrams of the device that came again
	Blocks          int // those of them that carried one of several blocks
	Retransmissions int
	DatagramsOut    int
	DatagramsIn     int
	BytesOut        int // UDP payload
	BytesIn         int // UDP payload
}

// A Request is one operation on a resource.
type Request struct {
	Method        coap.Code
	Path          string      // as in a URI: "/a/b", percent-encoded
	Query         string      // as in a URI: "k=v&x", percent-encoded
	ContentFormat coap.Format // of Body, said if that is not empty; coap.FormatNone: not said
	Body          []byte

	// Of a body that goes in blocks: how many bytes of it the device has
	// already, and the tag of the transfer in which it got them, as Progress
	// told. If the device has forgotten the transfer it starts again.
	Offset int
	Tag    uint16
}

// A Response is what came back.
type Response struct {
	Code          coap.Code
	ContentFormat coap.Format // coap.FormatNone: not said
	Body          []byte
}

// A Client talks with one device. It is not safe for concurrent use, except
// for Close.
type Client struct {
	options  Options
	conn     *udplink.Conn
	peer     link.Addr
	clock    func() int64
	config   coap.Config
	endpoint coap.Endpoint
	block    int // the largest
	adapts   bool
	tags     bool // the next body in blocks has a Request-Tag
	stats    Stats
	sendErr  error
	recent   [16]uint16 // ids of confirmable messages that came, for Repeated
	arrived  int
}

// Dial prepares to talk with the device at uri, "coap://host:port" with a name
// or number for host. It sends nothing. Errors are about the URI, the name or
// the socket.
func Dial(ctx context.Context, uri string, options Options) (*Client, error) {
	peer, err := Resolve(ctx, uri)
	if err != nil {
		return nil, err
	}
	block, adapts := options.BlockSize, options.BlockSize == 0
	if adapts {
		block, options.BlockSize = DefaultBlockSize, maxBlockSize
	}
	conn, err := udplink.DialFrom(options.Port, peer)
	if err != nil && options.Port != 0 {
		conn, err = udplink.Dial(peer)
	}
	if err != nil {
		if errors.Is(err, udplink.ErrRefused) {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		return nil, err
	}
	c := &Client{options: options, block: block, adapts: adapts, conn: conn, peer: peer, clock: udplink.Clock()}
	c.tags = c.LocalPort() == options.Port
	var seed [8]byte
	rand.Read(seed[:])
	c.config = coap.Config{
		Handler:   options.Handler,
		Send:      c.send,
		Exchanges: make([]coap.Exchange, 32),
		Transfers: make([]coap.Transfer, 2),
		Calls:     make([]coap.Call, 2),
		Datagram:  options.BlockSize + 512,
		Body:      64 << 10,
		BlockSize: options.BlockSize,
		Seed:      binary.BigEndian.Uint64(seed[:]),

		AckTimeout:      options.AckTimeout.Microseconds(),
		MaxRetransmit:   options.MaxRetransmit,
		ResponseTimeout: options.ResponseTimeout.Microseconds(),
	}
	c.config.Memory = make([]byte, c.config.MemorySize())
	if err := c.endpoint.Init(&c.config); err != 0 {
		conn.Close()
		return nil, fmt.Errorf("block size %d: must be 16, 32, 64, 128, 256, 512 or 1024", options.BlockSize)
	}
	return c, nil
}

// Resolve finds the address of the host of a coap URI without a path.
func Resolve(ctx context.Context, uri string) (link.Addr, error) {
	var short coap.URI
	if short.Parse([]byte(uri)) == 0 && short.Absolute && isRoot(string(short.Path), string(short.Query)) {
		return short.Peer, nil
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return link.Addr{}, err
	case u.Scheme != "coap":
		return link.Addr{}, fmt.Errorf("%s: the address of a device starts with coap://", uri)
	case u.Hostname() == "" || u.User != nil || u.Fragment != "" || !isRoot(u.Path, u.RawQuery):
		return link.Addr{}, fmt.Errorf("%s: the address of a device is coap://host or coap://host:port", uri)
	}
	port := uint64(coap.DefaultPort)
	if p := u.Port(); p != "" {
		if port, err = strconv.ParseUint(p, 10, 16); err != nil || port == 0 {
			return link.Addr{}, fmt.Errorf("%s: port must be 1..65535", uri)
		}
	}
	return udplink.Resolve(ctx, u.Hostname(), uint16(port))
}

func isRoot(path, query string) bool { return (path == "" || path == "/") && query == "" }

// Close releases the socket; a Do or Serve under way fails.
func (c *Client) Close() error { return c.conn.Close() }

// BlockSize returns the largest block that is sent or asked for, in bytes.
func (c *Client) BlockSize() int { return c.block }

// Suit makes n bytes the largest block, as a device says that it suits it. It does
// nothing if n is no size of a block, or Options.BlockSize was set.
func (c *Client) Suit(n int) {
	if c.adapts && n >= 16 && n <= maxBlockSize && n&(n-1) == 0 {
		c.block = n
	}
}

// Peer returns the address of the device.
func (c *Client) Peer() link.Addr { return c.peer }

// LocalPort returns the UDP port of this end.
func (c *Client) LocalPort() uint16 { return c.conn.LocalAddr().Port() }

// Stats returns what was counted so far.
func (c *Client) Stats() Stats {
	s, n := c.stats, &c.endpoint.Counters
	s.Exchanges = int(n.Calls + n.Requests)
	s.Retransmissions = int(n.Retransmissions)
	return s
}

func (c *Client) send(to *link.Addr, datagram []byte) {
	if *to != c.peer {
		return
	}
	if c.options.Trace != nil {
		c.options.Trace(true, datagram)
	}
	c.stats.DatagramsOut++
	c.stats.BytesOut += len(datagram)
	if err := c.conn.Send(*to, datagram); err != nil && c.sendErr == nil {
		c.sendErr = err
	}
}

// Do sends req and waits for the response, serving requests of the device
// meanwhile. A response outside 2.xx comes back with a *StatusError about it.
// Other errors are ErrUnreachable, ErrReset, a coap.Error for a transfer that
// went wrong, the cause of ctx, or one of the socket. A GET whose content changes
// under way, and a body whose transfer the device has forgotten, start again, eight
// times at most. A body goes on with the block that was not acknowledged as long
// as each try brings some to the device.
func (c *Client) Do(ctx context.Context, req Request) (Response, error) {
	if req.Offset == 0 {
		req.Tag = c.newTag(len(req.Body))
	}
	for again := 8; ; {
		r, sent, err := c.do(ctx, req)
		var status *StatusError
		switch {
		case err == coap.ErrChanged && req.Method == coap.GET:
			again--
		case errors.As(err, &status) && status.Code == coap.RequestEntityIncomplete && sent > 0:
			again--
			req.Offset, req.Tag = 0, c.newTag(len(req.Body))
		case errors.Is(err, errSilence) && sent > req.Offset:
			req.Offset = sent
		default:
			return r, err
		}
		if again < 0 {
			return r, err
		}
	}
}

// newTag returns the Request-Tag of a body of n bytes: none for the first that
// goes in blocks from a port which the system chose, as no other body came from
// there; then one that hardly was used before.
func (c *Client) newTag(n int) uint16 {
	if n <= c.block {
		return 0
	}
	if !c.tags {
		c.tags = true
		return 0
	}
	var b [2]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint16(b[:]) | 1
}

func (c *Client) do(ctx context.Context, req Request) (_ Response, sent int, _ error) {
	before := c.endpoint.Counters.Calls
	c.sendErr = nil
	s := &sink{client: c, sendTotal: len(req.Body), size: -1, tag: req.Tag}
	outgoing := &coap.Outgoing{
		Code:          req.Method,
		Path:          []byte(req.Path),
		Query:         []byte(req.Query),
		ContentFormat: req.ContentFormat,
		Body:          req.Body,
		Tag:           req.Tag,
		BlockSize:     c.block,
	}
	if len(req.Body) > c.block {
		outgoing.Offset = req.Offset
	}
	start := time.Now()
	call, e := c.endpoint.Do(c.clock(), &c.peer, outgoing, s)
	if e != 0 {
		return Response{}, 0, e
	}
	s.call = call
	for !s.done {
		if err := c.step(ctx, &s.done); err != nil {
			if !s.done {
				c.endpoint.Cancel(call)
				return Response{}, call.Sent(), err
			}
			break
		}
		s.report()
	}
	if n := c.endpoint.Counters.Calls - before; n > 1 {
		c.stats.Blocks += int(n)
	}
	r, err := c.result(s, start)
	return r, call.Sent(), err
}

// result is what a request that is done came to.
func (c *Client) result(s *sink, start time.Time) (Response, error) {
	switch s.err {
	case 0:
	case coap.ErrTimeout:
		return Response{}, fmt.Errorf("%w: %w in %v", ErrUnreachable, errSilence, time.Since(start).Round(100*time.Millisecond))
	case coap.ErrReset:
		return Response{}, ErrReset
	default:
		return Response{Code: s.code}, s.err
	}
	if !s.response.Code.Success() {
		return s.response, &StatusError{s.response.Code, s.response.ContentFormat, s.response.Body}
	}
	return s.response, nil
}

// Serve answers requests of the device until ctx is done, whose cause it
// returns.
func (c *Client) Serve(ctx context.Context) error {
	for {
		if err := c.step(ctx, nil); err != nil && !errors.Is(err, ErrUnreachable) {
			return err
		}
	}
}

// step waits for one datagram or the next deadline, unless what is due now has
// set done.
func (c *Client) step(ctx context.Context, done *bool) error {
	next := c.endpoint.Poll(c.clock())
	if err := c.failure(nil); err != nil || done != nil && *done {
		return err
	}
	from, datagram, err := c.conn.Receive(ctx, udplink.Until(c.clock(), next))
	if err == nil {
		if c.options.Trace != nil {
			c.options.Trace(false, datagram)
		}
		c.stats.DatagramsIn++
		c.stats.BytesIn += len(datagram)
		c.countRepeated(datagram)
		c.endpoint.Deliver(c.clock(), from, datagram)
	} else if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
		err = nil
	}
	return c.failure(err)
}

// countRepeated counts confirmable messages of the device that came before.
func (c *Client) countRepeated(datagram []byte) {
	var m coap.Message
	if coap.Parse(datagram, &m) != 0 || m.Type != coap.Confirmable {
		return
	}
	if slices.Contains(c.recent[:min(c.arrived, len(c.recent))], m.ID) {
		c.stats.Repeated++
		return
	}
	c.recent[c.arrived%len(c.recent)] = m.ID
	c.arrived++
}

// failure returns err, or what went wrong in send, in the terms of the package.
func (c *Client) failure(err error) error {
	if err == nil {
		err, c.sendErr = c.sendErr, nil
	}
	if errors.Is(err, udplink.ErrRefused) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if errors.Is(err, net.ErrClosed) {
		return net.ErrClosed
	}
	return err
}

// A sink collects one response.
type sink struct {
	client    *Client
	call      *coap.Call
	sendTotal int
	size      int
	tag       uint16
	last      Progress
	response  Response
	done      bool
	code      coap.Code
	err       coap.Error
}

func (s *sink) Block(_ int64, in *coap.Incoming) bool {
	if in.Offset+len(in.Payload) > maxBody {
		return false
	}
	if in.Offset == 0 {
		s.response.Code, s.response.ContentFormat = in.Code, in.ContentFormat
		s.size = in.Size
	}
	if !in.More {
		s.size = in.Offset + len(in.Payload)
	}
	s.response.Body = append(s.response.Body, in.Payload...)
	return true
}

func (s *sink) Done(_ int64, code coap.Code, err coap.Error) {
	s.done, s.code, s.err = true, code, err
}

// report tells Progress if there is any.
func (s *sink) report() {
	if s.client.options.Progress == nil || s.err != 0 {
		return
	}
	p := Progress{Sent: s.sendTotal, SendTotal: s.sendTotal, Received: len(s.response.Body), ReceiveTotal: s.size, Tag: s.tag}
	if !s.done && len(s.response.Body) == 0 {
		p.Sent = s.call.Sent()
	}
	if p != s.last {
		s.last = p
		s.client.options.Progress(p)
	}
}
