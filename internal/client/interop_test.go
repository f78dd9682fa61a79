package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/udplink"
	"github.com/femto-containers/femto/link"
)

// The peer is libcoap, of Debian's package libcoap3-bin.
func libcoap(t *testing.T, name string) string {
	t.Helper()
	for _, suffix := range []string{"-notls", "-openssl", "-gnutls", ""} {
		if path, err := exec.LookPath(name + suffix); err == nil {
			return path
		}
	}
	t.Skipf("SKIPPED, libcoap's %s is not installed", name)
	return ""
}

func text(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdefghijklmnopqrstuvwxyz\n"[(i+i/64)%37]
	}
	return b
}

// A shelf serves /shelf: GET and PUT of one body, POST answered with the body
// in capitals.
type shelf struct {
	mu    sync.Mutex
	body  []byte
	posts int
	puts  int
}

func (s *shelf) ServeCoAP(now int64, req *coap.Request, resp *coap.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !req.PathIs("shelf"):
		resp.Fail(coap.NotFound, "there is a shelf only")
	case req.Code == coap.GET:
		resp.Code, resp.Body = coap.Content, s.body
	case req.Code == coap.PUT:
		s.puts++
		s.body = bytes.Clone(req.Payload)
		resp.Code = coap.Changed
	case req.Code == coap.POST:
		s.posts++
		resp.Code = coap.Content
		resp.Write(bytes.ToUpper(req.Payload))
	default:
		resp.Fail(coap.MethodNotAllowed, "")
	}
}

// take returns the body and how many PUTs and POSTs ran since the last call.
func (s *shelf) take() (body []byte, puts, posts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, puts, posts = s.body, s.puts, s.posts
	s.puts, s.posts = 0, 0
	return body, puts, posts
}

func serve(t *testing.T, handler coap.Handler, blockSize int) string {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", handler, blockSize)
}

func serveAt(t *testing.T, address string, handler coap.Handler, blockSize int) string {
	t.Helper()
	return serveWith(t, address, handler, blockSize, nil)
}

func serveWith(t *testing.T, address string, handler coap.Handler, blockSize int, tell func(*coap.Endpoint)) string {
	t.Helper()
	conn, err := udplink.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	config := &coap.Config{
		Handler:   handler,
		Send:      func(to *link.Addr, datagram []byte) { conn.Send(*to, datagram) },
		Exchanges: make([]coap.Exchange, 8),
		Transfers: make([]coap.Transfer, 2),
		Calls:     make([]coap.Call, 1),
		Observers: make([]coap.Observer, 2),
		Datagram:  blockSize + coap.Overhead,
		Body:      8 << 10,
		BlockSize: blockSize,
	}
	if handler != nil {
		config.Resources = []coap.Resource{{Path: "/shelf", Type: "femto.shelf"}}
	}
	config.Memory = make([]byte, config.MemorySize())
	endpoint := new(coap.Endpoint)
	if err := endpoint.Init(config); err != 0 {
		t.Fatal(err)
	}
	if tell != nil {
		tell(endpoint)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		conn.Run(ctx, endpoint, udplink.Clock())
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		conn.Close()
	})
	return "coap://" + conn.LocalAddr().String()
}

func TestLibcoapClient(t *testing.T) {
	coapClient := libcoap(t, "coap-client")
	run := func(t *testing.T, args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		var stderr bytes.Buffer
		cmd := exec.CommandContext(ctx, coapClient, append([]string{"-B", "50"}, args...)...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr.Bytes())
		}
		return string(out)
	}
	for _, ours := range []int{64, 1024} {
		for _, theirs := range []string{"64", "1024"} {
			t.Run(fmt.Sprintf("our block %d, theirs %s", ours, theirs), func(t *testing.T) {
				t.Parallel()
				s := &shelf{}
				uri := serve(t, s, ours)
				for _, n := range []int{10, 64, 5000} {
					file := filepath.Join(t.TempDir(), "body")
					os.WriteFile(file, text(n), 0o600)
					run(t, "-m", "put", "-b", theirs, "-f", file, uri+"/shelf")
					if b, puts, _ := s.take(); puts != 1 || !bytes.Equal(b, text(n)) {
						t.Errorf("PUT of %d bytes: %d arrived in %d PUTs", n, len(b), puts)
					}
					got := filepath.Join(t.TempDir(), "got")
					run(t, "-b", theirs, "-o", got, uri+"/shelf")
					if b, _ := os.ReadFile(got); !bytes.Equal(b, text(n)) {
						t.Errorf("GET of %d bytes: %d", n, len(b))
					}
					got = filepath.Join(t.TempDir(), "posted")
					run(t, "-m", "post", "-b", theirs, "-f", file, "-o", got, uri+"/shelf")
					b, _ := os.ReadFile(got)
					if _, _, posts := s.take(); posts != 1 || !bytes.Equal(b, bytes.ToUpper(text(n))) {
						t.Errorf("POST of %d bytes: %d back, ran %d times", n, len(b), posts)
					}
				}
				if got := run(t, uri+"/.well-known/core"); strings.TrimSpace(got) != `</shelf>;rt="femto.shelf"` {
					t.Errorf("well-known/core: %q", got)
				}
				if got := run(t, uri+"/.well-known/core?rt=other"); strings.TrimSpace(got) != "" {
					t.Errorf("well-known/core?rt=other: %q", got)
				}
			})
		}
	}
	t.Run("with loss", func(t *testing.T) {
		t.Parallel()
		s := &shelf{}
		uri := serve(t, s, 1024)
		file := filepath.Join(t.TempDir(), "body")
		os.WriteFile(file, text(5000), 0o600)
		// The second datagram of each run is not sent.
		run(t, "-l", "2", "-m", "put", "-b", "1024", "-f", file, uri+"/shelf")
		if b, puts, _ := s.take(); puts != 1 || !bytes.Equal(b, text(5000)) {
			t.Errorf("PUT: %d arrived in %d PUTs", len(b), puts)
		}
		got := filepath.Join(t.TempDir(), "got")
		run(t, "-l", "2", "-b", "1024", "-o", got, uri+"/shelf")
		if b, _ := os.ReadFile(got); !bytes.Equal(b, text(5000)) {
			t.Errorf("GET: %d", len(b))
		}
	})
	t.Run("errors", func(t *testing.T) {
		uri := serve(t, &shelf{}, 64)
		if got := run(t, uri+"/none"); got != "" {
			t.Errorf("4.04: %q", got)
		}
	})
}

// unusedPort returns a port that nobody gets who asks for any: another test could
// else have it before the server that it is meant for.
func unusedPort(t *testing.T) int {
	t.Helper()
	const first, last = 20000, 32000 // Linux hands out those from 32768 on, others from 49152 on
	for range 100 {
		port := first + rand.IntN(last-first)
		conn, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
			return port
		}
	}
	t.Fatal("no unused port")
	return 0
}

func startLibcoapServer(t *testing.T, args ...string) string {
	t.Helper()
	port := unusedPort(t)
	cmd := exec.Command(libcoap(t, "coap-server"), append([]string{"-A", "127.0.0.1", "-p", fmt.Sprint(port), "-d", "10"}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return fmt.Sprintf("coap://127.0.0.1:%d", port)
}

// dialServer dials a server that has just been started, once it answers.
func dialServer(t *testing.T, uri string, options Options) *Client {
	t.Helper()
	c, err := Dial(t.Context(), uri, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for range 500 {
		_, err = c.Do(t.Context(), Request{Method: coap.GET, Path: "/.well-known/core"})
		if !errors.Is(err, ErrUnreachable) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLibcoapServer(t *testing.T) {
	start := startLibcoapServer
	dial := dialServer
	for _, blockSize := range []int{16, 64, 1024} {
		t.Run(fmt.Sprintf("block %d", blockSize), func(t *testing.T) {
			t.Parallel()
			c := dial(t, start(t, "-e"), Options{BlockSize: blockSize})
			for _, n := range []int{10, 64, 5000} {
				path := fmt.Sprintf("/made/%d", n)
				for _, code := range []coap.Code{coap.Created, coap.Changed} {
					// With -e, a PUT answers with its body.
					r, err := c.Do(t.Context(), Request{Method: coap.PUT, Path: path, ContentFormat: coap.FormatOctetStream, Body: text(n)})
					if err != nil || r.Code != code {
						t.Fatalf("PUT of %d bytes: %+v, %v", n, r.Code, err)
					}
					if code == coap.Changed && !bytes.Equal(r.Body, text(n)) {
						t.Errorf("PUT of %d bytes: %d back", n, len(r.Body))
					}
				}
				r, err := c.Do(t.Context(), Request{Method: coap.GET, Path: path})
				if err != nil || !bytes.Equal(r.Body, text(n)) || r.ContentFormat != coap.FormatOctetStream {
					t.Errorf("GET of %d bytes: %d, %v", n, len(r.Body), err)
				}
			}
			r, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/.well-known/core"})
			if err != nil || !bytes.Contains(r.Body, []byte("</made/5000>")) || r.ContentFormat != coap.FormatLinkFormat {
				t.Errorf("well-known/core: %q, %v", r.Body, err)
			}
			var status *StatusError
			if _, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/none"}); !errors.As(err, &status) || status.Code != coap.NotFound {
				t.Errorf("GET of what is not there: %v", err)
			}
		})
	}
	t.Run("separate response", func(t *testing.T) {
		t.Parallel()
		c := dial(t, start(t), Options{})
		r, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/async", Query: "1"})
		if err != nil || string(r.Body) != "done" {
			t.Errorf("%q, %v", r.Body, err)
		}
	})
	t.Run("with loss", func(t *testing.T) {
		t.Parallel()
		// The server does not send these datagrams: answers to blocks in the
		// middle of the PUT and of the GET. It recognises no repetition: told
		// the last block of a PUT twice, this version stores that block alone.
		c := dial(t, start(t, "-l", "15-16,50-51"), Options{AckTimeout: 100 * time.Millisecond, MaxRetransmit: 8})
		if r, err := c.Do(t.Context(), Request{Method: coap.PUT, Path: "/x", Body: text(2000)}); err != nil {
			t.Fatalf("%+v %v", r, err)
		}
		r, err := c.Do(t.Context(), Request{Method: coap.GET, Path: "/x"})
		if err != nil || !bytes.Equal(r.Body, text(2000)) {
			t.Errorf("%d bytes, %v", len(r.Body), err)
		}
		if n := c.Stats().Retransmissions; n < 4 {
			t.Errorf("%d retransmissions: nothing was lost", n)
		}
	})
}
