package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/femto-containers/femto/internal/debug/terminal"
)

// debugInTerminal lets a person debug d: with a view on a terminal, otherwise
// line by line.
func debugInTerminal(cmd *cobra.Command, d *debuggee, plain bool) error {
	c := terminal.Config{Name: d.name, Open: d.open, Sources: d.sources, Out: cmd.OutOrStdout(), Rule: "-"}
	in, isFile := cmd.InOrStdin().(*os.File)
	view := isFile && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"
	if view && !plain {
		return debugInView(cmd.Context(), c, in)
	}
	c.Echo = !view
	lines := bufio.NewScanner(cmd.InOrStdin())
	c.Read = func(prompt string) (string, error) {
		if !c.Echo {
			if _, err := io.WriteString(c.Out, prompt); err != nil {
				return "", err
			}
		}
		if lines.Scan() {
			return lines.Text(), nil
		}
		if err := lines.Err(); err != nil {
			return "", err
		}
		return "", terminal.ErrQuit
	}
	return terminal.Run(cmd.Context(), c)
}

// debugInView has the terminal to itself while it lasts.
func debugInView(ctx context.Context, c terminal.Config, in *os.File) error {
	saved, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(int(in.Fd()), saved) }()
	keys := newKeyboard(ctx, in)
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, os.Stdout}, "")
	c.Out, c.View, c.Color = screen, true, os.Getenv("NO_COLOR") == ""
	if encoding := os.Getenv("LC_ALL") + os.Getenv("LC_CTYPE") + os.Getenv("LANG"); strings.Contains(strings.ToUpper(strings.ReplaceAll(encoding, "-", "")), "UTF8") {
		c.Rule = "─"
	}
	c.Size = func() (int, int) {
		columns, lines, err := term.GetSize(int(os.Stdout.Fd()))
		if err != nil || columns < 1 || lines < 1 {
			return 80, 24
		}
		return columns, lines
	}
	c.Listen = keys.listen
	c.Read = func(prompt string) (string, error) {
		columns, lines := c.Size()
		_ = screen.SetSize(columns, lines)
		screen.SetPrompt(prompt)
		keys.atPrompt(true)
		line, err := screen.ReadLine()
		keys.atPrompt(false)
		if errors.Is(err, term.ErrPasteIndicator) {
			err = nil
		}
		return line, err
	}
	return terminal.Run(ctx, c)
}

// A keyboard reads a terminal in raw mode. While the container runs, Ctrl-C
// pauses it; at the prompt it empties the line.
type keyboard struct {
	ctx   context.Context
	bytes chan byte

	mu     sync.Mutex
	pause  func()
	prompt bool
}

func newKeyboard(ctx context.Context, in io.Reader) *keyboard {
	k := &keyboard{ctx: ctx, bytes: make(chan byte, 1<<12)}
	go k.read(in)
	return k
}

const (
	controlC = 3
	controlU = 21
)

func (k *keyboard) read(in io.Reader) {
	defer close(k.bytes)
	buffer := make([]byte, 256)
	for {
		n, err := in.Read(buffer)
		for _, b := range buffer[:n] {
			if b == controlC {
				if b = k.interrupted(); b == 0 {
					continue
				}
			}
			select {
			case k.bytes <- b:
			case <-k.ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// interrupted is what Ctrl-C is read as, 0 for nothing.
func (k *keyboard) interrupted() byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.prompt {
		return controlU
	}
	if k.pause != nil {
		k.pause()
	}
	return 0
}

func (k *keyboard) listen(pause func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pause = pause
}

func (k *keyboard) atPrompt(yes bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.prompt = yes
}

// Read returns what was typed.
func (k *keyboard) Read(p []byte) (int, error) {
	select {
	case b, ok := <-k.bytes:
		if !ok {
			return 0, io.EOF
		}
		p[0] = b
		for n := 1; n < len(p); n++ {
			select {
			case b, ok := <-k.bytes:
				if !ok {
					return n, nil
				}
				p[n] = b
			default:
				return n, nil
			}
		}
		return len(p), nil
	case <-k.ctx.Done():
		return 0, io.EOF
	}
}
