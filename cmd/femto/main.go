// Command femto builds, signs, deploys and watches containers on
// microcontrollers. One file per verb; results go to stdout, talk to stderr.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(process()) }

// process is the command with the process around it.
func process() int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	return Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// patience is how long an interrupted command may take to clean up before
// another Ctrl-C ends it at once.
const patience = time.Second

// interruptible returns a context that Ctrl-C ends.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		var first time.Time
		for range signals {
			switch {
			case first.IsZero():
				first = time.Now()
				cancel()
			case time.Since(first) > patience:
				os.Exit(exitInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}
