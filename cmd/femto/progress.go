package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// A progress line appears once a transfer has taken a second, and only on a
// terminal.
type progress struct {
	w     io.Writer
	start time.Time
	last  time.Time
	shown int // bytes of the line that is on the terminal
}

// newProgress shows nothing if quiet, or if w is no terminal.
func newProgress(w io.Writer, quiet bool) *progress {
	p := &progress{start: time.Now()}
	if f, ok := w.(*os.File); ok && !quiet {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = w
		}
	}
	return p
}

// show says how many bytes of a transfer are done.
func (p *progress) show(done, total int) {
	if total > 0 {
		p.paint(fmt.Sprintf("transfer %d of %d B", done, total))
	}
}

// wait says why nothing is transferred.
func (p *progress) wait() { p.paint("waiting: the device is busy with another manifest") }

func (p *progress) paint(line string) {
	now := time.Now()
	if p.w == nil || now.Sub(p.start) < time.Second || now.Sub(p.last) < 100*time.Millisecond {
		return
	}
	p.last = now
	fmt.Fprintf(p.w, "\r%-*s", p.shown, line)
	p.shown = max(p.shown, len(line))
}

func (p *progress) end() {
	if p.shown > 0 {
		fmt.Fprintf(p.w, "\r%*s\r", p.shown, "")
	}
}
