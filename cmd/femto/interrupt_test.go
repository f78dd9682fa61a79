package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/internal/author"
)

// cancelAt cancels when a line begins with a word.
type cancelAt struct {
	word   string
	cancel func()
}

func (c *cancelAt) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte(c.word)) {
		c.cancel()
	}
	return len(p), nil
}

// TestQuickstartInterrupted cancels the quickstart at each of its steps.
func TestQuickstartInterrupted(t *testing.T) {
	for _, step := range []string{"project", "key", "device", "deploy", "fire", "refused", "stopped", "restart"} {
		t.Run(step, func(t *testing.T) {
			dir := temporary(t)
			ctx, cancel := context.WithCancel(t.Context())
			var stderr bytes.Buffer
			code := Main(ctx, []string{"quickstart"}, nil, &cancelAt{step, cancel}, &stderr)
			if code != exitInterrupted || stderr.String() != "error: interrupted\n" {
				t.Errorf("exit code %d: %s", code, &stderr)
			}
			empty(t, dir)
		})
	}
}

// temporary makes an empty folder the one for temporary files.
func temporary(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, dir)
	}
	return dir
}

func empty(t *testing.T, dir string, but ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(strings.Join(but, " "), e.Name()) {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

// started is femto in a process of its own, in an empty folder.
type started struct {
	*exec.Cmd
	dir    string
	stdout io.Reader
	stderr bytes.Buffer
}

func startFemto(t *testing.T, args ...string) *started {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal that one process can send another")
	}
	s := &started{Cmd: exec.Command("femto", args...), dir: t.TempDir()}
	s.Dir, s.Stderr = s.dir, &s.stderr
	s.Env = append(os.Environ(), "TMPDIR="+s.dir)
	stdout, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdout = stdout
	return s
}

func (s *started) start(t *testing.T) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(20*time.Second, func() { _ = s.Process.Kill() })
	t.Cleanup(func() { overdue.Stop() })
}

// ended is the exit code after n signals.
func (s *started) ended(signal os.Signal, n int) int {
	for range n {
		_ = s.Process.Signal(signal)
	}
	_, _ = io.Copy(io.Discard, s.stdout)
	_ = s.Wait()
	return s.ProcessState.ExitCode()
}

// TestQuickstartCtrlC interrupts the process at any time, once and twice.
func TestQuickstartCtrlC(t *testing.T) {
	t.Parallel()
	codes := map[int]int{}
	for i := range 8 {
		s := startFemto(t, "quickstart")
		s.start(t)
		// The first line says that there is a folder now.
		if _, err := bufio.NewReaderSize(s.stdout, 16).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(15_000)) * time.Microsecond)
		code := s.ended(os.Interrupt, 1+i%2)
		if codes[code]++; code != exitInterrupted && code != exitOK {
			t.Errorf("exit code %d: %s", code, &s.stderr)
		}
		empty(t, s.dir)
	}
	t.Logf("exit codes: %v", codes)
}

// TestCtrlC interrupts commands that wait for a device.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"deploy", "fletcher32.bin", "--hook", "event", "--key", "signer.key"},
		{"hook", "fire", "event"},
		{"ps"},
	} {
		for n, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, os.Interrupt} {
			t.Run(args[0], func(t *testing.T) {
				t.Parallel()
				silent, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					t.Fatal(err)
				}
				defer silent.Close()
				_ = silent.SetReadDeadline(time.Now().Add(20 * time.Second))
				s := startFemto(t, append(args, "-d", "coap://"+silent.LocalAddr().String())...)
				examplesIn(t, s.dir)
				s.start(t)
				// Its first datagram says that it waits for an answer.
				if _, _, err := silent.ReadFromUDP(make([]byte, 2048)); err != nil {
					t.Fatal(err)
				}
				if code := s.ended(signal, 1+n/2); code != exitInterrupted || s.stderr.String() != "error: interrupted\n" {
					t.Errorf("exit code %d: %s", code, &s.stderr)
				}
				empty(t, s.dir, "fletcher32.bin", "signer.key", "signer.key.pub")
			})
		}
	}
}

// TestDeviceRunCtrlC ends a device: that is no error, and it can start again.
func TestDeviceRunCtrlC(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for n, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, os.Interrupt, os.Interrupt} {
		s := startFemto(t, "device", "run", "--listen", "127.0.0.1:0", "--flash", filepath.Join(dir, "my.flash"))
		s.start(t)
		if _, err := bufio.NewReader(s.stdout).ReadString('\n'); err != nil {
			t.Fatalf("%v: %s", err, &s.stderr)
		}
		if code := s.ended(signal, 1+n/2); code != exitOK {
			t.Errorf("exit code %d: %s", code, &s.stderr)
		}
		empty(t, s.dir)
		empty(t, dir, "my.flash")
	}
}

// examplesIn puts an image and a key into a folder.
func examplesIn(t *testing.T, dir string) {
	t.Helper()
	err := os.WriteFile(filepath.Join(dir, "fletcher32.bin"), examples.Fletcher32, 0o644)
	if err == nil {
		err = author.NewPrivateKey([32]byte{1}).Save(filepath.Join(dir, "signer.key"))
	}
	if err != nil {
		t.Fatal(err)
	}
}
