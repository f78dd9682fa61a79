package emulator

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// A console passes on what the device prints and looks for the line that says
// that the firmware is up.
type console struct {
	out    io.Writer
	ready  []byte
	up     chan struct{}
	errors errorText

	mu      sync.Mutex
	recent  []byte
	started bool
}

const recentSize = 4 << 10

func newConsole(out io.Writer, ready string) *console {
	if ready == "" {
		ready = " is up\n"
	}
	if out == nil {
		out = io.Discard
	}
	return &console{out: out, ready: []byte(ready), up: make(chan struct{})}
}

func (c *console) Write(p []byte) (int, error) {
	c.out.Write(p) // an error of it must not stop the device
	c.mu.Lock()
	c.recent = append(c.recent, p...)
	if !c.started && bytes.Contains(c.recent, c.ready) {
		c.started = true
		close(c.up)
	}
	if n := len(c.recent) - recentSize; n > 0 {
		c.recent = append(c.recent[:0], c.recent[n:]...)
	}
	c.mu.Unlock()
	return len(p), nil
}

func (c *console) tail() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.recent)
}

// errorText keeps what the emulator itself complains of.
type errorText struct {
	mu sync.Mutex
	b  []byte
}

func (e *errorText) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.b) < recentSize {
		e.b = append(e.b, p...)
	}
	return len(p), nil
}

func (e *errorText) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.Lines(string(e.b)) {
		// The emulation of SysTick and of the timers says this at every start.
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "Timer with period zero") {
			return line // a dump of registers may follow
		}
	}
	return ""
}
