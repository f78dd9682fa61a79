package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/sim"
)

// A stage is a simulated device in this process, and what is needed to deploy to
// it from an empty cache.
type stage struct {
	*testing.T
	dir    string
	uri    string
	stop   func()
	writes int
	before func(n int) // each write to the flash
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, dir: t.TempDir()}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(s.dir, "cache"))
	t.Setenv("HOME", s.dir)
	key := author.NewPrivateKey([32]byte{1})
	if err := key.Save(s.path("tenant.key")); err != nil {
		t.Fatal(err)
	}
	s.start("127.0.0.1:0")
	return s
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) start(listen string) {
	s.Helper()
	key, _ := author.NewPrivateKey([32]byte{1}).Public().Device()
	device, err := sim.Open(sim.Config{
		Listen: listen, Flash: s.path("flash"), Tenants: []agent.Tenant{{Name: "tenant", Key: key, Hooks: agent.AllHooks}},
		BeforeWrite: func(flash.Operation, int, []byte) bool {
			s.writes++
			if s.before != nil {
				s.before(s.writes)
			}
			return true
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	s.uri = device.URI()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = device.Run(ctx)
		_ = device.Close()
	}()
	s.stop = func() { cancel(); <-ended }
	s.Cleanup(func() { cancel(); <-ended })
}

// image writes an image of so many bytes of .rodata.
func (s *stage) image(size int, seed uint32) string {
	s.Helper()
	raw, _ := summing(size, seed)
	name := s.path("app.bin")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		s.Fatal(err)
	}
	return name
}

// An outcome is what these tests want to know of a deployment.
type outcome struct {
	Fetched, Unchanged bool
	Resumed            int
	Sequence           uint64
}

// deploy runs femto deploy.
func (s *stage) deploy(ctx context.Context, uri, image string, more ...string) (code int, result outcome, stderr string) {
	s.Helper()
	var out, talk bytes.Buffer
	args := append([]string{"deploy", image, "--hook", "event", "--key", s.path("tenant.key"), "-d", uri, "--json"}, more...)
	code = Main(ctx, args, strings.NewReader(""), &out, &talk)
	if code == exitOK {
		if err := json.Unmarshal(out.Bytes(), &result); err != nil {
			s.Fatalf("%v: %s", err, &out)
		}
	}
	return code, result, talk.String()
}

// cut checks what the command says whose transfer was cut.
func (s *stage) cut(code, want int, stderr string) {
	s.Helper()
	if code != want || !strings.Contains(stderr, "the same command goes on from there") || !strings.Contains(stderr, "femto deploy "+s.path("app.bin")) {
		s.Fatalf("exit code %d: %s", code, stderr)
	}
}

// TestDeployGoesOnWithFetch interrupts femto deploy while the device fetches the
// image, and starts it again: the device goes on at once, at the next block.
func TestDeployGoesOnWithFetch(t *testing.T) {
	s := newStage(t)
	image := s.image(2000, 1)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	s.before = func(n int) {
		if n == 12 {
			interrupt()
		}
	}
	code, _, stderr := s.deploy(ctx, s.uri, image)
	s.cut(code, exitInterrupted, stderr)
	began := time.Now()
	code, result, stderr := s.deploy(t.Context(), s.uri, image)
	if code != exitOK || !result.Fetched || result.Resumed < 64 {
		t.Fatalf("exit code %d, %+v: %s", code, result, stderr)
	}
	// It would be 10 s if the device waited for the one that is gone.
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
	t.Logf("%d B were there, %v", result.Resumed, time.Since(began))
	// Once it is through, nothing is left to go on with.
	if left, _ := filepath.Glob(s.path("cache/femto/transfers/*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if code, result, _ = s.deploy(t.Context(), s.uri, image); code != exitOK || !result.Unchanged {
		t.Errorf("exit code %d, %+v", code, result)
	}
}

// TestDeployGoesOnWithEnvelope interrupts it while it sends the envelope, in
// blocks: the next one goes on from the same port in the same transfer.
func TestDeployGoesOnWithEnvelope(t *testing.T) {
	s := newStage(t)
	proxy := newProxy(t)
	proxy.device(netip.MustParseAddrPort(strings.TrimPrefix(s.uri, "coap://")))
	proxy.arm(0, nil)
	if code, _, stderr := s.deploy(t.Context(), proxy.uri(), s.image(480, 1), "--block-size", "16"); code != exitOK {
		t.Fatal(stderr)
	}
	image := s.image(480, 2)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	proxy.arm(proxy.arm(0, nil)-20, interrupt)
	code, _, stderr := s.deploy(ctx, proxy.uri(), image, "--block-size", "16")
	s.cut(code, exitInterrupted, stderr)
	proxy.mu.Lock()
	from := proxy.client
	proxy.mu.Unlock()
	proxy.arm(0, nil)
	code, result, stderr := s.deploy(t.Context(), proxy.uri(), image, "--block-size", "16")
	if n := proxy.arm(0, nil); code != exitOK || result.Fetched || result.Resumed < 400 || n > 40 {
		t.Fatalf("exit code %d, %d datagrams, %+v: %s", code, n, result, stderr)
	}
	if proxy.client.Port() != from.Port() {
		t.Errorf("from %v, then %v", from, proxy.client)
	}
}

// TestDeployLosesDevice: a device that goes while it fetches leaves a transfer
// that can be gone on with.
func TestDeployLosesDevice(t *testing.T) {
	s := newStage(t)
	image := s.image(2000, 1)
	gone := make(chan struct{})
	s.before = func(n int) {
		if n == 12 {
			go func() { s.stop(); close(gone) }()
		}
	}
	code, _, stderr := s.deploy(t.Context(), s.uri, image, "--timeout", "20s")
	s.cut(code, exitResumable, stderr)
	<-gone
	s.before = nil
	s.start(strings.TrimPrefix(s.uri, "coap://"))
	if code, result, stderr := s.deploy(t.Context(), s.uri, image); code != exitOK || result.Sequence == 0 {
		t.Errorf("exit code %d, %+v: %s", code, result, stderr)
	}
}
