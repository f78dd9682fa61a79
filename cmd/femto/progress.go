package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/femto-containers/femto/internal/client"
)

// A progress line appears once a transfer has taken a second, and only on a
// terminal.
type progress struct {
	w     io.Writer
	start time.Time
	last  time.Time
	shown bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{start: time.Now()}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = w
		}
	}
	return p
}

func (p *progress) show(t client.Progress) {
	now := time.Now()
	if p.w == nil || now.Sub(p.start) < time.Second || now.Sub(p.last) < 100*time.Millisecond || t.SendTotal == 0 {
		return
	}
	p.last, p.shown = now, true
	fmt.Fprintf(p.w, "\rtransfer %d/%d B ", t.Sent, t.SendTotal)
}

func (p *progress) end() {
	if p.shown {
		fmt.Fprint(p.w, "\r                                \r")
	}
}
